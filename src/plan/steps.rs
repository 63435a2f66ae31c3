//! From nodes to steps: who is made, who gates whom, who waits for whom.

use std::collections::{BTreeMap, BTreeSet};

use super::unit_tests;
use super::{
    Action, Batches, ByMacro, Edge, EdgeKind, Hooks, Plan, PlanOptions, PlannedTest, Query, QueryText,
    RunCommand, SeedLoad, Step, StepId, sources,
};
use crate::compile::lineage::Inherited;
use crate::compile::{Compiled, Hook};
use crate::graph::{Depth, Gate, Graph};
use crate::node::{Materialization, NodeId, NodeKind, Relation, TestSeverity};
use crate::parse::Body;
use crate::parse::node_config::NodeHook;
use crate::parse::snapshots::SnapshotBody;

/// Makes the plan for the nodes selected. `compiled` is used up.
pub fn make(
    graph: &Graph,
    compiled: Compiled,
    selected: &BTreeSet<NodeId>,
    options: PlanOptions<'_>,
) -> Plan {
    let command = options.command;
    let (steps, step_of) = (Vec::new(), BTreeMap::new());
    let (test_queries, rows_read) = (options.test_queries, options.rows_read);
    let definitions = compiled.ground.definitions.clone();
    let mut maker = Maker { graph, compiled, command, options, steps, step_of };
    let read = sources::read_by(graph, selected, command);
    let tests = maker.place_nodes(selected, &read);
    maker.place_tests(&tests);
    maker.order(&tests);
    maker.drop_idle();
    let aligned = sources::aligned(graph, &maker.step_of, command);
    let mut steps = maker.steps;
    set_priorities(&mut steps);
    let made = steps.iter().filter(|it| makes_relation(&it.action)).filter_map(|it| it.relation.as_ref());
    let kept = steps.iter().flat_map(|it| &it.tests).filter_map(|it| Some(&it.kept_in.as_ref()?.relation));
    let schemas = made.chain(kept).filter_map(schema);
    let schemas = schemas.collect();
    let run_hooks = graph.run_hooks.clone();
    Plan {
        command,
        steps,
        schemas,
        aligned,
        run_hooks,
        inherited: Inherited::default(),
        definitions,
        test_queries,
        rows_read,
    }
}

fn makes_relation(action: &Action) -> bool {
    match action {
        Action::CreateView(_)
        | Action::CreateTable(_)
        | Action::UpdateTable { .. }
        | Action::WriteFiles(_)
        | Action::CreateTableFunction(_)
        | Action::ByMacro(_)
        | Action::RunBatches(_)
        | Action::LoadSeed(_)
        | Action::TakeSnapshot(_)
        | Action::CreateFunction(_) => true,
        Action::Nothing
        | Action::NoOp
        | Action::TestPublished
        | Action::TestAlone
        | Action::UnitTest(_)
        | Action::Broken(_) => false,
    }
}

fn schema(relation: &Relation) -> Option<(String, String)> {
    Some((relation.database.clone()?, relation.schema.clone()?))
}

pub(super) struct Maker<'a> {
    pub(super) graph: &'a Graph,
    pub(super) compiled: Compiled,
    command: RunCommand,
    pub(super) options: PlanOptions<'a>,
    steps: Vec<Step>,
    step_of: BTreeMap<NodeId, StepId>,
}

impl Maker<'_> {
    /// A step for every selected node that is made or stands for tests; gives the selected tests.
    fn place_nodes(&mut self, selected: &BTreeSet<NodeId>, read: &BTreeMap<NodeId, bool>) -> Vec<NodeId> {
        let mut tests = Vec::new();
        for id in self.graph.order() {
            if let Some(is_read) = read.get(id).filter(|_| self.command != RunCommand::Test) {
                self.add_step(*id, Action::Nothing);
                self.ask_source(*id, (selected.contains(id), *is_read));
            }
            if !selected.contains(id) {
                continue;
            }
            let node = self.graph.node(*id);
            match (node.kind, self.command) {
                (NodeKind::Test, RunCommand::Build | RunCommand::Test) => tests.push(*id),
                (NodeKind::UnitTest, RunCommand::Build | RunCommand::Test) => {
                    let planned = unit_tests::planned(self.graph, &mut self.compiled, *id);
                    self.add_step(*id, Action::UnitTest(Box::new(planned)));
                }
                (NodeKind::Model, RunCommand::Build | RunCommand::Run)
                | (NodeKind::Seed, RunCommand::Build | RunCommand::Seed)
                | (NodeKind::Snapshot, RunCommand::Build | RunCommand::Snapshot)
                | (NodeKind::Function, RunCommand::Build) => self.add_node(*id),
                // This run makes it: there is nothing to look at before.
                (NodeKind::Source, RunCommand::Build) if !read.contains_key(id) => {
                    self.add_step(*id, Action::Nothing);
                }
                (NodeKind::Exposure | NodeKind::SavedQuery, RunCommand::Build) => {
                    self.add_step(*id, Action::NoOp);
                }
                (
                    NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot | NodeKind::Source,
                    RunCommand::Test,
                ) => {
                    self.add_step(*id, Action::TestPublished);
                    if let Some(is_read) = read.get(id) {
                        self.ask_source(*id, (true, *is_read));
                    }
                }
                _ => {}
            }
        }
        tests
    }

    fn add_step(&mut self, id: NodeId, action: Action) {
        let step = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX));
        let node = self.graph.node(id);
        let relation = if node.kind == NodeKind::Test { None } else { node.relation.clone() };
        let is_made = makes_relation(&action);
        let outside = |hooks: &[NodeHook]| {
            let outside = hooks.iter().filter(|it| is_made && !it.in_transaction);
            outside.map(|it| it.sql.clone()).collect()
        };
        self.steps.push(Step {
            node: id,
            action,
            relation,
            before: outside(&node.config.pre_hooks),
            after_commit: outside(&node.config.post_hooks),
            tests: Vec::new(),
            source: None,
            after: Vec::new(),
            priority: 0,
        });
        self.step_of.insert(id, step);
    }

    /// What is asked of a source that is selected, and read by what is made.
    fn ask_source(&mut self, id: NodeId, how: (bool, bool)) {
        let check = sources::check(self.graph, id, how, &self.options);
        if let Some(step) = self.steps.last_mut() {
            step.source = check.map(Box::new);
        }
    }

    fn add_node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let action = match (&node.body, self.compiled.faults.get(&id)) {
            (_, Some(fault)) => Action::Broken(Box::new(fault.clone())),
            (Body::Model { by_macro, .. }, None) if node.config.incremental.microbatch.is_some() => {
                self.batches(id, by_macro.as_deref())
            }
            (Body::Model { by_macro: Some(macro_id), .. }, None) => self.by_macro(id, macro_id),
            (Body::Model { materialized, .. }, None) => match materialized {
                Materialization::View => Action::CreateView(self.query(id)),
                Materialization::Table => Action::CreateTable(self.query(id)),
                Materialization::Incremental => self.update(id),
                Materialization::External => Action::WriteFiles(self.query(id)),
                Materialization::TableFunction => Action::CreateTableFunction(self.query(id)),
                Materialization::Ephemeral | Materialization::Custom => Action::Nothing,
            },
            (Body::Seed, None) => self.seed(id),
            (Body::Snapshot(SnapshotBody { by_macro: Some(macro_id), .. }), None) => {
                self.by_macro(id, macro_id)
            }
            (Body::Snapshot(_), None) => Action::TakeSnapshot(self.query(id)),
            (Body::Function(_), None) => Action::CreateFunction(self.query(id)),
            (
                Body::Source(_)
                | Body::Test(_)
                | Body::Analysis { .. }
                | Body::Exposure(_)
                | Body::UnitTest(_)
                | Body::Semantic(_),
                None,
            ) => Action::Nothing,
        };
        self.add_step(id, action);
    }

    fn seed(&mut self, id: NodeId) -> Action {
        let node = self.graph.node(id);
        if let Some(macro_id) = self.graph.node_macros.seeds.get(&node.package) {
            return self.by_macro(id, macro_id);
        }
        let is_full_refresh = node.config.full_refresh.unwrap_or(self.options.full_refresh);
        Action::LoadSeed(SeedLoad { hooks: self.hooks(id), is_full_refresh })
    }

    fn update(&mut self, id: NodeId) -> Action {
        let update = match self.compiled.nodes.get_mut(&id).and_then(|it| it.update.take()) {
            Some(node) => {
                let sql = QueryText::Ready(node.sql);
                Query { sql, pre_hooks: node.pre_hooks, post_hooks: node.post_hooks }
            }
            None => self.late_query(id),
        };
        let is_full_refresh = self.graph.node(id).config.full_refresh.unwrap_or(self.options.full_refresh);
        Action::UpdateTable { whole: self.query(id), update, is_full_refresh }
    }

    fn batches(&mut self, id: NodeId, macro_id: Option<&str>) -> Action {
        let first = self.compiled.nodes.remove(&id);
        Action::RunBatches(Batches {
            query: first.map_or(QueryText::Late, |it| QueryText::Ready(it.sql)),
            window: self.options.window,
            only_owed: self.options.only_owed.contains(&id),
            is_full_refresh: self.graph.node(id).config.full_refresh.unwrap_or(self.options.full_refresh),
            hooks: self.late_hooks(id),
            macro_id: macro_id.map(str::to_owned),
        })
    }

    fn by_macro(&mut self, id: NodeId, macro_id: &str) -> Action {
        let node = self.graph.node(id);
        let is_incremental =
            matches!(&node.body, Body::Model { materialized: Materialization::Incremental, .. });
        let is_full_refresh = node.config.full_refresh.unwrap_or(self.options.full_refresh);
        let (whole, update) = match self.compiled.nodes.remove(&id) {
            Some(node) => (QueryText::Ready(node.sql), node.update.map(|it| QueryText::Ready(it.sql))),
            None => (QueryText::Late, is_incremental.then_some(QueryText::Late)),
        };
        Action::ByMacro(ByMacro { macro_id: macro_id.to_owned(), whole, update, is_full_refresh })
    }

    fn query(&mut self, id: NodeId) -> Query {
        let Some(node) = self.compiled.nodes.remove(&id) else { return self.late_query(id) };
        Query { sql: QueryText::Ready(node.sql), pre_hooks: node.pre_hooks, post_hooks: node.post_hooks }
    }

    fn late_query(&self, id: NodeId) -> Query {
        let Hooks { pre, post } = self.late_hooks(id);
        Query { sql: QueryText::Late, pre_hooks: pre, post_hooks: post }
    }

    fn late_hooks(&self, id: NodeId) -> Hooks {
        let config = &self.graph.node(id).config;
        let late = |hooks: &[NodeHook]| {
            let inside = hooks.iter().filter(|it| it.in_transaction);
            inside.map(|it| Hook::Late(it.sql.clone())).collect()
        };
        Hooks { pre: late(&config.pre_hooks), post: late(&config.post_hooks) }
    }

    fn hooks(&mut self, id: NodeId) -> Hooks {
        match self.compiled.nodes.remove(&id) {
            Some(node) => Hooks { pre: node.pre_hooks, post: node.post_hooks },
            None => self.late_hooks(id),
        }
    }

    /// Puts every test with the step it gates, or gives it a step of its own.
    fn place_tests(&mut self, tests: &[NodeId]) {
        for id in tests {
            let planned = self.planned(*id);
            let owner = match &self.graph.node(*id).gate {
                Some(Gate::Of { node, .. }) => self.step_of.get(node).copied(),
                Some(Gate::Alone) | None => None,
            };
            if let Some(owner) = owner {
                self.steps[owner.index()].tests.push(planned);
            } else {
                self.add_step(*id, Action::TestAlone);
                if let Some(step) = self.steps.last_mut() {
                    step.tests.push(planned);
                }
            }
        }
    }

    /// Edges: from the nearest ancestors that have steps, from what tests read besides, and from tests
    /// that stand alone to what they block.
    fn order(&mut self, tests: &[NodeId]) {
        let unit_tests = unit_tests::gates(self.graph, &self.steps);
        for index in 0..self.steps.len() {
            let id = self.steps[index].node;
            let mut edges: BTreeSet<Edge> = BTreeSet::new();
            if matches!(self.steps[index].action, Action::UnitTest(_)) {
                continue;
            }
            if self.command != RunCommand::Test {
                edges.extend(unit_tests.get(&id).into_iter().flatten());
                for step in self.nearest(self.graph.parents(id)) {
                    edges.insert(Edge { step, kind: EdgeKind::Blocks });
                }
            }
            for test in &self.steps[index].tests {
                self.gate_edges(test, &mut edges);
            }
            let own = self.step_of[&id];
            self.steps[index].after = strongest(edges, own);
        }
        if self.command == RunCommand::Build {
            self.block_descendants(tests);
        }
    }

    fn gate_edges(&self, test: &PlannedTest, edges: &mut BTreeSet<Edge>) {
        let node = self.graph.node(test.node);
        let Some(Gate::Of { after, .. }) = &node.gate else { return };
        if self.command == RunCommand::Test {
            return;
        }
        let kind = match test.verdict.severity {
            TestSeverity::Error => EdgeKind::Blocks,
            TestSeverity::Warn => EdgeKind::Orders,
        };
        edges.extend(self.nearest(after).into_iter().map(|step| Edge { step, kind }));
    }

    /// The steps of these nodes; for a node without one, those of its parents.
    fn nearest(&self, nodes: &[NodeId]) -> BTreeSet<StepId> {
        let mut steps = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut stack = nodes.to_vec();
        while let Some(id) = stack.pop() {
            match self.step_of.get(&id) {
                Some(step) => {
                    steps.insert(*step);
                }
                None if seen.insert(id) => stack.extend_from_slice(self.graph.parents(id)),
                None => {}
            }
        }
        steps
    }

    /// A test that stands alone comes before every node that is made from all that it reads.
    fn block_descendants(&mut self, tests: &[NodeId]) {
        for id in tests {
            let node = self.graph.node(*id);
            let alone = node.gate == Some(Gate::Alone);
            let (Some(step), true) = (self.step_of.get(id).copied(), alone) else { continue };
            let kind = match node.config.severity {
                TestSeverity::Error => EdgeKind::Blocks,
                TestSeverity::Warn => continue,
            };
            let mut common: Option<BTreeSet<NodeId>> = None;
            let is_tested = |it: &&NodeId| self.graph.node(**it).kind != NodeKind::Function;
            for parent in node.parents.iter().filter(is_tested) {
                let descendants = self.graph.descendants(*parent, Depth::All);
                common = Some(match common {
                    Some(so_far) => so_far.intersection(&descendants).copied().collect(),
                    None => descendants,
                });
            }
            for descendant in common.unwrap_or_default() {
                let kind_of_node = self.graph.node(descendant).kind;
                let is_test = matches!(kind_of_node, NodeKind::Test | NodeKind::UnitTest);
                if let (Some(blocked), false) = (self.step_of.get(&descendant), is_test) {
                    self.steps[blocked.index()].after.push(Edge { step, kind });
                }
            }
        }
    }

    /// Removes steps that do nothing: a source or an ephemeral model without tests, an owner without tests
    /// under `test`.
    /// What waited for them waits for what they waited for.
    fn drop_idle(&mut self) {
        let idle: Vec<bool> = self
            .steps
            .iter()
            .map(|step| {
                step.tests.is_empty()
                    && step.source.as_ref().is_none_or(|it| !it.is_wanted)
                    && match step.action {
                        Action::TestPublished | Action::Nothing => true,
                        Action::CreateView(_)
                        | Action::CreateTable(_)
                        | Action::WriteFiles(_)
                        | Action::CreateTableFunction(_)
                        | Action::UpdateTable { .. }
                        | Action::ByMacro(_)
                        | Action::RunBatches(_)
                        | Action::LoadSeed(_)
                        | Action::TakeSnapshot(_)
                        | Action::CreateFunction(_)
                        | Action::TestAlone
                        | Action::UnitTest(_)
                        | Action::NoOp
                        | Action::Broken(_) => false,
                    }
            })
            .collect();
        let mut kept = Vec::new();
        let mut new_ids: Vec<Option<StepId>> = vec![None; self.steps.len()];
        for (index, is_idle) in idle.iter().enumerate() {
            if !is_idle {
                new_ids[index] = Some(StepId(u32::try_from(kept.len()).unwrap_or(u32::MAX)));
                kept.push(index);
            }
        }
        let old: Vec<Vec<Edge>> = self.steps.iter().map(|it| it.after.clone()).collect();
        let mut steps = std::mem::take(&mut self.steps).into_iter().map(Some).collect::<Vec<_>>();
        self.steps = kept.iter().filter_map(|index| steps[*index].take()).collect();
        for (step, index) in self.steps.iter_mut().zip(kept) {
            step.after = through_idle(&old, &new_ids, index);
        }
        self.step_of = self.steps.iter().enumerate().map(|(index, it)| (it.node, step_id(index))).collect();
    }
}

fn step_id(index: usize) -> StepId {
    StepId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// A step's edges with those through removed steps replaced by what stood behind them.
fn through_idle(old: &[Vec<Edge>], new_ids: &[Option<StepId>], index: usize) -> Vec<Edge> {
    let mut edges = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut stack = old[index].clone();
    while let Some(edge) = stack.pop() {
        match new_ids[edge.step.index()] {
            Some(step) => {
                edges.insert(Edge { step, kind: edge.kind });
            }
            None if seen.insert(edge.step) => stack.extend_from_slice(&old[edge.step.index()]),
            None => {}
        }
    }
    strongest(edges, StepId(u32::MAX))
}

/// One edge for each step, the blocking one where there are both; none to the step itself.
fn strongest(edges: BTreeSet<Edge>, own: StepId) -> Vec<Edge> {
    // `Blocks` sorts before `Orders`, so the first of each step is the stronger one.
    let mut kept: Vec<Edge> = Vec::new();
    for edge in edges.into_iter().filter(|it| it.step != own) {
        if kept.last().is_none_or(|it| it.step != edge.step) {
            kept.push(edge);
        }
    }
    kept
}

/// The number of steps on the longest way from each step to an end.
fn set_priorities(steps: &mut [Step]) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    for (index, step) in steps.iter().enumerate() {
        for edge in &step.after {
            children[edge.step.index()].push(index);
            waiting[index] += 1;
        }
    }
    let mut order: Vec<usize> = (0..steps.len()).filter(|it| waiting[*it] == 0).collect();
    let mut at = 0;
    while let Some(index) = order.get(at).copied() {
        at += 1;
        for child in &children[index] {
            waiting[*child] -= 1;
            if waiting[*child] == 0 {
                order.push(*child);
            }
        }
    }
    for index in order.into_iter().rev() {
        let longest = children[index].iter().map(|child| steps[*child].priority).max();
        steps[index].priority = longest.unwrap_or(0) + 1;
    }
}
