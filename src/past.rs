//! What the history tables of the warehouse tell: the last runs, and how each node and test fared in them.
//!
//! In: a connection that only reads. Out: [`History`], newest last. A warehouse without history is no fault.
//! Deliberately absent: writing it, which `history.rs` does in the transaction that publishes.

pub mod orphans;
mod sources;

use std::collections::BTreeMap;

pub use self::sources::SourceRun;
use crate::node::{Relation, quote_identifier, quote_literal};
use crate::parse::HISTORY_SCHEMA as SCHEMA;
use crate::warehouse::{Value, Warehouse, WarehouseError};

/// How far back to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Runs of the project.
    pub runs: usize,
    /// Results of each node and of each test.
    pub results: usize,
}

/// The run history of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The last runs of the project, newest last.
    pub runs: Vec<Run>,
    /// The last runs of each node, newest last.
    pub nodes: BTreeMap<String, Vec<NodeRun>>,
    /// The last runs of each test, newest last.
    pub tests: BTreeMap<String, Vec<TestRun>>,
    /// The last looks at each source, newest last.
    pub sources: BTreeMap<String, Vec<SourceRun>>,
}

/// A run of the project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The command.
    pub command: String,
    /// The target's name.
    pub target: String,
    /// How it ended, or `running`; a run that was killed stays there.
    pub status: String,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// How long it took, if it ended.
    pub seconds: Option<f64>,
    /// Nodes that succeeded.
    pub nodes_good: u64,
    /// Nodes that did not.
    pub nodes_bad: u64,
    /// Tests that passed.
    pub tests_good: u64,
    /// Tests that only warned.
    pub tests_warned: u64,
    /// Tests that failed or could not be run.
    pub tests_bad: u64,
}

/// What became of a node in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeRun {
    /// The run.
    pub run_id: String,
    /// How it ended.
    pub status: String,
    /// When, RFC 3339 in UTC.
    pub finished_at: String,
    /// Rows of the new version.
    pub rows: Option<i64>,
    /// Rows read for it.
    pub rows_in: Option<i64>,
    /// How long it took.
    pub seconds: f64,
    /// What was said about it.
    pub message: Option<String>,
}

/// What became of a test in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestRun {
    /// The run.
    pub run_id: String,
    /// How it ended.
    pub status: String,
    /// When, RFC 3339 in UTC.
    pub finished_at: String,
    /// The node it is reported with.
    pub node_id: Option<String>,
    /// Rows that failed.
    pub failures: Option<i64>,
    /// How long it took; of a common scan, its share.
    pub seconds: f64,
    /// What was said about it.
    pub message: Option<String>,
}

/// Reads the history of a target; empty if there is none yet.
pub fn read(warehouse: &mut dyn Warehouse, depth: Depth) -> Result<History, WarehouseError> {
    let database = warehouse.database().to_owned();
    let catalog = warehouse.catalog(std::slice::from_ref(&database))?;
    let is_there = |name: &str| {
        let is_it = |it: &Relation| it.schema.as_deref() == Some(SCHEMA) && it.identifier == name;
        catalog.iter().any(|it| is_it(&it.relation))
    };
    if !["runs", "node_runs", "test_runs"].iter().all(|it| is_there(it)) {
        return Ok(History::default());
    }
    let tables = Tables { database: &database, depth };
    Ok(History {
        runs: runs(warehouse, &tables)?,
        nodes: node_runs(warehouse, &tables)?,
        tests: test_runs(warehouse, &tables)?,
        // Databases of earlier versions have no such table.
        sources: if is_there("source_runs") { sources::read(warehouse, &tables)? } else { BTreeMap::new() },
    })
}

struct Tables<'a> {
    database: &'a str,
    depth: Depth,
}

impl Tables<'_> {
    fn name(&self, table: &str) -> String {
        Relation::new(self.database, SCHEMA, table).render()
    }
}

/// An SQL expression for a time as artifacts have it.
fn time(column: &str) -> String {
    let format = quote_literal("%Y-%m-%dT%H:%M:%SZ");
    format!("strftime({} at time zone 'UTC', {format})", quote_identifier(column))
}

fn runs(warehouse: &mut dyn Warehouse, tables: &Tables<'_>) -> Result<Vec<Run>, WarehouseError> {
    let sql = format!(
        "with last as (select * from {runs} order by started_at desc, run_id limit {limit}), \
         nodes as (select run_id, count(*) filter (status in ('success', 'unchanged')) as good, \
         count(*) filter (status not in ('success', 'unchanged', 'dropped')) as bad from {nodes} semi join last using (run_id) group by run_id), \
         tests as (select run_id, count(*) filter (status = 'pass') as good, \
         count(*) filter (status = 'warn') as warned, count(*) filter (status in ('fail', 'error')) as bad \
         from {tests} semi join last using (run_id) group by run_id) \
         select last.run_id, last.command, last.target, last.status, {started_at}, \
         epoch(last.finished_at - last.started_at)::double, \
         nodes.good, nodes.bad, tests.good, tests.warned, tests.bad \
         from last left join nodes using (run_id) left join tests using (run_id) \
         order by last.started_at desc, run_id",
        started_at = time("started_at"),
        runs = tables.name("runs"),
        nodes = tables.name("node_runs"),
        tests = tables.name("test_runs"),
        limit = tables.depth.runs,
    );
    let rows = warehouse.query(&sql, None)?.rows;
    let run = |row: Vec<Value>| Run {
        id: text(&row, 0),
        command: text(&row, 1),
        target: text(&row, 2),
        status: text(&row, 3),
        started_at: text(&row, 4),
        seconds: real(&row, 5),
        nodes_good: count(&row, 6),
        nodes_bad: count(&row, 7),
        tests_good: count(&row, 8),
        tests_warned: count(&row, 9),
        tests_bad: count(&row, 10),
    };
    Ok(rows.into_iter().map(run).rev().collect())
}

fn node_runs(
    warehouse: &mut dyn Warehouse,
    tables: &Tables<'_>,
) -> Result<BTreeMap<String, Vec<NodeRun>>, WarehouseError> {
    let sql = format!(
        "select node_id, run_id, status, {}, rows, rows_in, seconds, message from {} \
         where kind is distinct from 'test' \
         qualify row_number() over (partition by node_id order by finished_at desc, run_id) <= {} \
         order by node_id, finished_at, run_id",
        time("finished_at"),
        tables.name("node_runs"),
        tables.depth.results
    );
    let mut all: BTreeMap<String, Vec<NodeRun>> = BTreeMap::new();
    for row in warehouse.query(&sql, None)?.rows {
        all.entry(text(&row, 0)).or_default().push(NodeRun {
            run_id: text(&row, 1),
            status: text(&row, 2),
            finished_at: text(&row, 3),
            rows: row.get(4).and_then(Value::as_i64),
            rows_in: row.get(5).and_then(Value::as_i64),
            seconds: real(&row, 6).unwrap_or_default(),
            message: Some(text(&row, 7)).filter(|it| !it.is_empty()),
        });
    }
    Ok(all)
}

fn test_runs(
    warehouse: &mut dyn Warehouse,
    tables: &Tables<'_>,
) -> Result<BTreeMap<String, Vec<TestRun>>, WarehouseError> {
    let sql = format!(
        "select test_id, run_id, status, {}, failures, message, node_id, seconds from {} \
         qualify row_number() over (partition by test_id order by finished_at desc, run_id) <= {} \
         order by test_id, finished_at, run_id",
        time("finished_at"),
        tables.name("test_runs"),
        tables.depth.results
    );
    let mut all: BTreeMap<String, Vec<TestRun>> = BTreeMap::new();
    for row in warehouse.query(&sql, None)?.rows {
        all.entry(text(&row, 0)).or_default().push(TestRun {
            run_id: text(&row, 1),
            status: text(&row, 2),
            finished_at: text(&row, 3),
            failures: row.get(4).and_then(Value::as_i64),
            message: Some(text(&row, 5)).filter(|it| !it.is_empty()),
            node_id: Some(text(&row, 6)).filter(|it| !it.is_empty()),
            seconds: real(&row, 7).unwrap_or_default(),
        });
    }
    Ok(all)
}

fn count(row: &[Value], at: usize) -> u64 {
    row.get(at).and_then(Value::as_i64).and_then(|it| u64::try_from(it).ok()).unwrap_or_default()
}

fn text(row: &[Value], at: usize) -> String {
    match row.get(at) {
        None | Some(Value::Null) => String::new(),
        Some(value) => value.to_string(),
    }
}

fn real(row: &[Value], at: usize) -> Option<f64> {
    match row.get(at)? {
        Value::Float(it) => Some(*it),
        Value::Int(it) => it.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Text(_) => None,
    }
}
