//! Taking a snapshot: the query's rows are compared with the versions that hold, and what changed becomes
//! new versions of a table that forgets nothing.
//!
//! All of it happens in the step's transaction. Columns, types, values and order of what is written are
//! dbt's, but for two cases in which dbt's history would contradict itself; see [`sql`]. Before the step
//! goes on, [`checks`] looks at all keys that were touched.

mod checks;
mod sql;

use super::in_files::{InFiles, Touched};
use super::incremental::{Refusal, Store};
use super::masked;
use crate::graph::Node;
use crate::node::{Relation, quote_identifier};
use crate::parse::snapshot_settings::{CheckColumns, HardDeletes, SnapshotSettings, SnapshotStrategy};
use crate::template::Rendered;
use crate::warehouse::{Column, Effect, Value, Warehouse};

use self::checks::refuse_repeated_keys;
use self::sql::Statements;

/// Temporary table with the query's rows; a connection has one at a time.
const ROWS: &str = "temp.main.tidemill_snapshot_rows";

/// Temporary table with the versions that begin.
const NEW: &str = "temp.main.tidemill_snapshot_new";

/// Temporary table with the versions of rows that are not there any more.
const GONE: &str = "temp.main.tidemill_snapshot_gone";

/// What a snapshot is taken of, and how.
pub(super) struct Snapshot<'a> {
    pub(super) node: &'a Node,
    pub(super) relation: &'a Relation,
    pub(super) query: &'a Rendered,
    pub(super) settings: &'a SnapshotSettings,
    /// SQL for the time of the run.
    pub(super) now: String,
    /// What the project's own strategy says, if it has one.
    pub(super) custom: Option<CustomStrategy>,
    /// Whether the table is there already.
    pub(super) is_there: bool,
}

/// What the macro of a strategy gives: SQL about `source_data` and `snapshotted_data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CustomStrategy {
    pub(super) unique_key: Option<Vec<String>>,
    pub(super) updated_at: String,
    pub(super) row_changed: String,
    pub(super) scd_id: String,
    pub(super) hard_deletes: Option<HardDeletes>,
}

/// A snapshot that was taken.
pub(super) struct Taken {
    pub(super) effect: Effect,
    /// What readers should know.
    pub(super) warnings: Vec<String>,
}

/// Adds to the history what changed since the last snapshot.
pub(super) fn take(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    store: &mut Store<'_>,
) -> Result<Taken, Refusal> {
    let query = &snapshot.query.text;
    let columns = warehouse.describe(query).map_err(|error| Refusal::Engine { error, prefix: 0 })?;
    checks::refuse_columns(snapshot, &columns)?;
    let table = snapshot.relation.render();
    let mut existing = Vec::new();
    if snapshot.is_there {
        existing = warehouse.describe(&format!("select * from {table}"))?;
        checks::refuse_table(snapshot, &existing)?;
    }

    let prefix = format!("create or replace temp table {ROWS} as (");
    let effect = warehouse
        .execute(&format!("{prefix}{query}\n)"))
        .map_err(|error| Refusal::Engine { error, prefix: prefix.len() })?;
    let statements = Statements::new(snapshot, &columns, &existing, matches!(store, Store::Files(_)));
    refuse_repeated_keys(warehouse, snapshot, &statements)?;
    let mut warnings = without_time(warehouse, snapshot, &statements)?;
    if snapshot.is_there {
        warnings.extend(update(warehouse, snapshot, statements, store)?);
    } else {
        warehouse.execute(&statements.first())?;
        if let Store::Files(files) = store {
            write_files(warehouse, snapshot, files)?;
        }
    }
    warehouse.execute(&format!("drop table {ROWS}"))?;
    let rows = count(warehouse, &format!("select count(*) from {table}"))?;
    Ok(Taken { effect: Effect { rows_written: Some(rows), rows_scanned: effect.rows_scanned }, warnings })
}

fn update(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    mut statements: Statements<'_>,
    store: &mut Store<'_>,
) -> Result<Vec<String>, Refusal> {
    let of_time = warehouse.describe(&statements.time())?;
    statements.time_type = of_time.first().map(|it| it.data_type.clone()).unwrap_or_default();
    warehouse.execute(&statements.changed())?;
    let warnings = going_back(warehouse, snapshot, &statements)?;
    warehouse.execute(&format!("delete from {NEW} where tidemill_is_late"))?;
    if statements.hard_deletes != HardDeletes::Ignore {
        checks::refuse_time_type(snapshot, &statements)?;
        warehouse.execute(&statements.gone())?;
    }
    if let Store::Files(files) = store {
        files.open(warehouse, &Touched::With(statements.is_touched()))?;
    }
    for statement in statements.write() {
        warehouse.execute(&statement)?;
    }
    if let Store::Files(files) = store {
        write_files(warehouse, snapshot, files)?;
    }
    checks::refuse_broken_history(warehouse, snapshot, &statements)?;
    for statement in statements.clean_up() {
        warehouse.execute(&statement)?;
    }
    Ok(warnings)
}

/// Writes the versions that were changed and begun, and lets the relation show them.
fn write_files(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    files: &mut InFiles,
) -> Result<(), Refusal> {
    files.close(warehouse, snapshot.node)?;
    let name = snapshot.relation.render();
    warehouse.execute(&format!("create or replace view {name} as (select * from {})", files.read()))?;
    Ok(())
}

fn count(warehouse: &mut dyn Warehouse, sql: &str) -> Result<u64, Refusal> {
    let row = warehouse.scalars(sql)?;
    let count = row.first().and_then(Value::as_i64);
    Ok(count.and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
}

/// Rows whose time of change is not known: their changes go unnoticed, as in dbt.
fn without_time(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    statements: &Statements<'_>,
) -> Result<Vec<String>, Refusal> {
    let SnapshotStrategy::Timestamp { updated_at } = &snapshot.settings.strategy else {
        return Ok(Vec::new());
    };
    let condition = format!("({updated_at}) is null");
    let n = count(warehouse, &format!("select count(*) from {ROWS} where {condition}"))?;
    if n == 0 {
        return Ok(Vec::new());
    }
    let which = examples(warehouse, snapshot, &statements.keys_of_rows(&condition))?;
    Ok(vec![format!(
        "{} of snapshot `{}` without `{updated_at}` ({which}): changes of such a row are not seen",
        rows(n),
        snapshot.node.name
    )])
}

/// Rows that are older than their version that holds: they are left as they are.
fn going_back(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    statements: &Statements<'_>,
) -> Result<Vec<String>, Refusal> {
    let n = count(warehouse, &format!("select count(*) from {NEW} where tidemill_is_late"))?;
    if n == 0 {
        return Ok(Vec::new());
    }
    let which = examples(warehouse, snapshot, &statements.keys_of_new("tidemill_is_late"))?;
    Ok(vec![format!(
        "{} of snapshot `{}` with an earlier time of change than the version that holds ({which}): nothing was written for {}",
        rows(n),
        snapshot.node.name,
        if n == 1 { "it" } else { "them" }
    )])
}

/// Some of the keys that a query gives, in one line.
fn examples(warehouse: &mut dyn Warehouse, snapshot: &Snapshot<'_>, sql: &str) -> Result<String, Refusal> {
    let found = warehouse.query(sql, Some(3))?;
    let key = |row: &Vec<Value>| masked::key(snapshot.node, snapshot.unique_key(), row);
    let rows: Vec<String> = found.rows.iter().map(key).collect();
    Ok(format!("for example {}", rows.join("; ")))
}

fn rows(n: u64) -> String {
    format!("{n} {}", if n == 1 { "row" } else { "rows" })
}

impl Snapshot<'_> {
    fn unique_key(&self) -> &[String] {
        let own = self.custom.as_ref().and_then(|it| it.unique_key.as_deref());
        own.unwrap_or(&self.settings.unique_key)
    }

    fn hard_deletes(&self) -> HardDeletes {
        self.custom.as_ref().and_then(|it| it.hard_deletes).unwrap_or(self.settings.hard_deletes)
    }

    /// The columns that are compared, as the query spells them; `None` if the strategy compares none.
    fn compared<'c>(&self, columns: &'c [Column]) -> Option<Vec<&'c str>> {
        let SnapshotStrategy::Check { columns: wanted, .. } = &self.settings.strategy else { return None };
        Some(match wanted {
            CheckColumns::All => columns.iter().map(|it| it.name.as_str()).collect(),
            CheckColumns::Listed(names) => {
                let find = |name: &str| find(columns, name).map(|it| it.name.as_str());
                names.iter().filter_map(|it| find(&it.value)).collect()
            }
        })
    }
}

/// A column by its name, in quotes or not.
fn find<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    columns.iter().find(|it| it.name.eq_ignore_ascii_case(name) || quote_identifier(&it.name) == name)
}
