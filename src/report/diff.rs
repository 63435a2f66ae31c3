//! Rows expected and rows made as a table: what is not as expected, and how.
//!
//! A row of the table begins with a mark: `~` where values differ, `-` for a row that was expected and not made, `+`
//! for one that was made and not expected. A value that differs is written `expected -> actual`. Where the columns
//! do not fit, each row is written below its mark, a value a line. Colours only repeat what the marks say.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};

use crate::report::layout;
use crate::report::numbers;
use crate::report::table::cell;
use crate::run::event::{DiffRow, RowDiff};
use crate::warehouse::Value;

const EXPECTED: Style = AnsiColor::Red.on_default();
const ACTUAL: Style = AnsiColor::Green.on_default();
const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// More rows than this are counted only.
const MAX_ROWS: usize = 20;

/// Wider values are cropped in the table, where nothing is lost but the end of a long text.
const MAX_CELL: usize = 60;

/// Spaces between two columns.
const GAP: usize = 2;

/// A value in the table.
struct Cell {
    text: String,
    width: usize,
    is_number: bool,
}

/// The difference as lines that fit a width.
pub(super) fn draw(diff: &RowDiff, width: usize) -> String {
    let shown = &diff.rows[..diff.rows.len().min(MAX_ROWS)];
    let mut text = in_columns(diff, shown, width).unwrap_or_else(|| in_lines(diff, shown, width));
    let more = diff.rows.len() - shown.len();
    let mut notes = Vec::new();
    if more > 0 {
        notes.push(format!("{} more", numbers::count(more, "row")));
    }
    if diff.equal > 0 {
        let verb = if diff.equal == 1 { "is" } else { "are" };
        notes.push(format!("{} {verb} as expected", numbers::count(diff.equal, "row")));
    }
    if !notes.is_empty() {
        let _ = writeln!(text, "{FAINT}({}){FAINT:#}", notes.join("; "));
    }
    text
}

/// The same without colour.
pub(super) fn plain(diff: &RowDiff, width: usize) -> String {
    anstream::adapter::strip_str(&draw(diff, width)).to_string()
}

fn mark(row: &DiffRow) -> (char, Style) {
    match row {
        DiffRow::Changed { .. } => ('~', Style::new().effects(Effects::BOLD)),
        DiffRow::Missing(_) => ('-', EXPECTED),
        DiffRow::Extra(_) => ('+', ACTUAL),
    }
}

fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// A value as it is, or what it should be and what it is.
fn cell_of(row: &DiffRow, index: usize) -> Cell {
    let plain = |value: &Value| layout::crop(&cell(value), MAX_CELL);
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_) | Value::Null);
    match row {
        DiffRow::Changed { expected, actual } if expected[index] != actual[index] => {
            let (expected, actual) = (plain(&expected[index]), plain(&actual[index]));
            let width = layout::width(&expected) + 4 + layout::width(&actual);
            let text = format!("{} -> {}", styled(&expected, EXPECTED), styled(&actual, ACTUAL));
            Cell { text, width, is_number: false }
        }
        DiffRow::Changed { expected: row, .. } => {
            let text = plain(&row[index]);
            Cell { width: layout::width(&text), text, is_number: is_number(&row[index]) }
        }
        DiffRow::Missing(values) | DiffRow::Extra(values) => {
            let (text, style) = (plain(&values[index]), mark(row).1);
            Cell {
                width: layout::width(&text),
                text: styled(&text, style),
                is_number: is_number(&values[index]),
            }
        }
    }
}

fn in_columns(diff: &RowDiff, rows: &[DiffRow], width: usize) -> Option<String> {
    let headers: Vec<String> = diff.columns.iter().map(|it| layout::one_line(it)).collect();
    let cells: Vec<Vec<Cell>> =
        rows.iter().map(|row| (0..headers.len()).map(|index| cell_of(row, index)).collect()).collect();
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(index, header)| {
            let widest = cells.iter().map(|row| row[index].width).max().unwrap_or(0);
            widest.max(layout::width(header))
        })
        .collect();
    let total = 1 + widths.iter().map(|it| it + GAP).sum::<usize>();
    if total > width {
        return None;
    }
    // A column of numbers is on the right as long as nothing in it changed.
    let is_right: Vec<bool> =
        (0..headers.len()).map(|index| cells.iter().all(|row| row[index].is_number)).collect();
    let mut text = String::new();
    let line = |mark: &str, cells: &mut dyn Iterator<Item = (&str, usize)>| {
        let mut line = mark.to_owned();
        for (index, (cell, cell_width)) in cells.enumerate() {
            let space = " ".repeat(widths[index].saturating_sub(cell_width));
            let (before, after) =
                if is_right[index] { (space, String::new()) } else { (String::new(), space) };
            let _ = write!(line, "{}{before}{cell}{after}", " ".repeat(GAP));
        }
        format!("{}\n", line.trim_end())
    };
    text.push_str(&line(" ", &mut headers.iter().map(|it| (it.as_str(), layout::width(it)))));
    let rules: Vec<String> = widths.iter().map(|it| "-".repeat(*it)).collect();
    text.push_str(&line(" ", &mut rules.iter().map(|it| (it.as_str(), it.len()))));
    for (row, cells) in rows.iter().zip(&cells) {
        let (mark, style) = mark(row);
        let mark = styled(&mark.to_string(), style);
        text.push_str(&line(&mark, &mut cells.iter().map(|it| (it.text.as_str(), it.width))));
    }
    Some(text)
}

fn in_lines(diff: &RowDiff, rows: &[DiffRow], width: usize) -> String {
    let names: Vec<String> = diff.columns.iter().map(|it| layout::one_line(it)).collect();
    let name_width = names.iter().map(|it| layout::width(it)).max().unwrap_or(0).min(width / 2);
    let value_width = width.saturating_sub(name_width + 2 * GAP).max(8);
    let mut text = String::new();
    for row in rows {
        let (mark, style) = mark(row);
        let what = match row {
            DiffRow::Changed { .. } => "a row differs",
            DiffRow::Missing(_) => "expected, not made",
            DiffRow::Extra(_) => "made, not expected",
        };
        let _ = writeln!(text, "{} {what}", styled(&mark.to_string(), style));
        for (index, name) in names.iter().enumerate() {
            let name = layout::pad_right(&layout::crop(name, name_width), name_width);
            let mut line = |mark: &str, value: &Value, style: Style| {
                let value = layout::crop(&cell(value), value_width);
                let _ = writeln!(text, "{mark} {name}  {}", styled(&value, style));
            };
            match row {
                DiffRow::Changed { expected, actual } if expected[index] != actual[index] => {
                    line("  -", &expected[index], EXPECTED);
                    line("  +", &actual[index], ACTUAL);
                }
                DiffRow::Changed { expected: values, .. } => line("   ", &values[index], Style::new()),
                DiffRow::Missing(values) | DiffRow::Extra(values) => line("   ", &values[index], style),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> RowDiff {
        let row = |id: i128, status: &str, amount: &str| {
            vec![Value::Int(id), Value::Text(status.to_owned()), Value::Text(amount.to_owned())]
        };
        RowDiff {
            columns: ["order_id", "status", "amount"].map(str::to_owned).to_vec(),
            equal: 1,
            rows: vec![
                DiffRow::Changed { expected: row(2, "paid", "10.00"), actual: row(2, "open", "10.00") },
                DiffRow::Missing(row(3, "", "4.00")),
                DiffRow::Extra(vec![Value::Int(12), Value::Null, Value::Text("5.00".to_owned())]),
            ],
        }
    }

    #[test]
    fn a_row_shows_what_should_be_and_what_is() {
        assert_eq!(
            plain(&example(), 80),
            "
   order_id  status        amount
   --------  ------------  ------
~         2  paid -> open  10.00
-         3  ''            4.00
+        12  NULL          5.00
(1 row is as expected)
"
            .trim_start_matches('\n')
        );
    }

    #[test]
    fn values_stand_below_each_other_where_columns_do_not_fit() {
        assert_eq!(
            plain(&example(), 24),
            "
~ a row differs
    order_id  2
  - status    paid
  + status    open
    amount    10.00
- expected, not made
    order_id  3
    status    ''
    amount    4.00
+ made, not expected
    order_id  12
    status    NULL
    amount    5.00
(1 row is as expected)
"
            .trim_start_matches('\n')
        );
    }

    #[test]
    fn many_rows_are_counted() {
        let rows = (0..25).map(|it| DiffRow::Missing(vec![Value::Int(it)])).collect();
        let diff = RowDiff { columns: vec!["id".to_owned()], equal: 0, rows };
        let text = plain(&diff, 80);
        assert!(text.ends_with("-  19\n(5 rows more)\n"), "{text}");
    }
}
