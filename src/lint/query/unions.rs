//! `bare-union`: a union that takes doubled rows out without saying that it wants to.

use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, first_location};
use crate::sql::lineage::json::text;

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    for part in &model.parts {
        found.extend(bare(model, part));
    }
}

fn bare(model: &Model<'_>, part: &Part<'_>) -> Option<Finding> {
    let is_all = part.node.get("setop_all").and_then(serde_json::Value::as_bool).unwrap_or(true);
    if is_all || !text(part.node, "setop_type").starts_with("UNION") {
        return None;
    }
    let right = first_location(part.node.get("right")?)?;
    let place = model.word_before(right, &["union"])?;
    if model.next_word(place).is_some_and(|it| it.eq_ignore_ascii_case("distinct")) {
        return None;
    }
    let message = format!("`{}` compares all rows of a union with each other", model.node.name);
    let mut finding = model.at(Rule::BareUnion, place, message, "takes doubled rows out")?;
    finding.diagnostic = finding
        .diagnostic
        .help("write `union all` if there are none, and `union distinct` if they are to go");
    Some(finding)
}
