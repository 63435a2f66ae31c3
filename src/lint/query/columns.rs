//! `select-star`, `star-in-union`, `ambiguous-column`: columns that nobody wrote down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::lint::facts::Known;
use crate::lint::finding::{Finding, Model, listed, once};
use crate::lint::rules::Rule;
use crate::lint::tree::{Part, column, expressions, first_location, location};
use crate::node::NodeId;
use crate::sql::lineage::VALUES;
use crate::sql::lineage::json::{flag, list, text, texts};

pub(super) fn check(model: &Model<'_>, known: &Known<'_>, found: &mut Vec<Finding>) {
    let ctes = model.parts.iter().flat_map(Part::ctes).map(|it| (it.0.to_lowercase(), it.1)).collect();
    let stars = Stars { known, ctes };
    if model.world.marts.contains(&model.id)
        && let Some(star) = stars.of_query(model.tree, 0).into_iter().next()
    {
        found.extend(select_star(model, &star));
    }
    for part in &model.parts {
        found.extend(star_in_union(model, &stars, part));
        found.extend(ambiguous(model, part));
    }
}

/// A star that takes the columns of a node as they come.
struct Star {
    offset: usize,
    node: NodeId,
}

struct Stars<'a, 't> {
    known: &'a Known<'a>,
    ctes: BTreeMap<String, &'t Json>,
}

impl Stars<'_, '_> {
    /// The stars by which columns of nodes come into a query's own columns.
    fn of_query(&self, query: &Json, depth: usize) -> Vec<Star> {
        if depth > 100 {
            return Vec::new();
        }
        if text(query, "type") != "SELECT_NODE" {
            let sides = ["left", "right"].iter().filter_map(|it| query.get(it));
            return sides.flat_map(|it| self.of_query(it, depth + 1)).collect();
        }
        let stars = list(query, "select_list").iter().filter(|it| is_star(it));
        stars.flat_map(|it| self.of_star(it, query.get("from_table"), depth)).collect()
    }

    fn of_star(&self, star: &Json, from: Option<&Json>, depth: usize) -> Vec<Star> {
        let wanted = text(star, "relation_name");
        let mut found = Vec::new();
        for reference in from.map(references).unwrap_or_default() {
            let name = text(reference, "table_name");
            let alias = if text(reference, "alias").is_empty() { name } else { text(reference, "alias") };
            if !wanted.is_empty() && !alias.eq_ignore_ascii_case(wanted) {
                continue;
            }
            let is_plain = text(reference, "schema_name").is_empty();
            let cte = self.ctes.get(&name.to_lowercase()).filter(|_| is_plain && !name.is_empty());
            let inner = match (cte, reference.pointer("/subquery/node")) {
                _ if name.starts_with("__dbt__cte__") => None,
                (Some(query), _) => Some(*query),
                (None, query) => query,
            };
            // `from t` alone has a star that nobody wrote, which the engine puts at the start of the text.
            let place = location(star).filter(|it| *it > 0).or_else(|| first_location(reference));
            let own = |node: NodeId| place.map(|offset| Star { offset, node });
            match inner {
                // A query that only brings a node in has its columns by intent; what matters is who takes all of them.
                Some(query) if imports(query) => {
                    let node = query.get("from_table").and_then(|it| self.node(it));
                    found.extend(node.and_then(own));
                }
                Some(query) => found.extend(self.of_query(query, depth + 1)),
                None => found.extend(self.node(reference).and_then(own)),
            }
        }
        found
    }

    fn node(&self, reference: &Json) -> Option<NodeId> {
        self.known.node_of(reference).or_else(|| self.known.ephemeral_node(text(reference, "table_name")))
    }
}

fn is_star(item: &Json) -> bool {
    text(item, "class") == "STAR" && !flag(item, "columns")
}

/// `select * from node`, perhaps filtered.
fn imports(query: &Json) -> bool {
    let is_alone = matches!(list(query, "select_list"), [only] if is_star(only));
    is_alone && query.get("from_table").is_some_and(|it| text(it, "type") == "BASE_TABLE")
}

/// The relations in a `from`.
fn references(from: &Json) -> Vec<&Json> {
    match text(from, "type") {
        "JOIN" => ["left", "right"].iter().filter_map(|it| from.get(it)).flat_map(references).collect(),
        _ => vec![from],
    }
}

fn select_star(model: &Model<'_>, star: &Star) -> Option<Finding> {
    let parent = &model.world.input.graph.node(star.node).name;
    let message = format!("the mart `{}` takes its columns from `{parent}` as they come", model.node.name);
    let label = format!("every column of `{parent}`, those that are yet to come too");
    let mut finding = model.at(Rule::SelectStar, star.offset, message, &label)?;
    finding.diagnostic = finding.diagnostic.help("list the columns: they are what others rely on");
    Some(finding)
}

fn star_in_union(model: &Model<'_>, stars: &Stars<'_, '_>, part: &Part<'_>) -> Option<Finding> {
    let is_union = text(part.node, "setop_type") == "UNION";
    let is_inner = part.parent.is_some_and(|it| text(model.parts[it].node, "setop_type") == "UNION");
    if !is_union || is_inner {
        return None;
    }
    let mut branches = Vec::new();
    flatten(part.node, &mut branches);
    let taken: Vec<Vec<Star>> = branches.iter().map(|it| stars.of_query(it, 0)).collect();
    let nodes: BTreeSet<NodeId> = taken.iter().flatten().map(|it| it.node).collect();
    let is_same = nodes.len() < 2 && taken.iter().all(|it| !it.is_empty());
    let star = taken.iter().flatten().next().filter(|_| !is_same)?;
    let message =
        format!("`{}` puts columns together by their positions, but does not list them", model.node.name);
    let label = format!("in the order of `{}`", model.world.input.graph.node(star.node).name);
    let mut finding = model.at(Rule::StarInUnion, star.offset, message, &label)?;
    finding.diagnostic = finding.diagnostic.help("list the columns, or write `union all by name`");
    Some(finding)
}

fn flatten<'t>(node: &'t Json, branches: &mut Vec<&'t Json>) {
    match (node.get("left"), node.get("right")) {
        (Some(left), Some(right)) if text(node, "setop_type") == "UNION" => {
            flatten(left, branches);
            flatten(right, branches);
        }
        _ => branches.push(node),
    }
}

/// Names without a table, where several tables may have them.
fn ambiguous(model: &Model<'_>, part: &Part<'_>) -> Option<Finding> {
    let from = part.from().filter(|it| part.is_select() && text(it, "type") == "JOIN")?;
    let joins = joins(from);
    if joins.iter().any(|it| matches!(text(it, "ref_type"), "NATURAL")) {
        return None;
    }
    let seen: Vec<&Json> = visible(from);
    let is_rows = |it: &&&Json| matches!(text(it, "type"), "BASE_TABLE" | "SUBQUERY");
    if seen.iter().filter(is_rows).count() < 2 {
        return None;
    }
    let mut known: BTreeSet<String> =
        joins.iter().flat_map(|it| texts(it, "using_columns")).map(str::to_lowercase).collect();
    known.extend(list(part.node, "select_list").iter().map(|it| text(it, "alias").to_lowercase()));
    known.extend(VALUES.map(str::to_owned));
    for reference in &seen {
        known.insert(text(reference, "alias").to_lowercase());
        known.insert(text(reference, "table_name").to_lowercase());
        if text(reference, "type") == "TABLE_FUNCTION" {
            known.extend(texts(reference, "column_name_alias").into_iter().map(str::to_lowercase));
        }
    }
    part.expressions(&mut |it| {
        if let Some(left) = it.get("lhs") {
            expressions(left, &mut |it| {
                known.extend(column(it).into_iter().flatten().map(str::to_lowercase));
            });
        }
    });
    let mut bare: Vec<(usize, String)> = Vec::new();
    part.expressions(&mut |it| {
        if let (Some([name]), Some(at)) = (column(it).as_deref(), location(it))
            && !known.contains(&name.to_lowercase())
            && model.place(at..at).is_some()
        {
            bare.push((at, (*name).to_owned()));
        }
    });
    bare.sort();
    let first = bare.first()?.0;
    let names = once(bare.into_iter().map(|it| it.1));
    let names = listed(names.iter().map(String::as_str));
    let message = format!("`{}` joins tables and does not say whose {names} is", model.node.name);
    let message = if names.contains("and") { message.replace(" is", " are") } else { message };
    let mut finding = model.at(Rule::AmbiguousColumn, first, message, "a column without its table")?;
    finding.diagnostic =
        finding.diagnostic.help("write `table.column`: another table may have a column of this name one day");
    Some(finding)
}

fn joins(from: &Json) -> Vec<&Json> {
    if text(from, "type") != "JOIN" {
        return Vec::new();
    }
    let inner = ["left", "right"].iter().filter_map(|it| from.get(it)).flat_map(joins);
    std::iter::once(from).chain(inner).collect()
}

/// The relations whose columns can be named: not those that a join only looks into.
fn visible(from: &Json) -> Vec<&Json> {
    if text(from, "type") != "JOIN" {
        return vec![from];
    }
    let is_filter = matches!(text(from, "join_type"), "SEMI" | "ANTI");
    let sides: &[&str] = if is_filter { &["left"] } else { &["left", "right"] };
    sides.iter().filter_map(|it| from.get(it)).flat_map(visible).collect()
}
