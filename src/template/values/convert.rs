//! Between template values and plain data.

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Number, Value as Json};

use super::dict::Dict;
use super::list::List;

/// Plain data as a template value; lists and dictionaries can be changed.
pub(crate) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => List::value(items.iter().map(from_json).collect()),
        Json::Object(entries) => {
            Dict::value(entries.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value))))
        }
    }
}

fn from_number(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(value), _) => Value::from(value),
        (None, Some(value)) => Value::from(value),
        (None, None) => Value::from(number.as_f64().unwrap_or_default()),
    }
}

/// A template value as plain data: objects become their text, undefined becomes null.
pub(crate) fn to_json(value: &Value) -> Json {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => to_number(value),
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(value.try_iter().into_iter().flatten().map(|it| to_json(&it)).collect())
        }
        // A relation is a mapping whose keys cannot be told; it stands for its name.
        ValueKind::Map if value.try_iter().is_err() => Json::String(value.to_string()),
        ValueKind::Map => {
            let mut entries = Map::new();
            for key in value.try_iter().into_iter().flatten() {
                let inner = value.get_item(&key).unwrap_or_default();
                entries.insert(key.to_string(), to_json(&inner));
            }
            Json::Object(entries)
        }
        _ => Json::String(value.to_string()),
    }
}

fn to_number(value: &Value) -> Json {
    if let Some(integer) = value.as_i64() {
        if value.is_integer() {
            return Json::from(integer);
        }
    } else if let Ok(integer) = u64::try_from(value.clone()) {
        return Json::from(integer);
    }
    f64::try_from(value.clone()).ok().and_then(Number::from_f64).map_or(Json::Null, Json::Number)
}

/// The same value, but a fixed sequence or mapping becomes one that can be changed.
pub(crate) fn own(value: Value) -> Value {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if is_ours(&value) || value.is_tuple() => value,
        ValueKind::Seq => collect(value),
        // Only what knows its length can be read twice and is a list by nature.
        ValueKind::Iterable if value.len().is_some() => collect(value),
        ValueKind::Map if is_plain_map(&value) => match super::dict::entries_of(&value) {
            Ok(entries) => Dict::value(entries),
            Err(_) => value,
        },
        _ => value,
    }
}

/// Whether a value is an object of this program, which knows itself what can be done with it.
pub(super) fn is_ours(value: &Value) -> bool {
    const OURS: &str = concat!(env!("CARGO_PKG_NAME"), "::");
    value.as_object().is_some_and(|it| it.type_name().starts_with(OURS))
}

fn collect(value: Value) -> Value {
    match value.try_iter() {
        Ok(items) => List::value(items.collect()),
        Err(_) => value,
    }
}

/// Whether a mapping is plain data that minijinja made.
pub(super) fn is_plain_map(value: &Value) -> bool {
    value.is_kwargs() || value.downcast_object_ref::<IndexMap<Value, Value>>().is_some()
}
