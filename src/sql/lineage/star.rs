//! `*` and `columns()`: one item that is many columns.

use fancy_regex::Regex;
use serde_json::Value as Json;

use super::json::{constant, flag, list, text};
use super::query::Tracer;
use super::scope::{Column, Output, Scope, Sources};

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
                _ => found.is_open = true,
            }
            return Some(found);
        }
        let star = columns_star(item)?;
        let mut found = self.star(star, scope);
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
        let mut output = all_columns(scope, text(star, "relation_name"));
        let named = |entry: &Json| -> Option<String> {
            let name = entry.as_str().or_else(|| entry.get("column")?.as_str());
            name.map(str::to_owned)
        };
        let excluded: Vec<String> = ["exclude_list", "qualified_exclude_list"]
            .iter()
            .flat_map(|key| list(star, key))
            .filter_map(named)
            .collect();
        output.columns.retain(|it| !excluded.iter().any(|name| name.eq_ignore_ascii_case(&it.name)));
        for entry in list(star, "replace_list") {
            let (name, Some(value)) = (text(entry, "key"), entry.get("value")) else { continue };
            let sources = self.expression(value, scope);
            for column in output.columns.iter_mut().filter(|it| it.name.eq_ignore_ascii_case(name)) {
                // It is another column of the same name, if it is one.
                column.sources = sources.clone();
            }
        }
        for entry in list(star, "rename_list") {
            let Some(name) = entry.get("key").and_then(named) else { continue };
            for column in output.columns.iter_mut().filter(|it| it.name.eq_ignore_ascii_case(&name)) {
                text(entry, "value").clone_into(&mut column.name);
            }
        }
        if let Some(filter) = star.get("expr").filter(|it| it.is_object()) {
            match pattern(filter) {
                Some(regex) => output.columns.retain(|it| regex.is_match(&it.name).unwrap_or(false)),
                None => output.is_open = true,
            }
        }
        output
    }
}

/// All columns in `from`, or those of one relation; columns of a join with `using` come once.
fn all_columns(scope: &Scope<'_>, relation: &str) -> Output {
    let mut output = Output::default();
    if !relation.is_empty() {
        let found = scope.relation(&[relation]).or_else(|| scope.parent?.relation(&[relation]));
        match found {
            Some(found) => {
                output.columns.clone_from(&found.columns);
                output.is_open = found.any.is_some() || found.is_open;
            }
            // The fields of a struct.
            None => output.is_open = true,
        }
        return output;
    }
    let is_merged = |name: &str| scope.merged.iter().find(|it| it.name.eq_ignore_ascii_case(name));
    let mut seen: Vec<String> = Vec::new();
    for relation in &scope.relations {
        output.is_open |= relation.any.is_some() || relation.is_open;
        for column in &relation.columns {
            match is_merged(&column.name) {
                Some(_) if seen.iter().any(|it| it.eq_ignore_ascii_case(&column.name)) => {}
                Some(merged) => {
                    seen.push(column.name.clone());
                    output
                        .columns
                        .push(Column { name: column.name.clone(), sources: merged.sources.clone() });
                }
                None => output.columns.push(column.clone()),
            }
        }
    }
    output
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
