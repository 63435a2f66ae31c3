//! `null-comparison`, `not-in-nullable`: conditions that are never true because of nulls.

use serde_json::Value as Json;

use crate::lint::facts::Looked;
use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{is_null, location, sides};
use crate::sql::lineage::json::{list, text};

pub(super) fn check(model: &Model<'_>, looked: &Looked, found: &mut Vec<Finding>) {
    for part in &model.parts {
        part.expressions(&mut |it| found.extend(comparison(model, it)));
    }
    for (place, column) in &looked.nullable_not_in {
        let message = format!("`{}` finds no row as soon as one `{column}` is null", model.node.name);
        let finding = model.at(Rule::NotInNullable, *place, message, "`not in` a query that may give nulls");
        found.extend(finding.map(|mut it| {
            it.diagnostic = it.diagnostic.help(format!(
                "add `where {column} is not null` there, or use `not exists`, or test `{column}` with not_null"
            ));
            it
        }));
    }
}

fn comparison(model: &Model<'_>, expression: &Json) -> Option<Finding> {
    let kind = text(expression, "type");
    let (null, always) = match text(expression, "class") {
        "COMPARISON" if !kind.contains("DISTINCT") => {
            let (left, right) = sides(expression)?;
            ([left, right].into_iter().find(|it| is_null(it))?, "this is null, whatever is compared")
        }
        "OPERATOR" if matches!(kind, "COMPARE_IN" | "COMPARE_NOT_IN") => {
            let listed = list(expression, "children").get(1..)?;
            (listed.iter().find(|it| is_null(it))?, "a null in a list is equal to nothing")
        }
        _ => return None,
    };
    let message = format!("`{}` compares with null", model.node.name);
    let mut finding = model.at(Rule::NullComparison, location(null)?, message, always)?;
    finding.diagnostic = finding.diagnostic.help("write `is null` or `is not null`");
    Some(finding)
}
