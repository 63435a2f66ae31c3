//! What grew: the last runs of each node against those before, by the history.

use std::collections::BTreeMap;

use super::Growth;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::past::{History, NodeRun};

/// Runs that are now; as many at least must be before.
const NOW: usize = 3;

/// Notably more is so many times as much.
const TIMES: f64 = 1.5;

/// And by so many seconds: less is the noise of a machine.
const SECONDS: f64 = 0.1;

/// Or by so many rows.
const ROWS: f64 = 1_000.0;

/// Nodes that take notably longer or read notably more than before, the most time lost first.
pub fn growth<'a>(
    graph: &Graph,
    history: &History,
    selected: impl IntoIterator<Item = &'a NodeId>,
) -> Vec<Growth> {
    let wanted: BTreeMap<&str, NodeId> =
        selected.into_iter().map(|id| (graph.node(*id).unique_id.as_str(), *id)).collect();
    let mut grown: Vec<Growth> = history
        .nodes
        .iter()
        .filter_map(|(unique_id, runs)| {
            let node = graph.node(*wanted.get(unique_id.as_str())?);
            let is_made = matches!(node.kind, NodeKind::Model | NodeKind::Snapshot | NodeKind::Seed);
            let growth = of_runs(runs).filter(|_| is_made)?;
            Some(Growth { unique_id: unique_id.clone(), name: super::called(node), ..growth })
        })
        .collect();
    let lost = |it: &Growth| it.seconds - it.seconds_before;
    grown.sort_by(|a, b| lost(b).total_cmp(&lost(a)).then_with(|| a.unique_id.cmp(&b.unique_id)));
    grown
}

fn of_runs(runs: &[NodeRun]) -> Option<Growth> {
    let good: Vec<&NodeRun> = runs.iter().filter(|it| it.status == "success").collect();
    let (before, now) = good.split_at(good.len().checked_sub(NOW)?);
    if before.len() < NOW {
        return None;
    }
    let seconds = |runs: &[&NodeRun]| median(runs.iter().map(|it| it.seconds).collect());
    // Of what reads no tables, such as a seed, the rows that it has are all there is.
    let rows = |runs: &[&NodeRun]| {
        median(runs.iter().filter_map(|it| Some(real(it.rows_in.or(it.rows)?))).collect())
    };
    let (seconds_before, seconds) = (seconds(before)?, seconds(now)?);
    let (rows_in_before, rows_in) = (rows(before), rows(now));
    let is_slower = seconds >= seconds_before * TIMES && seconds - seconds_before >= SECONDS;
    let reads_more = rows_in_before
        .zip(rows_in)
        .is_some_and(|(before, now)| now >= before * TIMES && now - before >= ROWS);
    (is_slower || reads_more).then_some(Growth {
        unique_id: String::new(),
        name: String::new(),
        seconds_before,
        seconds,
        rows_in_before,
        rows_in,
        runs: now.len(),
        runs_before: before.len(),
        is_slower,
        reads_more,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows are far below what a float holds exactly")]
fn real(n: i64) -> f64 {
    n as f64
}
