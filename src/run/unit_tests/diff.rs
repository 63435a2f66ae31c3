//! How the rows that were made differ from those that were expected.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::run::event::{DiffRow, RowDiff};
use crate::warehouse::{Rows, Value};

/// With more pairs than this, rows are matched in their order.
const MAX_PAIRS: usize = 1_000_000;

/// Compares rows as a multiset; `None` if they are the same. Both have the same columns in the same order.
pub(super) fn compare(expected: &Rows, actual: &Rows) -> Option<RowDiff> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in &expected.rows {
        *counts.entry(key(row)).or_default() += 1;
    }
    let mut equal = 0;
    let mut extra: Vec<&Vec<Value>> = Vec::new();
    for row in &actual.rows {
        match counts.get_mut(&key(row)).filter(|it| **it > 0) {
            Some(count) => {
                *count -= 1;
                equal += 1;
            }
            None => extra.push(row),
        }
    }
    let mut missing: Vec<&Vec<Value>> = Vec::new();
    // The later ones of equal rows are those that are missing; which of them does not show.
    for row in expected.rows.iter().rev() {
        if let Some(count) = counts.get_mut(&key(row)).filter(|it| **it > 0) {
            *count -= 1;
            missing.push(row);
        }
    }
    missing.reverse();
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let columns = expected.columns.iter().map(|it| it.name.clone()).collect();
    Some(RowDiff { columns, equal, rows: matched(&missing, &extra) })
}

/// The row as a text that is the same for the same values only.
fn key(row: &[Value]) -> String {
    row.iter().fold(String::new(), |mut text, value| {
        let kind = match value {
            Value::Null => 'n',
            Value::Bool(_) => 'b',
            Value::Int(_) => 'i',
            Value::Float(_) => 'f',
            Value::Text(_) => 't',
        };
        let shown = match value {
            // Both zeros are one number.
            Value::Float(it) if *it == 0.0 => "0".to_owned(),
            other => other.to_string(),
        };
        let _ = write!(text, "{kind}{}:{shown}", shown.len());
        text
    })
}

/// Rows that belong together by most of their values, in the order of what was expected; then what is too many.
fn matched(missing: &[&Vec<Value>], extra: &[&Vec<Value>]) -> Vec<DiffRow> {
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    if missing.len().saturating_mul(extra.len()) <= MAX_PAIRS {
        for (m, expected) in missing.iter().enumerate() {
            for (e, actual) in extra.iter().enumerate() {
                pairs.extend(likeness(expected, actual).map(|likeness| (likeness, m, e)));
            }
        }
        // Where there is one of each, there is nothing to mistake.
        if let ([_], [_], true) = (missing, extra, pairs.is_empty()) {
            pairs.push((1, 0, 0));
        }
        pairs.sort_by_key(|it| (std::cmp::Reverse(it.0), it.1, it.2));
    } else {
        let both = missing.len().min(extra.len());
        pairs.extend((0..both).map(|index| (1, index, index)));
    }
    let mut partner: Vec<Option<usize>> = vec![None; missing.len()];
    let mut is_taken = vec![false; extra.len()];
    for (_, m, e) in pairs {
        if partner[m].is_none() && !is_taken[e] {
            partner[m] = Some(e);
            is_taken[e] = true;
        }
    }
    let mut rows: Vec<DiffRow> = Vec::new();
    for (m, expected) in missing.iter().enumerate() {
        let expected = (*expected).clone();
        rows.push(match partner[m] {
            Some(e) => DiffRow::Changed { expected, actual: extra[e].clone() },
            None => DiffRow::Missing(expected),
        });
    }
    let left = extra.iter().zip(is_taken).filter(|it| !it.1);
    rows.extend(left.map(|(row, _)| DiffRow::Extra((*row).clone())));
    rows
}

/// How much two rows have in common, or nothing. The first columns say best which row is which, and nulls say
/// little.
fn likeness(expected: &[Value], actual: &[Value]) -> Option<usize> {
    let n = expected.len();
    let same = |index: usize| expected[index] == actual[index];
    let score = |index: usize| match (same(index), &expected[index]) {
        (false, _) => 0,
        (true, Value::Null | Value::Bool(_)) => 1,
        (true, Value::Int(_) | Value::Float(_) | Value::Text(_)) => 4 * n + (n - index),
    };
    let total: usize = (0..n).map(score).sum();
    let has_same_first = n > 1 && same(0) && expected[0] != Value::Null;
    let n_same = (0..n).filter(|it| same(*it)).count();
    (total > n && (has_same_first || 2 * n_same >= n)).then_some(total)
}

/// The difference as a text, one row a line: for artifacts, where it is dbt's form.
pub(super) fn as_text(diff: &RowDiff) -> String {
    let mut text = format!("actual differs from expected:\n\n@@ ,{}\n", diff.columns.join(","));
    let cells = |row: &[Value]| row.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
    for row in &diff.rows {
        let line = match row {
            DiffRow::Changed { expected, actual } => {
                let changed = expected.iter().zip(actual).map(|(expected, actual)| {
                    if expected == actual { expected.to_string() } else { format!("{expected}→{actual}") }
                });
                format!("→  ,{}", changed.collect::<Vec<_>>().join(","))
            }
            DiffRow::Missing(row) => format!("---,{}", cells(row)),
            DiffRow::Extra(row) => format!("+++,{}", cells(row)),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Column;

    fn rows(rows: &[&[i128]]) -> Rows {
        let column = |name: &str| Column { name: name.to_owned(), data_type: "BIGINT".to_owned() };
        let rows = rows.iter().map(|row| row.iter().map(|it| Value::Int(*it)).collect()).collect();
        Rows { columns: ["id", "a", "b"].map(column).to_vec(), rows }
    }

    #[test]
    fn rows_are_a_multiset() {
        assert_eq!(compare(&rows(&[&[1, 1, 1], &[2, 2, 2]]), &rows(&[&[2, 2, 2], &[1, 1, 1]])), None);
        let diff = compare(&rows(&[&[1, 1, 1], &[1, 1, 1]]), &rows(&[&[1, 1, 1]])).expect("one is missing");
        assert_eq!(diff.equal, 1);
        assert_eq!(diff.rows, vec![DiffRow::Missing([1, 1, 1].map(Value::Int).to_vec())]);
    }

    #[test]
    fn rows_are_matched_by_what_they_have_in_common() {
        let diff = compare(
            &rows(&[&[1, 5, 5], &[2, 6, 6], &[9, 9, 9]]),
            &rows(&[&[3, 3, 3], &[2, 6, 7], &[1, 5, 6]]),
        );
        let pair = |expected: [i128; 3], actual: [i128; 3]| DiffRow::Changed {
            expected: expected.map(Value::Int).to_vec(),
            actual: actual.map(Value::Int).to_vec(),
        };
        let diff = diff.expect("they differ");
        let row = |row: [i128; 3]| row.map(Value::Int).to_vec();
        let expected = vec![
            pair([1, 5, 5], [1, 5, 6]),
            pair([2, 6, 6], [2, 6, 7]),
            DiffRow::Missing(row([9, 9, 9])),
            DiffRow::Extra(row([3, 3, 3])),
        ];
        assert_eq!(diff.rows, expected);
        let text = as_text(&diff);
        assert!(text.ends_with("@@ ,id,a,b\n→  ,1,5,5→6\n→  ,2,6,6→7\n---,9,9,9\n+++,3,3,3\n"), "{text}");
    }

    #[test]
    fn null_and_the_empty_text_are_two_things() {
        let column = Column { name: "a".to_owned(), data_type: "VARCHAR".to_owned() };
        let one = |value: Value| Rows { columns: vec![column.clone()], rows: vec![vec![value]] };
        assert!(compare(&one(Value::Null), &one(Value::Text(String::new()))).is_some());
    }
}
