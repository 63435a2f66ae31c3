//! `unused-staging-column`: columns that staging carries and nothing after it reads.

use serde_json::Value as Json;

use super::usage::Usage;
use crate::lint::finding::{Finding, Model, of};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, first_location, location};
use crate::sql::lineage::json::{list, text, texts};

/// A finding for each of them, at the select item that it is.
pub(in crate::lint) fn check(model: &Model<'_>, usage: &Usage, found: &mut Vec<Finding>) {
    if !model.world.staging.contains(&model.id) || model.world.marts.contains(&model.id) {
        return;
    }
    let tested = model.world.tested(model.id);
    for name in usage.unread(model.world, model.id).unwrap_or_default() {
        // A key is what a row is, whoever needs it.
        if tested.is_some_and(|it| it.columns.contains(&name.to_lowercase())) {
            continue;
        }
        let message = format!("nothing reads the column `{name}` of the staging model `{}`", model.node.name);
        let place = place(model, model.tree, &name, 0);
        let span = place.and_then(|it| model.place(model.piece_at(it))).unwrap_or(model.node.span);
        let diagnostic = of(Rule::UnusedStagingColumn, message, span, "carried for nobody")
            .help("leave it out: it costs reading, and hides which columns matter");
        found.push(Finding { rule: Rule::UnusedStagingColumn, node: Some(model.id), diagnostic });
    }
}

/// Where a query names one of its columns: the item itself, or in what a star takes.
fn place(model: &Model<'_>, query: &Json, name: &str, depth: usize) -> Option<usize> {
    if depth > 20 {
        return None;
    }
    if let Some(left) = query.get("left") {
        return place(model, left, name, depth + 1);
    }
    let mut star = None;
    for item in list(query, "select_list") {
        let own = texts(item, "column_names").last().copied().unwrap_or_default();
        let own = if text(item, "alias").is_empty() { own } else { text(item, "alias") };
        if own.eq_ignore_ascii_case(name) {
            return first_location(item);
        }
        if text(item, "class") == "STAR" {
            star = star.or(location(item));
        }
    }
    let star = star?;
    let from = query.get("from_table")?;
    let table = text(from, "table_name");
    let inner = model.parts.iter().flat_map(Part::ctes).find(|it| it.0.eq_ignore_ascii_case(table));
    let inner = inner.map(|it| it.1).or_else(|| from.pointer("/subquery/node"));
    inner.and_then(|it| place(model, it, name, depth + 1)).or(Some(star))
}
