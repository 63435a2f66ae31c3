//! Jinja's filters on texts that differ from minijinja's own, or that it lacks.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::fmt::Write as _;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};
use minijinja_contrib::filters as contrib;

use super::arguments::Arguments;
use super::dict::entries_of;
use super::formatting::{format_braces, format_percent};
use super::print;
use super::text_methods::center_sides;

/// Adds all of them.
pub(super) fn register(env: &mut Environment<'_>) {
    env.add_filter("center", center);
    env.add_filter("e", escape);
    env.add_filter("escape", escape);
    env.add_filter("filesizeformat", contrib::filesizeformat);
    env.add_filter("forceescape", |value: Value| Value::from_safe_string(escaped(&print::text(&value))));
    env.add_filter("format", format);
    env.add_filter("indent", indent);
    env.add_filter("striptags", contrib::striptags);
    env.add_filter("truncate", truncate);
    env.add_filter("urlencode", urlencode);
    env.add_filter("urlize", urlize);
    env.add_filter("wordcount", wordcount);
    env.add_filter("wordwrap", wordwrap);
    env.add_filter("xmlattr", xmlattr);
}

/// Nothing is escaped twice.
fn escape(value: Value) -> Value {
    if value.is_safe() { value } else { Value::from_safe_string(escaped(&print::text(&value))) }
}

fn center(value: Value, width: Option<usize>) -> String {
    let text = print::text(&value);
    let width = width.unwrap_or(80);
    let (left, right) = center_sides(width, width.saturating_sub(text.chars().count()));
    format!("{}{text}{}", " ".repeat(left), " ".repeat(right))
}

/// `'%s' | format(x)`; with names, as a dictionary after `%`.
fn format(args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let mut args = Arguments::of("format", args, &named);
    let template = print::text(&args.required("value")?);
    let (values, named) = (args.rest(), args.rest_named());
    if values.is_empty() && named.is_empty() {
        return format_braces(&template, &[]);
    }
    if named.is_empty() {
        return format_percent(&template, &Value::from(minijinja::value::Tuple::from(values)));
    }
    let named = named.into_iter().map(|(key, value)| (Value::from(key), value));
    format_percent(&template, &super::dict::Dict::value(named))
}

fn indent(args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let mut args = Arguments::of("indent", args, &named);
    let text = print::text(&args.required("s")?);
    let width = args.optional("width").unwrap_or_else(|| Value::from(4));
    let is_first = args.optional("first").is_some_and(|it| it.is_true());
    let is_blank = args.optional("blank").is_some_and(|it| it.is_true());
    args.finish()?;
    let prefix = match width.as_str() {
        Some(text) => text.to_owned(),
        None => " ".repeat(width.as_usize().unwrap_or(4)),
    };
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        out.push_str(if index > 0 { "\n" } else { "" });
        if (index > 0 || is_first) && (is_blank || !line.is_empty()) {
            out.push_str(&prefix);
        }
        out.push_str(line);
    }
    Ok(out)
}

/// Jinja's `truncate` with its leeway of five characters.
fn truncate(args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let mut args = Arguments::of("truncate", args, &named);
    let text = print::text(&args.required("s")?);
    let length = args.optional("length").and_then(|it| it.as_usize()).unwrap_or(255);
    let kills_words = args.optional("killwords").is_some_and(|it| it.is_true());
    let end = args.optional("end").map_or_else(|| "...".to_owned(), |it| print::text(&it));
    let leeway = args.optional("leeway").and_then(|it| it.as_usize()).unwrap_or(5);
    args.finish()?;
    if text.chars().count() <= length + leeway {
        return Ok(text);
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    if kills_words {
        return Ok(kept + &end);
    }
    let words = kept.rsplit_once(' ').map_or(kept.as_str(), |it| it.0);
    Ok(format!("{words}{end}"))
}

/// A text keeps its slashes; a mapping or pairs become a query.
fn urlencode(value: Value) -> Result<String, Error> {
    if value.kind() == ValueKind::Map || value.kind() == ValueKind::Seq {
        let query = |it: &Value| url_quoted(&print::text(it), "").replace("%20", "+");
        let pairs = entries_of(&value)?;
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{}={}", query(key), query(value))).collect();
        return Ok(pairs.join("&"));
    }
    Ok(url_quoted(&print::text(&value), "/"))
}

fn url_quoted(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let char = char::from(byte);
        if char.is_ascii_alphanumeric() || "_.-~".contains(char) || kept.contains(char) {
            out.push(char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Addresses in a text become links.
fn urlize(value: Value) -> String {
    let text = print::text(&value);
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        let inner = word.trim_start_matches(['(', '<']).trim_end_matches(['.', ',', ')', '>']);
        let (before, after) = word.split_once(inner).unwrap_or((word, ""));
        let address = match inner {
            _ if inner.starts_with("http://") || inner.starts_with("https://") => inner.to_owned(),
            _ if inner.starts_with("www.") => format!("https://{inner}"),
            _ => {
                out.push_str(&escaped(part));
                continue;
            }
        };
        let (address, shown) = (escaped(&address), escaped(inner));
        out.push_str(&escaped(before));
        let _ = write!(out, "<a href=\"{address}\" rel=\"noopener\">{shown}</a>");
        out.push_str(&escaped(after));
        out.push_str(&part[word.len()..]);
    }
    out
}

fn wordcount(value: Value) -> usize {
    let text = print::text(&value);
    text.split(|it: char| !it.is_alphanumeric() && it != '_').filter(|it| !it.is_empty()).count()
}

fn wordwrap(args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let mut args = Arguments::of("wordwrap", args, &named);
    let text = print::text(&args.required("s")?);
    let width = args.optional("width").and_then(|it| it.as_usize()).unwrap_or(79).max(1);
    let breaks_words = args.optional("break_long_words").is_none_or(|it| it.is_true());
    let line_break = args.optional("wrapstring").filter(|it| !it.is_none()).map(|it| print::text(&it));
    let breaks_hyphens = args.optional("break_on_hyphens").is_none_or(|it| it.is_true());
    args.finish()?;
    let lines: Vec<String> = text
        .lines()
        .flat_map(|line| wrapped(&chunks(line, width, breaks_words, breaks_hyphens), width))
        .collect();
    Ok(lines.join(line_break.as_deref().unwrap_or("\n")))
}

/// A line cut into words and the blanks between them.
fn chunks(line: &str, width: usize, breaks_words: bool, breaks_hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let mut was_blank = None;
    for char in line.chars() {
        let is_blank = char == ' ' || char == '\t';
        let last = chunks.last_mut().filter(|it| {
            let after_hyphen = breaks_hyphens && it.ends_with('-') && char.is_alphabetic();
            let is_full = breaks_words && !is_blank && it.chars().count() >= width;
            was_blank == Some(is_blank) && !after_hyphen && !is_full
        });
        match last {
            Some(chunk) => chunk.push(char),
            None => chunks.push(char.to_string()),
        }
        was_blank = Some(is_blank);
    }
    chunks
}

fn wrapped(chunks: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for chunk in chunks {
        if line.chars().count() + chunk.chars().count() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        if !line.is_empty() || !chunk.trim().is_empty() || lines.is_empty() {
            line.push_str(chunk);
        }
    }
    lines.extend(Some(line.trim_end().to_owned()).filter(|it| !it.is_empty()));
    lines
}

/// A dictionary as attributes of a tag, with a blank before them.
fn xmlattr(value: Value, autospace: Option<bool>) -> Result<String, Error> {
    let mut out = String::new();
    for (key, value) in entries_of(&value)? {
        let key = print::text(&key);
        if key.contains([' ', '/', '>', '=', '\t', '\n']) {
            let message = format!("`{key}` cannot be the name of an attribute");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        if !value.is_none() && !value.is_undefined() {
            let space = if out.is_empty() && !autospace.unwrap_or(true) { "" } else { " " };
            let _ = write!(out, "{space}{}=\"{}\"", escaped(&key), escaped(&print::text(&value)));
        }
    }
    Ok(out)
}

/// What means something in HTML, as Jinja writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;")
}
