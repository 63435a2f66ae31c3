//! Run history in the warehouse: the schema `tidemill`, written in the transaction that publishes.
//!
//! `runs` has a row for each run, `node_runs` for each node worked on, `test_runs` for each test, `source_runs` for
//! each source looked at, `batches` for each batch of a microbatch model that is published by itself. A row of
//! `node_runs` with the status `success` and its relation's new version appear together or not at all.

mod acceptance;
mod batches;
mod carried;
mod cleaning;
mod measures;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

pub use self::acceptance::{AcceptError, Accepted, accept};
pub use self::carried::{of_failed_run, of_later_runs};
pub use self::cleaning::Cleaning;
pub(in crate::run) use self::measures::MeasureRows;
use crate::diagnostics::scrub::Scrubber;
use crate::node::{Relation, quote_identifier, quote_literal};
use crate::warehouse::{Column, Rows, Value, Warehouse, WarehouseError};

/// The schema's name.
pub const SCHEMA: &str = crate::parse::HISTORY_SCHEMA;

/// The last published version of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// Its row count, if it was counted: that of a view is not, unless it was tested.
    pub(super) rows: Option<u64>,
    /// When, in words for people: `2026-11-22 20:15:03 UTC`.
    pub(super) at: String,
    /// Seeds: what the file and its config hash to.
    pub(super) fingerprint: Option<String>,
    /// Its columns, where they are recorded: as [`columns_text`] writes them.
    pub(super) columns: Option<String>,
    /// Which rows it was made of, if not of all: the words of [`crate::batch::RowsRead`].
    pub(super) reads: Option<String>,
    /// Whether it is known what stands at its name; of functions it is not.
    pub(super) is_relation: bool,
}

/// Columns as the history has them: `id INTEGER, name VARCHAR`.
pub(super) fn columns_text(columns: &[Column]) -> String {
    let text = |it: &Column| format!("{} {}", it.name, it.data_type);
    columns.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Where history is written.
#[derive(Clone, Debug)]
pub(super) struct History {
    database: String,
    run_id: String,
    scrubber: Scrubber,
}

/// One row of `node_runs`.
pub(super) struct NodeRow<'a> {
    pub(super) node_id: &'a str,
    pub(super) kind: &'a str,
    pub(super) relation: Option<&'a Relation>,
    /// What was made there, as [`shape`] says it.
    pub(super) made: Option<&'a str>,
    pub(super) status: &'a str,
    pub(super) rows: Option<u64>,
    pub(super) rows_in: Option<u64>,
    pub(super) seconds: f64,
    pub(super) message: Option<&'a str>,
    pub(super) fingerprint: Option<&'a str>,
    pub(super) columns: Option<&'a str>,
    pub(super) reads: Option<&'a str>,
}

/// One row of `source_runs`.
pub(super) struct SourceRow {
    pub(super) source_id: String,
    pub(super) status: &'static str,
    /// RFC 3339 in UTC.
    pub(super) loaded_at: Option<String>,
    pub(super) age: Option<f64>,
    pub(super) rows: Option<u64>,
    pub(super) columns_hash: Option<String>,
    pub(super) message: Option<String>,
}

/// What the last look at a source found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceBefore {
    pub(super) loaded_at: Option<String>,
    pub(super) columns_hash: Option<String>,
}

/// One row of `test_runs`.
pub(super) struct TestRow<'a> {
    pub(super) test_id: &'a str,
    pub(super) node_id: Option<&'a str>,
    pub(super) status: &'a str,
    pub(super) failures: Option<u64>,
    pub(super) seconds: f64,
    pub(super) message: Option<&'a str>,
    /// Some of the failing rows, as they were shown.
    pub(super) samples: Option<&'a Rows>,
    /// Where all of them are kept, and what was made there.
    pub(super) kept_in: Option<(String, Option<String>)>,
}

/// What was asked for when a run began.
#[derive(Clone, Copy)]
pub(super) struct RunRow<'a> {
    pub(super) command: &'a str,
    pub(super) target: &'a str,
    pub(super) project: &'a str,
}

/// What tells a relation from another that somebody puts in its place: its kind, and its columns in order.
pub(super) fn shape(kind: &str, columns: &[Column]) -> String {
    format!("{kind} {}", columns_hash(columns))
}

/// What tells columns apart: their names and types in order.
pub fn columns_hash(columns: &[Column]) -> String {
    let mut hasher = Sha256::new();
    for column in columns {
        hasher.update(format!("{} {}\n", column.name.to_lowercase(), column.data_type));
    }
    let mut text = String::new();
    for byte in hasher.finalize().iter().take(8) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl History {
    pub(super) fn new(database: &str, run_id: &str, scrubber: Scrubber) -> Self {
        Self { database: database.to_owned(), run_id: run_id.to_owned(), scrubber }
    }

    /// A message for people as a value, without secrets.
    fn message(&self, message: Option<&str>) -> String {
        text(message.map(|it| self.scrubber.hide(it)).as_deref())
    }

    fn table(&self, name: &str) -> String {
        Relation::new(&self.database, SCHEMA, name).render()
    }

    /// The statements that make the tables, if they are not there.
    pub(super) fn set_up(&self) -> Vec<String> {
        let schema = format!("{}.{}", quote_identifier(&self.database), quote_identifier(SCHEMA));
        let mut statements = vec![
            format!("create schema if not exists {schema}"),
            self.runs_table(),
            self.node_runs_table(),
            self.test_runs_table(),
            self.batches_table(),
            self.source_runs_table(),
        ];
        statements.extend(self.set_up_measures());
        statements
    }

    fn source_runs_table(&self) -> String {
        format!(
            "create table if not exists {} (run_id varchar, source_id varchar, status varchar, \
             checked_at timestamptz, loaded_at timestamptz, age_seconds double, rows bigint, \
             columns_hash varchar, message varchar)",
            self.table("source_runs")
        )
    }

    fn runs_table(&self) -> String {
        format!(
            "create table if not exists {0} (run_id varchar, command varchar, target varchar, tool_version varchar, \
             started_at timestamptz, finished_at timestamptz, status varchar); \
             alter table {0} add column if not exists project varchar",
            self.table("runs")
        )
    }

    fn node_runs_table(&self) -> String {
        // Databases of earlier versions have the table without the last columns.
        let table = self.table("node_runs");
        let added = ["fingerprint", "columns", "reads", "made"]
            .map(|it| format!("; alter table {table} add column if not exists {it} varchar"));
        format!(
            "create table if not exists {table} (run_id varchar, node_id varchar, kind varchar, relation varchar, \
             status varchar, finished_at timestamptz, rows bigint, rows_in bigint, seconds double, message varchar){}",
            added.concat()
        )
    }

    fn test_runs_table(&self) -> String {
        // Databases of earlier versions have the table without the last columns.
        format!(
            "create table if not exists {0} (run_id varchar, test_id varchar, node_id varchar, status varchar, \
             finished_at timestamptz, failures bigint, seconds double, message varchar); \
             alter table {0} add column if not exists samples varchar; \
             alter table {0} add column if not exists relation varchar; \
             alter table {0} add column if not exists made varchar",
            self.table("test_runs")
        )
    }

    /// The last published version of every node.
    pub(super) fn published(
        &self,
        warehouse: &mut dyn Warehouse,
    ) -> Result<BTreeMap<String, Published>, WarehouseError> {
        let sql = format!(
            "select node_id, arg_max_null(rows, finished_at), \
             strftime(max(finished_at) at time zone 'UTC', '%Y-%m-%d %H:%M:%S UTC'), \
             arg_max_null(fingerprint, finished_at), arg_max_null(columns, finished_at), \
             arg_max_null(reads, finished_at), arg_max_null(made, finished_at) \
             from {} where status = 'success' group by node_id",
            self.table("node_runs")
        );
        let rows = warehouse.query(&sql, None)?.rows;
        Ok(rows.into_iter().filter_map(|row| published(&row)).collect())
    }

    /// What the last look at every source found.
    pub(super) fn sources_before(
        &self,
        warehouse: &mut dyn Warehouse,
    ) -> Result<BTreeMap<String, SourceBefore>, WarehouseError> {
        let sql = format!(
            "select source_id, arg_max_null(strftime(loaded_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'), \
             checked_at), arg_max_null(columns_hash, checked_at) from {} group by source_id",
            self.table("source_runs")
        );
        let text = |value: Option<&Value>| match value {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let rows = warehouse.query(&sql, None)?.rows;
        let before = rows.iter().filter_map(|row| {
            let before = SourceBefore { loaded_at: text(row.get(1)), columns_hash: text(row.get(2)) };
            Some((text(row.first())?, before))
        });
        Ok(before.collect())
    }

    /// One statement for all sources of a run; `None` if there are none.
    pub(super) fn sources(&self, rows: &[SourceRow]) -> Option<String> {
        let values: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "({}, {}, {}, now(), cast({} as timestamptz), {}, {}, {}, {})",
                    quote_literal(&self.run_id),
                    quote_literal(&row.source_id),
                    quote_literal(row.status),
                    text(row.loaded_at.as_deref()),
                    row.age.map_or_else(|| "null".to_owned(), |it| it.to_string()),
                    number(row.rows),
                    text(row.columns_hash.as_deref()),
                    self.message(row.message.as_deref())
                )
            })
            .collect();
        (!values.is_empty())
            .then(|| format!("insert into {} values {}", self.table("source_runs"), values.join(", ")))
    }

    pub(super) fn run_started(&self, run: RunRow<'_>) -> String {
        format!(
            "insert into {} (run_id, command, target, tool_version, started_at, status, project) \
             values ({}, {}, {}, {}, now(), 'running', {})",
            self.table("runs"),
            quote_literal(&self.run_id),
            quote_literal(run.command),
            quote_literal(run.target),
            quote_literal(env!("CARGO_PKG_VERSION")),
            quote_literal(run.project)
        )
    }

    /// A run that is over, in one row: how it ended, how long it took.
    pub(super) fn run_done(&self, run: RunRow<'_>, status: &str, elapsed: Duration) -> String {
        format!(
            "insert into {} (run_id, command, target, tool_version, started_at, finished_at, status, project) \
             values ({}, {}, {}, {}, now() - to_microseconds({}), now(), {}, {})",
            self.table("runs"),
            quote_literal(&self.run_id),
            quote_literal(run.command),
            quote_literal(run.target),
            quote_literal(env!("CARGO_PKG_VERSION")),
            elapsed.as_micros(),
            quote_literal(status),
            quote_literal(run.project)
        )
    }

    pub(super) fn run_finished(&self, status: &str) -> String {
        format!(
            "update {} set finished_at = now(), status = {} where run_id = {}",
            self.table("runs"),
            quote_literal(status),
            quote_literal(&self.run_id)
        )
    }

    /// A query for how often a run has published a node: this run, or another.
    pub(super) fn publications(&self, node_id: &str, run_id: Option<&str>) -> String {
        format!(
            "select count(*) from {} where status = 'success' and node_id = {} and run_id = {}",
            self.table("node_runs"),
            quote_literal(node_id),
            quote_literal(run_id.unwrap_or(&self.run_id))
        )
    }

    /// What a later run is to know of a publication that this one has begun, after so many others of the node.
    pub(super) fn note(&self, before: i64) -> String {
        format!("{} {before}", self.run_id)
    }

    /// Whether the publication with this note was committed, as a query; `None` if it is no note.
    pub(super) fn was_published(&self, node_id: &str, note: &str) -> Option<String> {
        let (run_id, before) = note.split_once(' ')?;
        let before: i64 = before.parse().ok()?;
        Some(format!("select ({}) > {before}", self.publications(node_id, Some(run_id))))
    }

    pub(super) fn node(&self, row: &NodeRow<'_>) -> String {
        format!(
            "insert into {} (run_id, node_id, kind, relation, status, finished_at, rows, rows_in, seconds, message, \
             fingerprint, columns, reads, made) values ({}, {}, {}, {}, {}, now(), {}, {}, {}, {}, {}, {}, {}, {})",
            self.table("node_runs"),
            quote_literal(&self.run_id),
            quote_literal(row.node_id),
            quote_literal(row.kind),
            text(row.relation.map(Relation::render).as_deref()),
            quote_literal(row.status),
            number(row.rows),
            number(row.rows_in),
            row.seconds,
            self.message(row.message),
            text(row.fingerprint),
            text(row.columns),
            text(row.reads),
            text(row.made)
        )
    }

    /// One statement for all tests of a step; `None` if there are none.
    pub(super) fn tests(&self, rows: &[TestRow<'_>]) -> Option<String> {
        let values: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "({}, {}, {}, {}, now(), {}, {}, {}, {}, {}, {})",
                    quote_literal(&self.run_id),
                    quote_literal(row.test_id),
                    text(row.node_id),
                    quote_literal(row.status),
                    number(row.failures),
                    row.seconds,
                    self.message(row.message),
                    self.message(row.samples.filter(|it| !it.rows.is_empty()).map(rows_as_json).as_deref()),
                    text(row.kept_in.as_ref().map(|it| it.0.as_str())),
                    text(row.kept_in.as_ref().and_then(|it| it.1.as_deref()))
                )
            })
            .collect();
        (!values.is_empty()).then(|| {
            format!(
                "insert into {} (run_id, test_id, node_id, status, finished_at, failures, seconds, message, samples, \
                 relation, made) values {}",
                self.table("test_runs"),
                values.join(", ")
            )
        })
    }
}

fn published(row: &[Value]) -> Option<(String, Published)> {
    let [Value::Text(node_id), rows, Value::Text(at), fingerprint, columns, reads, made] = row else {
        return None;
    };
    let rows = rows.as_i64().and_then(|it| u64::try_from(it).ok());
    let text = |it: &Value| match it {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let (fingerprint, columns, reads) = (text(fingerprint), text(columns), text(reads));
    let is_relation = !matches!(made, Value::Null);
    Some((node_id.clone(), Published { rows, at: at.clone(), fingerprint, columns, reads, is_relation }))
}

/// Rows as a JSON array of objects.
fn rows_as_json(rows: &Rows) -> String {
    let value = |it: &Value| match it {
        Value::Null => Json::Null,
        Value::Bool(it) => Json::from(*it),
        Value::Int(it) => i64::try_from(*it).map_or_else(|_| Json::from(it.to_string()), Json::from),
        Value::Float(it) => Json::from(*it),
        Value::Text(it) => Json::from(it.as_str()),
    };
    let object = |row: &Vec<Value>| {
        let fields = rows.columns.iter().zip(row).map(|(column, it)| (column.name.clone(), value(it)));
        Json::Object(fields.collect::<Map<String, Json>>())
    };
    Json::Array(rows.rows.iter().map(object).collect()).to_string()
}

fn text(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), quote_literal)
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(|| "null".to_owned(), |it| it.to_string())
}
