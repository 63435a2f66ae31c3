//! How the project is: the last run, what failed, what is stale, what changed since the run before.
//!
//! From the history if there is one, else from `run_results.json`; without either all of it is unknown.

use std::collections::BTreeMap;

use super::looks::{Look, Looks};
use super::results::{RunResult, RunResults};
use super::samples::Samples;
use super::site::{Change, Health, LastRun, RunDetail};
use crate::past::{History, NodeRun, TestRun};

/// More changes than this are no news.
const MAX_CHANGES: usize = 200;

/// What earlier commands left.
pub(super) struct Past<'a> {
    pub(super) history: Option<&'a History>,
    pub(super) results: Option<RunResults>,
    pub(super) looks: Looks,
    pub(super) samples: &'a Samples,
}

impl Past<'_> {
    /// The runs of a node or test, or the looks at a source, newest last.
    pub(super) fn runs_of(&self, id: &str, is_test: bool) -> Vec<RunDetail> {
        if let Some(looks) = self.looks.get(id) {
            return looks.iter().map(Look::detail).collect();
        }
        let history = self.history;
        let runs: Vec<RunDetail> = if is_test {
            history.and_then(|it| it.tests.get(id)).into_iter().flatten().map(of_test).collect()
        } else {
            history.and_then(|it| it.nodes.get(id)).into_iter().flatten().map(of_node).collect()
        };
        if !runs.is_empty() {
            return runs;
        }
        let result = self.results.as_ref().and_then(|it| it.of(id));
        result.map(|it| of_result(it, is_test)).into_iter().collect()
    }
}

fn of_node(run: &NodeRun) -> RunDetail {
    RunDetail {
        at: run.finished_at.clone(),
        status: run.status.clone(),
        rows: run.rows,
        rows_in: run.rows_in,
        seconds: Some(run.seconds),
        message: run.message.clone(),
        ..RunDetail::default()
    }
}

fn of_test(run: &TestRun) -> RunDetail {
    RunDetail {
        at: run.finished_at.clone(),
        status: run.status.clone(),
        failures: run.failures,
        message: run.message.clone(),
        ..RunDetail::default()
    }
}

fn of_result(result: &RunResult, is_test: bool) -> RunDetail {
    let number = |it: u64| i64::try_from(it).ok();
    RunDetail {
        at: result.completed_at().unwrap_or_default().to_owned(),
        status: result.status.clone(),
        rows: result.rows().and_then(number).filter(|_| !is_test),
        rows_in: None,
        seconds: Some(result.execution_time).filter(|_| !is_test),
        failures: result.failures.and_then(number).filter(|_| is_test),
        message: result.message.clone().filter(|it| it != "OK"),
        age: None,
    }
}

/// The results of `run_results.json` by id, where there is no history to ask.
pub(super) fn health(past: &Past<'_>, numbers: &BTreeMap<&str, usize>, last: &Last<'_>) -> Health {
    let mut health = Health { last: last_run(past), runs: run_line(past), ..Health::default() };
    for (page, status, is_test) in &last.statuses {
        match (*status, is_test) {
            ("fail" | "error", true) => health.failing.push(*page),
            ("warn", true) => health.warning.push(*page),
            ("error" | "fail" | "rolled back", false) => health.broken.push(*page),
            _ => {}
        }
    }
    for (id, looks) in &past.looks {
        let is_good = looks.last().is_none_or(|it| it.status == "good");
        health.stale.extend(numbers.get(id.as_str()).filter(|_| !is_good));
    }
    health.skipped = skipped(past).iter().filter_map(|it| numbers.get(it).copied()).collect();
    health.changes = past.history.map(|it| changes(it, numbers)).unwrap_or_default();
    health
}

/// How nodes and tests fared when they were last worked on.
pub(super) struct Last<'a> {
    /// Page, status, and whether it is a test.
    pub(super) statuses: Vec<(usize, &'a str, bool)>,
}

/// The nodes that the last run skipped. The history has a row only for what was worked on, so they are taken from the
/// results, if those are of the same run.
fn skipped<'a>(past: &'a Past<'_>) -> Vec<&'a str> {
    let Some(results) = &past.results else { return Vec::new() };
    let last = past.history.and_then(|it| Some((it, it.runs.last()?.id.as_str())));
    if last.is_some_and(|it| it.1 != results.metadata.invocation_id) {
        return Vec::new();
    }
    // What was made and is not published is skipped in the results, and has a row.
    let was_made = |id: &str| {
        let runs = last.and_then(|(history, run)| Some((history.nodes.get(id)?.last()?, run)));
        runs.is_some_and(|(node, run)| node.run_id == run)
    };
    let is_made =
        |id: &str| ["model.", "seed.", "snapshot.", "function."].iter().any(|it| id.starts_with(it));
    let skipped = results.results.iter().filter(|it| it.status == "skipped").map(|it| it.unique_id.as_str());
    skipped.filter(|it| is_made(it) && !was_made(it)).collect()
}

fn last_run(past: &Past<'_>) -> Option<LastRun> {
    if let Some(history) = past.history
        && let Some(run) = history.runs.last()
    {
        let skipped = skipped(past);
        let nodes = history.nodes.values().filter_map(|it| it.last()).filter(|it| it.run_id == run.id);
        // A check of a source's freshness is kept under the source's id.
        let tests = history.tests.iter().filter(|(id, _)| is_test_id(id)).filter_map(|(_, it)| it.last());
        let tests = tests.filter(|it| it.run_id == run.id);
        return Some(LastRun {
            command: run.command.clone(),
            status: run.status.clone(),
            started_at: run.started_at.clone(),
            seconds: run.seconds,
            target: run.target.clone(),
            nodes: counted(nodes.map(|it| it.status.as_str()).chain(skipped.iter().map(|_| "skipped"))),
            tests: counted(tests.map(|it| it.status.as_str())),
        });
    }
    let results = past.results.as_ref()?;
    let of = |is_test: bool| {
        let mine = results.results.iter().filter(move |it| is_test_id(&it.unique_id) == is_test);
        counted(mine.map(|it| it.status.as_str()))
    };
    let is_bad = results.results.iter().any(|it| matches!(it.status.as_str(), "error" | "fail"));
    Some(LastRun {
        command: results.args.which.clone(),
        status: if is_bad { "failed" } else { "success" }.to_owned(),
        started_at: results.metadata.generated_at.clone(),
        seconds: Some(results.elapsed_time),
        target: results.args.target.clone().unwrap_or_default(),
        nodes: of(false),
        tests: of(true),
    })
}

/// Whether an id is that of a test.
pub(super) fn is_test_id(id: &str) -> bool {
    id.starts_with("test.") || id.starts_with("unit_test.")
}

fn counted<'a>(statuses: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    counts.into_iter().map(|(status, count)| (status.to_owned(), count)).collect()
}

fn run_line(past: &Past<'_>) -> Vec<(String, String, Option<f64>, String)> {
    let runs = past.history.into_iter().flat_map(|it| &it.runs);
    runs.map(|it| (it.started_at.clone(), it.status.clone(), it.seconds, it.command.clone())).collect()
}

/// What differs between the last run and what was there before it.
fn changes(history: &History, numbers: &BTreeMap<&str, usize>) -> Vec<Change> {
    let Some(last) = history.runs.last() else { return Vec::new() };
    // In the first run of all, everything would be new.
    let is_first = history.runs.len() < 2;
    let number = |id: &String| numbers.get(id.as_str()).copied();
    let mut changes = Vec::new();
    for (id, runs) in &history.nodes {
        let (Some(page), [before @ .., now]) = (number(id), runs.as_slice()) else { continue };
        if now.run_id != last.id {
            continue;
        }
        let Some(previous) = before.last() else {
            let new = Change { page, what: "new", before: String::new(), after: now.status.clone() };
            changes.extend((!is_first).then_some(new));
            continue;
        };
        changes.extend(difference(page, "status", Some(&previous.status), Some(&now.status)));
        let counted = before.iter().rev().find_map(|it| it.rows);
        changes.extend(difference(page, "rows", counted.as_ref(), now.rows.as_ref()));
    }
    for (id, runs) in &history.tests {
        let (Some(page), [.., previous, now]) = (number(id), runs.as_slice()) else { continue };
        if now.run_id == last.id {
            changes.extend(difference(page, "status", Some(&previous.status), Some(&now.status)));
        }
    }
    for (id, looks) in &history.sources {
        let (Some(page), [.., previous, now]) = (number(id), looks.as_slice()) else { continue };
        if now.run_id == last.id {
            changes.extend(difference(page, "status", Some(&previous.status), Some(&now.status)));
            changes.extend(difference(page, "rows", previous.rows.as_ref(), now.rows.as_ref()));
        }
    }
    changes.truncate(MAX_CHANGES);
    changes
}

/// A change, if both are known and not the same.
fn difference<T: ToString + PartialEq>(
    page: usize,
    what: &'static str,
    before: Option<&T>,
    now: Option<&T>,
) -> Option<Change> {
    let (before, after) = (before?, now?);
    (before != after).then(|| Change { page, what, before: before.to_string(), after: after.to_string() })
}
