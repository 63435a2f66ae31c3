//! Flags of `modules.re`, and patterns as Python writes them.

use std::cell::RefCell;
use std::collections::HashMap;

use fancy_regex::{Regex, RegexBuilder};
use minijinja::{Error, Value};

use crate::template::fault::bad_call;

/// Names and values of the flags.
const FLAGS: &[(&str, &str, i64)] = &[
    ("I", "IGNORECASE", 2),
    ("L", "LOCALE", 4),
    ("M", "MULTILINE", 8),
    ("S", "DOTALL", 16),
    ("U", "UNICODE", 32),
    ("X", "VERBOSE", 64),
    ("A", "ASCII", 256),
];

/// The value of a flag.
pub(super) fn flag(name: &str) -> Option<Value> {
    FLAGS.iter().find(|it| it.0 == name || it.1 == name).map(|it| Value::from(it.2))
}

/// So many patterns are kept, as in Python.
const KEPT: usize = 512;

thread_local! {
    static COMPILED: RefCell<HashMap<(String, i64), Regex>> = RefCell::default();
}

/// Compiles a pattern of Python's. A macro in a loop asks for the same one many times, so they are kept.
pub(super) fn compile(pattern: &str, flags: i64) -> Result<Regex, Error> {
    let key = (pattern.to_owned(), flags);
    if let Some(known) = COMPILED.with_borrow(|it| it.get(&key).cloned()) {
        return Ok(known);
    }
    let compiled = compile_anew(pattern, flags)?;
    COMPILED.with_borrow_mut(|it| {
        if it.len() >= KEPT {
            it.clear();
        }
        it.insert(key, compiled.clone());
    });
    Ok(compiled)
}

fn compile_anew(pattern: &str, flags: i64) -> Result<Regex, Error> {
    let has = |bit: i64| flags & bit != 0;
    RegexBuilder::new(&in_our_syntax(pattern))
        .case_insensitive(has(2))
        .multi_line(has(8))
        .dot_matches_new_line(has(16))
        .ignore_whitespace(has(64))
        .unicode_mode(!has(256))
        .build()
        .map_err(|error| {
            bad_call(format!("`{pattern}` is not a pattern that can be read: {}", first_line(&error)))
        })
}

fn first_line(error: &fancy_regex::Error) -> String {
    let text = error.to_string();
    text.lines().next_back().unwrap_or_default().trim().trim_start_matches("error: ").to_owned()
}

/// `\Z` is the very end in Python.
fn in_our_syntax(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        out.push(char);
        if char == '\\' {
            match chars.next() {
                Some('Z') => out.push('z'),
                Some(next) => out.push(next),
                None => {}
            }
        }
    }
    out
}
