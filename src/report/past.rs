//! The history of runs as text: tables, and bars that show how rows and times went.

use std::fmt::Write as _;

use crate::past::{History, NodeRun, Run, TestRun};
use crate::report::{chart, layout, numbers, table};
use crate::warehouse::{Column, Rows, Value};

/// A test is called flaky if its result changed this often in what is looked at: one incident and its
/// repair are two changes.
const FLAKY_CHANGES: usize = 3;

/// A test whose result changes back and forth.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaky {
    /// The test's id.
    pub test_id: String,
    /// How often its result differed from the one before.
    pub changes: usize,
    /// Results that were no pass.
    pub bad: usize,
    /// All results.
    pub results: usize,
}

/// The tests that are flaky, most changes first.
pub fn flaky(history: &History) -> Vec<Flaky> {
    let mut found: Vec<Flaky> = history
        .tests
        .iter()
        .map(|(test_id, results)| {
            let results: Vec<&TestRun> = results.iter().filter(|it| it.status != "skipped").collect();
            let is_good = |it: &&TestRun| it.status == "pass";
            let changes = results.windows(2).filter(|pair| is_good(&pair[0]) != is_good(&pair[1])).count();
            let bad = results.iter().filter(|it| !is_good(it)).count();
            Flaky { test_id: test_id.clone(), changes, bad, results: results.len() }
        })
        .filter(|it| it.changes >= FLAKY_CHANGES)
        .collect();
    found.sort_by(|a, b| b.changes.cmp(&a.changes).then_with(|| a.test_id.cmp(&b.test_id)));
    found
}

/// Runs as rows, newest first.
pub fn runs(runs: &[Run]) -> Rows {
    let columns = [
        "started_at",
        "command",
        "target",
        "status",
        "seconds",
        "nodes",
        "nodes_failed",
        "tests",
        "tests_warned",
        "tests_failed",
    ];
    let row = |run: &Run| {
        vec![
            Value::Text(run.started_at.clone()),
            Value::Text(run.command.clone()),
            Value::Text(run.target.clone()),
            Value::Text(run.status.clone()),
            run.seconds.map_or(Value::Null, |it| seconds(it, 100.0)),
            count(run.nodes_good + run.nodes_bad),
            count(run.nodes_bad),
            count(run.tests_good + run.tests_warned + run.tests_bad),
            count(run.tests_warned),
            count(run.tests_bad),
        ]
    };
    rows(&columns, runs.iter().rev().map(row))
}

/// What became of one node, newest first.
pub fn node_runs(node: &[NodeRun]) -> Rows {
    let columns = ["finished_at", "status", "rows_in", "rows", "seconds", "message"];
    let row = |run: &NodeRun| {
        let number = |n: Option<i64>| n.map_or(Value::Null, |it| Value::Int(it.into()));
        vec![
            Value::Text(run.finished_at.clone()),
            Value::Text(run.status.clone()),
            number(run.rows_in),
            number(run.rows),
            seconds(run.seconds, 100.0),
            said(run.message.as_ref()),
        ]
    };
    without_empty_messages(rows(&columns, node.iter().rev().map(row)))
}

/// What became of one test, newest first.
pub fn test_runs(test: &[TestRun]) -> Rows {
    let columns = ["finished_at", "status", "failures", "seconds", "message"];
    let row = |run: &TestRun| {
        let failures = run.failures.map_or(Value::Null, |it| Value::Int(it.into()));
        let (at, status) = (Value::Text(run.finished_at.clone()), Value::Text(run.status.clone()));
        // What was skipped took no time.
        let took = if run.seconds > 0.0 { seconds(run.seconds, 1000.0) } else { Value::Null };
        vec![at, status, failures, took, said(run.message.as_ref())]
    };
    without_empty_messages(rows(&columns, test.iter().rev().map(row)))
}

/// Tests whose results change back and forth.
pub fn flaky_tests(flaky: &[Flaky]) -> Rows {
    let columns = ["test", "changes", "failed", "results"];
    let number = |n: usize| Value::Int(i128::try_from(n).unwrap_or(i128::MAX));
    let row = |it: &Flaky| {
        vec![Value::Text(it.test_id.clone()), number(it.changes), number(it.bad), number(it.results)]
    };
    rows(&columns, flaky.iter().map(row))
}

/// The project's page: the last runs, and flaky tests.
pub fn overview(history: &History, width: Option<usize>) -> String {
    let mut text = table::aligned(&runs(&history.runs), width);
    let flaky = flaky(history);
    if !flaky.is_empty() {
        let _ = write!(text, "\nflaky tests:\n{}", table::aligned(&flaky_tests(&flaky), width));
    }
    text
}

/// A node's page: how its rows and times went, its results, and those of its tests.
pub fn node_page(id: &str, node: &[NodeRun], history: &History, width: Option<usize>) -> String {
    let good: Vec<&NodeRun> = node.iter().filter(|it| it.status == "success").collect();
    let mut text = format!("{id}\n");
    line(&mut text, "rows", good.iter().map(|it| it.rows.map(real)).collect(), |it| {
        numbers::thousands(whole(it))
    });
    line(&mut text, "seconds", node.iter().map(|it| Some(it.seconds)).collect(), |it| format!("{it:.2}"));
    let reduction = good.iter().rev().find_map(|it| Some((it.rows_in?, it.rows?)));
    if let Some((rows_in, rows)) = reduction.filter(|(rows_in, rows)| *rows_in > 0 && rows_in != rows) {
        let (rows_in, rows) = (whole(real(rows_in)), whole(real(rows)));
        let _ = writeln!(text, "  reduction  {}", numbers::rows(rows, Some(rows_in)));
    }
    if !node.is_empty() {
        let _ = write!(text, "\n{}", table::aligned(&node_runs(node), width));
    }
    let tests: Vec<Vec<Value>> = history
        .tests
        .iter()
        .filter(|(_, results)| results.last().is_some_and(|it| it.node_id.as_deref() == Some(id)))
        .map(|(test_id, results)| test_line(test_id, results))
        .collect();
    if !tests.is_empty() {
        let columns = ["test", "last", "passed", "results"];
        let _ = write!(text, "\ntests:\n{}", table::aligned(&rows(&columns, tests.into_iter()), width));
    }
    text
}

/// A test's page: its failures over time and its results.
pub fn test_page(id: &str, test: &[TestRun], width: Option<usize>) -> String {
    let mut text = format!("{id}\n");
    if let Some(node) = test.last().and_then(|it| it.node_id.as_ref()) {
        let _ = writeln!(text, "  of         {node}");
    }
    line(&mut text, "failures", test.iter().map(|it| it.failures.map(real)).collect(), |it| {
        numbers::thousands(whole(it))
    });
    let timed = test.iter().map(|it| (it.seconds > 0.0).then_some(it.seconds));
    line(&mut text, "seconds", timed.collect(), |it| format!("{it:.3}"));
    let _ = write!(text, "\n{}", table::aligned(&test_runs(test), width));
    text
}

/// `  rows       ▁▂▅█  1,000 -> 1,200`: bars, the first and the last value.
fn line(text: &mut String, name: &str, values: Vec<Option<f64>>, shown: impl Fn(f64) -> String) {
    let known: Vec<f64> = values.into_iter().flatten().collect();
    if let [first, .., last] = known[..] {
        let (name, bars) = (layout::pad_right(name, 9), chart::bars(&known));
        let _ = writeln!(text, "  {name}  {bars}  {} -> {}", shown(first), shown(last));
    }
}

fn test_line(test_id: &str, results: &[TestRun]) -> Vec<Value> {
    let passed = results.iter().filter(|it| it.status == "pass").count();
    let last = results.last().map(|it| it.status.clone()).unwrap_or_default();
    let number = |n: usize| Value::Int(i128::try_from(n).unwrap_or(i128::MAX));
    vec![Value::Text(test_id.to_owned()), Value::Text(last), number(passed), number(results.len())]
}

fn rows(columns: &[&str], rows: impl Iterator<Item = Vec<Value>>) -> Rows {
    let column = |name: &&str| Column { name: (*name).to_owned(), data_type: String::new() };
    Rows { columns: columns.iter().map(column).collect(), rows: rows.collect() }
}

/// The rows without their last column, if nothing was said in any of them.
fn without_empty_messages(mut rows: Rows) -> Rows {
    if rows.rows.iter().all(|row| row.last() == Some(&Value::Null)) {
        rows.columns.pop();
        rows.rows.iter_mut().for_each(|row| drop(row.pop()));
    }
    rows
}

/// Seconds to a part of them, as a number that stays one in JSON.
fn seconds(seconds: f64, parts: f64) -> Value {
    Value::Float((seconds * parts).round() / parts)
}

fn count(n: u64) -> Value {
    Value::Int(n.into())
}

fn said(message: Option<&String>) -> Value {
    message.map_or(Value::Null, |it| Value::Text(layout::one_line(it)))
}

/// Counts of rows are far below what a float holds exactly.
fn real(n: i64) -> f64 {
    n.to_string().parse().unwrap_or_default()
}

fn whole(n: f64) -> u64 {
    format!("{n:.0}").parse().unwrap_or_default()
}
