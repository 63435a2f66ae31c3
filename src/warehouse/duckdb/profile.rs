//! Counts of rows that scans read, from the engine's profiler.

use ::duckdb::Connection;
use ::duckdb::profiling::ProfilingInfo;

/// Only what [`rows_scanned`] reads: the standard set costs more on small statements.
const ENABLE: &str = r#"
    pragma enable_profiling = 'no_output';
    pragma custom_profiling_settings =
        '{"OPERATOR_NAME": "true", "OPERATOR_TYPE": "true", "OPERATOR_CARDINALITY": "true", "OPERATOR_ROWS_SCANNED": "true"}';
"#;

/// Table functions that make rows rather than read them.
const GENERATORS: &[&str] = &["RANGE", "GENERATE_SERIES", "REPEAT", "REPEAT_ROW", "UNNEST"];

/// Turns the profiler on; it is a setting of one connection.
pub(super) fn enable(connection: &Connection) -> ::duckdb::Result<()> {
    connection.execute_batch(ENABLE)
}

/// The rows that the last statement read, summed over its scans.
///
/// For tables these are the rows looked at: all rows, less the row groups that a filter excludes by
/// their minimum and maximum. For files and other databases the engine only knows an estimate, so the
/// rows that come out of the scan are counted, after filters that were pushed into it. `None` if
/// the statement has no profile, as for `create view` or `begin`.
pub(super) fn rows_scanned(connection: &Connection) -> Option<u64> {
    connection.get_profiling_info().as_ref().map(scanned)
}

fn scanned(node: &ProfilingInfo) -> u64 {
    let text = |name: &str| node.metrics.get(name).map_or("", String::as_str);
    let number = |name: &str| text(name).parse::<u64>().unwrap_or(0);
    let name = text("OPERATOR_NAME").trim();
    let own = match text("OPERATOR_TYPE") {
        "TABLE_SCAN" => looked_at(name, number("OPERATOR_ROWS_SCANNED"), number("OPERATOR_CARDINALITY")),
        _ => 0,
    };
    own + node.children.iter().map(scanned).sum::<u64>()
}

/// The rows that one scan read, of those that the engine counts as scanned and as come out.
pub(super) fn looked_at(name: &str, scanned: u64, rows: u64) -> u64 {
    match name {
        "SEQ_SCAN" => scanned,
        _ if GENERATORS.contains(&name) => 0,
        _ => rows,
    }
}
