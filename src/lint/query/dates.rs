//! `hard-coded-date`: a day that decides what is in the table, and that nobody will find when it has to move.
//!
//! The first and the last of all days, such as 1900-01-01 and 9999-12-31, stand for no day.

use serde_json::Value as Json;

use super::values::is_written;
use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{literal, location, number, sides, words};
use crate::sql::lineage::json::{list, text};

/// Years between those that stand for "always" and "never".
const YEARS: std::ops::RangeInclusive<i32> = 1971..=2089;

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    for part in &model.parts {
        part.expressions(&mut |it| {
            for date in dates(it) {
                found.extend(finding(model, date));
            }
        });
    }
}

/// Dates and years that a condition compares something with.
fn dates(condition: &Json) -> Vec<&Json> {
    let operands: Vec<&Json> = match text(condition, "class") {
        "COMPARISON" => sides(condition).map(|(a, b)| vec![a, b]).unwrap_or_default(),
        "BETWEEN" => ["input", "lower", "upper"].iter().filter_map(|it| condition.get(it)).collect(),
        "OPERATOR" if text(condition, "type") == "COMPARE_IN" => list(condition, "children").iter().collect(),
        _ => return Vec::new(),
    };
    if operands.iter().all(|it| literal(it).is_some()) {
        return Vec::new();
    }
    let is_year = operands.iter().any(|it| is_year_of(it));
    let is_date = |it: &&Json| {
        let year = |it: f64| is_year && (f64::from(*YEARS.start())..=f64::from(*YEARS.end())).contains(&it);
        words(it).and_then(year_of).is_some_and(|it| YEARS.contains(&it)) || number(it).is_some_and(year)
    };
    operands.into_iter().filter_map(literal).filter(is_date).collect()
}

/// `year(x)` and its other spellings.
fn is_year_of(expression: &Json) -> bool {
    let first = list(expression, "children").first().and_then(words);
    match text(expression, "function_name") {
        "year" => true,
        "date_part" | "datepart" => first.is_some_and(|it| it.eq_ignore_ascii_case("year")),
        _ => text(expression, "class") == "CAST" && expression.get("child").is_some_and(is_year_of),
    }
}

/// The year of a text that is a date, or a date and a time.
fn year_of(text: &str) -> Option<i32> {
    let bytes = text.trim().as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_date = [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(is_digit)
        && bytes.get(4) == Some(&b'-')
        && bytes.get(7) == Some(&b'-')
        && matches!(bytes.get(10), None | Some(b' ' | b'T'));
    text.trim().get(..4).filter(|_| is_date)?.parse().ok()
}

fn finding(model: &Model<'_>, date: &Json) -> Option<Finding> {
    let value = super::values::shown(date);
    if model.world.input.config.allows(Rule::HardCodedDate, &value) || !is_written(model, date) {
        return None;
    }
    let message = format!("`{}` depends on the date {value}", model.node.name);
    let mut finding = model.at(Rule::HardCodedDate, location(date)?, message, "a date in code")?;
    finding.diagnostic =
        finding.diagnostic.help("put it into `vars:` of the project, and write {{ var('...') }} here");
    Some(finding)
}
