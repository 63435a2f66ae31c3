//! Runs a query to be measured: `explain analyze`, and what its JSON says in Tidemill's words.

use std::time::Duration;

use serde_json::Value as Json;

use super::{DuckDb, failure, profile};
use crate::warehouse::profile::{Operator, OperatorKind, Profile, Scan};
use crate::warehouse::{ErrorKind, WarehouseError};

/// What is measured.
const METRICS: &str = r#"
    pragma custom_profiling_settings =
        '{"LATENCY": "true", "CPU_TIME": "true", "TOTAL_BYTES_READ": "true", "SYSTEM_PEAK_BUFFER_MEMORY": "true",
          "SYSTEM_PEAK_TEMP_DIR_SIZE": "true", "OPERATOR_NAME": "true", "OPERATOR_TYPE": "true",
          "OPERATOR_CARDINALITY": "true", "OPERATOR_ROWS_SCANNED": "true", "OPERATOR_TIMING": "true",
          "RESULT_SET_SIZE": "true", "EXTRA_INFO": "true"}'
"#;

/// What stands before the query, in its first line.
const EXPLAIN: &str = "explain (analyze, format json) ";

/// Runs a query on this connection, drops its rows and gives what was measured. A `pivot` whose columns come from the
/// data is two statements, of which the engine explains neither.
pub(super) fn profile(database: &DuckDb, sql: &str) -> Result<Option<Profile>, WarehouseError> {
    database.run(METRICS)?;
    let text = explained(database, sql);
    profile::enable(&database.connection).map_err(|error| database.fail(error, ""))?;
    let Some(text) = text? else { return Ok(None) };
    let json: Json = serde_json::from_str(&text).map_err(|error| WarehouseError {
        kind: ErrorKind::Sql,
        message: format!("the engine's profile cannot be read: {error}"),
        position: None,
    })?;
    Ok(Some(read(&json)))
}

fn explained(database: &DuckDb, sql: &str) -> Result<Option<String>, WarehouseError> {
    let statement = format!("{EXPLAIN}{sql}");
    let run = || -> ::duckdb::Result<Option<String>> {
        let mut statement = database.connection.prepare(&statement)?;
        let mut rows = statement.query([])?;
        // The first column says which plan it is.
        rows.next()?.map(|row| row.get(1)).transpose()
    };
    run().map_err(|error| failure::from_wrapped(error, sql, EXPLAIN.len(), &database.shared.manner))
}

fn read(json: &Json) -> Profile {
    // Below the query as a whole stands what explains it, and below that the query.
    let root = inputs(json).first().and_then(|it| inputs(it).first());
    Profile {
        elapsed: seconds(json, "latency"),
        busy: seconds(json, "cpu_time"),
        bytes_read: number(json, "total_bytes_read"),
        peak_memory: number(json, "system_peak_buffer_memory"),
        spilled: number(json, "system_peak_temp_dir_size"),
        root: root.map(operator).unwrap_or_default(),
    }
}

fn operator(json: &Json) -> Operator {
    let found: Vec<Operator> = inputs(json).iter().map(operator).collect();
    let kind = text(json, "operator_type");
    let (mut rows, mut bytes) = (number(json, "operator_cardinality"), number(json, "result_set_size"));
    match (kind, found.last()) {
        // It hands on what its query makes, which counts as that one's.
        ("CTE", Some(query)) => (rows, bytes) = (query.rows, query.bytes),
        ("UNION", Some(_)) => bytes = found.iter().map(|it| it.bytes).sum(),
        _ => {}
    }
    Operator {
        kind: operator_kind(kind, json),
        name: text(json, "operator_name").trim().to_ascii_lowercase().replace('_', " "),
        rows,
        bytes,
        busy: seconds(json, "operator_timing"),
        inputs: found,
    }
}

fn operator_kind(kind: &str, json: &Json) -> OperatorKind {
    let said = |key: &str| meanings(json, key);
    match kind {
        "TABLE_SCAN" => OperatorKind::Scan(scan(json)),
        "HASH_JOIN"
        | "PIECEWISE_MERGE_JOIN"
        | "NESTED_LOOP_JOIN"
        | "IE_JOIN"
        | "ASOF_JOIN"
        | "BLOCKWISE_NL_JOIN"
        | "CROSS_PRODUCT"
        | "POSITIONAL_JOIN" => {
            let of = info(json, "Join Type").concat();
            let is_filter = ["SEMI", "ANTI", "MARK", "SINGLE"].iter().any(|it| of.contains(it));
            let on = ["Conditions", "Condition"].iter().flat_map(|it| info(json, it)).collect();
            OperatorKind::Join { on, is_filter: is_filter || kind == "POSITIONAL_JOIN" }
        }
        "FILTER" => OperatorKind::Filter { condition: said("Expression").join(" and ") },
        "HASH_GROUP_BY" | "PERFECT_HASH_GROUP_BY" | "PARTITIONED_AGGREGATE" | "UNGROUPED_AGGREGATE" => {
            OperatorKind::Aggregate { groups: said("Groups") }
        }
        "WINDOW" | "STREAMING_WINDOW" => OperatorKind::Window,
        "ORDER_BY" | "TOP_N" => OperatorKind::Sort { by: info(json, "Order By") },
        "PROJECTION" => {
            let mut computed = said("Projections");
            computed.retain(|it| !it.starts_with('#'));
            OperatorKind::Project { computed }
        }
        _ => OperatorKind::Other,
    }
}

fn scan(json: &Json) -> Scan {
    let name = text(json, "operator_name").trim();
    let table = info(json, "Table").concat();
    let files = info(json, "Filename(s)").join(", ");
    let mut filters = info(json, "Filters");
    // What another part of the query told the scan on the way is no filter of the query's.
    filters.retain(|it| !it.starts_with("optional:"));
    filters.sort();
    Scan {
        is_table: !table.is_empty(),
        of: match (table, files) {
            (table, _) if !table.is_empty() => table,
            (_, files) if !files.is_empty() => format!("{}({files})", name.to_ascii_lowercase()),
            _ => name.to_ascii_lowercase(),
        },
        columns: info(json, "Projections"),
        filters,
        looked_at: profile::looked_at(
            name,
            number(json, "operator_rows_scanned"),
            number(json, "operator_cardinality"),
        ),
    }
}

/// The texts of an entry of `extra_info`, in which the columns of what is below are numbers: with their names, as
/// far as these can be followed.
fn meanings(json: &Json, key: &str) -> Vec<String> {
    let below = inputs(json).first();
    info(json, key).iter().map(|it| meaning(it, below)).collect()
}

fn meaning(text: &str, below: Option<&Json>) -> String {
    let mut text = text;
    // The engine packs values for sorting and grouping, and unpacks them: that is no meaning.
    while text.starts_with("__internal_compress") || text.starts_with("__internal_decompress") {
        let Some(inner) = text.split_once('(').map(|it| it.1.split([',', ')']).next().unwrap_or_default())
        else {
            break;
        };
        text = inner;
    }
    let mut named = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('#') {
        named.push_str(before);
        let end = after.find(|it: char| !it.is_ascii_digit()).unwrap_or(after.len());
        let (digits, behind) = after.split_at(end);
        let name = digits.parse().ok().and_then(|it| column(below?, it));
        named.push_str(&name.unwrap_or_else(|| format!("#{digits}")));
        rest = behind;
    }
    named.push_str(rest);
    named
}

/// What the column of a number is in the rows of an operator: known of those that list their columns.
fn column(json: &Json, index: usize) -> Option<String> {
    let kind = text(json, "operator_type");
    if !matches!(kind, "PROJECTION" | "TABLE_SCAN") {
        return None;
    }
    let columns = info(json, "Projections");
    let found = columns.get(index)?;
    let name = if kind == "PROJECTION" { meaning(found, inputs(json).first()) } else { found.clone() };
    Some(name).filter(|it| !it.starts_with('#'))
}

fn info(json: &Json, key: &str) -> Vec<String> {
    let text = |it: &Json| it.as_str().map(str::to_owned);
    let texts = match json.get("extra_info").and_then(|it| it.get(key)) {
        Some(Json::Array(list)) => list.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    };
    texts.into_iter().filter(|it: &String| !it.is_empty()).collect()
}

fn inputs(json: &Json) -> &[Json] {
    json.get("children").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn number(json: &Json, key: &str) -> u64 {
    json.get(key).and_then(Json::as_u64).unwrap_or_default()
}

fn seconds(json: &Json, key: &str) -> Duration {
    let seconds = json.get(key).and_then(Json::as_f64).unwrap_or_default();
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
