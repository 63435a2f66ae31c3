//! What the history tables of the warehouse tell: the last runs, and how each node and test fared in them.
//!
//! In: a connection that only reads. Out: [`History`], newest last. A warehouse without history is no fault.

use std::collections::BTreeMap;

use crate::node::{Relation, quote_identifier, quote_literal};
use crate::parse::HISTORY_SCHEMA as SCHEMA;
use crate::warehouse::{Value, Warehouse, WarehouseError};

/// How many runs of a node or test are shown.
const RUNS_OF_A_NODE: usize = 30;
/// How many runs of the project are shown.
const RUNS: usize = 60;

/// The run history of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The last runs of the project, newest last.
    pub runs: Vec<Run>,
    /// The last runs of each node, newest last.
    pub nodes: BTreeMap<String, Vec<NodeRun>>,
    /// The last runs of each test, newest last.
    pub tests: BTreeMap<String, Vec<TestRun>>,
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
    /// How it ended, or `running`.
    pub status: String,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// How long it took, if it ended.
    pub seconds: Option<f64>,
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
    /// Rows that failed.
    pub failures: Option<i64>,
    /// What was said about it.
    pub message: Option<String>,
}

/// Reads the history of a target; empty if there is none yet.
pub fn read(warehouse: &mut dyn Warehouse) -> Result<History, WarehouseError> {
    let database = warehouse.database().to_owned();
    let catalog = warehouse.catalog(std::slice::from_ref(&database))?;
    let is_there = |name: &str| {
        let is_it = |it: &Relation| it.schema.as_deref() == Some(SCHEMA) && it.identifier == name;
        catalog.iter().any(|it| is_it(&it.relation))
    };
    if !["runs", "node_runs", "test_runs"].iter().all(|it| is_there(it)) {
        return Ok(History::default());
    }
    let tables = Tables { database: &database };
    Ok(History {
        runs: runs(warehouse, &tables)?,
        nodes: node_runs(warehouse, &tables)?,
        tests: test_runs(warehouse, &tables)?,
    })
}

struct Tables<'a> {
    database: &'a str,
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
        "select run_id, command, target, status, {}, epoch(finished_at - started_at)::double from {} \
         order by started_at desc, run_id limit {RUNS}",
        time("started_at"),
        tables.name("runs")
    );
    let rows = warehouse.query(&sql, None)?.rows;
    let run = |row: Vec<Value>| Run {
        id: text(&row, 0),
        command: text(&row, 1),
        target: text(&row, 2),
        status: text(&row, 3),
        started_at: text(&row, 4),
        seconds: real(&row, 5),
    };
    Ok(rows.into_iter().map(run).rev().collect())
}

fn node_runs(
    warehouse: &mut dyn Warehouse,
    tables: &Tables<'_>,
) -> Result<BTreeMap<String, Vec<NodeRun>>, WarehouseError> {
    let sql = format!(
        "select node_id, run_id, status, {}, rows, rows_in, seconds, message from {} \
         qualify row_number() over (partition by node_id order by finished_at desc, run_id) <= {RUNS_OF_A_NODE} \
         order by node_id, finished_at, run_id",
        time("finished_at"),
        tables.name("node_runs")
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
        "select test_id, run_id, status, {}, failures, message from {} \
         qualify row_number() over (partition by test_id order by finished_at desc, run_id) <= {RUNS_OF_A_NODE} \
         order by test_id, finished_at, run_id",
        time("finished_at"),
        tables.name("test_runs")
    );
    let mut all: BTreeMap<String, Vec<TestRun>> = BTreeMap::new();
    for row in warehouse.query(&sql, None)?.rows {
        all.entry(text(&row, 0)).or_default().push(TestRun {
            run_id: text(&row, 1),
            status: text(&row, 2),
            finished_at: text(&row, 3),
            failures: row.get(4).and_then(Value::as_i64),
            message: Some(text(&row, 5)).filter(|it| !it.is_empty()),
        });
    }
    Ok(all)
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
