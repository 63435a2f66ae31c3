//! JSON text as Python writes it.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::print::float_text;

/// `json.dumps(value, sort_keys=...)`: spaces after `,` and `:`, and everything in ASCII.
pub(crate) fn dumps(value: &Json, sort_keys: bool) -> String {
    let mut writer = Writer { sort_keys, indent: None, out: String::new() };
    writer.value(value, 0);
    writer.out
}

/// The `tojson` filter: keys in order, and nothing that means something in HTML.
pub(crate) fn dumps_for_html(value: &Json, indent: Option<usize>) -> String {
    let mut writer = Writer { sort_keys: true, indent, out: String::new() };
    writer.value(value, 0);
    let text = writer.out;
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027")
}

struct Writer {
    sort_keys: bool,
    indent: Option<usize>,
    out: String,
}

impl Writer {
    fn value(&mut self, value: &Json, level: usize) {
        match value {
            Json::Null => self.out.push_str("null"),
            Json::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(value) => self.out.push_str(&float_text(value)),
                None => self.out.push_str(&number.to_string()),
            },
            Json::String(text) => write_text(text, &mut self.out),
            Json::Array(items) if items.is_empty() => self.out.push_str("[]"),
            Json::Object(entries) if entries.is_empty() => self.out.push_str("{}"),
            Json::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.next_item(index, level + 1);
                    self.value(item, level + 1);
                }
                self.new_line(level);
                self.out.push(']');
            }
            Json::Object(entries) => {
                let mut entries: Vec<(&String, &Json)> = entries.iter().collect();
                if self.sort_keys {
                    entries.sort_by_key(|it| it.0);
                }
                self.out.push('{');
                for (index, (key, item)) in entries.into_iter().enumerate() {
                    self.next_item(index, level + 1);
                    write_text(key, &mut self.out);
                    self.out.push_str(": ");
                    self.value(item, level + 1);
                }
                self.new_line(level);
                self.out.push('}');
            }
        }
    }

    fn next_item(&mut self, index: usize, level: usize) {
        if index > 0 {
            self.out.push_str(if self.indent.is_some() { "," } else { ", " });
        }
        self.new_line(level);
    }

    fn new_line(&mut self, level: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * level));
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
