//! Rows expected against rows made: the columns that the expectation names, whatever the order.

use super::diff;
use super::fixture::{FixtureColumn, query, uneven_rows, unknown_column};
use super::scratch::Scratch;
use crate::diagnostics::{Diagnostic, Span};
use crate::node::quote_identifier;
use crate::parse::unit_tests::{Fixture, FixtureRow, Rows as Written};
use crate::run::event::RowDiff;
use crate::template::Rendered;
use crate::warehouse::{Column, Rows, Value, WarehouseError};

/// What was made, and how.
pub(super) struct Made<'a> {
    /// What made it, as messages say it: ``the model `orders` ``.
    pub(super) by: &'a str,
    /// The query that gives the rows.
    pub(super) sql: &'a str,
    /// The rows.
    pub(super) rows: Rows,
}

/// Compares what was made with what is expected; `None` if they are the same.
pub(super) fn compare(
    scratch: &mut Scratch,
    made: &Made<'_>,
    expect: &Fixture,
    sql: Option<&Rendered>,
) -> Result<Option<RowDiff>, Diagnostic> {
    match (&expect.rows, sql) {
        (Written::Values(rows), _) => with_values(scratch, made, expect, rows),
        (_, Some(sql)) => with_query(scratch, made, expect, sql),
        (Written::Query(_) | Written::OfSeed, None) => Ok(None),
    }
}

fn with_values(
    scratch: &mut Scratch,
    made: &Made<'_>,
    expect: &Fixture,
    rows: &[FixtureRow],
) -> Result<Option<RowDiff>, Diagnostic> {
    let Some(first) = rows.first() else {
        let nothing = Rows { columns: made.rows.columns.clone(), rows: Vec::new() };
        return Ok(diff::compare(&nothing, &made.rows));
    };
    let fault = unknown_column(rows, &made.rows.columns, made.by).or_else(|| uneven_rows(rows));
    if let Some(fault) = fault {
        return Err(fault);
    }
    let index_of = |name: &str| made.rows.columns.iter().position(|it| it.name.eq_ignore_ascii_case(name));
    let indices: Vec<usize> = first.cells.iter().filter_map(|it| index_of(&it.column.value)).collect();
    let columns: Vec<FixtureColumn> =
        indices.iter().map(|it| FixtureColumn::from(&made.rows.columns[*it])).collect();
    let fixture = query(&columns, rows);
    let expected = scratch.rows(&fixture.sql).map_err(|error| {
        let place = error.position.and_then(|it| fixture.place_of(it));
        invalid_value("`expect`", &error, place.unwrap_or(expect.span))
    })?;
    Ok(diff::compare(&expected, &picked(&made.rows, &indices)))
}

fn picked(rows: &Rows, indices: &[usize]) -> Rows {
    let pick = |row: &Vec<Value>| indices.iter().map(|it| row[*it].clone()).collect();
    Rows {
        columns: indices.iter().map(|it| rows.columns[*it].clone()).collect(),
        rows: rows.rows.iter().map(pick).collect(),
    }
}

/// A query that is expected must have all columns. Types of both sides become those that hold both.
fn with_query(
    scratch: &mut Scratch,
    made: &Made<'_>,
    expect: &Fixture,
    sql: &Rendered,
) -> Result<Option<RowDiff>, Diagnostic> {
    let found =
        scratch.describe(&sql.text).map_err(|error| invalid_query("`expect`", &error, expect, sql))?;
    let is_there = |name: &str| found.iter().any(|it: &Column| it.name.eq_ignore_ascii_case(name));
    if let Some(missing) = made.rows.columns.iter().find(|it| !is_there(&it.name)) {
        let message = format!("the query under `expect` has no column `{}`", missing.name);
        return Err(Diagnostic::error("missing-column", message)
            .at(expect.span, format!("{} has one", made.by))
            .help("a query must give all columns; rows may leave columns out"));
    }
    let names: Vec<String> = made.rows.columns.iter().map(|it| quote_identifier(&it.name)).collect();
    let names = names.join(", ");
    let both = format!(
        "select {names}, true as \"is_expected\" from (\n{}\n) union all select {names}, false from (\n{}\n)",
        sql.text, made.sql
    );
    let rows = scratch.rows(&both).map_err(|error| invalid_query("`expect`", &error, expect, sql))?;
    let of = |wanted: bool| {
        let mut part = rows.clone();
        part.rows.retain(|it| it.last() == Some(&Value::Bool(wanted)));
        part.columns.pop();
        part.rows.iter_mut().for_each(|it| drop(it.pop()));
        part
    };
    Ok(diff::compare(&of(true), &of(false)))
}

/// A value of a fixture is not what its column takes.
pub(super) fn invalid_value(of_what: &str, error: &WarehouseError, place: Span) -> Diagnostic {
    let mut lines = error.message.lines().map(str::trim).filter(|it| !it.is_empty());
    let said = lines.next().unwrap_or("the engine gave no reason");
    let message = format!("a value of {of_what} does not fit its column: {}", lower_first(said));
    lines.fold(Diagnostic::error("invalid-value", message).at(place, "given here"), Diagnostic::note)
}

/// The query of a fixture cannot be run.
pub(super) fn invalid_query(
    of_what: &str,
    error: &WarehouseError,
    fixture: &Fixture,
    sql: &Rendered,
) -> Diagnostic {
    let mut lines = error.message.lines().map(str::trim).filter(|it| !it.is_empty());
    let said = lines.next().unwrap_or("the engine gave no reason");
    let message = format!("the query of {of_what} cannot be run: {}", lower_first(said));
    let place = error.position.and_then(|it| sql.source_of(it)).map(|it| it.0);
    let place = place.filter(|_| fixture.file.is_some()).unwrap_or(fixture.span);
    lines.fold(Diagnostic::error("invalid-fixture", message).at(place, "given here"), Diagnostic::note)
}

/// A sentence of the engine's after our colon.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|it| it.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
