//! Reading the engine's syntax tree; what is not there is empty, since the engine leaves out defaults.

use serde_json::Value as Json;

/// A text by its key.
pub fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// A list by its key.
pub fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The texts of a list.
pub fn texts<'a>(json: &'a Json, key: &str) -> Vec<&'a str> {
    list(json, key).iter().filter_map(Json::as_str).collect()
}

/// A truth value by its key.
pub fn flag(json: &Json, key: &str) -> bool {
    json.get(key).and_then(Json::as_bool).unwrap_or(false)
}

/// The text of a constant.
pub fn constant(json: &Json) -> Option<String> {
    if text(json, "class") != "CONSTANT" {
        return None;
    }
    value(json.get("value")?)
}

/// A value as text.
pub fn value(json: &Json) -> Option<String> {
    match json.get("value")? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(it) => Some(it.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Takes away places and aliases.
pub fn strip(json: &mut Json) {
    match json {
        Json::Object(entries) => {
            let empty = |it: &Json| {
                it.is_null() || it.as_str() == Some("") || it.as_array().is_some_and(Vec::is_empty)
            };
            entries.retain(|key, value| {
                !matches!(key.as_str(), "query_location" | "alias" | "column_name_alias" | "sample")
                    && !empty(value)
            });
            entries.values_mut().for_each(strip);
        }
        Json::Array(items) => items.iter_mut().for_each(strip),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
