//! `unused-cte`: a common table expression that nothing reads.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, first_location};
use crate::sql::lineage::json::text;

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    for part in &model.parts {
        unused(model, part, found);
    }
}

fn unused(model: &Model<'_>, part: &Part<'_>, found: &mut Vec<Finding>) {
    let mut waiting: Vec<(&str, &Json)> =
        part.ctes().filter(|it| !it.0.starts_with("__dbt__cte__")).collect();
    let mut used = BTreeSet::new();
    let own = part.node.as_object().into_iter().flatten().filter(|it| it.0 != "cte_map");
    own.for_each(|it| names(it.1, &mut used));
    // What is read by something that is read, until nothing more is.
    loop {
        let is_used = |it: &(&str, &Json)| used.contains(&it.0.to_lowercase());
        let (reached, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_used);
        waiting = left;
        if reached.is_empty() {
            break;
        }
        for (_, query) in reached {
            names(query, &mut used);
        }
    }
    for (name, query) in waiting {
        let message = format!("`{}` never reads its common table expression `{name}`", model.node.name);
        let place = first_location(query).and_then(|it| model.cte_name(name, it));
        let finding = place.and_then(|it| model.at(Rule::UnusedCte, it, message, "nothing reads it"));
        found.extend(finding.map(|mut it| {
            it.diagnostic = it.diagnostic.help("take it out");
            it
        }));
    }
}

/// The plain names of tables below, in lower case.
fn names(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::Object(entries) => {
            if text(json, "type") == "BASE_TABLE" && text(json, "schema_name").is_empty() {
                found.insert(text(json, "table_name").to_lowercase());
            }
            entries.values().for_each(|it| names(it, found));
        }
        Json::Array(items) => items.iter().for_each(|it| names(it, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
