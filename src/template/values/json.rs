//! JSON text as Python writes it.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::print::float_text;

/// `json.dumps(value, sort_keys=...)`: spaces after `,` and `:`, and everything in ASCII.
pub(crate) fn dumps(value: &Json, sort_keys: bool) -> String {
    let mut out = String::new();
    write_value(value, sort_keys, &mut out);
    out
}

/// The `tojson` filter: keys in order, and nothing that means something in HTML.
pub(crate) fn dumps_for_html(value: &Json) -> String {
    let text = dumps(value, true);
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027")
}

fn write_value(value: &Json, sort_keys: bool, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(value) => out.push_str(&float_text(value)),
            None => out.push_str(&number.to_string()),
        },
        Json::String(text) => write_text(text, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_value(item, sort_keys, out);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            let mut entries: Vec<(&String, &Json)> = entries.iter().collect();
            if sort_keys {
                entries.sort_by_key(|it| it.0);
            }
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_text(key, out);
                out.push_str(": ");
                write_value(item, sort_keys, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(char),
            _ => {
                let mut units = [0; 2];
                for unit in char.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
