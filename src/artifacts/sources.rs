//! `sources.json`: how fresh sources are, as dbt's `source freshness` leaves it.

use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use super::Stamp;
use super::metadata::Metadata;
use crate::graph::Graph;
use crate::parse::properties::{Age, FreshnessRule};
use crate::project::Project;
use crate::run::sources::{SourceFreshness, SourceFreshnessStatus};

const SCHEMA: &str = "https://schemas.getdbt.com/dbt/sources/v3.json";

/// What dbt says of a source without rows: the first moment that it knows.
const LONG_AGO: &str = "0001-01-01T00:00:00Z";

/// The content of `sources.json`.
#[derive(Serialize)]
pub struct SourcesFile<'a> {
    metadata: Metadata<'a>,
    results: Vec<Entry<'a>>,
    elapsed_time: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Measured(Box<Measured<'a>>),
    Fault { unique_id: &'a str, error: Option<&'a str>, status: &'static str },
}

#[derive(Serialize)]
struct Measured<'a> {
    unique_id: &'a str,
    max_loaded_at: &'a str,
    snapshotted_at: &'a str,
    max_loaded_at_time_ago_in_s: f64,
    status: &'static str,
    criteria: Criteria<'a>,
    adapter_response: AdapterResponse,
    timing: [Timing<'a>; 2],
    thread_id: &'static str,
    execution_time: f64,
}

#[derive(Serialize)]
struct Criteria<'a> {
    warn_after: Threshold,
    error_after: Threshold,
    filter: Option<&'a str>,
}

#[derive(Serialize)]
struct Threshold {
    count: Option<u32>,
    period: Option<&'static str>,
}

#[derive(Serialize)]
struct AdapterResponse {
    #[serde(rename = "_message")]
    message: &'static str,
}

#[derive(Serialize)]
struct Timing<'a> {
    name: &'static str,
    started_at: &'a str,
    completed_at: &'a str,
}

/// The results in the order given.
pub fn sources<'a>(
    project: &'a Project,
    graph: &'a Graph,
    results: &'a [SourceFreshness],
    elapsed: std::time::Duration,
    stamp: &'a Stamp,
) -> SourcesFile<'a> {
    SourcesFile {
        metadata: Metadata::new(SCHEMA, project, stamp),
        results: results.iter().map(|it| entry(graph, it)).collect(),
        elapsed_time: elapsed.as_secs_f64(),
    }
}

fn entry<'a>(graph: &'a Graph, result: &'a SourceFreshness) -> Entry<'a> {
    let unique_id = graph.node(result.source).unique_id.as_str();
    let status = result.status.as_str();
    if result.status == SourceFreshnessStatus::RuntimeError {
        return Entry::Fault { unique_id, error: result.message.as_deref(), status };
    }
    let (started_at, completed_at) = (result.started_at.as_str(), result.completed_at.as_str());
    let asked_at = result.loaded.asked_at.as_str();
    Entry::Measured(Box::new(Measured {
        unique_id,
        max_loaded_at: result.loaded.at.as_deref().unwrap_or(LONG_AGO),
        snapshotted_at: asked_at,
        max_loaded_at_time_ago_in_s: result.loaded.age.unwrap_or_else(|| since_long_ago(asked_at)),
        status,
        criteria: Criteria::of(&result.rule),
        adapter_response: AdapterResponse { message: "OK" },
        timing: [
            Timing { name: "compile", started_at, completed_at: started_at },
            Timing { name: "execute", started_at, completed_at },
        ],
        thread_id: "Thread-1",
        execution_time: result.elapsed.as_secs_f64(),
    }))
}

fn since_long_ago(asked_at: &str) -> f64 {
    let seconds = |text: &str| Timestamp::from_str(text).map_or(0.0, |it| it.as_duration().as_secs_f64());
    seconds(asked_at) - seconds(LONG_AGO)
}

impl<'a> Criteria<'a> {
    fn of(rule: &'a FreshnessRule) -> Self {
        let threshold =
            |age: Option<Age>| Threshold { count: age.map(|it| it.count), period: age.map(Age::unit) };
        Self {
            warn_after: threshold(rule.warn_after),
            error_after: threshold(rule.error_after),
            filter: rule.filter.as_deref(),
        }
    }
}
