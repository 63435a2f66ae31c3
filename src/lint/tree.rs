//! A walk over the engine's syntax tree: the queries inside a query, and the expressions of one of them.

use serde_json::Value as Json;

use crate::sql::lineage::json::{list, text};

/// A query inside a model's query, or the query itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'t> {
    pub(super) node: &'t Json,
    pub(super) role: Role<'t>,
    /// The query around it, as an index.
    pub(super) parent: Option<usize>,
}

/// What a query is to the one around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role<'t> {
    /// The model's query.
    Whole,
    /// A common table expression.
    Cte(&'t str),
    /// A sub-query in `from`.
    From,
    /// A sub-query in an expression.
    Expression,
    /// One side of a set operation or a recursion.
    Branch,
}

impl<'t> Part<'t> {
    pub(super) fn is_select(&self) -> bool {
        text(self.node, "type") == "SELECT_NODE"
    }

    /// The common table expressions that it begins with.
    pub(super) fn ctes(&self) -> impl Iterator<Item = (&'t str, &'t Json)> {
        ctes(self.node)
    }

    pub(super) fn from(&self) -> Option<&'t Json> {
        self.node.get("from_table")
    }

    /// Its modifier of a kind: `ORDER_MODIFIER`, say.
    pub(super) fn modifier(&self, kind: &str) -> Option<&'t Json> {
        list(self.node, "modifiers").iter().find(|it| text(it, "type").starts_with(kind))
    }

    /// Calls `visit` for every expression of this query itself, those inside others too, outer ones first.
    pub(super) fn expressions(&self, visit: &mut dyn FnMut(&'t Json)) {
        let own = self.node.as_object().into_iter().flatten();
        for (_, value) in own.filter(|it| !matches!(it.0.as_str(), "cte_map" | "left" | "right")) {
            expressions(value, visit);
        }
    }
}

/// The common table expressions that a query begins with: names and queries.
pub(super) fn ctes(node: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let entries = node.get("cte_map").map(|it| list(it, "map")).unwrap_or_default();
    entries.iter().filter_map(|it| Some((text(it, "key"), it.pointer("/value/query/node")?)))
}

/// All queries of a model, outer ones first, without those of `skipped` common table expressions.
pub(super) fn parts<'t>(whole: &'t Json, skipped: &dyn Fn(&str) -> bool) -> Vec<Part<'t>> {
    let mut found = Vec::new();
    add(&mut found, Part { node: whole, role: Role::Whole, parent: None }, skipped);
    found
}

fn add<'t>(found: &mut Vec<Part<'t>>, part: Part<'t>, skipped: &dyn Fn(&str) -> bool) {
    stacker::maybe_grow(64 * 1024, 2 * 1024 * 1024, || {
        let index = found.len();
        found.push(part);
        let inside = |node, role| Part { node, role, parent: Some(index) };
        for (name, query) in part.ctes().filter(|it| !skipped(it.0)) {
            add(found, inside(query, Role::Cte(name)), skipped);
        }
        for side in ["left", "right", "query", "child"] {
            if let Some(node) = part.node.get(side).filter(|_| !part.is_select()) {
                add(found, inside(node, Role::Branch), skipped);
            }
        }
        let mut inner = Vec::new();
        for (key, value) in part.node.as_object().into_iter().flatten() {
            if !matches!(key.as_str(), "cte_map" | "left" | "right" | "query" | "child") {
                subqueries(value, &mut inner);
            }
        }
        for (node, role) in inner {
            add(found, inside(node, role), skipped);
        }
    });
}

/// The nearest queries below a part of a query.
pub(super) fn subqueries<'t>(json: &'t Json, found: &mut Vec<(&'t Json, Role<'t>)>) {
    match json {
        Json::Object(entries) => {
            let role = if text(json, "class") == "SUBQUERY" { Role::Expression } else { Role::From };
            for (key, value) in entries {
                match value.get("node").filter(|_| key == "subquery") {
                    Some(node) => found.push((node, role)),
                    None => subqueries(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|it| subqueries(it, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Calls `visit` for every expression below, but not for those of queries inside.
pub(super) fn expressions<'t>(json: &'t Json, visit: &mut dyn FnMut(&'t Json)) {
    stacker::maybe_grow(64 * 1024, 2 * 1024 * 1024, || match json {
        Json::Object(entries) => {
            if entries.get("class").is_some_and(Json::is_string) {
                visit(json);
            }
            for (key, value) in entries {
                if !matches!(key.as_str(), "subquery" | "value" | "cast_type") || value.get("class").is_some()
                {
                    expressions(value, visit);
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|it| expressions(it, visit)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    });
}

/// The place of an expression in its query's text, in bytes.
pub(super) fn location(json: &Json) -> Option<usize> {
    json.get("query_location").and_then(Json::as_u64).and_then(|it| usize::try_from(it).ok())
}

/// The first place of anything in it.
pub(super) fn first_location(json: &Json) -> Option<usize> {
    match json {
        Json::Object(entries) => {
            let inner = entries.iter().filter(|it| it.0 != "query_location");
            inner.filter_map(|it| first_location(it.1)).chain(location(json)).min()
        }
        Json::Array(items) => items.iter().filter_map(first_location).min(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

/// The parts of a condition that all have to hold.
pub(super) fn conjuncts(condition: &Json) -> Vec<&Json> {
    match text(condition, "type") {
        "CONJUNCTION_AND" => list(condition, "children").iter().flat_map(conjuncts).collect(),
        "" => Vec::new(),
        _ => vec![condition],
    }
}

/// The parts of a column's name, if an expression is a column.
pub(super) fn column(expression: &Json) -> Option<Vec<&str>> {
    let parts = crate::sql::lineage::json::texts(expression, "column_names");
    (text(expression, "class") == "COLUMN_REF" && !parts.is_empty()).then_some(parts)
}

/// A constant that is not null, in any casts.
pub(super) fn literal(expression: &Json) -> Option<&Json> {
    match text(expression, "class") {
        "CONSTANT" => Some(expression).filter(|it| !is_null(it)),
        "CAST" => literal(expression.get("child")?),
        _ => None,
    }
}

/// Whether an expression is the word `null`.
pub(super) fn is_null(expression: &Json) -> bool {
    text(expression, "class") == "CONSTANT"
        && expression.pointer("/value/is_null").and_then(Json::as_bool).unwrap_or(false)
}

/// Both sides of a comparison.
pub(super) fn sides(comparison: &Json) -> Option<(&Json, &Json)> {
    Some((comparison.get("left")?, comparison.get("right")?))
}

/// The number that a constant is.
pub(super) fn number(constant: &Json) -> Option<f64> {
    let value = constant.pointer("/value/value")?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    match constant.pointer("/value/type/id").and_then(Json::as_str) {
        Some("DECIMAL") => {
            let scale = constant.pointer("/value/type/type_info/scale").and_then(Json::as_i64).unwrap_or(0);
            Some(number / 10_f64.powi(i32::try_from(scale).unwrap_or(0)))
        }
        Some("VARCHAR") | None => None,
        Some(_) => Some(number),
    }
}

/// The text that a constant is.
pub(super) fn words(constant: &Json) -> Option<&str> {
    let is_text = constant.pointer("/value/type/id").and_then(Json::as_str) == Some("VARCHAR");
    constant.pointer("/value/value").and_then(Json::as_str).filter(|_| is_text)
}
