//! Values as Python prints them.

use std::fmt::Write as _;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::template::with_stack;

/// `str(value)`.
pub(crate) fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Number if !value.is_integer() => float(value),
        ValueKind::Seq if value.is_tuple() => tuple(value),
        ValueKind::Seq | ValueKind::Iterable if is_plain_sequence(value) => repr(value),
        _ => value.to_string(),
    }
}

fn tuple(value: &Value) -> String {
    let items: Vec<Value> = value.try_iter().into_iter().flatten().collect();
    sequence("(", &items, if items.len() == 1 { ",)" } else { ")" })
}

/// What an object of ours says for itself.
fn own_repr(value: &Value) -> Option<String> {
    value.as_object()?.get_value(&Value::from("__repr__"))?.as_str().map(str::to_owned)
}

/// `repr(value)`: texts in quotes.
pub(crate) fn repr(value: &Value) -> String {
    match value.kind() {
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => float(value),
        ValueKind::Undefined => "Undefined".to_owned(),
        ValueKind::Seq if value.is_tuple() => tuple(value),
        ValueKind::Seq | ValueKind::Iterable if is_plain_sequence(value) => {
            let items: Vec<Value> = value.try_iter().into_iter().flatten().collect();
            sequence("[", &items, "]")
        }
        ValueKind::Plain | ValueKind::Map => own_repr(value).unwrap_or_else(|| value.to_string()),
        _ => value.to_string(),
    }
}

fn is_plain_sequence(value: &Value) -> bool {
    value.len().is_some() && !super::convert::is_ours(value)
}

/// A sequence's items in brackets.
pub(crate) fn sequence(open: &str, items: &[Value], close: &str) -> String {
    let items: Vec<String> = with_stack(|| items.iter().map(repr).collect());
    format!("{open}{}{close}", items.join(", "))
}

/// A dictionary's entries in braces.
pub(crate) fn mapping(entries: &[(Value, Value)]) -> String {
    let entry = |(key, value): &(Value, Value)| format!("{}: {}", repr(key), repr(value));
    let entries: Vec<String> = with_stack(|| entries.iter().map(entry).collect());
    format!("{{{}}}", entries.join(", "))
}

/// A text in quotes: single ones, unless it has single quotes and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if char == quote => {
                out.push('\\');
                out.push(char);
            }
            _ if is_printable(char) => out.push(char),
            _ => {
                let _ = match u32::from(char) {
                    code @ ..0x100 => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

/// Whether Python shows a character as it is: no control characters, and of the blanks only the common one.
pub(crate) fn is_printable(char: char) -> bool {
    let is_hidden = matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{f0000}'..='\u{10ffff}');
    char == ' ' || !(char.is_control() || char.is_whitespace() || is_hidden)
}

fn float(value: &Value) -> String {
    f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float_text)
}

/// Shortest form that reads back, with an exponent where Python writes one.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value:?}")
}

/// What a value is, for messages: `a list`, `a text`, ...
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "an undefined value",
        ValueKind::None => "none",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "a text",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "a tuple",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a dictionary",
        _ => "an object",
    }
}
