//! What is said of a measure that changed: one line, and a table of groups.

use super::Change;
use crate::parse::check::{Drift, Limit, Measure};
use crate::run::event::TestStatus;
use crate::run::masked::MASKED;
use crate::warehouse::{Column, Rows, Value};

/// How many groups a message names; a table shows more.
const NAMED: usize = 3;

/// What is wrong, in one line.
pub(super) fn said(drift: &Drift, changes: &[Change]) -> String {
    let bad: Vec<&Change> = changes.iter().filter(|it| it.status != TestStatus::Pass).collect();
    let one = |change: &Change| {
        let limit = change.limit.map(|(limit, direction)| {
            let limit = match limit {
                Limit::Amount(it) => amount(drift, it),
                Limit::Percent(_) => limit.to_string(),
            };
            format!("; the limit is {limit} {direction}")
        });
        let what = if change.what.is_empty() { String::new() } else { format!(", {}", change.what) };
        format!(
            "{} {}, {} now{}{what}{}",
            amount(drift, change.before),
            drift.against,
            amount(drift, change.now),
            relative(change.before, change.now),
            limit.unwrap_or_default()
        )
    };
    match &bad[..] {
        [only] if only.group.is_empty() => one(only),
        _ => {
            let named: Vec<String> =
                bad.iter().take(NAMED).map(|it| format!("{}: {}", group_name(&it.group), one(it))).collect();
            let more = if bad.len() > NAMED { " ..." } else { "" };
            format!("{} of {}: {}{more}", bad.len(), n_groups(changes.len()), named.join("; "))
        }
    }
}

fn relative(before: f64, now: f64) -> String {
    if before == 0.0 { String::new() } else { format!(" ({:+.1}%)", (now - before) * 100.0 / before.abs()) }
}

pub(super) fn n_groups(n: usize) -> String {
    format!("{n} {}", if n == 1 { "group" } else { "groups" })
}

/// `5 rows`, or a number for other measures.
pub(super) fn amount(drift: &Drift, value: f64) -> String {
    let number = plain(value);
    match drift.measure {
        Measure::Rows => format!("{number} {}", if number == "1" { "row" } else { "rows" }),
        Measure::Sql(_) => number,
    }
}

/// A number without needless digits.
fn plain(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

/// A group's values for people.
pub(super) fn group_name(group: &str) -> String {
    let values = group_values(group);
    format!("`{}`", values.join(", "))
}

fn group_values(group: &str) -> Vec<String> {
    let values: Vec<Option<String>> = serde_json::from_str(group).unwrap_or_default();
    let shown = |it: Option<String>| match it {
        None => "NULL".to_owned(),
        Some(text) if text.starts_with(MASKED) => MASKED.to_owned(),
        Some(text) => text,
    };
    values.into_iter().map(shown).collect()
}

/// The groups that are wrong, as rows.
pub(super) fn table(drift: &Drift, changes: &[Change], limit: usize) -> Rows {
    let text =
        |name: &str, data_type: &str| Column { name: name.to_owned(), data_type: data_type.to_owned() };
    let mut columns: Vec<Column> = drift.group_by.iter().map(|it| text(it, "VARCHAR")).collect();
    columns.extend([text("before", "DOUBLE"), text("now", "DOUBLE"), text("change", "VARCHAR")]);
    let mut bad: Vec<&Change> = changes.iter().filter(|it| it.status != TestStatus::Pass).collect();
    let size = |it: &Change| (it.now - it.before).abs();
    bad.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.group.cmp(&b.group)));
    let row = |change: &&Change| {
        let mut row: Vec<Value> = group_values(&change.group).into_iter().map(Value::Text).collect();
        row.resize(drift.group_by.len(), Value::Null);
        let relative = relative(change.before, change.now);
        let what = if change.what.is_empty() {
            relative.trim_matches([' ', '(', ')']).to_owned()
        } else {
            change.what.to_owned()
        };
        row.extend([number_value(change.before), number_value(change.now), Value::Text(what)]);
        row
    };
    Rows { columns, rows: bad.iter().take(limit).map(row).collect() }
}

fn number_value(value: f64) -> Value {
    match plain(value).parse::<i128>() {
        Ok(whole) => Value::Int(whole),
        Err(_) => Value::Float(value),
    }
}
