//! `from`: tables, sub-queries, functions and joins.

use serde_json::Value as Json;

use super::json::{list, text, texts};
use super::query::{Tracer, rename};
use super::scope::{Column, Output, Relation, Scope, Sources};
use super::{calls, reference_key, unique_names};

/// The columns of `describe`.
const DESCRIPTION: [&str; 6] = ["column_name", "column_type", "null", "key", "default", "extra"];

/// The columns of `summarize`.
const SUMMARY: [&str; 12] = [
    "column_name",
    "column_type",
    "min",
    "max",
    "approx_unique",
    "avg",
    "std",
    "q25",
    "q50",
    "q75",
    "count",
    "null_percentage",
];

impl Tracer<'_> {
    /// Adds what a reference reads to the scope; what is left of it can be used in it.
    pub(super) fn from(&mut self, reference: &Json, scope: &mut Scope<'_>) {
        stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, || self.any_reference(reference, scope));
    }

    fn any_reference(&mut self, reference: &Json, scope: &mut Scope<'_>) {
        match text(reference, "type") {
            "EMPTY" | "" => {}
            "JOIN" => self.join(reference, scope),
            "BASE_TABLE" => {
                let relation = self.base_table(reference, scope);
                push(reference, relation, scope);
            }
            "SUBQUERY" => {
                let output = match reference.pointer("/subquery/node") {
                    Some(node) => self.node(node, Some(scope)),
                    None => Output { is_open: true, ..Output::default() },
                };
                push(reference, relation_of(output, scope), scope);
            }
            "EXPRESSION_LIST" => {
                let relation = self.values(reference, scope);
                push(reference, relation, scope);
            }
            "TABLE_FUNCTION" => {
                let relation = self.table_function(reference, scope);
                push(reference, relation, scope);
            }
            "SHOW_REF" => {
                let relation = self.shown(reference, scope);
                push(reference, relation, scope);
            }
            "PIVOT" => {
                let relation = self.pivot(reference, scope);
                push(reference, relation, scope);
            }
            _ => push(reference, Relation { is_open: true, ..Relation::default() }, scope),
        }
    }

    fn base_table(&mut self, reference: &Json, scope: &mut Scope<'_>) -> Relation {
        let parts: Vec<&str> = ["catalog_name", "schema_name", "table_name"]
            .into_iter()
            .map(|it| text(reference, it))
            .filter(|it| !it.is_empty())
            .collect();
        let path = parts.iter().map(|it| (*it).to_owned()).collect();
        let name = text(reference, "table_name").to_owned();
        if let [only] = parts[..]
            && let Some(output) = scope.cte(only).cloned()
        {
            return Relation { name, path, ..relation_of(output, scope) };
        }
        let known = self.tables.table(&parts).or_else(|| self.tables.reference(&reference_key(reference)));
        let Some(table) = known else {
            // No table of the project: the engine may know its columns.
            let outside = parts.join(".");
            return match self.tables.described(&calls::table(&parts)) {
                Some(columns) => Relation { name, path, ..outside_relation(&outside, columns) },
                None => Relation { name, path, any: Some(outside), ..Relation::default() },
            };
        };
        let column = |it: String| Column::new(it.clone(), Sources::of(&table.name, &it));
        match table.columns {
            Some(columns) => Relation {
                name,
                path,
                columns: columns.into_iter().map(column).collect(),
                ..Relation::default()
            },
            None => Relation { name, path, any: Some(table.name), ..Relation::default() },
        }
    }

    fn values(&mut self, reference: &Json, scope: &Scope<'_>) -> Relation {
        let mut columns: Vec<Column> = Vec::new();
        for row in list(reference, "values").iter().filter_map(Json::as_array) {
            for (n, value) in row.iter().enumerate() {
                if columns.len() <= n {
                    columns.push(Column::new(format!("col{n}"), Sources::default()));
                }
                let sources = self.expression(value, scope);
                columns[n].sources.compute(&sources);
            }
        }
        Relation { columns, ..Relation::default() }
    }

    fn table_function(&mut self, reference: &Json, scope: &mut Scope<'_>) -> Relation {
        let Some(call) = reference.get("function") else { return Relation::default() };
        if let Some(table) = self.tables.reference(&reference_key(reference)) {
            let column = |it: String| Column::new(it.clone(), Sources::of(&table.name, &it));
            return match table.columns {
                Some(columns) => {
                    Relation { columns: columns.into_iter().map(column).collect(), ..Relation::default() }
                }
                None => Relation { any: Some(table.name), ..Relation::default() },
            };
        }
        // What it is called with decides which rows there are. `name = value` names a parameter.
        let mut arguments = Sources::default();
        for argument in list(call, "children") {
            let value = match text(argument, "type") {
                "COMPARE_EQUAL" => argument.get("right").unwrap_or(argument),
                _ => argument,
            };
            let found = self.expression(value, scope);
            arguments.compute(&found);
        }
        scope.keys.extend(arguments.names());
        let parts: Vec<&str> = ["catalog", "schema", "function_name"]
            .into_iter()
            .map(|it| text(call, it))
            .filter(|it| !it.is_empty())
            .collect();
        match self.own_function(&parts) {
            Some(output) => relation_of(output, scope),
            None => self.engine_function(reference, call, arguments),
        }
    }

    /// A function of the engine that gives rows, called with values that come from these columns.
    fn engine_function(&self, reference: &Json, call: &Json, arguments: Sources) -> Relation {
        let name = text(call, "function_name");
        let is_counted = !text(reference, "with_ordinality").is_empty();
        let one = |column: &str, sources: Sources| {
            let ordinality = is_counted.then(|| Column::new("ordinality", Sources::default()));
            let columns = std::iter::once(Column::new(column, sources)).chain(ordinality).collect();
            Relation { columns, name: name.to_owned(), ..Relation::default() }
        };
        let described = || {
            if !arguments.is_empty() {
                // Rows that are made of columns, such as the parts of JSON.
                let names = self.tables.described(&calls::call_of_nulls(call)?)?;
                let columns = names.into_iter().map(|it| Column::new(it, arguments.clone())).collect();
                return Some(Relation { columns, name: name.to_owned(), ..Relation::default() });
            }
            let sql = calls::call(call)?;
            let columns = self.tables.described(&sql)?;
            Some(Relation { name: name.to_owned(), ..outside_relation(&sql, columns) })
        };
        match name {
            "range" | "generate_series" => one(name, Sources::default()),
            "unnest" => one(name, arguments),
            "glob" => one("file", Sources::default()),
            _ => described().unwrap_or_else(|| {
                // Its columns have no source in any table; their names may be said after it.
                let names = texts(reference, "column_name_alias");
                let columns = names.iter().map(|it| Column::new(*it, arguments.clone())).collect();
                Relation { columns, is_open: true, name: name.to_owned(), ..Relation::default() }
            }),
        }
    }

    /// `describe` and `summarize`: the first tells of no values, the second of all.
    fn shown(&mut self, reference: &Json, scope: &mut Scope<'_>) -> Relation {
        let is_summary = text(reference, "show_type") == "SUMMARY";
        let mut all = Sources::default();
        if let Some(node) = reference.get("query").filter(|_| is_summary) {
            let output = self.node(node, Some(scope));
            output.columns.iter().for_each(|it| all.compute(&it.sources));
            all.is_unknown |= output.has_more();
            scope.keys.extend(output.keys);
        }
        let names: &[&str] = if is_summary { &SUMMARY } else { &DESCRIPTION };
        let columns = names.iter().map(|it| Column::new(*it, all.clone())).collect();
        Relation { columns, ..Relation::default() }
    }

    /// What a function of the project gives.
    pub(super) fn own_function(&mut self, parts: &[&str]) -> Option<Output> {
        let key = parts.join(".").to_lowercase();
        if self.inside.contains(&key) {
            return None;
        }
        let (tree, parameters) = self.tables.function(parts)?;
        let node = tree.pointer("/statements/0/node")?;
        let inner = Scope { parameters, ..Scope::default() };
        self.inside.push(key);
        let output = self.node(node, Some(&inner));
        self.inside.pop();
        Some(output)
    }

    fn join(&mut self, reference: &Json, scope: &mut Scope<'_>) {
        let (Some(left), Some(right)) = (reference.get("left"), reference.get("right")) else { return };
        let start = scope.relations.len();
        self.from(left, scope);
        let middle = scope.relations.len();
        self.from(right, scope);
        let kind = text(reference, "join_type");
        let mut using: Vec<String> =
            texts(reference, "using_columns").into_iter().map(str::to_owned).collect();
        if text(reference, "ref_type") == "NATURAL" {
            let (left, right) = (&scope.relations[start..middle], &scope.relations[middle..]);
            let all = left.iter().flat_map(|it| &it.columns).map(|it| it.name.clone());
            using.extend(all.filter(|name| {
                right.iter().flat_map(|it| &it.columns).any(|it| it.name.eq_ignore_ascii_case(name))
            }));
        }
        for name in using {
            merge(scope, (start, middle), kind, &name);
        }
        if let Some(condition) = reference.get("condition").filter(|it| it.is_object()) {
            self.key(condition, scope);
        }
        if matches!(kind, "SEMI" | "ANTI") {
            scope.relations.truncate(middle);
        }
    }
}

/// A column of a join with `using`: of the left side, of the right side, or of whichever is there.
fn merge(scope: &mut Scope<'_>, (start, middle): (usize, usize), kind: &str, name: &str) {
    let earlier = scope.merged.iter().position(|it| it.name.eq_ignore_ascii_case(name));
    let left = earlier.map(|it| scope.merged.remove(it).sources);
    let left = left.or_else(|| scope.relations[start..middle].iter().find_map(|it| it.column(name)));
    let right = scope.relations[middle..].iter().find_map(|it| it.column(name));
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    scope.keys.extend(left.names().chain(right.names()));
    let sources = match kind {
        "RIGHT" => right,
        "OUTER" | "FULL" => {
            let mut both = left.computed();
            both.compute(&right);
            both
        }
        _ => left,
    };
    scope.merged.push(Column::new(name, sources));
}

/// What a query gives to the one around it; columns of one name get others, as the engine does it.
pub(super) fn relation_of(output: Output, scope: &mut Scope<'_>) -> Relation {
    scope.keys.extend(output.keys);
    scope.order.extend(output.order);
    let mut columns = output.columns;
    let names = unique_names(columns.iter().map(|it| it.name.as_str()));
    columns.iter_mut().zip(names).for_each(|(column, name)| column.name = name);
    Relation { columns, any: output.any, is_open: output.is_open, ..Relation::default() }
}

/// Something that is no node of the project, whose columns the engine knows.
fn outside_relation(table: &str, columns: Vec<String>) -> Relation {
    let column = |it: String| Column::new(it.clone(), Sources::of(table, &it));
    Relation { columns: columns.into_iter().map(column).collect(), ..Relation::default() }
}

/// Gives a relation its alias and its columns theirs.
fn push(reference: &Json, mut relation: Relation, scope: &mut Scope<'_>) {
    let alias = text(reference, "alias");
    if !alias.is_empty() {
        alias.clone_into(&mut relation.name);
        relation.path = vec![relation.name.clone()];
        // `unnest(list) as item` names the column too.
        if let [only] = &mut relation.columns[..]
            && text(reference, "type") == "TABLE_FUNCTION"
            && !relation.is_open
        {
            alias.clone_into(&mut only.name);
        }
    }
    let names = texts(reference, "column_name_alias");
    if !names.is_empty() {
        relation.is_open |= relation.any.take().is_some();
    }
    rename(&mut relation.columns, &names);
    scope.relations.push(relation);
}
