//! What the artifacts of earlier commands tell: `run_results.json` and `sources.json`.
//!
//! Missing or unreadable files are no fault: then nothing is known.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The last run, as `run_results.json` has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunResults {
    pub(super) metadata: Metadata,
    /// In the order of their ids.
    pub(super) results: Vec<RunResult>,
    pub(super) elapsed_time: f64,
    pub(super) args: Arguments,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) generated_at: String,
    pub(super) invocation_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Arguments {
    pub(super) which: String,
    pub(super) target: Option<String>,
}

/// What became of a node or a test.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunResult {
    pub(super) unique_id: String,
    pub(super) status: String,
    pub(super) message: Option<String>,
    pub(super) failures: Option<u64>,
    pub(super) execution_time: f64,
    adapter_response: AdapterResponse,
    timing: Vec<Timing>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AdapterResponse {
    rows_affected: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Timing {
    name: String,
    completed_at: Option<String>,
}

impl RunResults {
    /// What became of one node or test.
    pub(super) fn of(&self, id: &str) -> Option<&RunResult> {
        let at = self.results.binary_search_by(|it| it.unique_id.as_str().cmp(id)).ok()?;
        self.results.get(at)
    }
}

impl RunResult {
    /// Rows of the new version, where they were counted.
    pub(super) fn rows(&self) -> Option<u64> {
        self.adapter_response.rows_affected
    }

    /// When the work was done.
    pub(super) fn completed_at(&self) -> Option<&str> {
        let execute = self.timing.iter().find(|it| it.name == "execute");
        execute.and_then(|it| it.completed_at.as_deref())
    }
}

/// How fresh sources were when `sources.json` was written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sources {
    results: Vec<SourceResult>,
}

/// One source's table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceResult {
    pub(super) unique_id: String,
    /// `pass`, `warn`, `error` or `runtime error`.
    pub(super) status: String,
    pub(super) max_loaded_at: Option<String>,
    pub(super) snapshotted_at: Option<String>,
    /// In seconds.
    #[serde(rename = "max_loaded_at_time_ago_in_s")]
    pub(super) age: Option<f64>,
    /// What the engine said, if it could not be looked at.
    pub(super) error: Option<String>,
}

/// Reads `run_results.json`.
pub(super) fn run_results(text: Option<&str>) -> Option<RunResults> {
    let mut read: RunResults = text.and_then(|it| serde_json::from_str(it).ok())?;
    read.results.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
    Some(read)
}

/// Reads `sources.json`, by the sources' ids.
pub(super) fn sources(text: Option<&str>) -> BTreeMap<String, SourceResult> {
    let read: Sources = text.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    read.results.into_iter().map(|it| (it.unique_id.clone(), it)).collect()
}
