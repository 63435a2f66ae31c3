//! `*` and `columns()`: one item that is many columns.

use fancy_regex::Regex;
use serde_json::Value as Json;

use super::json::{constant, flag, list, text};
use super::query::Tracer;
use super::scope::{Column, Output, Relation, Scope, Sources};

impl Tracer<'_> {
    /// The columns of a select item with a star in it; `None` if it is one column.
    pub(super) fn many(&mut self, item: &Json, scope: &Scope<'_>) -> Option<Output> {
        if text(item, "class") == "STAR" {
            return Some(self.star(item, scope));
        }
        // `* like 'a%'` picks columns by their names.
        if let [star, pattern] = list(item, "children")
            && text(star, "class") == "STAR"
            && !flag(star, "columns")
        {
            let mut found = self.star(star, scope);
            match (text(item, "function_name"), constant(pattern)) {
                ("~~", Some(pattern)) => found.columns.retain(|it| is_like(&it.name, &pattern)),
                ("!~~", Some(pattern)) => found.columns.retain(|it| !is_like(&it.name, &pattern)),
                _ => found = Output { is_open: true, ..found },
            }
            return Some(found.by_place());
        }
        let star = columns_star(item)?;
        let mut found = self.star(star, scope).by_place();
        // Each column takes the place of the star once.
        for column in &mut found.columns {
            let mut sources = Sources::default();
            sources.compute(&column.sources);
            let rest = without_columns(item);
            let others = self.expression(&rest, scope);
            sources.compute(&others);
            column.sources = sources;
        }
        Some(found)
    }

    /// The columns that a star stands for.
    pub(super) fn star(&mut self, star: &Json, scope: &Scope<'_>) -> Output {
        let (mut columns, more) = all_columns(scope, text(star, "relation_name"));
        let (any, mut is_open) = match more {
            More::None => (None, false),
            More::Of(table) => (Some(table), false),
            More::Unknown => (None, true),
        };
        let excluded: Vec<Named> = ["exclude_list", "qualified_exclude_list"]
            .iter()
            .flat_map(|key| list(star, key))
            .filter_map(Named::read)
            .collect();
        columns.retain(|it| !excluded.iter().any(|name| name.means(it)));
        for entry in list(star, "replace_list") {
            let (name, Some(value)) = (text(entry, "key"), entry.get("value")) else { continue };
            let sources = self.expression(value, scope);
            let mut is_listed = false;
            for (_, column) in columns.iter_mut().filter(|it| it.1.name.eq_ignore_ascii_case(name)) {
                // It is another column of the same name, if it is one.
                column.sources = sources.clone();
                is_listed = true;
            }
            if any.is_some() && !is_listed {
                columns.push((String::new(), Column::new(name, sources)));
            }
        }
        for entry in list(star, "rename_list") {
            let Some(name) = entry.get("key").and_then(Named::read) else { continue };
            let mut is_listed = false;
            for column in columns.iter_mut().filter(|it| name.means(it)) {
                text(entry, "value").clone_into(&mut column.1.name);
                is_listed = true;
            }
            if let (Some(table), false) = (&any, is_listed) {
                let column = Column::new(text(entry, "value"), Sources::of(table, &name.column));
                columns.push((String::new(), column));
            }
        }
        if let Some(filter) = star.get("expr").filter(|it| it.is_object()) {
            match pattern(filter) {
                Some(regex) => columns.retain(|it| regex.is_match(&it.1.name).unwrap_or(false)),
                None => is_open = true,
            }
        }
        let is_filtered = star.get("expr").is_some_and(Json::is_object);
        let columns = columns.into_iter().map(|it| it.1).collect();
        let output = Output { columns, any, is_open, ..Output::default() };
        if is_filtered { output.by_place() } else { output }
    }
}

/// A column with the name of the relation that it is of; one of a join with `using` is of none.
type Placed = (String, Column);

/// A column as a star's lists name it.
struct Named {
    table: Option<String>,
    column: String,
}

impl Named {
    fn read(entry: &Json) -> Option<Self> {
        let table = Some(text(entry, "table")).filter(|it| !it.is_empty()).map(str::to_owned);
        let column = entry.as_str().or_else(|| entry.get("column")?.as_str())?.to_owned();
        Some(Self { table, column })
    }

    fn means(&self, (table, column): &Placed) -> bool {
        self.column.eq_ignore_ascii_case(&column.name)
            && self.table.as_ref().is_none_or(|it| table.is_empty() || it.eq_ignore_ascii_case(table))
    }
}

/// Columns that a star stands for beside those that are listed.
enum More {
    None,
    /// All others of this table.
    Of(String),
    Unknown,
}

impl More {
    fn and(self, relation: &Relation) -> Self {
        match (self, relation.is_open, &relation.any) {
            (more, false, None) => more,
            (More::None, false, Some(table)) => More::Of(table.clone()),
            _ => More::Unknown,
        }
    }
}

/// All columns in `from`, or those of one relation, and whether there may be more; columns of a join with
/// `using` come once.
fn all_columns(scope: &Scope<'_>, relation: &str) -> (Vec<Placed>, More) {
    let mut columns: Vec<Placed> = Vec::new();
    if !relation.is_empty() {
        let found = scope.relation(&[relation]).or_else(|| scope.parent?.relation(&[relation]));
        if let Some(found) = found {
            columns.extend(found.columns.iter().map(|it| (found.name.clone(), it.clone())));
            return (columns, More::None.and(found));
        }
        let Some(sources) = scope.resolve(&[relation]) else { return (columns, More::Unknown) };
        let fields = Column { name: String::new(), sources: sources.computed(), is_struct: true };
        columns.push((String::new(), fields));
        return (columns, More::None);
    }
    let is_merged = |name: &str| scope.merged.iter().find(|it| it.name.eq_ignore_ascii_case(name));
    let mut seen: Vec<String> = Vec::new();
    let mut more = More::None;
    for relation in &scope.relations {
        more = more.and(relation);
        for column in &relation.columns {
            match is_merged(&column.name) {
                Some(_) if seen.iter().any(|it| it.eq_ignore_ascii_case(&column.name)) => {}
                Some(merged) => {
                    seen.push(column.name.clone());
                    let merged = Column::new(column.name.clone(), merged.sources.clone());
                    columns.push((String::new(), merged));
                }
                None => columns.push((relation.name.clone(), column.clone())),
            }
        }
    }
    (columns, more)
}

/// The `columns(...)` in an expression; one that is unpacked into arguments does not multiply.
fn columns_star(expression: &Json) -> Option<&Json> {
    match text(expression, "class") {
        "STAR" if flag(expression, "columns") => return Some(expression),
        "SUBQUERY" | "LAMBDA" => return None,
        "OPERATOR" if text(expression, "type") == "OPERATOR_UNPACK" => return None,
        _ => {}
    }
    match expression {
        Json::Object(entries) => entries.values().find_map(columns_star),
        Json::Array(items) => items.iter().find_map(columns_star),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

/// An expression with nothing in the place of `columns(...)`.
fn without_columns(expression: &Json) -> Json {
    match expression {
        Json::Object(entries) if text(expression, "class") == "STAR" && flag(expression, "columns") => {
            let _ = entries;
            Json::Null
        }
        Json::Object(entries) => {
            Json::Object(entries.iter().map(|(key, it)| (key.clone(), without_columns(it))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(without_columns).collect()),
        other => other.clone(),
    }
}

/// What picks columns by name: a pattern, a list of names, or a lambda with a plain comparison.
fn pattern(filter: &Json) -> Option<Regex> {
    if let Some(text) = constant(filter) {
        return Regex::new(&text).ok();
    }
    let children = list(filter, "children");
    match text(filter, "function_name") {
        "list_value" => {
            let names: Option<Vec<String>> = children
                .iter()
                .map(|it| constant(it).map(|it| fancy_regex::escape(&it).into_owned()))
                .collect();
            Regex::new(&format!("(?i)^(?:{})$", names?.join("|"))).ok()
        }
        "list_filter" => by_lambda(children.get(1)?.get("expr")?),
        _ => None,
    }
}

fn by_lambda(condition: &Json) -> Option<Regex> {
    let children = list(condition, "children");
    let second = children.get(1).and_then(constant);
    let regex = match (text(condition, "function_name"), second?) {
        ("~~", text) => like_regex(&text),
        ("!~~", text) => format!("^(?!(?:{})$)", like_regex(&text)),
        ("starts_with" | "prefix" | "^@", text) => format!("^{}", fancy_regex::escape(&text)),
        ("ends_with" | "suffix", text) => format!("{}$", fancy_regex::escape(&text)),
        ("contains", text) => fancy_regex::escape(&text).into_owned(),
        _ => return None,
    };
    Regex::new(&regex).ok()
}

fn like_regex(pattern: &str) -> String {
    let mut regex = String::from("^");
    for it in pattern.chars() {
        match it {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            other => regex.push_str(&fancy_regex::escape(&other.to_string())),
        }
    }
    regex.push('$');
    regex
}

fn is_like(name: &str, pattern: &str) -> bool {
    Regex::new(&like_regex(pattern)).is_ok_and(|it| it.is_match(name).unwrap_or(false))
}
