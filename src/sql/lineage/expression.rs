//! Expressions: the columns that a value comes from.

use serde_json::Value as Json;

use super::json::{list, text, texts};
use super::query::Tracer;
use super::scope::{Column, Output, Scope, Sources};

/// Functions that make one value of many rows.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_count_distinct",
    "approx_quantile",
    "approx_top_k",
    "arbitrary",
    "arg_max",
    "arg_max_null",
    "arg_max_nulls_last",
    "arg_min",
    "arg_min_null",
    "arg_min_nulls_last",
    "argmax",
    "argmin",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bitstring_agg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "count_if",
    "count_star",
    "countif",
    "covar_pop",
    "covar_samp",
    "entropy",
    "favg",
    "first",
    "fsum",
    "geomean",
    "geometric_mean",
    "group_concat",
    "grouping",
    "grouping_id",
    "histogram",
    "histogram_exact",
    "json_group_array",
    "json_group_object",
    "json_group_structure",
    "kahan_sum",
    "kurtosis",
    "kurtosis_pop",
    "last",
    "list",
    "listagg",
    "mad",
    "max",
    "max_by",
    "mean",
    "median",
    "min",
    "min_by",
    "mode",
    "product",
    "quantile",
    "quantile_cont",
    "quantile_disc",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "reservoir_quantile",
    "sem",
    "skewness",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "sum_no_overflow",
    "sumkahan",
    "var_pop",
    "var_samp",
    "variance",
];

/// Functions of many rows whose value depends on the order of rows.
const ORDERED: [&str; 20] = [
    "any_value",
    "arbitrary",
    "array_agg",
    "fill",
    "first",
    "first_value",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "lag",
    "last",
    "last_value",
    "lead",
    "list",
    "listagg",
    "nth_value",
    "ntile",
    "row_number",
    "string_agg",
    "wm_concat",
];

/// Functions that take a lambda. Elsewhere the same arrow takes a part of JSON.
const LAMBDAS: &[&str] = &[
    "apply",
    "array_apply",
    "array_filter",
    "array_reduce",
    "array_transform",
    "filter",
    "list_apply",
    "list_filter",
    "list_reduce",
    "list_transform",
    "reduce",
];

/// Whether an expression is an aggregate over a group; a window is none.
pub fn has_aggregate(expression: &Json) -> bool {
    match text(expression, "class") {
        "WINDOW" | "SUBQUERY" => return false,
        "FUNCTION" if AGGREGATES.binary_search(&text(expression, "function_name")).is_ok() => return true,
        _ => {}
    }
    match expression {
        Json::Object(entries) => entries.values().any(has_aggregate),
        Json::Array(items) => items.iter().any(has_aggregate),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

impl Tracer<'_> {
    /// A value: the column itself, or what it is computed from.
    pub(super) fn expression(&mut self, expression: &Json, scope: &Scope<'_>) -> Sources {
        match text(expression, "class") {
            "COLUMN_REF" => {
                let parts = texts(expression, "column_names");
                scope.resolve(&parts).unwrap_or_else(Sources::unknown)
            }
            "POSITIONAL_REFERENCE" => {
                let index = expression.get("index").and_then(Json::as_u64).unwrap_or(0);
                let columns = scope.relations.iter().flat_map(|it| &it.columns);
                let index = usize::try_from(index).unwrap_or(0).saturating_sub(1);
                columns.map(|it| it.sources.clone()).nth(index).unwrap_or_else(Sources::unknown)
            }
            _ => {
                let mut sources = Sources::default();
                self.collect(expression, scope, &mut sources);
                sources
            }
        }
    }

    /// All columns below an expression.
    fn collect(&mut self, expression: &Json, scope: &Scope<'_>, sources: &mut Sources) {
        stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, || match text(expression, "class") {
            "COLUMN_REF" | "POSITIONAL_REFERENCE" => {
                let found = self.expression(expression, scope);
                sources.compute(&found);
            }
            "SUBQUERY" => self.subquery(expression, scope, sources),
            "STAR" => {
                let columns = self.star(expression, scope);
                columns.columns.iter().for_each(|it| sources.compute(&it.sources));
                sources.is_unknown |= columns.has_more();
            }
            "FUNCTION" => {
                self.own_value(expression, sources);
                in_order(expression, scope, sources);
                // `name.upper()` is a call of `upper` with a schema of that name, until it is bound.
                let before: Vec<&str> = ["catalog", "schema"]
                    .map(|it| text(expression, it))
                    .into_iter()
                    .filter(|it| !it.is_empty())
                    .collect();
                if !before.is_empty()
                    && before != ["main"]
                    && let Some(found) = scope.resolve(&before)
                {
                    sources.compute(&found);
                }
                if LAMBDAS.contains(&text(expression, "function_name")) {
                    let (lambdas, others): (Vec<&Json>, Vec<&Json>) =
                        list(expression, "children").iter().partition(|it| text(it, "class") == "LAMBDA");
                    for other in others {
                        self.collect(other, scope, sources);
                    }
                    for lambda in lambdas {
                        self.lambda(lambda, scope, sources);
                    }
                } else {
                    self.collect_parts(expression, scope, sources);
                }
            }
            "WINDOW" => {
                in_order(expression, scope, sources);
                self.collect_parts(expression, scope, sources);
            }
            _ => self.collect_parts(expression, scope, sources),
        });
    }

    /// What a function of the project reads by itself.
    fn own_value(&mut self, call: &Json, sources: &mut Sources) {
        let parts: Vec<&str> = ["catalog", "schema", "function_name"]
            .into_iter()
            .map(|it| text(call, it))
            .filter(|it| !it.is_empty())
            .collect();
        if let Some(output) = self.own_function(&parts) {
            output.columns.iter().for_each(|it| sources.compute(&it.sources));
            sources.is_unknown |= output.has_more();
            sources.from.extend(output.keys.into_iter().map(|it| (it, false)));
        }
    }

    fn collect_parts(&mut self, expression: &Json, scope: &Scope<'_>, sources: &mut Sources) {
        match expression {
            Json::Object(entries) => {
                // A constant's value and a type hold no columns.
                let parts = entries.iter().filter(|(key, _)| !matches!(key.as_str(), "value" | "cast_type"));
                parts.filter(|it| it.1.is_object() || it.1.is_array()).for_each(|(_, part)| {
                    self.collect(part, scope, sources);
                });
            }
            Json::Array(items) => items.iter().for_each(|it| self.collect(it, scope, sources)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }

    fn subquery(&mut self, expression: &Json, scope: &Scope<'_>, sources: &mut Sources) {
        if let Some(node) = expression.pointer("/subquery/node") {
            let output = self.node(node, Some(scope));
            // Whether a row exists does not depend on what is selected of it.
            if text(expression, "subquery_type") != "EXISTS"
                && text(expression, "subquery_type") != "NOT_EXISTS"
            {
                output.columns.iter().for_each(|it| sources.compute(&it.sources));
            }
            sources.is_unknown |= output.has_more();
            let (keys, order) = (output.keys.into_iter(), output.order.into_iter());
            sources.from.extend(keys.chain(order).map(|it| (it, false)));
        }
        if let Some(child) = expression.get("child").filter(|it| it.is_object()) {
            self.collect(child, scope, sources);
        }
    }

    fn lambda(&mut self, expression: &Json, scope: &Scope<'_>, sources: &mut Sources) {
        let (Some(left), Some(body)) = (expression.get("lhs"), expression.get("expr")) else { return };
        let mut inner = Scope::inside(Some(scope));
        inner.parameters.extend(parameters(left));
        self.collect(body, &inner, sources);
    }

    /// An item of a select list: one column, or many.
    pub(super) fn item(&mut self, item: &Json, scope: &mut Scope<'_>, output: &mut Output) {
        if let Some(found) = self.many(item, scope) {
            output.is_open |= found.is_open;
            if output.any.is_some() && found.any.is_some() {
                output.is_open = true;
            }
            output.any = output.any.take().or(found.any);
            output.columns.extend(found.columns);
            return;
        }
        let sources = self.expression(item, scope);
        let alias = text(item, "alias");
        let name = match alias {
            "" => texts(item, "column_names").last().copied().unwrap_or_else(|| text(item, "function_name")),
            alias => alias,
        };
        let is_struct = is_unnest_call(item);
        let column = Column { name: name.to_owned(), sources, is_struct };
        if !alias.is_empty() {
            scope.aliases.push(column.clone());
        }
        if is_unnest(item) {
            scope.keys.extend(column.sources.names());
        }
        output.columns.push(column);
    }
}

/// Whether a select item makes rows of a list.
fn is_unnest(item: &Json) -> bool {
    is_unnest_call(item) || list(item, "children").iter().any(is_unnest)
}

/// Whether it makes rows of a list, or columns of a struct.
fn is_unnest_call(item: &Json) -> bool {
    matches!(text(item, "function_name"), "unnest" | "unlist")
}

/// A value of many rows that says nothing of their order has that in which they are read.
fn in_order(call: &Json, scope: &Scope<'_>, sources: &mut Sources) {
    let own = call.pointer("/order_bys/orders").or_else(|| call.get("orders")).and_then(Json::as_array);
    if own.is_none_or(Vec::is_empty) && ORDERED.contains(&text(call, "function_name")) {
        sources.from.extend(scope.order.iter().map(|it| (it.clone(), false)));
    }
}

/// The names left of a lambda's arrow.
fn parameters(left: &Json) -> Vec<String> {
    match text(left, "class") {
        "COLUMN_REF" => texts(left, "column_names").into_iter().map(str::to_owned).collect(),
        _ => list(left, "children").iter().flat_map(parameters).collect(),
    }
}
