//! What must hold before a snapshot is written, and before it is committed.

use super::sql::{Statements, holds_time};
use super::{ROWS, Snapshot, find, rows};
use crate::diagnostics::{Diagnostic, Span, suggest};
use crate::parse::snapshot_settings::{CheckColumns, HardDeletes, MetaColumns, SnapshotStrategy};
use crate::run::incremental::Refusal;
use crate::run::masked;
use crate::warehouse::{Column, Value, Warehouse};

fn refuse(diagnostic: Diagnostic) -> Refusal {
    Refusal::Misfit(Box::new(diagnostic))
}

/// The query must have the columns that the config names, and none that the snapshot adds.
pub(super) fn refuse_columns(snapshot: &Snapshot<'_>, columns: &[Column]) -> Result<(), Refusal> {
    let settings = snapshot.settings;
    for name in added(&settings.columns, snapshot.hard_deletes()) {
        if let Some(column) = find(columns, name) {
            let message = format!("the query of `{}` has a column `{}`", snapshot.node.name, column.name);
            return Err(refuse(
                Diagnostic::error("duplicate-column", message)
                    .at(snapshot.node.span, "the snapshot adds a column of this name")
                    .help("leave it out of the query, or set `snapshot_meta_column_names`"),
            ));
        }
    }
    if let SnapshotStrategy::Check { columns: CheckColumns::Listed(names), .. } = &settings.strategy
        && let Some(name) = names.iter().find(|it| find(columns, &it.value).is_none())
    {
        return Err(refuse(unknown_column(snapshot, columns, "check_cols", &name.value, name.span)));
    }
    let place = |key: &str| snapshot.node.config.values.get(key).map_or(snapshot.node.span, |it| it.span);
    let updated_at = match &settings.strategy {
        SnapshotStrategy::Timestamp { updated_at } => Some(updated_at),
        SnapshotStrategy::Check { updated_at, .. } => updated_at.as_ref(),
        SnapshotStrategy::Custom { .. } => None,
    };
    let named = updated_at.into_iter().map(|it| ("updated_at", it));
    let keys = settings.unique_key.iter().map(|it| ("unique_key", it)).filter(|_| snapshot.custom.is_none());
    for (key, name) in keys.chain(named) {
        // Anything but a plain name is an expression, which the engine understands.
        let is_name = name.chars().all(|it| it.is_alphanumeric() || it == '_');
        let is_number = name.starts_with(|it: char| it.is_ascii_digit());
        if is_name && !is_number && find(columns, name).is_none() {
            return Err(refuse(unknown_column(snapshot, columns, key, name, place(key))));
        }
    }
    Ok(())
}

fn added(columns: &MetaColumns, hard_deletes: HardDeletes) -> Vec<&String> {
    let mut all = vec![&columns.scd_id, &columns.updated_at, &columns.valid_from, &columns.valid_to];
    if hard_deletes == HardDeletes::NewRecord {
        all.push(&columns.is_deleted);
    }
    all
}

fn unknown_column(
    snapshot: &Snapshot<'_>,
    columns: &[Column],
    key: &str,
    name: &str,
    span: Span,
) -> Diagnostic {
    let message = format!("the query of `{}` has no column `{name}`", snapshot.node.name);
    let names = || columns.iter().map(|it| it.name.as_str());
    Diagnostic::error("unknown-column", message).at(span, format!("named in `{key}`")).help(
        suggest::did_you_mean(name, names())
            .unwrap_or_else(|| format!("its columns: {}", names().collect::<Vec<_>>().join(", "))),
    )
}

/// The table must be one that a snapshot made.
pub(super) fn refuse_table(snapshot: &Snapshot<'_>, existing: &[Column]) -> Result<(), Refusal> {
    let columns = &snapshot.settings.columns;
    let mut wanted = vec![&columns.scd_id, &columns.valid_from, &columns.valid_to];
    if snapshot.hard_deletes() == HardDeletes::NewRecord {
        wanted.push(&columns.is_deleted);
    }
    let missing: Vec<&str> =
        wanted.into_iter().filter(|it| find(existing, it).is_none()).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let table = snapshot.relation.short();
    let message = format!("the table {table} is not one of this snapshot: it has no {}", list(&missing));
    let help = if missing == [columns.is_deleted.as_str()] {
        format!(
            "`hard_deletes: new_record` needs it: `alter table {table} add column {} varchar`",
            missing[0]
        )
    } else {
        "give the snapshot another name or `alias`, or rename the table's columns".to_owned()
    };
    Err(refuse(Diagnostic::error("not-a-snapshot", message).at(snapshot.node.span, "").help(help)))
}

fn list(names: &[&str]) -> String {
    names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

/// The end of a deleted row's version is a time, so the column must hold one.
pub(super) fn refuse_time_type(snapshot: &Snapshot<'_>, statements: &Statements<'_>) -> Result<(), Refusal> {
    let kind = statements.type_of_begin();
    if holds_time(kind) {
        return Ok(());
    }
    let message = format!(
        "`{}` of snapshot `{}` is {kind}, which cannot say when a row was deleted",
        snapshot.settings.columns.valid_to, snapshot.node.name
    );
    let place = ["hard_deletes", "invalidate_hard_deletes"]
        .iter()
        .find_map(|it| snapshot.node.config.values.get(*it))
        .map_or(snapshot.node.span, |it| it.span);
    Err(refuse(
        Diagnostic::error("wrong-type", message)
            .at(place, "this needs a time")
            .help("take a column with a time for `updated_at`"),
    ))
}

/// Every row needs a key of its own: of two rows with one key, neither is the version that holds.
pub(super) fn refuse_repeated_keys(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    statements: &Statements<'_>,
) -> Result<(), Refusal> {
    let keys = snapshot.unique_key();
    let is_null = keys.iter().map(|it| format!("({it}) is null")).collect::<Vec<_>>().join(" or ");
    let name = &snapshot.node.name;
    let place = snapshot.node.config.values.get("unique_key").map_or(snapshot.node.span, |it| it.span);
    let list = keys.join(", ");
    let row = warehouse.scalars(&format!("select count(*) from {ROWS} where {is_null}"))?;
    let without = row.first().and_then(Value::as_i64).and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
    if without > 0 {
        let message = format!("{} of `{name}` without a key, so nothing was written", rows(without));
        let mut diagnostic = Diagnostic::error("null-key", message).at(place, "no part of it can be null");
        for row in warehouse.query(&statements.keys_of_rows(&is_null), Some(5))?.rows {
            diagnostic = diagnostic.note(format!("{list} = {}", masked::key(snapshot.node, keys, &row)));
        }
        return Err(refuse(diagnostic.help("leave such rows out of the query, or give them a key")));
    }
    let sql = format!("select {list}, count(*) from {ROWS} group by {list} having count(*) > 1 order by all");
    let found = warehouse.query(&sql, Some(5))?;
    if found.rows.is_empty() {
        return Ok(());
    }
    let message = format!("the rows of `{name}` have the same key more than once, so nothing was written");
    let mut diagnostic = Diagnostic::error("duplicate-key", message).at(place, "this must identify a row");
    for row in &found.rows {
        let (key, n) = row.split_at(row.len() - 1);
        let times = n.first().map(ToString::to_string).unwrap_or_default();
        diagnostic =
            diagnostic.note(format!("{list} = {}: {times} rows", masked::key(snapshot.node, keys, key)));
    }
    Err(refuse(diagnostic.help("deduplicate in the query, or extend `unique_key`")))
}

/// Of the keys that were touched, one version holds at most, and one begins where the one before it ends.
pub(super) fn refuse_broken_history(
    warehouse: &mut dyn Warehouse,
    snapshot: &Snapshot<'_>,
    statements: &Statements<'_>,
) -> Result<(), Refusal> {
    let found = warehouse.query(&statements.contradictions(), Some(5))?;
    if found.rows.is_empty() {
        return Ok(());
    }
    let name = &snapshot.node.name;
    let message = format!("the history of snapshot `{name}` would contradict itself, so nothing was written");
    let mut diagnostic = Diagnostic::error("broken-history", message).at(snapshot.node.span, "");
    let keys = snapshot.unique_key();
    let list = keys.join(", ");
    for row in &found.rows {
        let (problem, key) = row.split_at(1);
        let problem = problem.first().map(ToString::to_string).unwrap_or_default();
        diagnostic =
            diagnostic.note(format!("{list} = {}: {problem}", masked::key(snapshot.node, keys, key)));
    }
    Err(refuse(diagnostic.help(format!("look at the rows of these keys in {}", snapshot.relation.short()))))
}
