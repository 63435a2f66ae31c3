//! Scaffolds of unit tests as YAML, to be filled in by people.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::scaffold::{Scaffold, ScaffoldInput};
use crate::warehouse::{Column, Value};

/// Words that YAML reads as something else than a text.
const NOT_TEXT: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// A file of unit tests.
pub fn yaml(tests: &[Scaffold]) -> String {
    let mut text = String::from("unit_tests:\n");
    for test in tests {
        one(&mut text, test);
    }
    text
}

fn one(text: &mut String, test: &Scaffold) {
    let _ = writeln!(text, "  - name: {}", scalar(&test.name));
    let _ = writeln!(text, "    model: {}", scalar(&test.model));
    if let Some(version) = &test.version {
        let _ = writeln!(text, "    versions: {{include: [{version}]}}");
    }
    if let Some(is_incremental) = test.is_incremental {
        let _ = writeln!(text, "    overrides:\n      macros: {{is_incremental: {is_incremental}}}");
    }
    text.push_str(if test.inputs.is_empty() { "    given: []\n" } else { "    given:\n" });
    for ScaffoldInput { text: input, columns } in &test.inputs {
        let _ = writeln!(text, "      - input: {input}");
        if columns.is_empty() {
            text.push_str("        rows: []\n");
            continue;
        }
        text.push_str("        rows:\n");
        let width = columns.iter().map(|(name, _, value)| name.len() + plain(value).len()).max().unwrap_or(0);
        for (index, (name, data_type, value)) in columns.iter().enumerate() {
            let before = if index == 0 { "- " } else { "  " };
            let entry = format!("{}: {}", scalar(name), plain(value));
            let data_type = data_type.as_deref().unwrap_or("a type that is not known");
            let space = " ".repeat((width + 4).saturating_sub(entry.len()).max(2));
            let _ = writeln!(text, "          {before}{entry}{space}# {data_type}");
        }
    }
    text.push_str("    # What the model makes of these rows now: put in what it should make.\n    expect:\n");
    if test.expect.rows.is_empty() {
        let columns: Vec<&str> = test.expect.columns.iter().map(|it| it.name.as_str()).collect();
        let _ = writeln!(text, "      rows: []  # columns: {}", columns.join(", "));
        return;
    }
    text.push_str("      rows:\n");
    for row in &test.expect.rows {
        expected(text, &test.expect.columns, row);
    }
}

fn expected(text: &mut String, columns: &[Column], row: &[Value]) {
    let entries: Vec<(String, &str)> = columns
        .iter()
        .zip(row)
        .map(|(column, value)| {
            (format!("{}: {}", scalar(&column.name), made(value)), column.data_type.as_str())
        })
        .collect();
    let width = entries.iter().map(|it| it.0.len()).max().unwrap_or(0);
    for (index, (entry, data_type)) in entries.iter().enumerate() {
        let before = if index == 0 { "- " } else { "  " };
        let space = " ".repeat(width - entry.len() + 2);
        let _ = writeln!(text, "        {before}{entry}{space}# {data_type}");
    }
}

/// A text as YAML reads it again.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// In JSON's quotes, which YAML takes too, and which have an escape for everything.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn made(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Int(it) if i64::try_from(*it).is_ok() => it.to_string(),
        Value::Int(_) | Value::Float(_) | Value::Text(_) => quoted(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_plain_texts_are_quoted() {
        assert_eq!(scalar("order_id"), "order_id");
        assert_eq!(scalar("on"), "\"on\"");
        assert_eq!(scalar("Order \"Id\""), r#""Order \"Id\"""#);
        assert_eq!(scalar("1st"), "\"1st\"");
    }
}
