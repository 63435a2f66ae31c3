//! minijinja's messages in our words, and the parts of an expression they speak of.

use std::ops::Range;

use minijinja::ErrorKind;

/// The filter or test that a message such as `filter x is unknown` is about; else the text in quotes that
/// stands for it, as in `map('x')`.
pub(super) fn named<'a>(detail: &'a str, written: &'a str) -> &'a str {
    let in_quotes = || {
        let start = written.find(['\'', '"'])?;
        let text = &written[start + 1..];
        Some(&text[..text.find(&written[start..=start])?])
    };
    detail.split_whitespace().nth(1).or_else(in_quotes).unwrap_or(detail)
}

/// minijinja's words for a call or an operation that failed in ours.
pub(super) fn call_message(kind: ErrorKind, detail: &str, written: &str) -> String {
    let words: Vec<&str> = detail.split_whitespace().collect();
    if let Some(kind) =
        detail.strip_prefix("value of type ").and_then(|it| it.strip_suffix(" is not callable"))
    {
        let name = written.split('(').next().unwrap_or_default().trim();
        return format!("`{name}` cannot be called: it is {}", in_our_words(kind));
    }
    if detail == "object is not callable" {
        return format!("`{}` cannot be called", written.split('(').next().unwrap_or_default().trim());
    }
    let callee = written.split('(').next().unwrap_or_default().trim();
    match words.as_slice() {
        ["tried", "to", "use", operator, "operator", "on", "unsupported", "types", a, "and", b] => {
            format!("`{operator}` does not work with {} and {}", in_our_words(a), in_our_words(b))
        }
        ["unable", "to", "calculate", rest @ ..] => format!("`{}` cannot be calculated", rest.join(" ")),
        [what, "can", "only", "be", "multiplied", "with", "integers"] => {
            format!("`*` repeats {} a whole number of times", in_our_words(what.trim_end_matches('s')))
        }
        ["sequences", "and", "iterables", .., "multiplied", "with", "integers"] => {
            "`*` repeats a list a whole number of times".to_owned()
        }
        [kind, "is", "not", "iterable"] => format!("a list is needed here, not {}", in_our_words(kind)),
        ["cannot", "perform", "a", "containment", "check", ..] => {
            "`in` needs a list, a dictionary or a text on its right".to_owned()
        }
        ["cannot", "calculate", "length", .., kind] => format!("{} has no length", in_our_words(kind)),
        ["can", "only", "assign", "to", "namespaces,", "not", kind] => {
            format!("only a `namespace()` can be given members, not {}", in_our_words(kind))
        }
        ["can", "only", "sum", "numbers,", "got", kind] => {
            format!("`sum` adds numbers, not {}", in_our_words(kind))
        }
        ["cannot", "round", ..] => "`round` needs a number".to_owned(),
        ["cannot", "get", "absolute", "value"] => "`abs` needs a number".to_owned(),
        ["cannot", "get", "first" | "last", ..] => format!("`{callee}` needs a list or a text"),
        ["cannot", "slice", "by", "step", "size", "of", "0"] => {
            "the step of a slice cannot be zero".to_owned()
        }
        [] if kind == ErrorKind::TooManyArguments => format!("`{callee}` got too many arguments"),
        [] if kind == ErrorKind::MissingArgument => format!("`{callee}` needs another argument"),
        ["invalid", "operation"] | [] if written.starts_with('-') => "`-` needs a number".to_owned(),
        [] => kind.to_string(),
        _ => lowercase_first(detail),
    }
}

fn in_our_words(kind: &str) -> &str {
    match kind {
        "undefined" => "an undefined value",
        "bool" => "a boolean",
        "number" => "a number",
        "string" => "a text",
        "sequence" | "iterator" => "a list",
        "map" => "a dictionary",
        "plain" | "plain object" => "an object",
        other => other,
    }
}

/// Start of the chain of names, items and calls that a range is the last link of: minijinja's ranges
/// of `a.b(c)` start at the dot.
pub(super) fn chain_start(source: &str, range: &Range<usize>) -> usize {
    let bytes = source.as_bytes();
    let mut start = range.start;
    while matches!(bytes.get(start), Some(b'.' | b'[' | b'(')) && start > 0 {
        let Some(before) = link_start(bytes, start) else { break };
        if before == start {
            break;
        }
        start = before;
        if start > 0 && bytes[start - 1] == b'.' {
            start -= 1;
        }
    }
    start
}

/// Start of the name, bracket or text that ends before an offset.
fn link_start(bytes: &[u8], end: usize) -> Option<usize> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let last = *bytes.get(end.checked_sub(1)?)?;
    if is_word(last) {
        let word = bytes[..end].iter().rev().take_while(|it| is_word(**it)).count();
        return Some(end - word);
    }
    if matches!(last, b'\'' | b'"') {
        return bytes[..end - 1].iter().rposition(|it| *it == last);
    }
    let mut depth = 0_usize;
    for at in (0..end).rev() {
        match bytes[at] {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at + 1 < end).then_some(at);
        }
    }
    None
}

/// What must have been undefined for the last link of a chain to fail.
pub(super) fn undefined_part(written: &str) -> &str {
    let call = written.strip_suffix(')').and_then(|_| link_start(written.as_bytes(), written.len()));
    let callee = call.map_or(written, |it| &written[..it]);
    callee.rfind(['.', '[']).map_or(callee, |it| &callee[..it]).trim()
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// minijinja's words for a syntax fault in ours.
pub(super) fn syntax_message(detail: &str) -> String {
    let text = detail
        .replace("start of variable block", "`{{`")
        .replace("end of variable block", "`}}`")
        .replace("start of block", "`{%`")
        .replace("end of block", "`%}`")
        .replace("template-data", "text")
        .replace("end of input", "the end of the template")
        .replace("unexpected identifier", "unexpected name")
        .replace("identifier or integer", "a name")
        .replace("identifier", "a name")
        .replace("unexpected integer", "unexpected number")
        .replace("expected in", "expected `in`")
        .replace("expected a filter", "`{% filter %}` needs the name of a filter")
        .replace("non-keyword arg after keyword arg", "a value cannot stand after one with a name")
        .replace('\'', "`");
    lowercase_first(&text)
}

/// Names of all filters, for suggestions.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "as_bool",
    "as_native",
    "as_number",
    "as_text",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "default",
    "dictsort",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "is_list",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

/// Names of all tests, for suggestions.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];
