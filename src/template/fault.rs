//! Errors on their way through minijinja, and what becomes of them outside.
//!
//! minijinja gives an error the place where it passes first; each macro call adds a frame of its own,
//! so that the chain of calls can be told. `return()` travels the same way, with its value.

use std::error::Error as _;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Error, ErrorKind, Value};

use super::library::Library;
use super::syntax::SyntaxFault;
use super::unit::Unit;
use super::{HostError, TemplateError};
use crate::diagnostics::{Span, suggest};

/// A fault with its own code and advice.
#[derive(Debug)]
pub(super) struct Fault {
    code: &'static str,
    help: Option<String>,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// An error with a code of its own.
pub(super) fn fail(code: &'static str, message: impl Into<String>) -> Error {
    fail_with_help(code, message, None)
}

/// An error with a code of its own and advice.
pub(super) fn fail_with_help(code: &'static str, message: impl Into<String>, help: Option<String>) -> Error {
    let message = message.into();
    Error::new(ErrorKind::InvalidOperation, "").with_source(Fault { code, help, message })
}

/// A call that cannot be made as it is written.
pub(super) fn bad_call(message: impl Into<String>) -> Error {
    fail("template-call", message)
}

/// The outside's refusal as an error.
pub(super) fn refused(error: HostError) -> Error {
    fail_with_help(error.code, error.message, error.help)
}

/// The value of a `return()` that has not reached its macro yet.
struct Returned(Value);

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned")
    }
}

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("return")
    }
}

impl std::error::Error for Returned {}

/// Leaves the macro with a value.
pub(super) fn return_value(value: Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, "").with_source(Returned(value))
}

/// The value, if the error is a `return()`.
pub(super) fn returned(error: &Error) -> Option<Value> {
    error.source()?.downcast_ref::<Returned>().map(|it| it.0.clone())
}

/// An error that happened inside a macro that was called here.
#[derive(Debug)]
struct InCall {
    name: String,
    error: Error,
}

impl fmt::Display for InCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in macro `{}`", self.name)
    }
}

impl std::error::Error for InCall {}

/// Adds a frame for a macro call.
pub(super) fn in_call(name: &str, error: Error) -> Error {
    Error::new(ErrorKind::EvalBlock, "").with_source(InCall { name: name.to_owned(), error })
}

/// Where errors are looked up: the template's unit and the macros'.
pub(super) struct Places<'a> {
    /// The template that was rendered.
    pub(super) main: &'a Arc<Unit>,
    /// All macros.
    pub(super) library: &'a Library,
    /// Names a variable might have been meant for.
    pub(super) known: Vec<String>,
}

impl Places<'_> {
    fn unit(&self, name: &str) -> Option<Arc<Unit>> {
        self.main.find(name).or_else(|| self.library.unit(name))
    }

    fn place(&self, error: &Error) -> Option<(Arc<Unit>, Range<usize>)> {
        let unit = self.unit(error.name()?)?;
        let range = unit.map.range_to_source(error.range()?);
        let start = chain_start(&unit.source, &range);
        Some((unit, start..range.end))
    }

    /// An error as the rest of the program sees it.
    pub(super) fn describe(&self, error: &Error) -> TemplateError {
        let mut trace: Vec<(Span, String)> = Vec::new();
        let mut innermost = error;
        while let Some(call) = innermost.source().and_then(|it| it.downcast_ref::<InCall>()) {
            if let Some((unit, range)) = self.place(innermost) {
                trace.push((unit.span(range), format!("in macro `{}`, called here", call.name)));
            }
            innermost = &call.error;
        }
        trace.reverse();
        shorten(&mut trace);
        let place = self.place(innermost);
        let mut described = self.headline(innermost, place.as_ref());
        described.span = described.span.or(place.map(|(unit, range)| unit.span(range)));
        described.trace = trace;
        described
    }

    fn headline(&self, error: &Error, place: Option<&(Arc<Unit>, Range<usize>)>) -> TemplateError {
        if let Some(fault) = error.source().and_then(|it| it.downcast_ref::<Fault>()) {
            return described(fault.code, fault.message.clone(), fault.help.clone());
        }
        let detail = error.detail().unwrap_or_default();
        let written = place.map(|(unit, range)| &unit.source[range.clone()]).unwrap_or_default();
        match error.kind() {
            ErrorKind::UnknownFunction => self.unknown_function(detail, place),
            ErrorKind::UndefinedError => self.undefined(written),
            ErrorKind::UnknownMethod if detail.starts_with("undefined") => self.undefined(written),
            ErrorKind::UnknownFilter => unknown_of("filter", quoted_word(detail), FILTERS),
            ErrorKind::UnknownTest => unknown_of("test", quoted_word(detail), TESTS),
            ErrorKind::SyntaxError => described("template-syntax", syntax_message(detail), None),
            kind => described("template-call", call_message(kind, detail, written), None),
        }
    }

    fn unknown_function(&self, detail: &str, place: Option<&(Arc<Unit>, Range<usize>)>) -> TemplateError {
        let name = detail.split_whitespace().next().unwrap_or_default();
        let name = name.split_once("__at_").map_or(name, |it| it.0);
        let mut found = unknown_macro(name, self.known.iter().map(String::as_str));
        found.span = place.map(|(unit, range)| {
            let start = range.start + unit.source[range.clone()].find(name).unwrap_or(0);
            unit.span(start..start + name.len())
        });
        found
    }

    fn undefined(&self, written: &str) -> TemplateError {
        let base = undefined_part(written);
        let is_name = base.chars().all(|it| it.is_alphanumeric() || it == '_');
        if base.is_empty() || base.len() > 60 || base.contains('\n') {
            return described(
                "undefined-variable",
                "a value that is used here is undefined".to_owned(),
                None,
            );
        }
        let help =
            is_name.then(|| suggest::did_you_mean(base, self.known.iter().map(String::as_str))).flatten();
        if is_name && written.ends_with(')') {
            let message = format!("`{base}` is neither a variable nor an installed package");
            return described("undefined-variable", message, help);
        }
        described("undefined-variable", format!("`{base}` is undefined"), help)
    }
}

/// No macro has this name.
pub(super) fn unknown_macro<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> TemplateError {
    let message = format!("no macro or function is named `{name}`");
    described("unknown-macro", message, suggest::did_you_mean(name, known))
}

/// A fault in the syntax as an error.
pub(super) fn from_syntax(unit_span: impl Fn(Range<usize>) -> Span, fault: SyntaxFault) -> TemplateError {
    let mut error = described("template-syntax", fault.message, fault.help);
    error.span = Some(unit_span(fault.range));
    error.trace.extend(fault.note.map(|(range, text)| (unit_span(range), text)));
    error
}

fn described(code: &'static str, message: String, help: Option<String>) -> TemplateError {
    TemplateError { code, message, span: None, trace: Vec::new(), help }
}

fn unknown_of(what: &str, name: &str, known: &[&str]) -> TemplateError {
    let code = if what == "filter" { "unknown-filter" } else { "unknown-test" };
    described(
        code,
        format!("there is no {what} `{name}`"),
        suggest::did_you_mean(name, known.iter().copied()),
    )
}

fn quoted_word(detail: &str) -> &str {
    detail.split_whitespace().nth(1).unwrap_or(detail)
}

/// minijinja's words for a call or an operation that failed in ours.
fn call_message(kind: ErrorKind, detail: &str, written: &str) -> String {
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
    match words.as_slice() {
        ["tried", "to", "use", operator, "operator", "on", "unsupported", "types", a, "and", b] => {
            format!("`{operator}` does not work with {} and {}", in_our_words(a), in_our_words(b))
        }
        ["unable", "to", "calculate", rest @ ..] => format!("`{}` cannot be calculated", rest.join(" ")),
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
fn chain_start(source: &str, range: &Range<usize>) -> usize {
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
fn undefined_part(written: &str) -> &str {
    let call = written.strip_suffix(')').and_then(|_| link_start(written.as_bytes(), written.len()));
    let callee = call.map_or(written, |it| &written[..it]);
    callee.rfind(['.', '[']).map_or(callee, |it| &callee[..it]).trim()
}

/// Long chains of calls are cut in the middle; a macro that calls itself is told once.
fn shorten(trace: &mut Vec<(Span, String)>) {
    const KEPT: usize = 5;
    trace.dedup();
    if trace.len() > 2 * KEPT {
        trace.drain(KEPT..trace.len() - KEPT);
    }
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// minijinja's words for a syntax fault in ours.
fn syntax_message(detail: &str) -> String {
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
        .replace('\'', "`");
    lowercase_first(&text)
}

const FILTERS: &[&str] = &[
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
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
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
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
];

const TESTS: &[&str] = &[
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
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
