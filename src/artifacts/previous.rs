//! What `run_results.json` of an earlier run says: what is to be tried again, and with which flags.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::{OutputError, state};

/// An earlier run, by this program or by dbt.
#[derive(Clone, Debug, Default)]
pub struct PreviousRun {
    /// The flags of its command, under the names that artifacts have for them.
    pub args: BTreeMap<String, Json>,
    /// When it began, RFC 3339.
    pub began_at: Option<String>,
    /// Unique ids of what it worked on, with the status.
    pub results: Vec<(String, String)>,
}

impl PreviousRun {
    /// A flag's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.args.get(name).and_then(Json::as_str)
    }

    /// Whether a flag was set.
    pub fn is_set(&self, name: &str) -> bool {
        self.args.get(name).and_then(Json::as_bool).unwrap_or(false)
    }
}

/// Reads the run results in a folder; `None` if there are none.
pub fn read_previous_run(dir: &Path) -> Result<Option<PreviousRun>, OutputError> {
    let Some(file) = state::read(dir, "run_results.json")? else { return Ok(None) };
    let metadata = file.get("metadata");
    let text = |key: &str| metadata.and_then(|it| it.get(key)).and_then(Json::as_str).map(str::to_owned);
    let args = file.get("args").and_then(Json::as_object).into_iter().flatten();
    Ok(Some(PreviousRun {
        args: args.map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
        began_at: text("invocation_started_at").or_else(|| text("generated_at")),
        results: state::list(Some(&file), "results").filter_map(|it| state::pair(it, "status")).collect(),
    }))
}
