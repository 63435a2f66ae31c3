//! Names and ids of generic tests, equal to dbt's so that tools made for dbt recognise them.
//!
//! Source of the rules: dbt-core 1.11, `parser/generic_test_builders.py` and `parser/schema_generic_tests.py`.

use md5::{Digest, Md5};
use serde_json::{Map, Value as Json};

use crate::template::float_text;

/// The names of a generic test.
pub(super) struct TestNames {
    /// At most 63 characters: the compiled file's name and the alias.
    pub(super) short: String,
    /// As long as it takes: in the unique id.
    pub(super) full: String,
}

/// The name made from the test, its target and all argument values in the order of their names.
pub(super) fn synthesize(test: &str, target: &str, arguments: &[(String, Json)]) -> TestNames {
    let mut sorted: Vec<&(String, Json)> = arguments.iter().filter(|(name, _)| name != "model").collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut parts: Vec<String> = Vec::new();
    for (_, value) in sorted {
        match value {
            Json::Array(items) => parts.extend(items.iter().map(py_str)),
            Json::Object(entries) => parts.extend(entries.values().map(py_str)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => parts.push(py_str(value)),
        }
    }
    let clean: Vec<String> = parts.iter().map(|it| clean(it)).collect();
    let identifier = format!("{test}_{target}");
    let full = format!("{identifier}_{}", clean.join("__"));
    let short = if full.chars().count() >= 64 {
        let start: String = identifier.chars().take(30).collect();
        format!("{start}_{}", md5_hex(&full))
    } else {
        full.clone()
    };
    TestNames { short, full }
}

/// Runs of characters that are not letters, digits or `_` become one `_`.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let good = character.is_ascii_alphanumeric() || character == '_';
        if good {
            cleaned.push(character);
        } else if !in_run {
            cleaned.push('_');
        }
        in_run = !good;
    }
    cleaned
}

/// The ten characters at the end of a test's unique id: from its name, namespace and arguments.
pub(super) fn hash(name: &str, test: &str, namespace: Option<&str>, arguments: &[(String, Json)]) -> String {
    let kwargs: Map<String, Json> = arguments.iter().cloned().collect();
    let metadata = Json::Object(Map::from_iter([
        ("kwargs".to_owned(), Json::Object(kwargs)),
        ("name".to_owned(), Json::from(test)),
        ("namespace".to_owned(), namespace.map_or(Json::Null, Json::from)),
    ]));
    let digest = md5_hex(&format!("{name}{}", hashable(&metadata)));
    digest[digest.len() - 10..].to_owned()
}

/// Python's `repr` of the metadata with every scalar turned into a text and keys sorted.
fn hashable(value: &Json) -> String {
    match value {
        Json::Object(entries) => {
            let mut sorted: Vec<(&String, &Json)> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let parts: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}: {}", py_quote(key), hashable(value)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Json::Array(items) => {
            let parts: Vec<String> = items.iter().map(hashable).collect();
            format!("[{}]", parts.join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => py_quote(&py_str(value)),
    }
}

/// Python's `str` of a value.
fn py_str(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(it) => match it.as_f64().filter(|_| it.is_f64()) {
            Some(float) => float_text(float),
            None => it.to_string(),
        },
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Object(_) => py_repr(value),
    }
}

fn py_repr(value: &Json) -> String {
    match value {
        Json::String(text) => py_quote(text),
        Json::Array(items) => format!("[{}]", items.iter().map(py_repr).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let parts: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", py_quote(key), py_repr(value))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => py_str(value),
    }
}

/// Python's `repr` of a text: single quotes, unless there are single and no double quotes inside.
fn py_quote(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            it if it == quote => {
                quoted.push('\\');
                quoted.push(it);
            }
            it => quoted.push(it),
        }
    }
    quoted.push(quote);
    quoted
}

fn md5_hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(model: &str, rest: &[(&str, Json)]) -> Vec<(String, Json)> {
        let mut all =
            vec![("model".to_owned(), Json::from(format!("{{{{ get_where_subquery(ref('{model}')) }}}}")))];
        all.extend(rest.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        all
    }

    /// Expected values are dbt-core 1.11's for dbt-labs/jaffle_shop_duckdb.
    #[test]
    fn names_and_hashes_are_dbts() {
        let args = arguments("customers", &[("column_name", Json::from("customer_id"))]);
        let names = synthesize("unique", "customers", &args);
        assert_eq!(names.full, "unique_customers_customer_id");
        assert_eq!(hash(&names.full, "unique", None, &args), "c5af1ff4b1");

        let values = serde_json::json!(["placed", "shipped", "completed", "return_pending", "returned"]);
        let args = arguments("orders", &[("column_name", Json::from("status")), ("values", values)]);
        let names = synthesize("accepted_values", "orders", &args);
        assert_eq!(
            names.full,
            "accepted_values_orders_status__placed__shipped__completed__return_pending__returned"
        );
        assert_eq!(names.short, "accepted_values_orders_1ce6ab157c285f7cd2ac656013faf758");
        assert_eq!(hash(&names.full, "accepted_values", None, &args), "be6b5b5ec3");
    }

    #[test]
    fn texts_are_quoted_as_python_quotes_them() {
        assert_eq!(py_quote("a'b"), "\"a'b\"");
        assert_eq!(py_quote("a'b\"c"), "'a\\'b\"c'");
        assert_eq!(py_quote("a\nb"), "'a\\nb'");
        assert_eq!(py_str(&serde_json::json!([true, null, "x", 1.5])), "[True, None, 'x', 1.5]");
        assert_eq!(py_str(&serde_json::json!([1e-7, 1e16, 2.0, 3])), "[1e-07, 1e+16, 2.0, 3]");
    }
}
