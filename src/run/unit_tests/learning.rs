//! Columns of inputs that nothing says: the engine asks for them by name, and refuses what their types do not fit.
//!
//! They hold nothing but null, so what matters is that the query can be bound at all.

use super::model::Input;
use crate::parse::unit_tests::Rows;
use crate::warehouse::WarehouseError;

/// Types to try for a column of nulls where null alone will not do.
const TYPES: [&str; 4] = ["TIMESTAMP", "VARCHAR", "DOUBLE", "BOOLEAN"];

/// How far behind the place of an error the column that it is about may stand.
const NEAR: usize = 400;

/// What was learnt of one input.
#[derive(Clone, Debug, Default)]
pub(super) struct Learnt {
    /// Columns that the query asks for and rows do not have.
    pub(super) also: Vec<String>,
    /// Types of columns of nulls, as indices.
    types: Vec<(String, usize)>,
}

impl Learnt {
    /// The type of a column of nulls, if null alone would not do.
    pub(super) fn type_of(&self, column: &str) -> Option<&'static str> {
        let found = self.types.iter().find(|it| it.0.eq_ignore_ascii_case(column));
        found.and_then(|it| TYPES.get(it.1)).copied()
    }
}

/// One question after the other.
#[derive(Default)]
pub(super) struct Search {
    /// What was looked for last, and the input that it was put into.
    last: Option<(Wanted, usize)>,
}

/// A column that is not there, and where it is asked for: the same name may be wanted of several inputs.
#[derive(PartialEq)]
struct Wanted {
    column: String,
    said: String,
    position: Option<usize>,
}

impl Search {
    /// Learns from an error; gives the inputs that are other than before, none if nothing can be learnt.
    pub(super) fn learn(
        &mut self,
        inputs: &mut [Input<'_>],
        missing: Option<String>,
        sql: &str,
        error: &WarehouseError,
    ) -> Vec<usize> {
        match missing {
            Some(column) => {
                let said = error.message.lines().next().unwrap_or_default().to_owned();
                self.find_a_place(inputs, Wanted { column, said, position: error.position })
            }
            None => try_a_type(inputs, sql, error.position.unwrap_or(0)).into_iter().collect(),
        }
    }

    /// Puts a column into the first input that may have it; into the next one if that was not the right one.
    fn find_a_place(&mut self, inputs: &mut [Input<'_>], wanted: Wanted) -> Vec<usize> {
        let mut changed = Vec::new();
        let from = match self.last.take() {
            Some((last, index)) if last == wanted => {
                inputs[index].learnt.also.pop();
                changed.push(index);
                index + 1
            }
            _ => 0,
        };
        let mut rest = inputs.iter().enumerate().skip(from);
        let is_place = |it: &Input<'_>| it.may_have_more() && !it.has(&wanted.column);
        let Some(index) = rest.find(|it| is_place(it.1)).map(|it| it.0) else { return Vec::new() };
        inputs[index].learnt.also.push(wanted.column.clone());
        changed.push(index);
        self.last = Some((wanted, index));
        changed
    }
}

/// Gives the next type to the column of nulls that stands nearest behind the place of an error.
fn try_a_type(inputs: &mut [Input<'_>], sql: &str, position: usize) -> Option<usize> {
    let mut end = (position + NEAR).min(sql.len());
    while !sql.is_char_boundary(end) {
        end += 1;
    }
    let text = sql.get(position..end)?.to_lowercase();
    let mut candidates: Vec<(usize, usize, String)> = Vec::new();
    for (index, input) in inputs.iter().enumerate().filter(|it| it.1.may_have_more()) {
        for column in untyped(input) {
            let is_spent = input
                .learnt
                .types
                .iter()
                .any(|it| it.0.eq_ignore_ascii_case(&column) && it.1 + 1 >= TYPES.len());
            candidates.extend(
                word(&text, &column.to_lowercase()).filter(|_| !is_spent).map(|at| (at, index, column)),
            );
        }
    }
    let (_, index, column) = candidates.into_iter().min()?;
    let types = &mut inputs[index].learnt.types;
    match types.iter_mut().find(|it| it.0.eq_ignore_ascii_case(&column)) {
        Some((_, next)) => *next += 1,
        None => types.push((column, 0)),
    }
    Some(index)
}

/// The columns of an input that hold nothing but null and have no type.
fn untyped(input: &Input<'_>) -> Vec<String> {
    let mut names = input.learnt.also.clone();
    if let Rows::Values(rows) = &input.given.fixture.rows {
        for cell in rows.iter().flat_map(|it| &it.cells) {
            let name = &cell.column.value;
            let is_known = input.planned.columns.iter().any(|it| it.name.eq_ignore_ascii_case(name));
            let has_value = rows.iter().filter_map(|it| it.get(name)).any(|it| !it.value.is_null());
            if !is_known && !has_value && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// Where a word stands in a text.
fn word(text: &str, word: &str) -> Option<usize> {
    let is_edge = |it: Option<char>| it.is_none_or(|it| !(it.is_alphanumeric() || it == '_'));
    let found = text.match_indices(word).find(|(at, _)| {
        is_edge(text[..*at].chars().next_back()) && is_edge(text[at + word.len()..].chars().next())
    });
    found.map(|it| it.0)
}
