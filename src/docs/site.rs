//! The data of the site, as the page reads it.
//!
//! A page is known by its number, which is its place in [`Index::pages`]. What every view needs is in the
//! index, which is read when the site is opened; what one page alone shows is its [`Detail`], read when it is
//! asked for. Keys are left out where there is nothing to say.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::samples::Sample;
use super::search;

/// A whole site.
#[derive(Debug)]
pub struct Site {
    /// What is read first.
    pub(super) index: Index,
    /// What pages show, by their numbers.
    pub(super) details: Vec<Detail>,
    /// Words and their places.
    pub(super) search: search::Index,
    /// Columns and the edges between them.
    pub(super) columns: ColumnGraph,
}

/// What every view needs.
#[derive(Debug, Serialize)]
pub(super) struct Index {
    pub(super) project: ProjectInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) overview: Option<Json>,
    pub(super) health: Health,
    pub(super) pages: Vec<Page>,
    /// Layer and row of each page in the picture of the whole; `null` for what is not in it.
    pub(super) places: Vec<Option<(u32, f64)>>,
    pub(super) relations: Vec<EntityLink>,
    /// How many pages' details are in one part of the data.
    pub(super) per_part: usize,
    /// How many columns there are, and how many edges between them are known.
    pub(super) n_columns: usize,
    pub(super) n_column_edges: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct ProjectInfo {
    pub(super) name: String,
    pub(super) generated_at: String,
    pub(super) tool: String,
    pub(super) engine: String,
}

/// An entry of the index.
#[derive(Debug, Default, Serialize)]
pub(super) struct Page {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(rename = "pkg")]
    pub(super) package: String,
    /// Folders it is listed under.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) folders: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) schema: String,
    #[serde(rename = "mat", skip_serializing_if = "String::is_empty")]
    pub(super) materialized: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) owner: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) summary: String,
    /// The whole description as written, for the data dictionary.
    #[serde(skip)]
    pub(super) text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) color: String,
    /// How it fared when it was last worked on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<i64>,
    /// Pages that it is made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) up: Vec<usize>,
    /// Tests that read it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tests: Vec<usize>,
    /// Tests: the page it is shown on, and the column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) column: String,
    /// Generic tests: what is tested, as `not_null`; empty if the test has a name of its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) test: String,
    /// How many columns it has.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) n_columns: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What one page alone shows.
#[derive(Debug, Default, Serialize)]
pub(super) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Json>,
    /// Short facts: a word and a value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) facts: Vec<(&'static str, String)>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<ColumnDetail>,
    /// Columns of other pages that decide which rows it has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<(usize, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) arguments: Vec<ArgumentDetail>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) compiled: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) language: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) config: Map<String, Json>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) meta: Map<String, Json>,
    /// Unit tests: inputs and the rows expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fixtures: Vec<Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) macros: Vec<usize>,
    /// Macros: what calls it. Groups: what is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) used_by: Vec<usize>,
    /// Runs, newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) runs: Vec<RunDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sample: Option<Sample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) freshness: Option<FreshnessDetail>,
    /// Why its columns are not known, or not for sure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) doubt: String,
    /// If the origins of its columns are known in part only: why, where there is a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown_origins: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct ColumnDetail {
    pub(super) name: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub(super) data_type: String,
    /// Whether the type is only what a properties file says.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_declared: bool,
    /// Whether a properties file lists it, but the relation has no such column.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_missing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Json>,
    /// The description as written, for the data dictionary.
    #[serde(skip)]
    pub(super) text: String,
    /// The page and column that the description was written for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inherited: Option<(usize, String)>,
    /// The columns that it is made from: page, name, and how.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) from: Vec<(usize, String, u8)>,
    /// Whether it may be made from more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_origin_unknown: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) meta: Map<String, Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) constraints: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tests: Vec<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct ArgumentDetail {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Json>,
}

/// What became of a page's node in a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct RunDetail {
    pub(super) at: String,
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failures: Option<i64>,
    /// Sources: how old it was, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) age: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct FreshnessDetail {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) warn_after: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) error_after: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) field: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) loaded_at: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) checked_at: String,
}

/// How the project is.
#[derive(Debug, Default, Serialize)]
pub(super) struct Health {
    /// The last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<LastRun>,
    /// Runs before and with it, newest last: when, status, seconds, command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) runs: Vec<(String, String, Option<f64>, String)>,
    /// Tests that failed when they were last run.
    pub(super) failing: Vec<usize>,
    /// Tests that warned.
    pub(super) warning: Vec<usize>,
    /// Nodes that could not be made or published.
    pub(super) broken: Vec<usize>,
    /// Nodes that the last run did not come to, because what they are made of failed.
    pub(super) skipped: Vec<usize>,
    /// Sources that were too old, changed or missing when somebody last looked.
    pub(super) stale: Vec<usize>,
    /// What is different from the run before.
    pub(super) changes: Vec<Change>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct LastRun {
    pub(super) command: String,
    pub(super) status: String,
    pub(super) started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) target: String,
    /// How many nodes and tests ended with each status.
    pub(super) nodes: Vec<(String, usize)>,
    pub(super) tests: Vec<(String, usize)>,
}

/// A difference between the last two runs of a node or a test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Change {
    pub(super) page: usize,
    /// `rows`, `status` or `new`.
    pub(super) what: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) before: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) after: String,
}

/// A `relationships` test: a column refers to another.
#[derive(Debug, Serialize)]
pub(super) struct EntityLink {
    pub(super) from: usize,
    pub(super) column: String,
    pub(super) to: usize,
    pub(super) field: String,
    pub(super) test: usize,
}

/// Columns of pages and the edges between them.
#[derive(Debug, Default, Serialize)]
pub(super) struct ColumnGraph {
    /// Names by page; empty for pages without columns.
    pub(super) names: Vec<Vec<String>>,
    /// Page and column read, page and column made, and how.
    pub(super) edges: Vec<(usize, usize, usize, usize, u8)>,
    /// Page and column that decides which rows another page has.
    pub(super) keys: Vec<(usize, usize, usize)>,
    /// Pages whose columns' origins are known in part only.
    pub(super) unknown: Vec<usize>,
}
