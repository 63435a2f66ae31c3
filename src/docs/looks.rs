//! How sources were when somebody looked at them: every run looks (the history), and `source freshness` does.
//!
//! The words of both are made one: `good`, `warn`, `stale`, `changed`, `missing`, `error`.

use std::collections::BTreeMap;

use super::results::SourceResult;
use super::site::RunDetail;
use crate::past::{History, SourceRun};

/// Looks at each source, by unique id, newest last.
pub(super) type Looks = BTreeMap<String, Vec<Look>>;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) at: String,
    pub(super) status: String,
    pub(super) loaded_at: Option<String>,
    /// In seconds.
    pub(super) age: Option<f64>,
    pub(super) rows: Option<i64>,
    pub(super) message: Option<String>,
}

/// The looks of the history, and that of `sources.json`.
pub(super) fn of_sources(history: Option<&History>, sources: BTreeMap<String, SourceResult>) -> Looks {
    let runs = history.into_iter().flat_map(|it| &it.sources);
    let mut looks: Looks = runs.map(|(id, runs)| (id.clone(), runs.iter().map(of_run).collect())).collect();
    for (id, result) in sources {
        let look = of_result(result);
        let known = looks.entry(id).or_default();
        // Both times are in UTC, and written alike as far as the second, but not beyond it.
        let second = |it: &Look| it.at.get(..19).unwrap_or_default().to_owned();
        let place = known.partition_point(|it| second(it) <= second(&look));
        known.insert(place, look);
    }
    looks
}

fn of_run(run: &SourceRun) -> Look {
    Look {
        at: run.checked_at.clone(),
        status: run.status.clone(),
        loaded_at: run.loaded_at.clone(),
        age: run.age,
        rows: run.rows,
        message: run.message.clone(),
    }
}

fn of_result(result: SourceResult) -> Look {
    let status = match result.status.as_str() {
        "pass" => "good",
        "error" => "stale",
        "runtime error" => "error",
        other => other,
    };
    Look {
        at: result.snapshotted_at.unwrap_or_default(),
        status: status.to_owned(),
        loaded_at: result.max_loaded_at,
        age: result.age,
        rows: None,
        message: result.error,
    }
}

impl Look {
    /// As a page shows it among others.
    pub(super) fn detail(&self) -> RunDetail {
        RunDetail {
            at: self.at.clone(),
            status: self.status.clone(),
            rows: self.rows,
            age: self.age,
            message: self.message.clone(),
            ..RunDetail::default()
        }
    }
}
