//! Tables as text: Markdown as agate draws it, and CSV.

use minijinja::{Error, Value};

use super::table::{Kind, Table};
use crate::template::values::arguments::Arguments;
use crate::template::values::decimal::Decimal;
use crate::template::values::print;

const ELLIPSIS: &str = "...";

/// How much of a table is drawn; `None` for all of it.
struct Limits {
    rows: Option<usize>,
    columns: Option<usize>,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Limits {
    fn read(args: &[Value]) -> Result<Self, Error> {
        let mut args = Arguments::new("print_table", args);
        let mut limit = |name: &str, default: usize| match args.optional(name) {
            None => Some(default),
            Some(value) => value.as_usize(),
        };
        let (rows, columns) = (limit("max_rows", 20), limit("max_columns", 6));
        let width = args.named("max_column_width");
        let width = width.map_or(Some(20), |it| it.as_usize());
        let precision = args.named("max_precision").map_or(Some(3), |it| it.as_usize());
        args.named("output");
        args.named("locale");
        args.finish()?;
        Ok(Self { rows, columns, width, precision })
    }
}

/// `print_table(max_rows, max_columns, max_column_width, max_precision)`.
pub(super) fn table(table: &Table, args: &[Value]) -> Result<String, Error> {
    Ok(draw(table, &Limits::read(args)?))
}

/// Names and types of the columns: how a table prints by itself.
pub(super) fn structure(table: &Table) -> String {
    let rows =
        table.names().iter().zip(table.kinds()).map(|(name, kind)| {
            std::sync::Arc::new(vec![Value::from(name.as_str()), Value::from(kind.name())])
        });
    let names = vec!["column".to_owned(), "data_type".to_owned()];
    let columns = Table::new(names, vec![Kind::Text; 2], rows.collect());
    draw(&columns, &Limits { rows: None, columns: None, width: None, precision: None })
}

/// The rows as CSV.
pub(super) fn csv(table: &Table) -> String {
    let mut out = String::new();
    let names: Vec<String> = table.names().iter().map(|it| csv_field(it)).collect();
    out.push_str(&names.join(","));
    for row in table.rows() {
        let fields =
            row.iter().map(|it| if it.is_none() { String::new() } else { csv_field(&print::text(it)) });
        out.push('\n');
        out.push_str(&fields.collect::<Vec<_>>().join(","));
    }
    out
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn draw(table: &Table, limits: &Limits) -> String {
    let shown = limits.columns.unwrap_or(usize::MAX).min(table.names().len());
    let is_cut = shown < table.names().len();
    let count = table.rows().count();
    let n_rows = limits.rows.unwrap_or(count).min(count);
    let cut = |text: String| match limits.width {
        Some(width) if text.chars().count() > width => {
            let kept: String = text.chars().take(width.saturating_sub(ELLIPSIS.len())).collect();
            kept + ELLIPSIS
        }
        _ => text,
    };
    let mut head: Vec<String> = table.names()[..shown].iter().map(|it| cut(it.clone())).collect();
    head.extend(is_cut.then(|| ELLIPSIS.to_owned()));
    let formats: Vec<Option<Places>> =
        (0..shown).map(|column| Places::of(table, column, n_rows, limits.precision)).collect();
    let mut lines = Vec::with_capacity(n_rows);
    for row in table.rows().take(n_rows) {
        let cell = |(value, places): (&Value, &Option<Places>)| {
            cut(match places {
                _ if value.is_none() => String::new(),
                Some(places) => places.write(value),
                None => print::text(value),
            })
        };
        let mut line: Vec<String> = row.iter().zip(&formats).map(cell).collect();
        line.extend(is_cut.then(|| ELLIPSIS.to_owned()));
        lines.push(line);
    }
    let width = |column: usize| {
        let cells = lines.iter().map(|it| &it[column]).chain([&head[column]]);
        cells.map(|it| it.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let is_text = |column: usize| table.kinds().get(column) == Some(&Kind::Text);
    let mut out = String::new();
    write_row(&mut out, &head, &widths, is_text);
    let rules: Vec<String> = widths.iter().map(|it| "-".repeat(*it)).collect();
    out.extend(["| ", &rules.join(" | "), " |\n"]);
    for line in &lines {
        write_row(&mut out, line, &widths, is_text);
    }
    if n_rows < count {
        write_row(&mut out, &vec![ELLIPSIS.to_owned(); head.len()], &widths, is_text);
    }
    out
}

/// Text stands left, everything else right.
fn write_row(out: &mut String, cells: &[String], widths: &[usize], is_text: impl Fn(usize) -> bool) {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
        out.push_str("| ");
        out.push_str(if is_text(column) { cell } else { &gap });
        out.push_str(if is_text(column) { &gap } else { cell });
        out.push(' ');
    }
    out.push_str("|\n");
}

/// How the numbers of a column are written: with as many places as the longest of them has.
struct Places {
    count: usize,
    is_cut: bool,
}

impl Places {
    fn of(table: &Table, column: usize, n_rows: usize, limit: Option<usize>) -> Option<Self> {
        if table.kinds()[column] != Kind::Number {
            return None;
        }
        let places = table.rows().take(n_rows).map(|row| places(&row[column])).max().unwrap_or(0);
        let limit = limit.unwrap_or(usize::MAX);
        Some(Self { count: places.min(limit), is_cut: places > limit })
    }

    fn write(&self, value: &Value) -> String {
        let Some(number) = Decimal::of(value) else { return print::text(value) };
        let text = number.round(self.count);
        let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |it| ("-", it));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let dot = if fraction.is_empty() { "" } else { "." };
        let more = if self.is_cut { "…" } else { "" };
        format!("{sign}{grouped}{dot}{fraction}{more}")
    }
}

/// Decimal places without zeros at the end.
fn places(value: &Value) -> usize {
    let Some(number) = Decimal::of(value) else { return 0 };
    let text = number.to_string();
    text.split_once('.').map_or(0, |it| it.1.trim_end_matches('0').len())
}
