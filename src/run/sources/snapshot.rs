//! `source freshness`: when sources were loaded, without anything made or recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::freshness::{Age, age_of, said, unknown};
use super::look::Shape;
use super::times::LoadedAt;
use super::{Measured, measure, missing};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::parse::Body;
use crate::parse::load_time::LoadTime;
use crate::parse::properties::FreshnessRule;
use crate::run::{Connection, Surroundings};
use crate::warehouse::Warehouse;

/// The freshness of one source.
#[derive(Clone, Debug)]
pub struct SourceFreshness {
    /// The source.
    pub source: NodeId,
    /// What it came to.
    pub status: SourceFreshnessStatus,
    /// What it was measured against.
    pub rule: FreshnessRule,
    /// When it was loaded.
    pub loaded: LoadedAt,
    /// What to say about it.
    pub message: Option<String>,
    /// Why it is not known.
    pub fault: Option<Diagnostic>,
    /// When it was asked for.
    pub started_at: String,
    /// When the answer was there.
    pub completed_at: String,
    /// Its share of the time.
    pub elapsed: Duration,
}

/// dbt's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFreshnessStatus {
    /// Within all limits.
    Pass,
    /// Older than `warn_after`.
    Warn,
    /// Older than `error_after`.
    Error,
    /// It is not known how old it is.
    RuntimeError,
}

impl SourceFreshnessStatus {
    /// The word in `sources.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceFreshnessStatus::Pass => "pass",
            SourceFreshnessStatus::Warn => "warn",
            SourceFreshnessStatus::Error => "error",
            SourceFreshnessStatus::RuntimeError => "runtime error",
        }
    }
}

/// The columns of sources now.
pub fn shapes(
    graph: &Graph,
    around: &Surroundings<'_>,
    sources: &BTreeSet<NodeId>,
    warehouse: Box<dyn Warehouse>,
) -> BTreeMap<NodeId, Shape> {
    let mut connection = Connection::new(warehouse, Arc::clone(&around.clock), false);
    around.stop.register(connection.interrupt_handle());
    measure::shapes(graph, sources, &mut connection)
}

/// The freshness of the sources that say how fresh they have to be, by their ids.
pub fn check(
    graph: &Graph,
    around: &Surroundings<'_>,
    sources: &BTreeSet<NodeId>,
    warehouse: Box<dyn Warehouse>,
) -> Vec<SourceFreshness> {
    let mut connection = Connection::new(warehouse, Arc::clone(&around.clock), false);
    around.stop.register(connection.interrupt_handle());
    let started_at = around.clock.now();
    let started = around.clock.monotonic();
    let shapes = measure::shapes(graph, sources, &mut connection);
    let is_there = |id: &&NodeId| matches!(shapes.get(id), Some(Shape::Columns(_)));
    let there = sources.iter().filter(is_there).copied().collect();
    let times = measure::load_times(graph, around.project, &there, &mut connection);
    let measured = Measured { shapes, times };
    let completed_at = around.clock.now();
    let elapsed = around.clock.monotonic().saturating_sub(started);
    let share = elapsed / u32::try_from(sources.len()).unwrap_or(1).max(1);
    let mut results = Vec::new();
    for id in sources {
        let Body::Source(source) = &graph.node(*id).body else { continue };
        let rule = source.freshness.clone();
        let rule = rule.unwrap_or(FreshnessRule { warn_after: None, error_after: None, filter: None });
        let mut result = judged(graph, &measured, *id, rule);
        result.started_at.clone_from(&started_at);
        result.completed_at.clone_from(&completed_at);
        result.elapsed = share;
        results.push(result);
    }
    results
}

fn judged(graph: &Graph, measured: &Measured, id: NodeId, rule: FreshnessRule) -> SourceFreshness {
    let node = graph.node(id);
    let mut result = SourceFreshness {
        source: id,
        status: SourceFreshnessStatus::RuntimeError,
        rule,
        loaded: LoadedAt::default(),
        message: None,
        fault: None,
        started_at: String::new(),
        completed_at: String::new(),
        elapsed: Duration::ZERO,
    };
    match measured.times.get(&id) {
        Some(Ok(loaded)) => {
            let age = age_of(loaded, &result.rule);
            result.status = match age {
                Age::Fresh => SourceFreshnessStatus::Pass,
                Age::Late => SourceFreshnessStatus::Warn,
                Age::Stale => SourceFreshnessStatus::Error,
            };
            result.message = (age != Age::Fresh).then(|| said(loaded, &result.rule, age));
            result.loaded = loaded.clone();
        }
        Some(Err(why)) => result.fault = Some(unknown(node, why)),
        None => {
            let has_time = match (&node.body, &node.relation) {
                (Body::Source(source), Some(relation)) => LoadTime::of(source, relation, node.span).is_some(),
                _ => false,
            };
            let why = match measured.shapes.get(&id) {
                Some(Shape::Missing(error) | Shape::Unreadable(error)) => error.message.as_str(),
                Some(Shape::Columns(_)) | None => "",
            };
            result.fault = Some(if has_time { missing(node, why) } else { no_load_time(node) });
        }
    }
    if let Some(fault) = &result.fault {
        result.message = Some(fault.message.clone());
    }
    result
}

fn no_load_time(node: &crate::graph::Node) -> Diagnostic {
    let name = super::full_name(node);
    Diagnostic::error("no-load-time", format!("nothing tells when the source `{name}` was loaded"))
        .at(node.span, "declared here")
        .help("give it a `loaded_at_field` or a `loaded_at_query`")
}
