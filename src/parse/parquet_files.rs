//! `location` of incremental models and snapshots: their rows are kept in Parquet files instead of a table.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::duckdb_config::option_text;
use super::incremental::{Incremental, Strategy};
use super::properties::texts;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned};

/// Where and how the rows of a node are kept in Parquet files.
#[derive(Clone, Debug, PartialEq)]
pub struct ParquetFiles {
    /// The folder, or the file.
    pub location: String,
    /// Options of `copy`, in the order given, without those that have a field here.
    pub options: Vec<(String, String)>,
    /// Columns that the files are partitioned by.
    pub partition_by: Vec<String>,
    /// Options of `read_parquet`.
    pub read_options: Map<String, Json>,
}

impl ParquetFiles {
    /// Whether it is a folder of files: all but a location that names a file.
    pub fn is_folder(&self) -> bool {
        !self.location.to_lowercase().ends_with(".parquet")
    }

    /// An option of `copy` that says in how many files rows are written.
    pub fn has_several_files(&self) -> bool {
        let is_one = |it: &str| ["per_thread_output", "file_size_bytes"].contains(&it);
        !self.partition_by.is_empty() || self.options.iter().any(|it| is_one(&it.0.to_lowercase()))
    }
}

/// Options that say which files stay, which is the strategy's business, and how files are called, which is ours.
const REFUSED: [&str; 6] =
    ["append", "overwrite", "overwrite_or_ignore", "filename_pattern", "file_extension", "return_files"];

/// Reads the config of an incremental model or a snapshot; `None` if its rows are in a table.
pub(super) fn read(
    diags: &mut Diagnostics,
    values: &BTreeMap<String, Spanned<Json>>,
) -> Option<ParquetFiles> {
    let get = |key: &str| values.get(key).filter(|it| !it.value.is_null());
    // Other keys may be set for a folder of models, most of which are external.
    let location = get("location")?;
    let mut reader = Reader { diags };
    if let Some(format) = get("format").filter(|it| it.value.as_str() != Some("parquet")) {
        reader.refuse(format, "rows that are kept in files are kept in Parquet only", "remove `format`");
    }
    let location = reader.location(location)?;
    let mut options = Vec::new();
    let mut partition_by = get("partition_by").map(|it| columns(&it.value)).unwrap_or_default();
    if let Some(given) = get("options") {
        let Json::Object(entries) = &given.value else {
            let message = "the config `options` must be a mapping";
            reader.diags.push(Diagnostic::error("wrong-type", message).at(given.span, "set here"));
            return None;
        };
        for (key, value) in entries {
            match key.to_lowercase().as_str() {
                "partition_by" => partition_by = columns(value),
                "format" => {}
                name if REFUSED.contains(&name) => reader.refuse(
                    given,
                    &format!("the option `{key}` cannot be set where rows are kept in files"),
                    "which files are replaced is decided by `incremental_strategy`, and each has a name of its own",
                ),
                _ => options.push((key.clone(), option_text(value))),
            }
        }
    }
    let read_options = get("parquet_read_options").and_then(|it| it.value.as_object().cloned());
    let files =
        ParquetFiles { location, options, partition_by, read_options: read_options.unwrap_or_default() };
    if !files.is_folder() && files.has_several_files() {
        let place = get("options").or_else(|| get("partition_by")).or_else(|| get("location"));
        if let Some(place) = place {
            let help = "name a folder in `location`";
            reader.refuse(place, "one file cannot be partitioned or written in several parts", help);
        }
    }
    for key in ["indexes", "partitioned_by", "sorted_by"] {
        if let Some(value) = get(key) {
            let message = format!("the config `{key}` is for tables, and the rows are kept in files");
            reader.refuse(value, &message, "remove it, or `location`");
        }
    }
    Some(files)
}

/// What `incremental_strategy` needs of the files.
pub(super) fn check_strategy(
    diags: &mut Diagnostics,
    values: &BTreeMap<String, Spanned<Json>>,
    incremental: &Incremental,
    files: Option<&ParquetFiles>,
) {
    let Some(written) = values.get("incremental_strategy") else { return };
    if incremental.strategy == Strategy::InsertOverwrite && files.is_none_or(|it| it.partition_by.is_empty())
    {
        diags.push(
            Diagnostic::error(
                "missing-config",
                "the strategy `insert_overwrite` replaces partitions of files",
            )
            .at(written.span, "set here")
            .help("add `location: lake/sales` and `partition_by: day`, say, or use `delete+insert`"),
        );
    }
    if incremental.strategy == Strategy::Custom && files.is_some() {
        diags.push(
            Diagnostic::error("unsupported-config", "a strategy of the project's own writes to a table")
                .at(written.span, "set here")
                .help("remove `location`, or use a built-in strategy"),
        );
    }
}

/// Who writes both in one place may expect the files of an external model to be added to.
pub(super) fn hint_at_incremental(diags: &mut Diagnostics, values: &BTreeMap<String, Spanned<Json>>) {
    let (Some(strategy), Some(materialized)) =
        (values.get("incremental_strategy"), values.get("materialized"))
    else {
        return;
    };
    if strategy.span.file == materialized.span.file && !strategy.value.is_null() {
        let message =
            "`incremental_strategy` has no effect on an external model: all its files are written anew";
        diags.push(
            Diagnostic::warning("unused-config", message)
                .at(strategy.span, "set here")
                .help("write `materialized: incremental` beside `location`: then its rows are kept in files"),
        );
    }
}

/// A macro that makes the node knows of tables only.
pub(super) fn made_by_macro(values: &BTreeMap<String, Spanned<Json>>, otherwise: Span) -> Diagnostic {
    let place = values.get("location").map_or(otherwise, |it| it.span);
    Diagnostic::error("unsupported-config", "a macro of the project makes this, and it writes to a table")
        .at(place, "set here")
        .help("remove `location`, or the macro that stands in for one of dbt's")
}

struct Reader<'d> {
    diags: &'d mut Diagnostics,
}

impl Reader<'_> {
    fn refuse(&mut self, value: &Spanned<Json>, message: &str, help: &str) {
        self.diags.push(
            Diagnostic::error("unsupported-config", message.to_owned()).at(value.span, "set here").help(help),
        );
    }

    fn location(&mut self, value: &Spanned<Json>) -> Option<String> {
        let text = value.value.as_str().map(str::trim).unwrap_or_default();
        let text = text.trim_end_matches('/');
        if text.is_empty() || text.ends_with("..") {
            let message = "the config `location` must be the path of a folder or a file";
            self.diags.push(Diagnostic::error("wrong-type", message).at(value.span, "set here"));
            return None;
        }
        if text.contains("://") {
            self.refuse(
                value,
                "rows can be kept in files of this machine only: elsewhere nothing can be renamed, so a failing \
                 test could not leave the old files as they were",
                "use a DuckLake, or `materialized: external`, which writes all files anew",
            );
        } else if text.contains(['*', '?', '[', ']', '{']) {
            self.refuse(value, "this location is a pattern", "name the folder: all its files are read");
        } else {
            let name = text.rsplit(['/', '\\']).next().unwrap_or(text).to_lowercase();
            let other = [".csv", ".json", ".csv.gz", ".json.gz"].into_iter().find(|it| name.ends_with(it));
            if other.is_some() {
                let help = "name a folder, or a file whose name ends with `.parquet`";
                self.refuse(value, "rows that are kept in files are kept in Parquet only", help);
            }
        }
        Some(text.to_owned())
    }
}

/// Names of columns: a list, or a text with commas, perhaps in brackets.
fn columns(value: &Json) -> Vec<String> {
    let split = |text: &String| {
        let text = text.trim().trim_start_matches('(').trim_end_matches(')').to_owned();
        text.split(',').map(|it| it.trim().trim_matches('"').to_owned()).collect::<Vec<_>>()
    };
    texts(value).iter().flat_map(split).filter(|it| !it.is_empty()).collect()
}
