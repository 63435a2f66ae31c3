//! A fixture's rows as a query, with the way back to the values.

use std::fmt::Write as _;
use std::ops::Range;

use super::learning::Learnt;
use super::values::{Guess, look_of, typed};
use crate::diagnostics::{Diagnostic, Span, suggest};
use crate::node::quote_identifier;
use crate::parse::unit_tests::FixtureRow;
use crate::warehouse::Column;

/// A column of a fixture's query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FixtureColumn {
    pub(super) name: String,
    /// Its type; `None` if the values say it themselves.
    pub(super) data_type: Option<String>,
}

/// A query that gives a fixture's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct FixtureQuery {
    pub(super) sql: String,
    /// Which part of it is which value.
    pub(super) places: Vec<(Range<usize>, Span)>,
}

impl FixtureQuery {
    /// The value that an offset leads to.
    pub(super) fn place_of(&self, offset: usize) -> Option<Span> {
        self.places.iter().find(|it| it.0.contains(&offset)).map(|it| it.1)
    }
}

impl From<&Column> for FixtureColumn {
    fn from(column: &Column) -> Self {
        Self { name: column.name.clone(), data_type: Some(column.data_type.clone()) }
    }
}

/// The columns of an input: those that are known, others that rows have, and those that the query asks for
/// besides, of which there is nothing but null.
pub(super) fn columns_of(
    known: &[Column],
    rows: &[FixtureRow],
    learnt: &Learnt,
    is_csv: bool,
    guess: Guess,
) -> Vec<FixtureColumn> {
    let mut columns: Vec<FixtureColumn> = known.iter().map(FixtureColumn::from).collect();
    for cell in rows.iter().flat_map(|it| &it.cells) {
        if columns.iter().any(|it| cell.is_of(&it.name)) {
            continue;
        }
        let name = cell.column.value.clone();
        let values = rows.iter().filter_map(|it| it.get(&name)).map(|it| &it.value);
        let look = look_of(values, is_csv);
        let is_text = matches!(look, Some("DATE" | "TIMESTAMP"));
        let look = look.filter(|_| guess == Guess::ByLook || !is_text).or_else(|| learnt.type_of(&name));
        let data_type = look.map(str::to_owned);
        columns.push(FixtureColumn { name, data_type });
    }
    columns.extend(learnt.also.iter().map(|name| FixtureColumn {
        name: name.clone(),
        data_type: learnt.type_of(name).map(str::to_owned),
    }));
    columns
}

/// A query that gives these rows; what a row leaves out is null.
pub(super) fn query(columns: &[FixtureColumn], rows: &[FixtureRow]) -> FixtureQuery {
    let null = serde_json::Value::Null;
    if columns.is_empty() {
        return FixtureQuery { sql: "select null as \"_\" limit 0".to_owned(), places: Vec::new() };
    }
    let names: Vec<String> = columns.iter().map(|it| quote_identifier(&it.name)).collect();
    if rows.is_empty() {
        let items = columns.iter().zip(&names).map(|(column, name)| {
            let value = typed(&null, column.data_type.as_deref());
            format!("{value} as {name}")
        });
        let items: Vec<String> = items.collect();
        return FixtureQuery { sql: format!("select {} limit 0", items.join(", ")), places: Vec::new() };
    }
    let mut query = FixtureQuery { sql: "select * from (values\n".to_owned(), places: Vec::new() };
    for (index, row) in rows.iter().enumerate() {
        query.sql.push_str(if index == 0 { "  (" } else { ",\n  (" });
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                query.sql.push_str(", ");
            }
            let cell = row.get(&column.name);
            let start = query.sql.len();
            query.sql.push_str(&typed(cell.map_or(&null, |it| &it.value), column.data_type.as_deref()));
            query.places.extend(cell.map(|it| (start..query.sql.len(), it.span)));
        }
        query.sql.push(')');
    }
    let _ = write!(query.sql, "\n) as fixture({})", names.join(", "));
    query
}

/// Reports the values of columns that are not there.
pub(super) fn unknown_column(rows: &[FixtureRow], columns: &[Column], of_what: &str) -> Option<Diagnostic> {
    let is_known = |name: &str| columns.iter().any(|it| it.name.eq_ignore_ascii_case(name));
    let cell = rows.iter().flat_map(|it| &it.cells).find(|it| !is_known(&it.column.value))?;
    let name = &cell.column.value;
    let known: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
    let diagnostic = Diagnostic::error("unknown-column", format!("{of_what} has no column `{name}`"))
        .at(cell.column.span, "a value for it is given here");
    Some(match suggest::did_you_mean(name, known.iter().copied()) {
        Some(help) => diagnostic.help(help),
        None => diagnostic.note(format!("columns: {}", known.join(", "))),
    })
}

/// Reports the first row of an expectation that has other columns than the first one.
pub(super) fn uneven_rows(rows: &[FixtureRow]) -> Option<Diagnostic> {
    let (first, others) = rows.split_first()?;
    let missing = |row: &FixtureRow, in_row: &FixtureRow| {
        row.cells.iter().find(|it| in_row.get(&it.column.value).is_none()).map(|it| it.column.value.clone())
    };
    others.iter().enumerate().find_map(|(index, row)| {
        let fault = |name: &str| {
            let message = format!("row {} of `expect` has other columns than the first one", index + 2);
            Diagnostic::error("missing-column", message).help(format!(
                "give `{name}` in every row, or in none: only columns that are given are compared"
            ))
        };
        if let Some(name) = missing(first, row) {
            return Some(
                fault(&name).at(row.span, format!("no `{name}` here")).and_at(first.span, "the first row"),
            );
        }
        let name = missing(row, first)?;
        let place = row.get(&name).map_or(row.span, |it| it.column.span);
        Some(fault(&name).at(place, "here").and_at(first.span, format!("the first row has no `{name}`")))
    })
}
