//! `pivot` and `unpivot`.

use serde_json::Value as Json;

use super::from::relation_of;
use super::json::{flag, list, text, texts, value};
use super::query::Tracer;
use super::scope::{Column, Output, Relation, Scope, Sources};

impl Tracer<'_> {
    pub(super) fn pivot(&mut self, reference: &Json, scope: &mut Scope<'_>) -> Relation {
        let mut inner = Scope::inside(Some(scope));
        if let Some(source) = reference.get("source") {
            self.from(source, &mut inner);
        }
        let output = if list(reference, "unpivot_names").is_empty() {
            self.values_as_columns(reference, &mut inner)
        } else {
            self.columns_as_values(reference, &mut inner)
        };
        let keys = std::mem::take(&mut inner.keys);
        scope.keys.extend(keys);
        relation_of(output, scope)
    }

    /// Values become columns.
    fn values_as_columns(&mut self, reference: &Json, inner: &mut Scope<'_>) -> Output {
        let mut output = Output::default();
        let all: Vec<Column> = inner.relations.iter().flat_map(|it| it.columns.clone()).collect();
        output.is_open |= inner.relations.iter().any(|it| it.is_open || it.any.is_some());
        let mut by = Sources::default();
        let mut used: Vec<String> = Vec::new();
        let mut values: Vec<String> = vec![String::new()];
        for pivot in list(reference, "pivots") {
            for expression in list(pivot, "pivot_expressions") {
                let found = self.expression(expression, inner);
                by.compute(&found);
                mentioned(expression, &mut used);
            }
            let entries: Vec<String> = list(pivot, "entries").iter().map(entry_name).collect();
            output.is_open |= entries.is_empty();
            let joined = |left: &String, right: &String| match left.as_str() {
                "" => right.clone(),
                left => format!("{left}_{right}"),
            };
            values = values.iter().flat_map(|left| entries.iter().map(move |it| joined(left, it))).collect();
        }
        let aggregates: Vec<(String, Sources)> = list(reference, "aggregates")
            .iter()
            .map(|it| {
                mentioned(it, &mut used);
                let name = match text(it, "alias") {
                    "" => text(it, "function_name"),
                    alias => alias,
                };
                (name.to_owned(), self.expression(it, inner))
            })
            .collect();
        let groups = texts(reference, "groups");
        let is_group = |column: &Column| {
            if groups.is_empty() {
                !used.iter().any(|it| it.eq_ignore_ascii_case(&column.name))
            } else {
                groups.iter().any(|it| it.eq_ignore_ascii_case(&column.name))
            }
        };
        output.columns = all.into_iter().filter(is_group).collect();
        output.keys.extend(output.columns.iter().flat_map(|it| it.sources.names()).collect::<Vec<_>>());
        for name in values {
            for (aggregate, sources) in &aggregates {
                let name = if aggregates.len() == 1 { name.clone() } else { format!("{name}_{aggregate}") };
                let mut sources = sources.clone().computed();
                sources.compute(&by);
                output.columns.push(Column::new(name, sources));
            }
        }
        output
    }

    /// Columns become rows of names and values.
    fn columns_as_values(&mut self, reference: &Json, inner: &mut Scope<'_>) -> Output {
        let mut output = Output::default();
        output.is_open |= inner.relations.iter().any(|it| it.is_open || it.any.is_some());
        let mut rest: Vec<Column> = inner.relations.iter().flat_map(|it| it.columns.clone()).collect();
        let names = texts(reference, "unpivot_names");
        let mut values = vec![Sources::default(); names.len()];
        let mut labels: Vec<String> = Vec::new();
        for pivot in list(reference, "pivots") {
            labels.extend(texts(pivot, "unpivot_names").into_iter().map(str::to_owned));
            for entry in list(pivot, "entries") {
                let named = list(entry, "values").iter().filter_map(value);
                let mut columns: Vec<Column> = named
                    .map(|it| Column::new(&*it, inner.resolve(&[&it]).unwrap_or_else(Sources::unknown)))
                    .collect();
                let mut used: Vec<String> = columns.iter().map(|it| it.name.clone()).collect();
                if let Some(expression) = entry.get("star_expr").filter(|it| it.is_object()) {
                    let found = self.star_or_expression(expression, inner);
                    output.is_open |= found.has_more();
                    used.extend(found.columns.iter().map(|it| it.name.clone()));
                    mentioned(expression, &mut used);
                    columns.extend(found.columns);
                }
                for (n, column) in columns.iter().enumerate() {
                    let place = if names.len() > 1 { n % names.len() } else { 0 };
                    values[place].compute(&column.sources);
                }
                rest.retain(|it| !used.iter().any(|name| name.eq_ignore_ascii_case(&it.name)));
            }
        }
        if !flag(reference, "include_nulls") {
            output.keys.extend(values.iter().flat_map(Sources::names).collect::<Vec<_>>());
        }
        output.columns = rest;
        output.columns.extend(labels.into_iter().map(|name| Column::new(name, Sources::default())));
        for (name, sources) in names.iter().zip(values) {
            output.columns.push(Column::new(*name, sources));
        }
        output
    }

    fn star_or_expression(&mut self, expression: &Json, inner: &Scope<'_>) -> Output {
        if let Some(found) = self.many(expression, inner) {
            return found;
        }
        let name = texts(expression, "column_names").last().copied().unwrap_or_default().to_owned();
        let sources = self.expression(expression, inner);
        Output { columns: vec![Column::new(name, sources)], ..Output::default() }
    }
}

fn entry_name(entry: &Json) -> String {
    match text(entry, "alias") {
        "" => list(entry, "values").iter().filter_map(value).collect::<Vec<_>>().join("_"),
        alias => alias.to_owned(),
    }
}

/// Names of columns in an expression.
fn mentioned(expression: &Json, names: &mut Vec<String>) {
    if text(expression, "class") == "COLUMN_REF" {
        names.extend(texts(expression, "column_names").last().map(|it| (*it).to_owned()));
    }
    match expression {
        Json::Object(entries) => entries.values().for_each(|it| mentioned(it, names)),
        Json::Array(items) => items.iter().for_each(|it| mentioned(it, names)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
