//! Rows as text: an aligned table for people, CSV and JSON for programs.
//!
//! In: the rows of a query. Out: text that ends with a line break. Programs get every byte of every
//! value; only the table crops.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value as Json};

use crate::report::layout;
use crate::warehouse::{Column, Rows, Value};

/// Columns are not cropped below this.
const MIN_COLUMN: usize = 8;

/// Spaces between two columns.
const GAP: usize = 2;

/// Whole numbers up to here are exact in every JSON reader.
const MAX_EXACT: u128 = 1 << 53;

/// An aligned table. Numbers are on the right; `NULL` is a null and `'NULL'` that text, `''` the empty text.
/// With a width, wide columns are cropped to fit, and columns that cannot fit are named below.
pub fn aligned(rows: &Rows, width: Option<usize>) -> String {
    if rows.columns.is_empty() {
        return "(no columns)\n".to_owned();
    }
    let columns: Vec<TableColumn> =
        (0..rows.columns.len()).map(|index| TableColumn::new(rows, index)).collect();
    let widths = fit(columns.iter().map(|it| it.width).collect(), width.unwrap_or(usize::MAX));
    let shown = &columns[..widths.len()];

    let mut text = String::new();
    let header: Vec<&str> = shown.iter().map(|it| it.header.as_str()).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    push_line(&mut text, shown, &widths, &header);
    push_line(&mut text, shown, &widths, &rule.iter().map(String::as_str).collect::<Vec<_>>());
    for row in 0..rows.rows.len() {
        let cells: Vec<&str> = shown.iter().map(|it| it.cells.get(row).map_or("", String::as_str)).collect();
        push_line(&mut text, shown, &widths, &cells);
    }
    if rows.rows.is_empty() {
        text.push_str("(no rows)\n");
    }
    if shown.len() < columns.len() {
        let hidden: Vec<&str> = columns[shown.len()..].iter().map(|it| it.header.as_str()).collect();
        let note = format!("(not shown: {})", hidden.join(", "));
        let note = width.map_or(note.clone(), |width| layout::wrap(&note, width, 1));
        writeln!(text, "{note}").ok();
    }
    text
}

/// CSV with a header line; nulls are empty.
pub fn csv(rows: &Rows) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = rows.columns.iter().map(|column| column.name.clone()).collect();
    let records = rows.rows.iter().map(|row| {
        row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => value.to_string(),
        })
    });
    for record in std::iter::once(header).chain(records.map(Iterator::collect::<Vec<String>>)) {
        writer.write_record(&record).expect("rows are as long as their header, and memory takes all");
    }
    let bytes = writer.into_inner().expect("memory takes all");
    String::from_utf8(bytes).expect("texts stay texts")
}

/// A JSON array with an object for each row, one row a line. Numbers are numbers where every reader
/// reads them exactly, else texts; a second column of the same name gets `_1`.
pub fn json(rows: &Rows) -> String {
    let lines: Vec<String> = json_objects(rows).map(|object| format!("\n  {object}")).collect();
    let end = if lines.is_empty() { "" } else { "\n" };
    format!("[{}{end}]\n", lines.join(","))
}

/// The array of [`json`] as a value, to be put into a larger one.
pub fn json_rows(rows: &Rows) -> Json {
    json_objects(rows).collect()
}

fn json_objects(rows: &Rows) -> impl Iterator<Item = Json> {
    let names = unique_names(&rows.columns);
    rows.rows.iter().map(move |row| {
        let fields = names.iter().zip(&rows.columns).zip(row);
        fields
            .map(|((name, column), value)| (name.clone(), json_value(value, column)))
            .collect::<Map<String, Json>>()
            .into()
    })
}

fn json_value(value: &Value, column: &Column) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(it) => Json::Bool(*it),
        Value::Int(it) if it.unsigned_abs() <= MAX_EXACT => {
            i64::try_from(*it).map_or_else(|_| Json::String(it.to_string()), Json::from)
        }
        Value::Int(it) => Json::String(it.to_string()),
        Value::Float(it) => {
            Number::from_f64(*it).map_or_else(|| Json::String(value.to_string()), Json::Number)
        }
        Value::Text(it) if is_decimal(column) => {
            exact_number(it).map_or_else(|| Json::String(it.clone()), Json::Number)
        }
        Value::Text(it) => Json::String(it.clone()),
    }
}

/// A value whose column is not known.
pub(super) fn plain_json(value: &Value) -> Json {
    json_value(value, &Column { name: String::new(), data_type: String::new() })
}

/// The number a decimal stands for, if a floating point number holds all of its digits.
fn exact_number(decimal: &str) -> Option<Number> {
    let digits = decimal.bytes().filter(u8::is_ascii_digit).count();
    // Fifteen decimal digits survive the way through a 64-bit float and back.
    let number = decimal.parse::<f64>().ok().filter(|_| digits <= 15)?;
    Number::from_f64(number)
}

fn unique_names(columns: &[Column]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.name.clone();
        let mut suffix = 0;
        while names.contains(&name) {
            suffix += 1;
            name = format!("{}_{suffix}", column.name);
        }
        names.push(name);
    }
    names
}

fn is_decimal(column: &Column) -> bool {
    column.data_type.starts_with("DECIMAL") || column.data_type.starts_with("NUMERIC")
}

/// A column as the table shows it.
struct TableColumn {
    header: String,
    cells: Vec<String>,
    width: usize,
    is_number: bool,
}

impl TableColumn {
    fn new(rows: &Rows, index: usize) -> Self {
        let column = &rows.columns[index];
        let values: Vec<&Value> = rows.rows.iter().filter_map(|row| row.get(index)).collect();
        let header = layout::one_line(&column.name);
        let cells: Vec<String> = values.iter().map(|value| cell(value)).collect();
        let width = cells.iter().chain([&header]).map(|it| layout::width(it)).max().unwrap_or(0).max(1);
        let is_number = is_decimal(column)
            || values.iter().all(|it| matches!(it, Value::Null | Value::Int(_) | Value::Float(_)))
                && values.iter().any(|it| !matches!(it, Value::Null));
        Self { header, cells, width, is_number }
    }
}

/// A value as the table shows it.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) if text.is_empty() || text == "NULL" => format!("'{text}'"),
        Value::Text(text) => layout::one_line(text),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => value.to_string(),
    }
}

/// Shrinks the widest columns until all fit; then leaves out the last ones, but never the first.
fn fit(mut widths: Vec<usize>, available: usize) -> Vec<usize> {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
    while widths.len() > 1
        && total(&widths.iter().map(|it| *it.min(&MIN_COLUMN)).collect::<Vec<_>>()) > available
    {
        widths.pop();
    }
    while total(&widths) > available {
        let widest = widths.iter().copied().max().unwrap_or(0);
        if widest <= MIN_COLUMN {
            break;
        }
        let next = widths.iter().copied().filter(|it| *it < widest).max().unwrap_or(0).max(MIN_COLUMN);
        let n_widest = widths.iter().filter(|it| **it == widest).count();
        let excess = total(&widths) - available;
        let cut = excess.div_ceil(n_widest).min(widest - next).max(1);
        widths.iter_mut().filter(|it| **it == widest).for_each(|it| *it -= cut);
    }
    widths
}

fn push_line(text: &mut String, columns: &[TableColumn], widths: &[usize], cells: &[&str]) {
    let mut line = String::new();
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        if !line.is_empty() {
            line.push_str(&" ".repeat(GAP));
        }
        let cell = layout::crop(cell, *width);
        let padded =
            if column.is_number { layout::pad_left(&cell, *width) } else { layout::pad_right(&cell, *width) };
        line.push_str(&padded);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests;
