//! Queries: `select`, set operations, common table expressions.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::json::{flag, list, text, texts};
use super::scope::{Column, Output, Scope, Sources};
use super::{ColumnName, Tables};

/// Rounds that a recursive query is followed: what flows in the second has nowhere new to go.
const ROUNDS: usize = 3;

pub(super) struct Tracer<'t> {
    pub(super) tables: &'t dyn Tables,
    /// Functions that are being looked into.
    pub(super) inside: Vec<String>,
}

impl<'t> Tracer<'t> {
    pub(super) fn new(tables: &'t dyn Tables) -> Self {
        Self { tables, inside: Vec::new() }
    }

    /// A query inside of another, or by itself.
    pub(super) fn node(&mut self, node: &Json, parent: Option<&Scope<'_>>) -> Output {
        stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, || self.any_node(node, parent))
    }

    fn any_node(&mut self, node: &Json, parent: Option<&Scope<'_>>) -> Output {
        let mut scope = Scope::inside(parent);
        self.ctes(node, &mut scope);
        match text(node, "type") {
            "SELECT_NODE" => self.select(node, scope),
            "SET_OPERATION_NODE" => self.set_operation(node, &scope),
            "RECURSIVE_CTE_NODE" => self.recursive(node, scope),
            "CTE_NODE" => self.cte_node(node, scope),
            _ => Output { is_open: true, ..Output::default() },
        }
    }

    fn ctes(&mut self, node: &Json, scope: &mut Scope<'_>) {
        let Some(map) = node.get("cte_map") else { return };
        for entry in list(map, "map") {
            let name = text(entry, "key");
            let Some(value) = entry.get("value") else { continue };
            let mut output = match value.pointer("/query/node") {
                Some(query) => self.node(query, Some(scope)),
                None => Output { is_open: true, ..Output::default() },
            };
            if !texts(value, "aliases").is_empty() {
                output = output.by_place();
            }
            rename(&mut output.columns, &texts(value, "aliases"));
            if let Some(table) = self.tables.cte(name) {
                output.keys.clear();
                for column in &mut output.columns {
                    column.sources = Sources::of(&table.name, &column.name);
                }
            }
            scope.ctes.push((name.to_owned(), output));
        }
    }

    fn cte_node(&mut self, node: &Json, mut scope: Scope<'_>) -> Output {
        if let Some(query) = node.get("query") {
            let mut output = self.node(query, Some(&scope)).by_place();
            rename(&mut output.columns, &texts(node, "aliases"));
            scope.ctes.push((text(node, "cte_name").to_owned(), output));
        }
        node.get("child").map_or_else(Output::default, |it| self.node(it, Some(&scope)))
    }

    fn recursive(&mut self, node: &Json, mut scope: Scope<'_>) -> Output {
        let (Some(left), Some(right)) = (node.get("left"), node.get("right")) else {
            return Output::default();
        };
        let name = text(node, "cte_name").to_owned();
        let mut output = self.node(left, Some(&scope)).by_place();
        rename(&mut output.columns, &texts(node, "aliases"));
        for _ in 0..ROUNDS {
            scope.ctes.push((name.clone(), output.clone()));
            let more = self.node(right, Some(&scope)).by_place();
            scope.ctes.pop();
            for (column, other) in output.columns.iter_mut().zip(&more.columns) {
                column.sources.or(&other.sources);
            }
            output.keys.extend(more.keys);
            output.is_open |= more.is_open;
        }
        if !flag(node, "union_all") {
            all_are_keys(&mut output);
        }
        output
    }

    fn set_operation(&mut self, node: &Json, scope: &Scope<'_>) -> Output {
        let (Some(left), Some(right)) = (node.get("left"), node.get("right")) else {
            return Output::default();
        };
        let kind = text(node, "setop_type");
        let mut output = self.node(left, Some(scope)).by_place();
        let mut other = self.node(right, Some(scope)).by_place();
        output.is_open |= other.is_open;
        match kind {
            "UNION_BY_NAME" => {
                for column in other.columns.drain(..) {
                    let same =
                        output.columns.iter_mut().find(|it| it.name.eq_ignore_ascii_case(&column.name));
                    match same {
                        Some(same) => same.sources.or(&column.sources),
                        None => output.columns.push(column),
                    }
                }
            }
            "UNION" => {
                for (column, other) in output.columns.iter_mut().zip(&other.columns) {
                    column.sources.or(&other.sources);
                }
            }
            _ => all_are_keys(&mut other),
        }
        output.keys.extend(other.keys);
        output.order.extend(other.order);
        // `all` is what the tree leaves out.
        let is_all = node.get("setop_all").and_then(Json::as_bool).unwrap_or(true);
        if !is_all || !kind.starts_with("UNION") {
            all_are_keys(&mut output);
        }
        let mut after = Scope { aliases: output.columns.clone(), ..Scope::inside(Some(scope)) };
        self.modifiers(node, &mut after, &mut output);
        output
    }

    fn select(&mut self, node: &Json, mut scope: Scope<'_>) -> Output {
        if let Some(from) = node.get("from_table") {
            self.from(from, &mut scope);
        }
        let mut output = Output::default();
        let mut grouped: Vec<Sources> = Vec::new();
        let groups_all = text(node, "aggregate_handling") == "FORCE_AGGREGATES";
        for item in list(node, "select_list") {
            let start = output.columns.len();
            self.item(item, &mut scope, &mut output);
            if groups_all && !super::expression::has_aggregate(item) {
                grouped.extend(output.columns[start..].iter().map(|it| it.sources.clone()));
            }
        }
        for sources in &grouped {
            scope.keys.extend(sources.names());
        }
        if let Some(condition) = node.get("where_clause").filter(|it| it.is_object()) {
            self.key(condition, &mut scope);
        }
        for part in ["having", "qualify"] {
            if let Some(condition) = node.get(part).filter(|it| it.is_object()) {
                self.key_of_result(condition, node, &mut scope);
            }
        }
        for group in list(node, "group_expressions") {
            self.position_or_key(group, &output, &mut scope);
        }
        output.keys.append(&mut scope.keys);
        output.order.clone_from(&scope.order);
        self.modifiers(node, &mut scope, &mut output);
        output
    }

    /// `order by` matters if a limit cuts rows off, `distinct` always.
    fn modifiers(&mut self, node: &Json, scope: &mut Scope<'_>, output: &mut Output) {
        let modifiers = list(node, "modifiers");
        let is = |it: &Json, kind: &str| text(it, "type").starts_with(kind);
        let cuts = modifiers.iter().any(|it| is(it, "LIMIT") || !list(it, "distinct_on_targets").is_empty());
        if cuts && !modifiers.iter().any(|it| is(it, "ORDER")) {
            // What is cut off depends on the order in which rows come.
            scope.keys.extend(output.order.iter().cloned());
        }
        for modifier in modifiers {
            if is(modifier, "DISTINCT") {
                let targets = list(modifier, "distinct_on_targets");
                if targets.is_empty() {
                    all_are_keys(output);
                }
                for target in targets {
                    let decides = self.by_result(target, output, scope);
                    scope.keys.extend(decides);
                }
            } else if is(modifier, "ORDER") {
                let orders = list(modifier, "orders").iter().filter_map(|it| it.get("expression"));
                let mut order = BTreeSet::new();
                orders.for_each(|it| order.extend(self.by_result(it, output, scope)));
                if cuts {
                    scope.keys.extend(order.iter().cloned());
                }
                output.order = order;
            } else if is(modifier, "LIMIT") {
                for part in ["limit", "offset"] {
                    if let Some(expression) = modifier.get(part).filter(|it| it.is_object()) {
                        self.key(expression, scope);
                    }
                }
            }
        }
        output.keys.append(&mut scope.keys);
    }

    /// An expression that decides on rows; a number stands for a column of the select list.
    fn position_or_key(&mut self, expression: &Json, output: &Output, scope: &mut Scope<'_>) {
        let position = super::json::constant(expression).and_then(|it| it.parse::<usize>().ok());
        match position.and_then(|it| output.columns.get(it.checked_sub(1)?)) {
            Some(column) => scope.keys.extend(column.sources.names()),
            None if text(expression, "class") == "STAR" => {
                let all: BTreeSet<ColumnName> =
                    output.columns.iter().flat_map(|it| it.sources.names()).collect();
                scope.keys.extend(all);
            }
            None => self.key(expression, scope),
        }
    }

    /// What `order by` and `distinct on` mean: names that the select list gives come first there.
    fn by_result(&mut self, expression: &Json, output: &Output, scope: &Scope<'_>) -> BTreeSet<ColumnName> {
        if let [name] = texts(expression, "column_names")[..]
            && let Some(found) = scope.alias(name)
        {
            return found.names().collect();
        }
        let mut inner = Scope { keys: BTreeSet::new(), ..scope.clone() };
        self.position_or_key(expression, output, &mut inner);
        inner.keys
    }

    /// `having` and `qualify`: of groups, a column that is not grouped by can only be a name of the select list.
    fn key_of_result(&mut self, condition: &Json, node: &Json, scope: &mut Scope<'_>) {
        let groups = list(node, "group_expressions");
        let grouped: Vec<&str> =
            groups.iter().filter_map(|it| texts(it, "column_names").last().copied()).collect();
        let is_hidden = |it: &&Column| !grouped.iter().any(|name| name.eq_ignore_ascii_case(&it.name));
        let before = scope.merged.clone();
        let is_of_groups = !groups.is_empty() || text(node, "aggregate_handling") == "FORCE_AGGREGATES";
        if is_of_groups {
            let first: Vec<Column> = scope.aliases.iter().filter(is_hidden).cloned().collect();
            scope.merged = [first, before.clone()].concat();
        }
        self.key(condition, scope);
        scope.merged = before;
    }

    pub(super) fn key(&mut self, expression: &Json, scope: &mut Scope<'_>) {
        let sources = self.expression(expression, scope);
        scope.keys.extend(sources.names());
    }
}

/// Gives columns other names, as many as are given.
pub(super) fn rename(columns: &mut [Column], names: &[&str]) {
    for (column, name) in columns.iter_mut().zip(names) {
        (*name).clone_into(&mut column.name);
    }
}

/// Rows that are compared as a whole: each column decides which are left.
fn all_are_keys(output: &mut Output) {
    let all: Vec<ColumnName> = output.columns.iter().flat_map(|it| it.sources.names()).collect();
    output.keys.extend(all);
}
