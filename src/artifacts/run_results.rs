//! `run_results.json`: what became of every node and test of a run.

use jiff::civil::DateTime;
use serde::Serialize;
use serde_json::Value as Json;

use super::Stamp;
use super::metadata::Metadata;
use crate::batch::Batch;
use crate::compile::{Compiled, is_ephemeral};
use crate::graph::{Graph, Node};
use crate::node::{Materialization, NodeKind, Relation};
use crate::parse::Body;
use crate::project::Project;
use crate::run::{BatchResults, NodeResult, OperationResult, RunResults, Status};

const SCHEMA: &str = "https://schemas.getdbt.com/dbt/run-results/v6.json";

/// The content of `run_results.json`.
#[derive(Serialize)]
pub struct RunResultsFile<'a> {
    metadata: Metadata<'a>,
    results: Vec<ResultEntry<'a>>,
    elapsed_time: f64,
    args: &'a Json,
}

#[derive(Serialize)]
struct ResultEntry<'a> {
    status: &'static str,
    timing: Vec<Timing<'a>>,
    thread_id: String,
    execution_time: f64,
    adapter_response: AdapterResponse,
    message: Option<String>,
    failures: Option<u64>,
    unique_id: &'a str,
    compiled: Option<bool>,
    compiled_code: Option<&'a str>,
    relation_name: Option<String>,
    /// Microbatch models: windows of time that were published, and that were not.
    batch_results: Option<BatchEntries>,
}

#[derive(Serialize)]
struct BatchEntries {
    successful: Vec<[String; 2]>,
    failed: Vec<[String; 2]>,
}

#[derive(Serialize)]
struct Timing<'a> {
    name: &'static str,
    started_at: &'a str,
    completed_at: &'a str,
}

#[derive(Default, Serialize)]
struct AdapterResponse {
    #[serde(rename = "_message", skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_affected: Option<u64>,
}

/// Run results as dbt shows them. Sources are left out, their freshness is an artifact of its own; so are
/// ephemeral models, unless something is wrong with them.
pub fn run_results<'a>(
    project: &'a Project,
    graph: &'a Graph,
    compiled: &'a Compiled,
    results: &'a RunResults,
    stamp: &'a Stamp,
) -> RunResultsFile<'a> {
    let is_shown = |it: &&NodeResult| {
        let node = graph.node(it.node);
        node.kind != NodeKind::Source && (!is_ephemeral(node) || it.status == Status::Error)
    };
    RunResultsFile {
        metadata: Metadata::new(SCHEMA, project, stamp),
        results: results
            .before
            .iter()
            .map(of_operation)
            .chain(results.results.iter().filter(is_shown).map(|it| entry(graph, compiled, it)))
            .chain(results.after.iter().map(of_operation))
            .collect(),
        elapsed_time: results.elapsed.as_secs_f64(),
        args: &stamp.args,
    }
}

fn entry<'a>(graph: &'a Graph, compiled: &'a Compiled, result: &'a NodeResult) -> ResultEntry<'a> {
    let node = graph.node(result.node);
    let was_worked_on = result.status != Status::Skipped;
    let sql = compiled.nodes.get(&result.node).filter(|_| was_worked_on).map(|it| it.sql.text.as_str());
    let has_sql = match node.body {
        Body::Model { .. }
        | Body::Snapshot(_)
        | Body::Function(_)
        | Body::Test(_)
        | Body::Analysis { .. } => true,
        // As in dbt, one that could not be run was not compiled.
        Body::UnitTest(_) => sql.is_some() && result.status != Status::Error,
        Body::Seed | Body::Source(_) | Body::Exposure(_) | Body::Semantic(_) => false,
    };
    let relation = node
        .relation
        .as_ref()
        .filter(|_| matches!(node.kind, NodeKind::Model | NodeKind::Snapshot | NodeKind::Function));
    let message = result.message.clone().or_else(|| success_message(node, result));
    ResultEntry {
        status: result.status.as_str(),
        timing: timing(result),
        thread_id: format!("Thread-{}", result.worker + 1),
        execution_time: result.elapsed.as_secs_f64(),
        adapter_response: adapter_response(node, result),
        message,
        failures: if result.status == Status::NoOp { Some(0) } else { result.failures },
        unique_id: node.unique_id.as_str(),
        compiled: has_sql.then_some(sql.is_some()),
        compiled_code: sql.filter(|_| has_sql),
        relation_name: relation.map(Relation::written),
        batch_results: result.batches.as_ref().map(batch_entries),
    }
}

fn batch_entries(results: &BatchResults) -> BatchEntries {
    let time = |it: DateTime| it.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let entries = |batches: &[Batch]| batches.iter().map(|it| [time(it.start), time(it.end)]).collect();
    BatchEntries { successful: entries(&results.successful), failed: entries(&results.failed) }
}

/// An operation or one of the project's own hooks.
fn of_operation(result: &OperationResult) -> ResultEntry<'_> {
    let (started_at, completed_at) = (result.started_at.as_str(), result.completed_at.as_str());
    let times = [("compile", started_at), ("execute", completed_at)];
    let timing = times.map(|(name, completed_at)| Timing { name, started_at, completed_at });
    ResultEntry {
        status: result.status.as_str(),
        timing: if started_at.is_empty() { Vec::new() } else { timing.into() },
        thread_id: "main".to_owned(),
        execution_time: result.elapsed.as_secs_f64(),
        adapter_response: AdapterResponse::default(),
        message: result.message.clone(),
        failures: Some(u64::from(result.status != Status::Success)),
        unique_id: &result.unique_id,
        compiled: Some(false),
        compiled_code: None,
        relation_name: None,
        batch_results: None,
    }
}

/// Templates are rendered before the run, so that compiling takes no time of it.
fn timing(result: &NodeResult) -> Vec<Timing<'_>> {
    if result.started_at.is_empty() {
        return Vec::new();
    }
    let (started_at, completed_at) = (result.started_at.as_str(), result.completed_at.as_str());
    vec![
        Timing { name: "compile", started_at, completed_at: started_at },
        Timing { name: "execute", started_at, completed_at },
    ]
}

fn success_message(node: &Node, result: &NodeResult) -> Option<String> {
    match (result.status, node.kind, result.rows) {
        (Status::Success, NodeKind::Seed, Some(rows)) => Some(format!("INSERT {rows}")),
        (Status::Success, ..) => Some("OK".to_owned()),
        (
            Status::PartialSuccess
            | Status::Error
            | Status::Skipped
            | Status::NoOp
            | Status::Pass
            | Status::Warn
            | Status::Fail,
            ..,
        ) => None,
    }
}

fn adapter_response(node: &Node, result: &NodeResult) -> AdapterResponse {
    match result.status {
        // Nothing was asked of the database.
        Status::Success if result.message.is_some() => {
            AdapterResponse { message: result.message.clone(), ..AdapterResponse::default() }
        }
        Status::Success => AdapterResponse {
            message: success_message(node, result),
            code: (node.kind == NodeKind::Seed).then_some("INSERT"),
            rows_affected: result.rows.filter(|_| has_rows(node)),
        },
        Status::Pass | Status::Warn | Status::Fail => {
            AdapterResponse { message: Some("OK".to_owned()), ..AdapterResponse::default() }
        }
        Status::PartialSuccess | Status::Error | Status::Skipped | Status::NoOp => AdapterResponse::default(),
    }
}

/// A view's rows are only counted by its tests; making it affects none.
fn has_rows(node: &Node) -> bool {
    match &node.body {
        Body::Model { materialized, .. } => {
            matches!(materialized, Materialization::Table | Materialization::Incremental)
        }
        Body::Seed | Body::Snapshot(_) => true,
        Body::Source(_)
        | Body::Function(_)
        | Body::Test(_)
        | Body::Analysis { .. }
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => false,
    }
}
