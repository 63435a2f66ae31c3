//! `join-without-key`, `join-fan-out`, `outer-join-undone`, `distinct-after-join`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::lint::facts::{Join, Verdict};
use crate::lint::finding::{Finding, Model, listed};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, Role, column, conjuncts, expressions, first_location, sides};
use crate::node::NodeId;
use crate::sql::lineage::json::{list, text};

pub(super) fn check(model: &Model<'_>, joins: &[Join], found: &mut Vec<Finding>) {
    for join in joins {
        found.extend(judged(model, join));
    }
    for part in &model.parts {
        undone(model, part, found);
        found.extend(distinct(model, part));
    }
}

fn judged(model: &Model<'_>, join: &Join) -> Option<Finding> {
    let own = &model.node.name;
    let keyword = join.right.and_then(|right| {
        let word = model.word_before(right, &["join"]);
        word.filter(|it| join.left.is_none_or(|left| *it > left))
    });
    let place = keyword.or(join.right)?;
    match &join.verdict {
        Verdict::Good => None,
        Verdict::Cross => {
            let message = format!("`{own}` joins every row with every row");
            let mut finding = model.at(Rule::JoinWithoutKey, place, message, "without a condition")?;
            finding.diagnostic = finding.diagnostic.help("join on a key");
            Some(finding)
        }
        Verdict::Unrelated => {
            let message = format!("`{own}` joins on a condition that does not relate the two sides");
            let place = join.condition.unwrap_or(place);
            let mut finding =
                model.at(Rule::JoinWithoutKey, place, message, "says nothing of one of the sides")?;
            finding.diagnostic = finding.diagnostic.help("join on a key");
            Some(finding)
        }
        Verdict::FanOut { left, right } => {
            let key = |(node, columns): &(NodeId, Vec<String>)| {
                let columns = listed(columns.iter().map(String::as_str));
                (format!("`{}`", model.world.input.graph.node(*node).name), columns)
            };
            let ((left, left_columns), (right, right_columns)) = (key(left), key(right));
            let message = format!(
                "`{own}` joins {right} by {right_columns}, and neither side is known to have its key once"
            );
            let mut finding = model.at(Rule::JoinFanOut, place, message, "may double rows of both sides")?;
            finding.diagnostic = finding.diagnostic.help(format!(
                "test {right_columns} of {right} with `unique`, or {left_columns} of {left}, whichever is a key; if \
                 none is, aggregate before the join"
            ));
            Some(finding)
        }
    }
}

/// Names of the relations that a left join may leave empty.
fn optional(from: &Json, found: &mut BTreeSet<String>) {
    if text(from, "type") != "JOIN" {
        return;
    }
    let (left, right) = (from.get("left"), from.get("right"));
    left.into_iter().chain(right).for_each(|it| optional(it, found));
    if text(from, "join_type") == "LEFT"
        && let Some(right) = right
    {
        let name = [text(right, "alias"), text(right, "table_name")].into_iter().find(|it| !it.is_empty());
        found.extend(name.map(str::to_lowercase));
    }
}

/// A condition of `where` that no row without a partner can satisfy.
fn undone(model: &Model<'_>, part: &Part<'_>, found: &mut Vec<Finding>) {
    let mut names = BTreeSet::new();
    part.from().into_iter().for_each(|it| optional(it, &mut names));
    let conditions = part.node.get("where_clause").filter(|_| !names.is_empty()).map(conjuncts);
    for condition in conditions.unwrap_or_default() {
        let kind = text(condition, "type");
        let operands: Vec<&Json> = match text(condition, "class") {
            "COMPARISON" if !kind.contains("DISTINCT") => {
                sides(condition).map(|(a, b)| vec![a, b]).unwrap_or_default()
            }
            "BETWEEN" => condition.get("input").into_iter().collect(),
            "OPERATOR" if matches!(kind, "COMPARE_IN" | "COMPARE_NOT_IN" | "OPERATOR_IS_NOT_NULL") => {
                list(condition, "children").first().into_iter().collect()
            }
            "FUNCTION" if matches!(text(condition, "function_name"), "~~" | "!~~" | "~~*") => {
                list(condition, "children").first().into_iter().collect()
            }
            _ => continue,
        };
        let table = |it: &&Json| {
            let parts = column(it)?;
            let table = parts.get(parts.len().checked_sub(2)?)?.to_lowercase();
            names.contains(&table).then_some((table, first_location(it)?))
        };
        let Some((table, place)) = operands.iter().find_map(table) else { continue };
        let message = format!(
            "`{}` joins `{table}` with a left join, and then leaves out the rows without a `{table}`",
            model.node.name
        );
        found.extend(model.at(Rule::OuterJoinUndone, place, message, "null in a row without a partner").map(
            |mut it| {
                it.diagnostic = it
                    .diagnostic
                    .help("move the condition into `on`, or write `inner join` if those rows are not wanted");
                it
            },
        ));
    }
}

/// `select distinct` over a join with a table that gives no column.
fn distinct(model: &Model<'_>, part: &Part<'_>) -> Option<Finding> {
    let distinct = part.modifier("DISTINCT").filter(|it| list(it, "distinct_on_targets").is_empty());
    let from = part.from().filter(|it| distinct.is_some() && text(it, "type") == "JOIN")?;
    if matches!(part.role, Role::Expression) || !list(part.node, "group_expressions").is_empty() {
        return None;
    }
    let mut used = BTreeSet::new();
    let mut is_clear = true;
    for item in list(part.node, "select_list") {
        is_clear &= text(item, "class") != "STAR" || !text(item, "relation_name").is_empty();
        used.insert(text(item, "relation_name").to_lowercase());
        expressions(item, &mut |it| match column(it).as_deref() {
            Some([_]) => is_clear = false,
            Some([.., table, _]) => drop(used.insert(table.to_lowercase())),
            _ => {}
        });
    }
    let mut idle = Vec::new();
    idle_tables(from, &used, &mut idle);
    let table = idle.first().filter(|_| is_clear)?;
    let first = list(part.node, "select_list").iter().filter_map(first_location).min()?;
    let place = model.word_before(first, &["distinct"])?;
    let message = format!("`{}` joins `{table}` only to take the doubled rows out again", model.node.name);
    let mut finding = model.at(Rule::DistinctAfterJoin, place, message, "hides what the join doubles")?;
    finding.diagnostic = finding
        .diagnostic
        .help(format!("no column of `{table}` is selected: `semi join`, or `where exists`, doubles nothing"));
    Some(finding)
}

/// Inner-joined tables that nothing is selected of.
fn idle_tables(from: &Json, used: &BTreeSet<String>, found: &mut Vec<String>) {
    if text(from, "type") == "JOIN" {
        let is_inner = matches!(text(from, "join_type"), "INNER" | "LEFT" | "");
        for side in ["left", "right"].iter().filter(|_| is_inner).filter_map(|it| from.get(it)) {
            idle_tables(side, used, found);
        }
        return;
    }
    let name = [text(from, "alias"), text(from, "table_name")].into_iter().find(|it| !it.is_empty());
    let is_rows = matches!(text(from, "type"), "BASE_TABLE" | "SUBQUERY");
    found.extend(name.filter(|it| is_rows && !used.contains(&it.to_lowercase())).map(str::to_owned));
}
