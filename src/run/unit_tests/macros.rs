//! A macro called by itself: its text, its value, or the rows that its SQL gives.

use serde_json::Value as Json;

use super::expected::{self, Made, invalid_query, invalid_value};
use super::fixture::{columns_of, query};
use super::learning::Learnt;
use super::scratch::Scratch;
use super::values::Guess;
use super::{Tried, Verdict};
use crate::compile::{GIVEN, Late, MacroOutcome};
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{NodeId, Relation};
use crate::parse::properties::FixtureFormat;
use crate::parse::unit_tests::{Fixture, MacroExpect, MacroTest, Rows as Written};
use crate::plan::PlannedUnitTest;
use crate::run::event::RowDiff;

/// What queries begin with; all else that a macro writes is an expression.
const QUERY_WORDS: [&str; 8] = ["select", "with", "from", "values", "table", "pivot", "unpivot", "describe"];

/// What a test of a macro is run with.
pub(super) struct MacroTrial<'a> {
    pub(super) late: &'a Late<'a>,
    pub(super) node: &'a Node,
    pub(super) id: NodeId,
    pub(super) test: &'a MacroTest,
    pub(super) planned: &'a PlannedUnitTest,
}

impl MacroTrial<'_> {
    /// Runs the test; the database is as it was afterwards.
    pub(super) fn run(&self, scratch: &mut Scratch) -> Tried {
        let mut tried = Tried::default();
        tried.verdict = match self.attempt(scratch, &mut tried) {
            Ok(verdict) => verdict,
            Err(fault) => Verdict::Error(fault),
        };
        scratch.clear();
        tried
    }

    fn attempt(&self, scratch: &mut Scratch, tried: &mut Tried) -> Result<Verdict, Diagnostic> {
        if let Some(rows) = &self.test.rows {
            self.make_given(scratch, rows)?;
        }
        let outcome = self.late.tested_macro(self.id);
        let value = match (outcome, &self.test.expect) {
            (MacroOutcome::Refused(fault), MacroExpect::Error(wanted)) => {
                let said = std::iter::once(&fault.message).chain(&fault.notes);
                let said: Vec<&str> = said.map(String::as_str).collect();
                let is_meant = said.iter().any(|it| it.contains(&wanted.value));
                return Ok(if is_meant {
                    Verdict::Pass
                } else {
                    Verdict::Fails(
                        self.other(&wanted.value, &said.join("\n")).at(wanted.span, "expected here"),
                    )
                });
            }
            (MacroOutcome::Refused(fault), _) => return Err(fault),
            (MacroOutcome::Value(value), _) => value,
        };
        let text = as_text(&value);
        tried.sql = Some(text.trim().to_owned());
        match &self.test.expect {
            MacroExpect::Error(wanted) => {
                let message = format!("the macro `{}` raises no error", self.test.macro_name.value);
                let fault = Diagnostic::error("unit-test-failed", message).at(wanted.span, "expected here");
                Ok(Verdict::Fails(fault.note(format!("it gives: {}", shown(&text)))))
            }
            MacroExpect::Sql(wanted) if words(&wanted.value) == words(&text) => Ok(Verdict::Pass),
            MacroExpect::Sql(wanted) => {
                let (expected, made) = (words(&wanted.value), words(&text));
                Ok(Verdict::Fails(self.other(&expected, &made).at(wanted.span, "expected here")))
            }
            MacroExpect::Value(wanted) if is_same(&wanted.value, &value) => Ok(Verdict::Pass),
            MacroExpect::Value(wanted) => {
                let (expected, made) = (wanted.value.to_string(), value.to_string());
                Ok(Verdict::Fails(self.other(&expected, &made).at(wanted.span, "expected here")))
            }
            MacroExpect::Rows(expect) => {
                let diff = self.rows(scratch, expect, &text)?;
                Ok(diff.map_or(Verdict::Pass, Verdict::Differs))
            }
        }
    }

    fn other(&self, expected: &str, made: &str) -> Diagnostic {
        let message = format!("the macro `{}` comes to something else", self.test.macro_name.value);
        Diagnostic::error("unit-test-failed", message)
            .note(format!("expected: {}", shown(expected)))
            .note(format!("  actual: {}", shown(made)))
    }

    fn make_given(&self, scratch: &mut Scratch, rows: &Fixture) -> Result<(), Diagnostic> {
        let relation = Relation::verbatim(GIVEN);
        match &rows.rows {
            Written::Values(values) => {
                let is_csv = rows.format == FixtureFormat::Csv;
                let made = query(&columns_of(&[], values, &Learnt::default(), is_csv, Guess::ByLook), values);
                let (before, done) = scratch.view(&relation, &made.sql);
                done.map_err(|error| {
                    let offset = error.position.and_then(|it| it.checked_sub(before));
                    let place = offset.and_then(|it| made.place_of(it));
                    invalid_value("`given`", &error, place.unwrap_or(rows.span))
                })
            }
            Written::Query(_) => {
                let input = self.planned.inputs.first().and_then(|it| it.query.as_ref());
                let Some(sql) = input else { return Ok(()) };
                let (_, done) = scratch.view(&relation, &sql.text);
                done.map_err(|error| invalid_query("`given`", &error, rows, sql))
            }
            Written::OfSeed => Ok(()),
        }
    }

    /// Runs the SQL that the macro wrote: a query as it is, an expression for each of the rows given.
    fn rows(
        &self,
        scratch: &mut Scratch,
        expect: &Fixture,
        text: &str,
    ) -> Result<Option<RowDiff>, Diagnostic> {
        let name = &self.test.macro_name.value;
        let sql = match (is_query(text), &self.test.rows) {
            (true, _) => text.to_owned(),
            (false, Some(_)) => format!("select *, (\n{text}\n) as \"result\" from {GIVEN}"),
            (false, None) => format!("select (\n{text}\n) as \"result\""),
        };
        let rows = scratch.rows(&sql).map_err(|error| {
            let mut lines = error.message.lines().map(str::trim).filter(|it| !it.is_empty());
            let said = lines.next().unwrap_or("the engine gave no reason");
            let message = format!("the SQL of the macro `{name}` cannot be run: {said}");
            let fault = Diagnostic::error("sql-error", message).at(self.node.span, "in this unit test");
            lines.fold(fault, Diagnostic::note).note(format!("the macro gives: {}", shown(text)))
        })?;
        let by = if is_query(text) {
            format!("the query of the macro `{name}`")
        } else {
            format!("what the macro `{name}` comes to, in `result`,")
        };
        expected::compare(scratch, &Made { by: &by, sql: &sql, rows }, expect, self.planned.expect.as_ref())
    }
}

fn as_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The words of a text with one space between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text for a note: short enough to be read.
fn shown(text: &str) -> String {
    const MOST: usize = 500;
    let text = words(text);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
}

fn is_query(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |it| it.1)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |it| it.1)
        } else {
            break;
        };
        rest = after.trim_start();
    }
    let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len());
    QUERY_WORDS.contains(&rest[..end].to_lowercase().as_str())
}

/// A macro that returns nothing writes a text, with the space around it; a number in it is that number.
fn is_same(expected: &Json, actual: &Json) -> bool {
    match (expected, actual) {
        (Json::Number(expected), Json::Number(actual)) => expected.as_f64() == actual.as_f64(),
        (Json::String(expected), Json::String(actual)) => expected.trim() == actual.trim(),
        (Json::Array(expected), Json::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|it| is_same(it.0, it.1))
        }
        (Json::Object(expected), Json::Object(actual)) => {
            expected.len() == actual.len()
                && expected.iter().all(|(key, value)| actual.get(key).is_some_and(|it| is_same(value, it)))
        }
        (Json::Bool(_) | Json::Number(_), Json::String(actual)) => {
            actual.trim().eq_ignore_ascii_case(&expected.to_string())
        }
        (expected, actual) => expected == actual,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn queries_are_told_from_expressions() {
        for query in ["select 1", "\n -- note\n/* more */ WITH a as (select 1) from a", "from t"] {
            assert!(is_query(query), "{query}");
        }
        for expression in ["cents / 100", "(select 1)", "selected + 1", "", "'select'"] {
            assert!(!is_query(expression), "{expression}");
        }
    }

    #[test]
    fn values_are_the_same_whatever_their_space() {
        assert!(is_same(&json!(3), &json!("\n  3\n")));
        assert!(is_same(&json!(1), &json!(1.0)));
        assert!(is_same(&json!([1, "a"]), &json!([1.0, " a "])));
        assert!(is_same(&json!(true), &json!("True")));
        assert!(!is_same(&json!("3"), &json!(3)));
        assert!(!is_same(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
    }
}
