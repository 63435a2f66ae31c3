//! What earlier looks at sources found: the table `source_runs`.

use std::collections::BTreeMap;

use super::{Tables, real, text, time};
use crate::warehouse::{Value, Warehouse, WarehouseError};

/// What a look at a source found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceRun {
    /// The run that looked.
    pub run_id: String,
    /// `good`, `warn`, `stale`, `changed`, `missing` or `error`.
    pub status: String,
    /// When it looked, RFC 3339 in UTC.
    pub checked_at: String,
    /// When the source was loaded, RFC 3339 in UTC, if that is known.
    pub loaded_at: Option<String>,
    /// How old it was, in seconds.
    pub age: Option<f64>,
    /// Rows, as the engine estimates them.
    pub rows: Option<i64>,
    /// What was said about it.
    pub message: Option<String>,
}

pub(super) fn read(
    warehouse: &mut dyn Warehouse,
    tables: &Tables<'_>,
) -> Result<BTreeMap<String, Vec<SourceRun>>, WarehouseError> {
    let sql = format!(
        "select source_id, run_id, status, {}, {}, age_seconds, rows, message from {} \
         qualify row_number() over (partition by source_id order by checked_at desc, run_id) <= {} \
         order by source_id, checked_at, run_id",
        time("checked_at"),
        time("loaded_at"),
        tables.name("source_runs"),
        tables.depth.results
    );
    let mut all: BTreeMap<String, Vec<SourceRun>> = BTreeMap::new();
    let said = |row: &[Value], at: usize| Some(text(row, at)).filter(|it| !it.is_empty());
    for row in warehouse.query(&sql, None)?.rows {
        all.entry(text(&row, 0)).or_default().push(SourceRun {
            run_id: text(&row, 1),
            status: text(&row, 2),
            checked_at: text(&row, 3),
            loaded_at: said(&row, 4),
            age: real(&row, 5),
            rows: row.get(6).and_then(Value::as_i64),
            message: said(&row, 7),
        });
    }
    Ok(all)
}
