//! Whether sources that are combined were loaded at about the same time.

use std::collections::BTreeMap;

use super::freshness::{described, whole};
use super::measure::Measured;
use super::times::LoadedAt;
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::parse::source_rules::OnMisaligned;
use crate::plan::{Plan, PlannedAlignment};
use crate::run::event::{LogLevel, RunEvent};
use crate::run::testing::judging::span_of_time;

/// What holds a step up.
#[derive(Clone, Debug)]
pub(in crate::run) enum Held {
    /// It fails.
    Fails(Box<Diagnostic>),
    /// It is skipped: these sources lie too far apart.
    Skipped(NodeId, NodeId),
}

/// Two sources that lie too far apart.
pub(super) struct Apart {
    pub(super) older: NodeId,
    pub(super) newer: NodeId,
    /// By how many seconds; `None` if the older one has no time at all.
    pub(super) seconds: Option<f64>,
}

/// The steps that are held up. What is not a failure is told here.
pub(super) fn judge(
    plan: &Plan,
    graph: &Graph,
    measured: &Measured,
    on_event: &mut dyn FnMut(&RunEvent),
) -> BTreeMap<NodeId, Held> {
    let mut held = BTreeMap::new();
    for rule in &plan.aligned {
        let mut is_told = false;
        for (step, sources) in &rule.steps {
            let Some(apart) = apart(measured, sources, rule.within) else { continue };
            let id = plan.steps[step.index()].node;
            let node = &graph.node(id).name;
            match rule.on_misaligned {
                OnMisaligned::Error => {
                    let fault = fault(graph, measured, rule, &apart, node);
                    held.insert(id, Held::Fails(Box::new(fault)));
                }
                OnMisaligned::SkipDownstream => {
                    held.entry(id).or_insert(Held::Skipped(apart.older, apart.newer));
                }
                OnMisaligned::Warn => {}
            }
            if rule.on_misaligned != OnMisaligned::Error && !is_told {
                is_told = true;
                let said = said(graph, measured, &apart);
                let limit = span_of_time(rule.within);
                let message = format!("{said}; the limit is {limit}");
                on_event(&RunEvent::Log { level: LogLevel::Warning, message });
            }
        }
    }
    held
}

/// The oldest and the newest of some sources, if they lie too far apart.
pub(super) fn apart(
    measured: &Measured,
    sources: &std::collections::BTreeSet<NodeId>,
    within: i64,
) -> Option<Apart> {
    let age = |id: &NodeId| match measured.times.get(id) {
        Some(Ok(loaded)) => loaded.age,
        _ => None,
    };
    let newer = *sources
        .iter()
        .min_by(|a, b| age(a).unwrap_or(f64::INFINITY).total_cmp(&age(b).unwrap_or(f64::INFINITY)))?;
    let older = *sources
        .iter()
        .max_by(|a, b| age(a).unwrap_or(f64::INFINITY).total_cmp(&age(b).unwrap_or(f64::INFINITY)))?;
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52 seconds")]
    match (age(&older), age(&newer)) {
        (Some(older_age), Some(newer_age)) => {
            let seconds = older_age - newer_age;
            (seconds > within as f64).then_some(Apart { older, newer, seconds: Some(seconds) })
        }
        _ => Some(Apart { older, newer, seconds: None }),
    }
}

/// `source `a` and source `b` were loaded 9 hours apart`.
pub(super) fn said(graph: &Graph, measured: &Measured, apart: &Apart) -> String {
    let (older, newer) = (described(graph.node(apart.older)), described(graph.node(apart.newer)));
    match apart.seconds {
        Some(seconds) => {
            let seconds = span_of_time(whole(seconds));
            let (old, new) = (time(measured, apart.older), time(measured, apart.newer));
            format!("{older} ({old}) and {newer} ({new}) were loaded {seconds} apart")
        }
        None => format!("{older} has no time of loading to compare with that of {newer}"),
    }
}

fn time(measured: &Measured, id: NodeId) -> String {
    match measured.times.get(&id) {
        Some(Ok(LoadedAt { written: Some(at), .. })) => at.clone(),
        _ => "no time".to_owned(),
    }
}

fn fault(
    graph: &Graph,
    measured: &Measured,
    rule: &PlannedAlignment,
    apart: &Apart,
    node: &str,
) -> Diagnostic {
    let headline = format!("{}, and `{node}` combines them", said(graph, measured, apart));
    Diagnostic::error("sources-misaligned", headline)
        .at(rule.span, format!("at most {} are allowed", span_of_time(rule.within)))
        .help(format!(
            "load {} again, or wait for it with `--wait-for-sources 30m`",
            described(graph.node(apart.older))
        ))
}
