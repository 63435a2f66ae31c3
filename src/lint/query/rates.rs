//! `hard-coded-rate`: taxes, discounts, exchange rates and other factors that somebody will change one day.
//!
//! Powers of ten, halves and factors between units stay the same for ever.

use serde_json::Value as Json;

use super::values::{compared, is_written, shown};
use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{literal, location, number};
use crate::sql::lineage::json::{list, text};

/// Days in a year and in a month, kilometres in a mile, and the like.
const UNITS: [f64; 20] = [
    0.5,
    0.25,
    0.75,
    1.5,
    1.8,
    3.6,
    365.25,
    365.2425,
    30.4,
    30.42,
    30.44,
    30.4375,
    4.345,
    4.33,
    1.609_344,
    0.621_371,
    2.54,
    0.3048,
    0.453_592_37,
    2.204_62,
];

/// Words in names of columns that hold a factor.
const FACTORS: [&str; 12] = [
    "rate",
    "tax",
    "vat",
    "fee",
    "discount",
    "margin",
    "commission",
    "surcharge",
    "markup",
    "multiplier",
    "factor",
    "price",
];

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    for part in &model.parts {
        part.expressions(&mut |it| {
            let mut rates = Vec::new();
            product(it, &mut rates);
            by_case(it, &mut rates);
            found.extend(rates.into_iter().filter_map(|it| finding(model, it)));
        });
        for item in list(part.node, "select_list") {
            let is_factor = text(item, "alias").to_lowercase().split('_').any(|it| FACTORS.contains(&it));
            let rate = literal(item)
                .filter(|it| is_factor && number(it).is_some_and(|it| it.abs() > 1.5 || is_rate(it)));
            found.extend(rate.and_then(|it| finding(model, it)));
        }
    }
}

fn finding(model: &Model<'_>, rate: &Json) -> Option<Finding> {
    let value = shown(rate);
    if model.world.input.config.allows(Rule::HardCodedRate, &value) || !is_written(model, rate) {
        return None;
    }
    let message = format!("`{}` has the rate {value} in it", model.node.name);
    let mut finding = model.at(Rule::HardCodedRate, location(rate)?, message, "a rate in code")?;
    finding.diagnostic = finding
        .diagnostic
        .help("keep rates in a seed, with the dates from which they hold, or in `vars:` of the project");
    Some(finding)
}

/// Whether a number is neither whole nor a factor between units.
fn is_rate(number: f64) -> bool {
    let size = number.abs();
    let is_same = |it: f64| (size - it).abs() < 1e-9;
    let is_power = size > 0.0 && {
        let power = size.log10();
        (power - power.round()).abs() < 1e-9
    };
    size.fract() != 0.0 && !is_power && !UNITS.iter().any(|it| is_same(*it))
}

/// Literals that a value is multiplied with or divided by.
fn product<'j>(expression: &'j Json, found: &mut Vec<&'j Json>) {
    let name = text(expression, "function_name");
    let [left, right] = list(expression, "children") else { return };
    if !matches!(name, "*" | "/") || is_constant(left) && is_constant(right) {
        return;
    }
    for side in [left, right].into_iter().filter(|it| is_constant(it)) {
        fractions(side, found);
    }
    // `amount * 19 / 100`.
    if name == "/"
        && let Some(hundred) = number(right)
        && [100.0, 1000.0, 10000.0].contains(&hundred)
        && text(left, "function_name") == "*"
    {
        let whole = list(left, "children").iter().filter_map(literal);
        found.extend(
            whole.filter(|it| number(it).is_some_and(|it| is_rate(it / hundred) && it.fract() == 0.0)),
        );
    }
}

/// `case country when 'DE' then 0.19 ...`: rates by what they belong to.
fn by_case<'j>(expression: &'j Json, found: &mut Vec<&'j Json>) {
    if text(expression, "class") != "CASE" {
        return;
    }
    for check in list(expression, "case_checks") {
        let is_lookup = check.get("when_expr").and_then(compared).is_some();
        let result = check.get("then_expr").and_then(literal).filter(|_| is_lookup);
        found.extend(result.filter(|it| number(it).is_some_and(is_rate)));
    }
}

/// Whether a value is made of literals alone.
fn is_constant(expression: &Json) -> bool {
    let is_operator = matches!(text(expression, "function_name"), "+" | "-" | "*" | "/");
    literal(expression).is_some() || is_operator && list(expression, "children").iter().all(is_constant)
}

fn fractions<'j>(expression: &'j Json, found: &mut Vec<&'j Json>) {
    match literal(expression) {
        Some(literal) => found.extend(Some(literal).filter(|it| number(it).is_some_and(is_rate))),
        None => list(expression, "children").iter().for_each(|it| fractions(it, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_rate;

    #[test]
    fn units_are_no_rates() {
        for unit in [0.0, 1.0, 100.0, 0.01, 0.001, 1000.0, 0.5, 365.25, 60.0, -1.0] {
            assert!(!is_rate(unit), "{unit}");
        }
        for rate in [0.19, 1.19, 0.07, 0.125, 1.0837] {
            assert!(is_rate(rate), "{rate}");
        }
    }
}
