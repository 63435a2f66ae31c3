//! `hard-coded-list`: data in a query, as a long list, as a lookup table made of `case`, or as rows.

use serde_json::Value as Json;

use super::values::{broken, compared, is_written, shown};
use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{column, conjuncts, literal, location, number, sides, words};
use crate::sql::lineage::json::{list, text};

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    for part in &model.parts {
        part.expressions(&mut |it| {
            found.extend(long_list(model, it));
            found.extend(lookup(model, it));
        });
        if let Some(from) = part.from() {
            rows(model, from, found);
        }
    }
}

fn finding(model: &Model<'_>, first: &Json, message: String, label: &str) -> Option<Finding> {
    let mut finding = model.at(Rule::HardCodedList, location(first)?, message, label)?;
    finding.diagnostic = finding.diagnostic.help("put it into a seed: `seeds/NAME.csv`, and join that");
    Some(finding)
}

/// Literals of the code itself that the project does not allow.
fn counted<'j>(model: &Model<'_>, literals: &[&'j Json]) -> Vec<&'j Json> {
    let config = &model.world.input.config;
    let is_data = |it: &&&Json| is_written(model, it) && !config.allows(Rule::HardCodedList, &shown(it));
    literals.iter().filter(is_data).copied().collect()
}

/// `column in ('a', 'b', 'c', 'd')`.
fn long_list(model: &Model<'_>, expression: &Json) -> Option<Finding> {
    let is_list = matches!(text(expression, "type"), "COMPARE_IN" | "COMPARE_NOT_IN");
    let compared = compared(expression).filter(|it| is_list && broken(&it.column).is_none())?;
    // Days, months and the like have numbers that nobody needs to look up.
    let is_calendar = |it: &&Json| number(it).is_some_and(|it| (0.0..=31.0).contains(&it));
    if compared.literals.iter().all(is_calendar) {
        return None;
    }
    let literals = counted(model, &compared.literals);
    let count = literals.len();
    let first = literals.first().filter(|_| count > model.world.input.config.max_items())?;
    let message = format!("`{}` lists {count} values of `{}`", model.node.name, compared.column);
    finding(model, first, message, "a list in code")
}

/// `case` whose branches all ask for literals of one column and give literals.
fn lookup(model: &Model<'_>, expression: &Json) -> Option<Finding> {
    if text(expression, "class") != "CASE" {
        return None;
    }
    let checks = list(expression, "case_checks");
    let mut of: Option<Vec<&str>> = None;
    let mut first = None;
    for check in checks {
        let result = literal(check.get("then_expr")?)?;
        let name = of_column(check.get("when_expr")?)?;
        if !is_written(model, result) || of.as_ref().is_some_and(|it| *it != name) {
            return None;
        }
        first = first.or(Some(result));
        of = Some(name);
    }
    let is_long = checks.len() > model.world.input.config.max_items();
    let (name, first) = (of?.last().copied()?, first.filter(|_| is_long)?);
    let message = format!("`{}` looks up {} values by `{name}` in a `case`", model.node.name, checks.len());
    let start = location(expression).and_then(|it| model.word_before(it + 1, &["case"]));
    match start {
        Some(start) => {
            let mut finding = model.at(Rule::HardCodedList, start, message, "a lookup table in code")?;
            finding.diagnostic =
                finding.diagnostic.help("put it into a seed: `seeds/NAME.csv`, and join that");
            Some(finding)
        }
        None => finding(model, first, message, "a lookup table in code"),
    }
}

/// The column that a condition compares with literals, if that is all that it does.
fn of_column(condition: &Json) -> Option<Vec<&str>> {
    let mut name = None;
    for part in conjuncts(condition) {
        let (own, others): (&Json, Vec<&Json>) = match text(part, "class") {
            "COMPARISON" => {
                let (left, right) = sides(part)?;
                if column(left).is_some() { (left, vec![right]) } else { (right, vec![left]) }
            }
            "BETWEEN" => (part.get("input")?, vec![part.get("lower")?, part.get("upper")?]),
            "OPERATOR" if text(part, "type") == "COMPARE_IN" => {
                let (first, rest) = list(part, "children").split_first()?;
                (first, rest.iter().collect())
            }
            _ => return None,
        };
        let own = column(own).filter(|_| others.iter().all(|it| literal(it).is_some()))?;
        if name.as_ref().is_some_and(|it| *it != own) {
            return None;
        }
        name = Some(own);
    }
    name
}

/// `values` with more rows than a list may have entries.
fn rows(model: &Model<'_>, from: &Json, found: &mut Vec<Finding>) {
    if text(from, "type") == "EXPRESSION_LIST" {
        let rows: Vec<Vec<&Json>> = list(from, "values")
            .iter()
            .filter_map(|row| row.as_array()?.iter().map(literal).collect::<Option<Vec<&Json>>>())
            .collect();
        let is_data = |row: &&Vec<&Json>| {
            !counted(model, row).is_empty() && row.iter().any(|it| words(it).is_some() || row.len() > 1)
        };
        let data: Vec<&Vec<&Json>> = rows.iter().filter(is_data).collect();
        if data.len() > model.world.input.config.max_items()
            && let Some(first) = data[0].first()
        {
            let message = format!("`{}` has {} rows of data in it", model.node.name, data.len());
            found.extend(finding(model, first, message, "a table in code"));
        }
        return;
    }
    for side in ["left", "right"] {
        if let Some(inner) = from.get(side) {
            rows(model, inner, found);
        }
    }
}
