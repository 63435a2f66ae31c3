//! Sources in a plan: which are looked at before anything else, and what is asked of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Plan, PlanOptions, RunCommand, Step, StepId, TestQueries};
use crate::batch::RowsRead;
use crate::compile::is_ephemeral;
use crate::compile::lineage::Inherited;
use crate::diagnostics::Span;
use crate::graph::{Depth, Graph, Node};
use crate::node::{NodeId, NodeKind, Relation};
use crate::parse::load_time::LoadTime;
use crate::parse::properties::FreshnessRule;
use crate::parse::source_rules::{OnMisaligned, OnStale};
use crate::parse::{Body, SourceBody};
use crate::project::Dialect;

/// What is asked of a source.
#[derive(Clone, Debug)]
pub struct SourceCheck {
    /// Whether it is looked at even if it has no tests.
    pub is_wanted: bool,
    /// Where its time of loading comes from, if that is asked for.
    pub load_time: Option<LoadTime>,
    /// How old it may be.
    pub freshness: Option<FreshnessRule>,
    /// What is done if it is older.
    pub on_stale: OnStale,
}

/// Sources that have to be of about the same age, and the steps that are held up if they are not.
#[derive(Clone, Debug)]
pub struct PlannedAlignment {
    /// Where it is said.
    pub span: Span,
    /// The sources.
    pub sources: BTreeSet<NodeId>,
    /// How many seconds they may lie apart.
    pub within: i64,
    /// What is done if they lie further apart.
    pub on_misaligned: OnMisaligned,
    /// The steps that combine some of them, with those sources.
    pub steps: Vec<(StepId, BTreeSet<NodeId>)>,
}

/// The sources that a command looks at: those selected, and those that the nodes it makes read, which is said.
pub(super) fn read_by(
    graph: &Graph,
    selected: &BTreeSet<NodeId>,
    command: RunCommand,
) -> BTreeMap<NodeId, bool> {
    let mut read = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let is_made = |it: &&NodeId| is_made(graph.node(**it), command);
    let mut stack: Vec<NodeId> = selected.iter().filter(is_made).copied().collect();
    while let Some(id) = stack.pop() {
        for parent in graph.parents(id) {
            let node = graph.node(*parent);
            if node.kind == NodeKind::Source {
                read.insert(*parent, true);
            } else if is_ephemeral(node) && seen.insert(*parent) {
                stack.push(*parent);
            }
        }
    }
    if matches!(command, RunCommand::Build | RunCommand::Test) {
        let is_source = |it: &&NodeId| graph.node(**it).kind == NodeKind::Source;
        for id in selected.iter().filter(is_source) {
            read.entry(*id).or_insert(false);
        }
    }
    // A node may read what this run makes, and call it a source.
    let made: BTreeSet<String> =
        selected.iter().filter(is_made).filter_map(|id| name(graph.node(*id).relation.as_ref()?)).collect();
    read.retain(|id, _| {
        let own = graph.node(*id).relation.as_ref().and_then(name);
        own.is_none_or(|it| !made.contains(&it))
    });
    read
}

/// The engine compares names without regard to case.
fn name(relation: &Relation) -> Option<String> {
    relation.schema.as_ref().map(|_| relation.render().to_lowercase())
}

fn is_made(node: &Node, command: RunCommand) -> bool {
    match node.kind {
        NodeKind::Model => matches!(command, RunCommand::Build | RunCommand::Run),
        NodeKind::Snapshot => matches!(command, RunCommand::Build | RunCommand::Snapshot),
        NodeKind::Function => command == RunCommand::Build,
        _ => false,
    }
}

/// What is asked of a source. In a dbt project it is what dbt's `build` and the files ask for; else everything.
pub(super) fn check(
    graph: &Graph,
    id: NodeId,
    (is_selected, is_read): (bool, bool),
    options: &PlanOptions<'_>,
) -> Option<SourceCheck> {
    let node = graph.node(id);
    let Body::Source(source) = &node.body else { return None };
    let relation = node.relation.as_ref()?;
    let on_stale = node.config.source_rules.on_stale;
    let is_locked = options.sources_lock.is_some_and(|it| it.columns(node.unique_id.as_str()).is_some());
    let is_aligned = graph.aligned.iter().any(|it| it.sources.contains(&id));
    let is_test = options.command == RunCommand::Test;
    let is_judged = match options.dialect {
        _ if is_test => false,
        Dialect::Tidemill => true,
        Dialect::Dbt => is_selected || on_stale.is_some(),
    };
    let load_time = LoadTime::of(source, relation, node.span);
    let rule = rule(source).filter(|_| load_time.is_some());
    let is_waited_for = options.waits_for_sources && rule.is_some();
    let freshness = rule.filter(|_| is_judged);
    let by_default = match options.dialect {
        Dialect::Tidemill => OnStale::Error,
        Dialect::Dbt => OnStale::Warn,
    };
    Some(SourceCheck {
        is_wanted: !is_test
            && (is_read && options.dialect == Dialect::Tidemill
                || is_locked
                || is_aligned
                || freshness.is_some()),
        load_time: load_time.filter(|_| freshness.is_some() || is_aligned || is_waited_for),
        freshness,
        on_stale: on_stale.unwrap_or(by_default),
    })
}

/// A plan that looks at sources and does nothing with them, for those who wait for them.
pub fn of_sources(graph: &Graph, sources: &BTreeSet<NodeId>) -> Plan {
    let step = |id: &NodeId| {
        let node = graph.node(*id);
        let Body::Source(source) = &node.body else { return None };
        let check = SourceCheck {
            is_wanted: true,
            load_time: LoadTime::of(source, node.relation.as_ref()?, node.span),
            freshness: rule(source),
            on_stale: OnStale::Error,
        };
        Some(Step {
            node: *id,
            action: Action::Nothing,
            relation: node.relation.clone(),
            before: Vec::new(),
            after_commit: Vec::new(),
            tests: Vec::new(),
            source: Some(Box::new(check)),
            after: Vec::new(),
            priority: 1,
        })
    };
    Plan {
        command: RunCommand::Test,
        steps: sources.iter().filter_map(step).collect(),
        schemas: BTreeSet::new(),
        aligned: Vec::new(),
        run_hooks: Vec::new(),
        inherited: Inherited::default(),
        definitions: Vec::new(),
        test_queries: TestQueries::Shared,
        rows_read: RowsRead::All,
    }
}

/// The rule, if it has a limit.
fn rule(source: &SourceBody) -> Option<FreshnessRule> {
    source.freshness.clone().filter(|it| it.warn_after.is_some() || it.error_after.is_some())
}

/// The alignments that steps of the plan depend on.
pub(super) fn aligned(
    graph: &Graph,
    step_of: &BTreeMap<NodeId, StepId>,
    command: RunCommand,
) -> Vec<PlannedAlignment> {
    let mut planned = Vec::new();
    for rule in &graph.aligned {
        let mut steps = Vec::new();
        for (id, step) in step_of {
            if !is_made(graph.node(*id), command) || rule.of.is_some_and(|it| it != *id) {
                continue;
            }
            let combined = combined(graph, *id, rule.of, &rule.sources);
            if combined.len() > 1 {
                steps.push((*step, combined));
            }
        }
        if !steps.is_empty() {
            let (span, within, on_misaligned) = (rule.span, rule.within, rule.on_misaligned);
            let sources = steps.iter().flat_map(|(_, it)| it).copied().collect();
            planned.push(PlannedAlignment { span, sources, within, on_misaligned, steps });
        }
    }
    planned
}

/// Which of the sources a node is made from; all of them if the rule is the node's own.
fn combined(graph: &Graph, id: NodeId, of: Option<NodeId>, sources: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    if of.is_some() {
        return sources.clone();
    }
    graph.ancestors(id, Depth::All).intersection(sources).copied().collect()
}
