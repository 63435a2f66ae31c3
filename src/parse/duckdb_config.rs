//! Config that dbt-duckdb adds, as types: indexes, comments, external files, parameters of table functions.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::parquet_files::{self, ParquetFiles};
use super::properties::texts;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::Materialization;

/// What dbt-duckdb's own config keys say about a node.
#[derive(Clone, Debug, Default)]
pub struct DuckDbConfig {
    /// Indexes of the table.
    pub indexes: Vec<Index>,
    /// Whether the description becomes a comment in the database.
    pub comments_on_relation: bool,
    /// Whether descriptions of columns do.
    pub comments_on_columns: bool,
    /// Statements to run before the one that makes the relation.
    pub sql_header: Option<Spanned<String>>,
    /// DuckLake: expressions that the table's files are partitioned by.
    pub partitioned_by: Vec<String>,
    /// DuckLake: columns that the table's files are sorted by.
    pub sorted_by: Vec<String>,
    /// Names of a table function's parameters, perhaps with defaults.
    pub parameters: Vec<String>,
    /// Where and how an external model is written.
    pub external: External,
    /// Incremental models and snapshots: the files that their rows are kept in, if they are in no table.
    pub files: Option<ParquetFiles>,
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Columns or expressions.
    pub columns: Vec<String>,
    /// Whether no value may be there twice.
    pub is_unique: bool,
    /// Where it is written.
    pub span: Span,
}

/// Where and how an external model is written.
#[derive(Clone, Debug, Default)]
pub struct External {
    /// The file, or the folder of partitions.
    pub location: Option<String>,
    /// `parquet`, `csv` or `json`, where set.
    pub format: Option<Spanned<String>>,
    /// Options of `copy ... to`, in the order given.
    pub options: Vec<(String, String)>,
    /// Options of the function that reads the files, by its name.
    pub read_options: BTreeMap<&'static str, Map<String, Json>>,
}

/// The functions that read what was written, with the config key of their options.
pub const READERS: [(&str, &str); 3] =
    [("parquet", "parquet_read_options"), ("csv", "csv_read_options"), ("json", "json_read_options")];

/// Reads the config.
pub(super) fn read(
    diags: &mut Diagnostics,
    values: &BTreeMap<String, Spanned<Json>>,
    materialized: Option<Materialization>,
) -> DuckDbConfig {
    let get = |key: &str| values.get(key).filter(|it| !it.value.is_null());
    let list = |keys: [&str; 2]| {
        let found = keys.into_iter().find_map(get);
        found.map(|it| texts(&it.value).iter().flat_map(|it| parts(it)).collect()).unwrap_or_default()
    };
    let comments = |what: &str| get("persist_docs").and_then(|it| it.value.get(what)?.as_bool());
    let header = get("sql_header").and_then(|it| Some(Spanned::new(it.value.as_str()?.to_owned(), it.span)));
    let external = match materialized {
        Some(Materialization::External) => external(diags, values),
        _ => External::default(),
    };
    DuckDbConfig {
        indexes: get("indexes").map(|it| indexes(diags, it)).unwrap_or_default(),
        comments_on_relation: comments("relation").unwrap_or(false),
        comments_on_columns: comments("columns").unwrap_or(false),
        sql_header: header,
        partitioned_by: list(["partitioned_by", "partition_by"]),
        sorted_by: list(["sorted_by", "sort_by"]),
        parameters: get("parameters").map(|it| texts(&it.value)).unwrap_or_default(),
        external,
        files: match materialized {
            Some(Materialization::Incremental) => parquet_files::read(diags, values),
            _ => None,
        },
    }
}

/// `a, b(c, d)` at the commas outside of brackets.
fn parts(text: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0_usize, vec![String::new()]);
    for it in text.chars() {
        match it {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(it);
        }
    }
    parts.into_iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

fn indexes(diags: &mut Diagnostics, written: &Spanned<Json>) -> Vec<Index> {
    const KEYS: [&str; 3] = ["columns", "unique", "type"];
    let single = [written.value.clone()];
    let items = written.value.as_array().map_or(&single[..], Vec::as_slice);
    let mut indexes = Vec::new();
    for item in items {
        let columns = item.get("columns").map(texts).unwrap_or_default();
        if columns.is_empty() {
            diags.push(
                Diagnostic::error("invalid-index", "an index needs `columns`")
                    .at(written.span, "set here")
                    .help("write `indexes: [{columns: [id], unique: true}]`, say"),
            );
            continue;
        }
        let keys = item.as_object().into_iter().flatten().map(|it| it.0);
        for key in keys.filter(|it| !KEYS.contains(&it.as_str())) {
            diags.push(
                Diagnostic::error("invalid-index", format!("`{key}` is not a key of an index"))
                    .at(written.span, "set here")
                    .help_opt(suggest::did_you_mean(key, KEYS)),
            );
        }
        let is_unique = item.get("unique").and_then(Json::as_bool).unwrap_or(false);
        indexes.push(Index { columns, is_unique, span: written.span });
    }
    indexes
}

fn external(diags: &mut Diagnostics, values: &BTreeMap<String, Spanned<Json>>) -> External {
    let get = |key: &str| values.get(key).filter(|it| !it.value.is_null());
    for key in ["plugin", "glue_register"] {
        if let Some(value) = get(key).filter(|it| it.value != Json::Bool(false)) {
            diags.push(
                Diagnostic::error(
                    "unsupported-config",
                    format!("the config `{key}` needs plugins, which need Python"),
                )
                .at(value.span, "set here")
                .help("leave it out: the files are written all the same"),
            );
        }
    }
    let format = get("format").and_then(|it| Some(Spanned::new(it.value.as_str()?.to_owned(), it.span)));
    if let Some(format) = &format
        && !READERS.iter().any(|it| it.0 == format.value)
    {
        diags.push(
            Diagnostic::error(
                "invalid-value",
                format!("`{}` is not a format of external models", format.value),
            )
            .at(format.span, "write one of parquet, csv, json")
            .help_opt(suggest::did_you_mean(&format.value, READERS.map(|it| it.0))),
        );
    }
    let mut options = Vec::new();
    match get("options") {
        Some(Spanned { value: Json::Object(entries), .. }) => {
            options.extend(entries.iter().map(|(key, value)| (key.clone(), option_text(value))));
        }
        Some(other) => diags.push(
            Diagnostic::error("wrong-type", "the config `options` must be a mapping")
                .at(other.span, "set here"),
        ),
        None => {}
    }
    // Two options have keys of their own, which win.
    for key in ["format", "delimiter"] {
        if let Some(value) = get(key) {
            options.retain(|it| it.0 != key);
            options.push((key.to_owned(), option_text(&value.value)));
        }
    }
    let read_options =
        READERS.iter().filter_map(|(name, key)| Some((*name, get(key)?.value.as_object()?.clone())));
    External {
        location: get("location").and_then(|it| it.value.as_str()).map(str::to_owned),
        format,
        options,
        read_options: read_options.collect(),
    }
}

/// An option as `copy` takes it.
pub(super) fn option_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => format!("({})", items.iter().map(option_text).collect::<Vec<_>>().join(", ")),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn commas_in_brackets_do_not_divide() {
        assert_eq!(parts("year(a), bucket(8, b) ,c"), ["year(a)", "bucket(8, b)", "c"]);
    }
}
