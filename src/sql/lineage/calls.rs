//! References to what is no table of the project, back as SQL: a call with constants, or a name.

use serde_json::Value as Json;

use super::json::{list, text, texts, value};
use crate::node::{quote_identifier, quote_literal};

/// A table's name.
pub(super) fn table(parts: &[&str]) -> String {
    parts.iter().map(|it| quote_identifier(it)).collect::<Vec<_>>().join(".")
}

/// A call; `None` if an argument is more than constants in lists and structs.
pub(super) fn call(call: &Json) -> Option<String> {
    written(call, argument)
}

/// A call with null for every argument, for functions whose columns do not depend on them.
pub(super) fn call_of_nulls(call: &Json) -> Option<String> {
    written(call, |_| Some("null".to_owned()))
}

fn written(call: &Json, argument: impl FnMut(&Json) -> Option<String>) -> Option<String> {
    let name: Vec<&str> =
        ["catalog", "schema", "function_name"].into_iter().map(|it| text(call, it)).collect();
    let name: Vec<&str> = name.into_iter().filter(|it| !it.is_empty()).collect();
    let arguments: Option<Vec<String>> = list(call, "children").iter().map(argument).collect();
    Some(format!("{}({})", name.join("."), arguments?.join(", ")))
}

/// An argument, or a parameter with its value.
fn argument(argument: &Json) -> Option<String> {
    let alias = text(argument, "alias");
    if !alias.is_empty() {
        return Some(format!("{alias} := {}", constant(argument)?));
    }
    if text(argument, "type") != "COMPARE_EQUAL" {
        return constant(argument);
    }
    let name = texts(argument.get("left")?, "column_names");
    let [name] = name[..] else { return None };
    Some(format!("{name} := {}", constant(argument.get("right")?)?))
}

fn constant(expression: &Json) -> Option<String> {
    let children = list(expression, "children");
    match (text(expression, "class"), text(expression, "function_name")) {
        ("CONSTANT", _) => {
            let constant = expression.get("value")?;
            let written = value(constant)?;
            let kind = constant.pointer("/type/id").and_then(Json::as_str).unwrap_or_default();
            match constant.get("value")? {
                Json::String(_) if kind == "VARCHAR" => Some(quote_literal(&written)),
                Json::Number(_) | Json::Bool(_) if kind != "DECIMAL" => Some(written),
                _ => None,
            }
        }
        ("FUNCTION", "list_value") => {
            let items: Option<Vec<String>> = children.iter().map(constant).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        ("FUNCTION", "struct_pack") => {
            let item = |it: &Json| Some(format!("{}: {}", quote_literal(text(it, "alias")), constant(it)?));
            let items: Option<Vec<String>> = children.iter().map(item).collect();
            Some(format!("{{{}}}", items?.join(", ")))
        }
        // `true` and `false` are casts of texts.
        ("CAST", _) => {
            let inner = constant(expression.get("child")?)?;
            let kind = expression.pointer("/cast_type/id").and_then(Json::as_str)?;
            (kind == "BOOLEAN").then(|| format!("{inner}::boolean"))
        }
        _ => None,
    }
}
