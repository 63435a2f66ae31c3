//! `unstable-function`, `unstable-order`, `order-by-in-subquery`: what makes the same data come out otherwise.

use serde_json::Value as Json;

use crate::lint::finding::{Finding, Model};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, Role, column, first_location, literal, location, number};
use crate::node::NodeKind;
use crate::sql::lineage::json::{list, text};

/// Functions of the clock; some are written without brackets.
const CLOCK: [&str; 13] = [
    "current_date",
    "current_localtime",
    "current_localtimestamp",
    "current_time",
    "current_timestamp",
    "get_current_time",
    "get_current_timestamp",
    "localtime",
    "localtimestamp",
    "now",
    "today",
    "transaction_timestamp",
    "getdate",
];

/// Functions of chance.
const CHANCE: [&str; 6] = ["gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7", "rand"];

/// Aggregates that take whichever row comes first.
const WHICHEVER: [&str; 4] = ["any_value", "arbitrary", "first", "last"];

/// Aggregates whose result has the order of the rows.
const ORDERED: [&str; 8] =
    ["array_agg", "first", "group_concat", "last", "list", "listagg", "string_agg", "any_value"];

/// Windows that number or pick rows.
const NUMBERING: [&str; 7] = [
    "WINDOW_ROW_NUMBER",
    "WINDOW_LEAD",
    "WINDOW_LAG",
    "WINDOW_FIRST_VALUE",
    "WINDOW_LAST_VALUE",
    "WINDOW_NTH_VALUE",
    "WINDOW_NTILE",
];

pub(super) fn check(model: &Model<'_>, found: &mut Vec<Finding>) {
    let reads_order = model.parts.iter().any(reads_order);
    for part in &model.parts {
        let stamps: Vec<&Json> = list(part.node, "select_list").iter().filter_map(stamp).collect();
        part.expressions(&mut |it| {
            if !stamps.iter().any(|stamp| std::ptr::eq(*stamp, it)) {
                found.extend(function(model, it));
            }
            found.extend(window(model, it));
            found.extend(aggregate(model, it));
        });
        found.extend(cut(model, part));
        if !reads_order {
            found.extend(idle_order(model, part));
        }
    }
}

/// The name of a function, or of a word that is one.
fn called(expression: &Json) -> Option<String> {
    let name = match column(expression).as_deref() {
        Some([word]) => (*word).to_owned(),
        Some(_) => return None,
        None => text(expression, "function_name").to_owned(),
    };
    Some(name.to_lowercase()).filter(|it| !it.is_empty())
}

/// The call of a column that only says when the row was made: `now() as loaded_at`.
fn stamp(item: &Json) -> Option<&Json> {
    const ENDS: [&str; 4] = ["_at", "_ts", "_timestamp", "_datetime"];
    let alias = text(item, "alias").to_lowercase();
    let mut inner = item;
    while text(inner, "class") == "CAST" {
        inner = inner.get("child")?;
    }
    let is_clock = called(inner).is_some_and(|it| CLOCK.contains(&it.as_str()));
    (is_clock && ENDS.iter().any(|it| alias.ends_with(it))).then_some(inner)
}

fn function(model: &Model<'_>, expression: &Json) -> Option<Finding> {
    let name = called(expression).filter(|_| model.node.kind == NodeKind::Model)?;
    let (what, help) = if CLOCK.contains(&name.as_str()) {
        (
            "depends on when it is made",
            "take the time from the data, or from the run: '{{ run_started_at }}' or '{{ var(\"today\") }}'",
        )
    } else if CHANCE.contains(&name.as_str()) && column(expression).is_none() {
        ("comes out otherwise each time", "make it of the data: `hash(id)` scatters, `md5(id)` is an id")
    } else {
        return None;
    };
    let message = format!("`{}` {what}", model.node.name);
    let mut finding =
        model.at(Rule::UnstableFunction, location(expression)?, message, "another value in each run")?;
    finding.diagnostic = finding.diagnostic.help(help);
    Some(finding)
}

fn window(model: &Model<'_>, expression: &Json) -> Option<Finding> {
    let is_numbering = NUMBERING.contains(&text(expression, "type"));
    let has_order = |key| !list(expression, key).is_empty();
    if !is_numbering || has_order("orders") || has_order("arg_orders") {
        return None;
    }
    let name = text(expression, "function_name");
    let message = format!("`{}` has a `{name}` over rows in no order", model.node.name);
    let mut finding =
        model.at(Rule::UnstableOrder, location(expression)?, message, "any row may be the first")?;
    finding.diagnostic = finding.diagnostic.help("say `order by` in `over (...)`, down to a key");
    Some(finding)
}

fn aggregate(model: &Model<'_>, expression: &Json) -> Option<Finding> {
    let name = text(expression, "function_name");
    let has_order = expression.pointer("/order_bys/orders").is_some();
    if text(expression, "class") != "FUNCTION" || !WHICHEVER.contains(&name) || has_order {
        return None;
    }
    let message = format!("`{}` takes whichever row `{name}` meets", model.node.name);
    let mut finding =
        model.at(Rule::UnstableOrder, location(expression)?, message, "any row of the group")?;
    finding.diagnostic = finding
        .diagnostic
        .help("take `min`, `max` or `arg_max(value, order)`, or add the column to the group");
    Some(finding)
}

/// `limit` and `distinct on` without an order.
fn cut(model: &Model<'_>, part: &Part<'_>) -> Option<Finding> {
    if part.modifier("ORDER").is_some() {
        return None;
    }
    let limit = part.modifier("LIMIT").and_then(|it| it.get("limit"));
    if let Some(limit) = limit {
        let is_none = literal(limit).and_then(number).is_some_and(|it| it < 0.5);
        let is_about_nothing = list(part.node, "select_list").iter().all(|it| literal(it).is_some());
        if is_none || is_about_nothing && part.is_select() {
            return None;
        }
        let place = first_location(limit)?;
        let place = model.word_before(place, &["limit"]).unwrap_or(place);
        let message = format!("`{}` keeps some rows and does not say which", model.node.name);
        let mut finding = model.at(Rule::UnstableOrder, place, message, "of rows in no order")?;
        finding.diagnostic = finding.diagnostic.help("say `order by`, down to a key, or take the limit out");
        return Some(finding);
    }
    let distinct = part.modifier("DISTINCT").filter(|it| !list(it, "distinct_on_targets").is_empty())?;
    let place = model.word_before(first_location(distinct)?, &["distinct"])?;
    let message = format!("`{}` keeps one row of each and does not say which", model.node.name);
    let mut finding = model.at(Rule::UnstableOrder, place, message, "of rows in no order")?;
    finding.diagnostic = finding.diagnostic.help("say `order by`: the first row of each stays");
    Some(finding)
}

/// Whether something depends on the order of the rows that it reads.
fn reads_order(part: &Part<'_>) -> bool {
    let mut found = false;
    part.expressions(&mut |it| {
        let is_ordered = text(it, "class") == "FUNCTION"
            && ORDERED.contains(&text(it, "function_name"))
            // `array(select ...)` is an aggregate that nobody wrote, which has no place.
            && (it.pointer("/order_bys/orders").is_none() || location(it).is_none());
        let is_numbered = text(it, "class") == "WINDOW" && list(it, "orders").is_empty();
        found |= is_ordered || is_numbered;
    });
    found
}

/// An order that the query around it does not keep.
fn idle_order(model: &Model<'_>, part: &Part<'_>) -> Option<Finding> {
    let is_inside = matches!(part.role, Role::Cte(_) | Role::From);
    let is_needed = part.modifier("LIMIT").is_some() || part.modifier("DISTINCT").is_some();
    let order = part.modifier("ORDER").filter(|_| is_inside && !is_needed)?;
    let place = model.word_before(first_location(order)?, &["order"])?;
    let message = format!("`{}` sorts rows that the query around them puts into any order", model.node.name);
    let mut finding = model.at(Rule::OrderByInSubquery, place, message, "sorted for nobody")?;
    finding.diagnostic = finding.diagnostic.help("take it out, or sort where the rows are read");
    Some(finding)
}
