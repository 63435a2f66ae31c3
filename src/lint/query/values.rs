//! `hard-coded-id`, `hard-coded-name`: a column is compared with one thing of which there are many.
//!
//! What a column holds is told by its name. Placeholders such as 0, -1 and `unknown` stand for no thing, and
//! values that came from a variable are no part of the code.

use serde_json::Value as Json;

use crate::lint::finding::{Finding, Model, listed};
use crate::lint::rules::Rule;
use crate::lint::tree::{column, literal, location, number, sides, words};
use crate::sql::lineage::json::{list, text};

/// A column that is compared with literals.
pub(super) struct Compared<'j> {
    /// The column's own name, in lower case.
    pub(super) column: String,
    pub(super) literals: Vec<&'j Json>,
}

/// A comparison of a column with one literal, or with a list of them.
pub(super) fn compared(expression: &Json) -> Option<Compared<'_>> {
    let name = |it| column(it).and_then(|it| it.last().map(|it| it.to_lowercase()));
    match text(expression, "type") {
        "COMPARE_EQUAL" | "COMPARE_NOTEQUAL" | "COMPARE_DISTINCT_FROM" | "COMPARE_NOT_DISTINCT_FROM" => {
            let (left, right) = sides(expression)?;
            let of = |a, b| Some(Compared { column: name(a)?, literals: vec![literal(b)?] });
            of(left, right).or_else(|| of(right, left))
        }
        "COMPARE_IN" | "COMPARE_NOT_IN" => {
            let (first, rest) = list(expression, "children").split_first()?;
            let literals: Option<Vec<&Json>> = rest.iter().map(literal).collect();
            Some(Compared { column: name(first)?, literals: literals? })
        }
        _ => None,
    }
}

/// A literal as people write it.
pub(super) fn shown(literal: &Json) -> String {
    match (words(literal), number(literal)) {
        (Some(words), _) => words.to_owned(),
        (None, Some(number)) => number.to_string(),
        (None, None) => String::new(),
    }
}

/// Names of columns that hold the id of one thing among many.
pub(super) fn is_id(column: &str) -> bool {
    const ENDS: [&str; 7] = ["_id", "_ids", "_uuid", "_guid", "_sk", "_pk", "_nr"];
    const NUMBERS: [&str; 9] = ["line", "row", "month", "week", "day", "page", "version", "seq", "step"];
    match column.strip_suffix("_no") {
        Some(of) => !NUMBERS.iter().any(|it| of.ends_with(it)),
        None => matches!(column, "id" | "uuid" | "guid") || ENDS.iter().any(|it| column.ends_with(it)),
    }
}

/// Names of columns that hold the name of one person, firm or product.
fn is_name(column: &str) -> bool {
    const OF: [&str; 24] = [
        "account",
        "brand",
        "city",
        "client",
        "company",
        "contact",
        "customer",
        "employee",
        "first",
        "full",
        "last",
        "merchant",
        "owner",
        "partner",
        "person",
        "product",
        "seller",
        "shop",
        "store",
        "supplier",
        "team",
        "user",
        "vendor",
        "warehouse",
    ];
    let of_thing = column.strip_suffix("_name").or_else(|| column.strip_suffix("name"));
    column == "email"
        || column.ends_with("_email")
        || of_thing.is_some_and(|of| OF.contains(&of.rsplit('_').next().unwrap_or(of)))
}

/// Stands for no thing, or for the thing itself.
fn is_placeholder(literal: &Json) -> bool {
    const WORDS: [&str; 12] =
        ["", "0", "1", "-1", "unknown", "none", "null", "n/a", "na", "undefined", "(not set)", "-"];
    match (words(literal), number(literal)) {
        (Some(words), _) => WORDS.contains(&words.trim().to_lowercase().as_str()),
        (None, Some(number)) => number.abs() < 1.5 && number.fract() == 0.0,
        // A truth value, or something whose kind is not known.
        (None, None) => true,
    }
}

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    for part in &model.parts {
        part.expressions(&mut |it| found.extend(compared(it).and_then(|it| finding(model, &it))));
    }
}

/// The rule that a comparison breaks, if its literals are written there.
pub(super) fn broken(column: &str) -> Option<Rule> {
    match column {
        _ if is_id(column) => Some(Rule::HardCodedId),
        _ if is_name(column) => Some(Rule::HardCodedName),
        _ => None,
    }
}

fn finding(model: &Model<'_>, compared: &Compared<'_>) -> Option<Finding> {
    let rule = broken(&compared.column)?;
    let is_wrong = |it: &&&Json| {
        !is_placeholder(it) && !model.world.input.config.allows(rule, &shown(it)) && is_written(model, it)
    };
    let wrong: Vec<&&Json> = compared.literals.iter().filter(is_wrong).collect();
    let values: Vec<String> = wrong.iter().map(|it| shown(it)).collect();
    let message = format!(
        "`{}` compares `{}` with {}",
        model.node.name,
        compared.column,
        listed(values.iter().map(String::as_str))
    );
    let what = if rule == Rule::HardCodedId { "an id in code" } else { "a name in code" };
    let offset = location(wrong.first()?)?;
    let mut finding = model.at(rule, offset, message, what)?;
    finding.diagnostic =
        finding.diagnostic.help("keep it in a seed with a column that says why, and join that");
    Some(finding)
}

/// Whether a literal is written in the file as it is.
pub(super) fn is_written(model: &Model<'_>, literal: &Json) -> bool {
    location(literal).is_some_and(|it| {
        let range = model.piece_at(it);
        !range.is_empty() && model.is_written(&range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_by_their_names() {
        for id in ["id", "customer_id", "order_uuid", "customer_no"] {
            assert!(is_id(id), "{id}");
        }
        for other in ["paid", "valid", "line_no", "is_void", "country_code", "grid"] {
            assert!(!is_id(other), "{other}");
        }
    }

    #[test]
    fn names_of_things_of_which_there_are_many() {
        for name in ["customer_name", "billing_customer_name", "firstname", "email"] {
            assert!(is_name(name), "{name}");
        }
        for other in ["event_name", "name", "status_name", "file_name", "rename"] {
            assert!(!is_name(other), "{other}");
        }
    }
}
