//! Values of fixtures as SQL, and the types that they seem to have.

use jiff::civil::{Date, DateTime};
use serde_json::Value as Json;

use crate::node::quote_literal;

/// How the types of an input's columns are found where nothing says them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// By the look of the values.
    ByLook,
    /// Texts are texts.
    Texts,
}

/// A value as SQL, of a type if one is known.
pub(super) fn typed(value: &Json, data_type: Option<&str>) -> String {
    match data_type {
        // The engine's name for the type of what is nothing but null.
        Some("\"NULL\"") | None => literal(value, None),
        Some(data_type) => format!("cast({} as {data_type})", literal(value, Some(data_type))),
    }
}

fn literal(value: &Json, data_type: Option<&str>) -> String {
    let is = |kind: &str| data_type.is_some_and(|it| it.to_ascii_uppercase().starts_with(kind));
    match value {
        Json::Null => "null".to_owned(),
        Json::String(text) => quote_literal(text),
        other if is("JSON") => quote_literal(&other.to_string()),
        Json::Bool(it) => it.to_string(),
        Json::Number(it) => it.to_string(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|it| literal(it, None)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) if entries.is_empty() && is("MAP") => "map {}".to_owned(),
        Json::Object(entries) if entries.is_empty() => "null".to_owned(),
        Json::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", quote_literal(key), literal(value, None)))
                .collect();
            format!("{}{{{}}}", if is("MAP") { "map " } else { "" }, entries.join(", "))
        }
    }
}

/// A type, and whether a text looks like one of its values.
type Look = (&'static str, fn(&str) -> bool);

/// The type that a column's values seem to have; `None` if they say it themselves.
pub(super) fn look_of<'v>(
    values: impl Iterator<Item = &'v Json> + Clone,
    is_csv: bool,
) -> Option<&'static str> {
    let texts = values.filter(|it| !it.is_null()).map(Json::as_str);
    let fits = |is: fn(&str) -> bool| {
        let mut all = texts.clone();
        all.all(|it| it.is_some_and(is))
    };
    texts.clone().next()?;
    if texts.clone().any(|it| it.is_none()) {
        return None;
    }
    let of_csv: [Look; 3] = [("BIGINT", is_integer), ("DOUBLE", is_number), ("BOOLEAN", is_truth)];
    let of_all: [Look; 2] = [("DATE", is_date), ("TIMESTAMP", is_timestamp)];
    let all = of_csv.into_iter().filter(|_| is_csv).chain(of_all);
    all.into_iter().find(|it| fits(it.1)).map(|it| it.0)
}

/// Leading zeros are part of a code, not of a number.
fn has_plain_digits(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits.split('.').next().unwrap_or_default();
    digits.starts_with(|it: char| it.is_ascii_digit()) && (whole.len() == 1 || !whole.starts_with('0'))
}

fn is_integer(text: &str) -> bool {
    has_plain_digits(text) && text.parse::<i64>().is_ok()
}

fn is_number(text: &str) -> bool {
    has_plain_digits(text) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_truth(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

fn is_timestamp(text: &str) -> bool {
    text.len() >= 10 && text.parse::<DateTime>().is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_cast_to_what_the_column_is() {
        for (value, data_type, sql) in [
            (json!(1), Some("BIGINT"), "cast(1 as BIGINT)"),
            (json!("it's"), Some("VARCHAR"), "cast('it''s' as VARCHAR)"),
            (json!(null), Some("DATE"), "cast(null as DATE)"),
            (json!(null), Some("\"NULL\""), "null"),
            (json!([1, null]), Some("INTEGER[]"), "cast([1, null] as INTEGER[])"),
            (json!({"a": {"b": "x"}}), None, "{'a': {'b': 'x'}}"),
            (json!({"a": 1}), Some("JSON"), "cast('{\"a\":1}' as JSON)"),
            (json!({"a": 1}), Some("MAP(VARCHAR, INTEGER)"), "cast(map {'a': 1} as MAP(VARCHAR, INTEGER))"),
        ] {
            assert_eq!(typed(&value, data_type), sql);
        }
    }

    #[test]
    fn a_column_looks_like_what_all_its_values_are() {
        let look = |values: &[Json], is_csv| look_of(values.iter(), is_csv);
        assert_eq!(look(&[json!("2024-01-02"), json!(null)], false), Some("DATE"));
        assert_eq!(look(&[json!("2024-01-02"), json!("2024-01-02 10:00:00")], false), Some("TIMESTAMP"));
        assert_eq!(look(&[json!("12")], false), None);
        assert_eq!(look(&[json!("12"), json!("0")], true), Some("BIGINT"));
        assert_eq!(look(&[json!("12"), json!("0.5")], true), Some("DOUBLE"));
        assert_eq!(look(&[json!("012")], true), None);
        assert_eq!(look(&[json!("True")], true), Some("BOOLEAN"));
        assert_eq!(look(&[json!(1), json!("2024-01-02")], false), None);
        assert_eq!(look(&[json!(null)], true), None);
    }
}
