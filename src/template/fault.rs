//! Errors on their way through minijinja, and what becomes of them outside.
//!
//! minijinja gives an error the place where it passes first; each macro call adds a frame of its own,
//! so that the chain of calls can be told. `return()` travels the same way, with its value.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Error, ErrorKind, Value};

use super::library::Library;
use super::syntax::SyntaxFault;
use super::unit::Unit;
use super::wording::{FILTERS, TESTS, call_message, chain_start, named, syntax_message, undefined_part};
use super::{HostError, NEEDS_WAREHOUSE, TemplateError};
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

impl Fault {
    /// The message of an error that has a code of its own.
    pub(super) fn message_of(error: &Error) -> Option<&str> {
        error.source()?.downcast_ref::<Fault>().map(|it| it.message.as_str())
    }
}

/// Whether an error says that a template has to wait until a warehouse can be asked.
pub(super) fn is_needs_warehouse(error: &Error) -> bool {
    let Some(source) = error.source() else { return false };
    match source.downcast_ref::<InCall>() {
        Some(call) => is_needs_warehouse(&call.error),
        None => source.downcast_ref::<Fault>().is_some_and(|it| it.code == NEEDS_WAREHOUSE),
    }
}

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

/// Where a unit was left with a value.
pub(super) fn return_place(unit: &Unit, error: &Error) -> Span {
    match (error.name(), error.range()) {
        (Some(name), Some(range)) if name == unit.name => {
            let range = unit.map.range_to_source(range);
            let start = chain_start(&unit.source, &range);
            unit.span(without_blanks(&unit.source, start..range.end.max(start)))
        }
        _ => unit.first_line(),
    }
}

/// An error that happened inside something that was called here.
#[derive(Debug)]
struct InCall {
    callee: String,
    error: Error,
}

impl fmt::Display for InCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}", self.callee)
    }
}

impl std::error::Error for InCall {}

/// Adds a frame for a macro call.
pub(super) fn in_call(name: &str, error: Error) -> Error {
    called(format!("macro `{name}`"), error)
}

/// Adds a frame for the block of a `{% call %}`, unless it is on its way out with a value.
pub(super) fn in_block(error: Error) -> Error {
    if returned(&error).is_some() { error } else { called("the `{% call %}` block".to_owned(), error) }
}

fn called(callee: String, error: Error) -> Error {
    Error::new(ErrorKind::EvalBlock, "").with_source(InCall { callee, error })
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
        let range = without_blanks(&unit.source, start..range.end.max(start));
        Some((unit, range))
    }

    /// An error as the rest of the program sees it.
    pub(super) fn describe(&self, error: &Error) -> TemplateError {
        let mut trace: Vec<(Span, String)> = Vec::new();
        let mut innermost = error;
        while let Some(call) = innermost.source().and_then(|it| it.downcast_ref::<InCall>()) {
            if let Some((unit, range)) = self.place(innermost) {
                trace.push((unit.span(range), format!("in {}, called here", call.callee)));
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
            ErrorKind::UnknownFilter => unknown_of("filter", named(detail, written), FILTERS),
            ErrorKind::UnknownTest => unknown_of("test", named(detail, written), TESTS),
            ErrorKind::SyntaxError => described("template-syntax", syntax_message(detail), None),
            kind => described("template-call", call_message(kind, detail, written), None),
        }
    }

    fn unknown_function(&self, detail: &str, place: Option<&(Arc<Unit>, Range<usize>)>) -> TemplateError {
        let name = detail.split_whitespace().next().unwrap_or_default();
        let name = name.split_once("__at_").map_or(name, |it| it.0);
        let mut found = if name == "caller" {
            let help = "call the macro with `{% call ...() %}` and `{% endcall %}`".to_owned();
            described("unknown-macro", "this macro was called without a block".to_owned(), Some(help))
        } else {
            unknown_macro(name, self.known.iter().map(String::as_str))
        };
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

/// A range without the mark of a tag at its start, and without blanks around it.
fn without_blanks(source: &str, range: Range<usize>) -> Range<usize> {
    let written = &source[range.clone()];
    let inner = written.strip_prefix("{{").or_else(|| written.strip_prefix("{%")).unwrap_or(written);
    let inner =
        if inner.len() < written.len() { inner.strip_prefix(['-', '+']).unwrap_or(inner) } else { inner };
    let inner = inner.trim_start();
    let start = range.end - inner.len();
    if inner.is_empty() { range } else { start..start + inner.trim_end().len() }
}

/// Macros that call each other again and again are told once, and long chains are cut in the middle.
fn shorten(trace: &mut Vec<(Span, String)>) {
    const KEPT: usize = 5;
    if trace.len() > 2 * KEPT {
        let mut seen = BTreeSet::new();
        trace.retain(|it| seen.insert((it.0.file, it.0.start, it.1.clone())));
    }
    if trace.len() > 2 * KEPT {
        trace.drain(KEPT..trace.len() - KEPT);
    }
}
