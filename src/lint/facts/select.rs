//! `select`: the columns of a query with what is known of them, and its keys.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::join::{From, Name, Side};
use super::{Column, Facts, Reader, is_star};
use crate::lint::tree::{column, conjuncts, expressions, literal, location, number, sides, subqueries};
use crate::lint::world::plain;
use crate::sql::lineage::has_aggregate;
use crate::sql::lineage::json::{list, strip, text};

/// A column of the query, and which column of `from` it is.
struct Item<'j> {
    column: Column,
    name: Option<Name>,
    json: &'j Json,
}

impl Reader<'_, '_> {
    pub(super) fn select(&mut self, node: &Json) -> Facts {
        let filter = node.get("where_clause").map(conjuncts).unwrap_or_default();
        let mut from = From::default();
        let side = match node.get("from_table") {
            Some(reference) => self.from(reference, &mut from, &filter),
            None => Side { is_single_row: true, is_complete: true, ..Side::default() },
        };
        for part in ["select_list", "where_clause", "having", "qualify"] {
            let mut inner = Vec::new();
            node.get(part).into_iter().for_each(|it| subqueries(it, &mut inner));
            for (query, _) in inner {
                self.query(query);
            }
            node.get(part).into_iter().for_each(|it| self.not_in(it));
        }
        let items = items(node, &from, &filter);
        let fixed = from.closed(&fixed(&filter, &from));
        let mut facts = grouped(node, items.as_deref(), &from, &fixed)
            .unwrap_or_else(|| passed(node, items.as_deref(), &from, &side, &fixed));
        facts.is_made = from.relations.iter().all(|it| it.facts.is_made);
        facts.columns = items.as_ref().map(|it| it.iter().map(|it| it.column.clone()).collect());
        after(node, items.as_deref(), &from, &mut facts);
        facts
    }
}

impl Reader<'_, '_> {
    /// Notes every `not in` a query whose column is one that may be null.
    fn not_in(&mut self, condition: &Json) {
        let mut queries = Vec::new();
        expressions(condition, &mut |it| {
            let inner = list(it, "children").first().filter(|_| text(it, "type") == "OPERATOR_NOT");
            let query = inner.filter(|it| {
                text(it, "subquery_type") == "ANY" && text(it, "comparison_type") == "COMPARE_EQUAL"
            });
            queries.extend(query.and_then(|query| Some((location(it)?, query.pointer("/subquery/node")?))));
        });
        for (place, query) in queries {
            let n_joins = self.looked.joins.len();
            let facts = self.query(query);
            // They were noted before.
            self.looked.joins.truncate(n_joins);
            let first = facts.columns.as_ref().and_then(|it| it.first());
            if let Some(column) = first.filter(|it| !it.is_not_null && it.origin.is_some()) {
                self.looked.nullable_not_in.push((place, column.name.clone()));
            }
        }
    }
}

/// Columns of `from` that have one value in all rows that are left.
pub(super) fn fixed(filter: &[&Json], from: &From) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    for part in filter {
        let name = match text(part, "type") {
            "COMPARE_EQUAL" => sides(part).and_then(|(a, b)| {
                let of = |a, b| column(a).filter(|_| literal(b).is_some());
                of(a, b).or_else(|| of(b, a))
            }),
            "OPERATOR_IS_NULL" => list(part, "children").first().and_then(column),
            // `where is_current`.
            "COLUMN_REF" => column(part),
            _ => None,
        };
        found.extend(name.and_then(|it| from.resolve(&it)));
    }
    found
}

/// Columns of `from` that a condition leaves without nulls.
fn filled(filter: &[&Json], from: &From) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    for part in filter {
        let mut add = |it: &Json| found.extend(column(it).and_then(|it| from.resolve(&it)));
        match text(part, "class") {
            "COMPARISON" => sides(part).into_iter().for_each(|(a, b)| {
                add(a);
                add(b);
            }),
            "BETWEEN" => part.get("input").into_iter().for_each(add),
            "OPERATOR" if matches!(text(part, "type"), "OPERATOR_IS_NOT_NULL" | "COMPARE_IN") => {
                list(part, "children").first().into_iter().for_each(add);
            }
            _ => {}
        }
    }
    found
}

/// The select list with its stars written out; `None` if a star is of something that is not known.
fn items<'j>(node: &'j Json, from: &From, filter: &[&Json]) -> Option<Vec<Item<'j>>> {
    let filled = filled(filter, from);
    let of = |index: usize, name: &str, alias: &str, json: &'j Json| {
        let known = from.relations[index].facts.column(name);
        let own = (index, name.to_lowercase());
        let is_kept = !from.optional.contains(&index) && known.is_some_and(|it| it.is_not_null);
        let column = Column {
            name: plain(alias),
            origin: known.and_then(|it| it.origin.clone()),
            is_not_null: is_kept || filled.contains(&own),
        };
        Item { column, name: Some(own), json }
    };
    let mut found = Vec::new();
    for item in list(node, "select_list") {
        let alias = text(item, "alias");
        if is_star(item) {
            starred(item, from, &mut |index, name| found.push(of(index, name, name, item)))?;
            continue;
        }
        if text(item, "class") == "STAR"
            || list(item, "children").iter().any(|it| text(it, "class") == "STAR")
        {
            // `columns(...)` and its like.
            if text(item, "function_name") != "count" {
                return None;
            }
        }
        let name = column(item);
        if let Some((index, name)) = name.as_ref().and_then(|it| from.resolve(it)) {
            let alias = if alias.is_empty() { name.as_str() } else { alias };
            found.push(of(index, &name, alias, item));
            continue;
        }
        let own = name.as_ref().and_then(|it| it.last().copied());
        let own = own.unwrap_or_else(|| text(item, "function_name"));
        let name = plain(if alias.is_empty() { own } else { alias });
        let column = Column { name, origin: None, is_not_null: is_filled(item) };
        found.push(Item { column, name: None, json: item });
    }
    Some(found)
}

/// Whether a value cannot be null, as far as its expression tells.
fn is_filled(expression: &Json) -> bool {
    let has_default = || list(expression, "children").last().is_some_and(|it| literal(it).is_some());
    match text(expression, "function_name") {
        "count" | "count_star" | "row_number" | "rank" | "dense_rank" => true,
        "coalesce" | "ifnull" => has_default(),
        _ if text(expression, "type") == "OPERATOR_COALESCE" => has_default(),
        _ => literal(expression).is_some(),
    }
}

/// Calls `add` for every column that a star stands for.
fn starred(star: &Json, from: &From, add: &mut dyn FnMut(usize, &str)) -> Option<()> {
    let relation = text(star, "relation_name");
    let named = |it: &Json| it.as_str().or_else(|| it.get("column")?.as_str()).map(str::to_lowercase);
    let left_out: Vec<String> = ["exclude_list", "qualified_exclude_list"]
        .iter()
        .flat_map(|key| list(star, key))
        .filter_map(named)
        .collect();
    if ["replace_list", "rename_list"].iter().any(|it| !list(star, it).is_empty())
        || star.get("expr").is_some()
    {
        return None;
    }
    let mut seen = BTreeSet::new();
    for (index, it) in from.relations.iter().enumerate() {
        if !relation.is_empty() && !it.alias.eq_ignore_ascii_case(relation) {
            continue;
        }
        for column in it.facts.columns.as_ref()? {
            let is_again =
                relation.is_empty() && from.merged.contains(&column.name) && !seen.insert(&column.name);
            if !is_again && !left_out.contains(&column.name) {
                add(index, &column.name);
            }
        }
    }
    Some(())
}

/// Facts of a query with groups; `None` for one without.
fn grouped(node: &Json, items: Option<&[Item<'_>]>, from: &From, fixed: &BTreeSet<Name>) -> Option<Facts> {
    let groups = list(node, "group_expressions");
    let groups_all = text(node, "aggregate_handling") == "FORCE_AGGREGATES";
    let all = list(node, "select_list");
    if groups.is_empty() && !groups_all {
        let is_one = all.iter().any(has_aggregate) || node.get("having").is_some_and(Json::is_object);
        return is_one.then(|| Facts { is_single_row: true, is_complete: true, ..Facts::default() });
    }
    let Some(items) = items else { return Some(Facts::default()) };
    let key: Option<BTreeSet<String>> = if groups_all {
        let plain = items.iter().filter(|it| !has_aggregate(it.json));
        Some(plain.map(|it| it.column.name.clone()).collect())
    } else if list(node, "group_sets").len() > 1 {
        None
    } else {
        let is_free = |it: &&Json| {
            let name = column(it).and_then(|it| from.resolve(&it));
            name.is_none_or(|it| !fixed.contains(&it))
        };
        groups.iter().filter(is_free).map(|it| output_of(it, items, from)).collect()
    };
    let is_single_row = key.as_ref().is_some_and(BTreeSet::is_empty);
    Some(Facts {
        is_complete: key.is_some(),
        keys: key.into_iter().filter(|it| !it.is_empty()).collect(),
        is_single_row,
        ..Facts::default()
    })
}

/// The column of the query that an expression of `group by`, `partition by` or `distinct on` is.
fn output_of(expression: &Json, items: &[Item<'_>], from: &From) -> Option<String> {
    let position = Some(expression).filter(|it| text(it, "class") == "CONSTANT").and_then(number);
    if let Some(position) = position {
        let at = items.iter().enumerate().find(|(index, _)| {
            u32::try_from(index + 1).is_ok_and(|it| (f64::from(it) - position).abs() < 0.5)
        });
        return at.map(|(_, it)| it.column.name.clone());
    }
    if let Some(parts) = column(expression) {
        let own = from.resolve(&parts);
        if let Some(name) = own {
            let equal = from.closed(&BTreeSet::from([name]));
            let same = items.iter().find(|it| it.name.as_ref().is_some_and(|it| equal.contains(it)));
            return same.map(|it| it.column.name.clone());
        }
        let [alias] = parts[..] else { return None };
        return items.iter().find(|it| it.column.name == plain(alias)).map(|it| it.column.name.clone());
    }
    let key = |it: &Json| {
        let mut it = it.clone();
        strip(&mut it);
        it.to_string()
    };
    let wanted = key(expression);
    items.iter().find(|it| key(it.json) == wanted).map(|it| it.column.name.clone())
}

/// Facts of a query whose rows are those of `from`.
fn passed(
    node: &Json,
    items: Option<&[Item<'_>]>,
    from: &From,
    side: &Side,
    fixed: &BTreeSet<Name>,
) -> Facts {
    let makes_rows = |it: &Json| {
        let mut found = false;
        expressions(it, &mut |it| found |= matches!(text(it, "function_name"), "unnest" | "unlist"));
        found
    };
    if list(node, "select_list").iter().any(makes_rows) {
        return Facts::default();
    }
    let mut is_single_row = side.is_single_row;
    let mut keys = Vec::new();
    for key in &side.keys {
        let needed: BTreeSet<&Name> = key.iter().filter(|it| !fixed.contains(it)).collect();
        is_single_row |= needed.is_empty();
        let output = |name: &Name| {
            let equal = from.closed(&BTreeSet::from([name.clone()]));
            let is_it = |it: &&Item<'_>| it.name.as_ref().is_some_and(|it| equal.contains(it));
            items?.iter().find(is_it).map(|it| it.column.name.clone())
        };
        let columns: Option<BTreeSet<String>> = needed.into_iter().map(output).collect();
        keys.extend(columns.filter(|it| !it.is_empty()));
    }
    let node_of = match from.relations.as_slice() {
        [only] => only.facts.node,
        _ => None,
    };
    Facts { keys, is_complete: side.is_complete, is_single_row, node: node_of, ..Facts::default() }
}

/// What `qualify`, windows, `distinct` and `limit` add.
fn after(node: &Json, items: Option<&[Item<'_>]>, from: &From, facts: &mut Facts) {
    let modifier = |kind: &str| list(node, "modifiers").iter().find(|it| text(it, "type").starts_with(kind));
    let limit = modifier("LIMIT").and_then(|it| number(it.get("limit")?));
    facts.is_single_row |= limit.is_some_and(|it| it < 1.5);
    let Some(items) = items else { return };
    let outputs = |parts: &[Json]| -> Option<BTreeSet<String>> {
        parts.iter().map(|it| output_of(it, items, from)).collect()
    };
    for item in items.iter().filter(|it| text(it.json, "type") == "WINDOW_ROW_NUMBER") {
        if let Some(mut key) = outputs(list(item.json, "partitions")) {
            key.insert(item.column.name.clone());
            facts.keys.push(key);
        }
    }
    for part in node.get("qualify").map(conjuncts).unwrap_or_default() {
        let Some((a, b)) = sides(part).filter(|_| text(part, "type") == "COMPARE_EQUAL") else { continue };
        let (value, _) = if literal(b).is_some() { (a, b) } else { (b, a) };
        if text(value, "type") == "WINDOW_ROW_NUMBER" {
            facts.keys.extend(outputs(list(value, "partitions")));
        }
        if let Some([alias]) = column(value).as_deref() {
            let alias = plain(alias);
            let fixed = |it: &BTreeSet<String>| {
                it.contains(&alias).then(|| it.iter().filter(|it| **it != alias).cloned().collect())
            };
            let more: Vec<BTreeSet<String>> = facts.keys.iter().filter_map(fixed).collect();
            facts.keys.extend(more);
        }
    }
    if let Some(distinct) = modifier("DISTINCT") {
        let targets = list(distinct, "distinct_on_targets");
        if targets.is_empty() {
            facts.keys.push(items.iter().map(|it| it.column.name.clone()).collect());
        } else {
            facts.keys.extend(outputs(targets));
        }
    }
}
