//! What a generic test checks, where Tidemill knows more than its query.

use std::fmt;

use serde_json::Value as Json;

use super::properties::{Age, FreshnessRule, TestEntry, age};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Spanned};
use crate::yaml::Yaml;
use crate::yaml::fields::scalar_text;

/// A check by its meaning. The aggregates among them share one scan of their table.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Nothing is known but the query, whose rows are failures.
    Query,
    /// No nulls.
    NotNull,
    /// No value twice, nulls aside.
    Unique,
    /// Only these values, nulls aside.
    AcceptedValues {
        /// The values.
        values: Vec<String>,
        /// Whether they are written into SQL as texts.
        quote: bool,
    },
    /// The newest row is young enough.
    Freshness {
        /// Column or expression with the time.
        column: String,
        /// How old is too old.
        rule: FreshnessRule,
    },
    /// The row count did not jump since the last published version.
    RowCountDrift(Drift),
}

/// How far a row count may move between two published versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// How many rows may go.
    pub max_decrease: Option<Limit>,
    /// How many rows may come.
    pub max_increase: Option<Limit>,
    /// The least that must be there, whatever was before.
    pub min_rows: Option<u64>,
}

/// A number of rows, absolute or relative to the version before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Per cent of the rows before.
    Percent(f64),
    /// Rows.
    Rows(u64),
}

impl Limit {
    /// The limit in rows, for so many rows before.
    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
    pub fn rows(self, before: u64) -> f64 {
        match self {
            Limit::Percent(percent) => before as f64 * percent / 100.0,
            Limit::Rows(rows) => rows as f64,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Percent(percent) => write!(f, "{percent}%"),
            Limit::Rows(1) => f.write_str("1 row"),
            Limit::Rows(rows) => write!(f, "{rows} rows"),
        }
    }
}

/// Tests that Tidemill has and dbt does not.
pub const OWN_TESTS: [&str; 2] = ["freshness", "row_count_drift"];

/// Reads the arguments of a test that is Tidemill's own or one of dbt's four.
pub(super) fn read(
    diags: &mut Diagnostics,
    name: &str,
    entry: &TestEntry,
    column: Option<&str>,
    unknown: Severity,
) -> Option<Check> {
    let mut arguments = Arguments { diags, entry, name };
    if !arguments.are_known() {
        return None;
    }
    match name {
        "not_null" => Some(Check::NotNull),
        "unique" => Some(Check::Unique),
        "accepted_values" => arguments.accepted_values(),
        "freshness" => arguments.freshness(column, unknown),
        "row_count_drift" => arguments.drift(),
        _ => Some(Check::Query),
    }
}

/// The arguments of Tidemill's own tests; dbt's are checked by their macros.
fn known_arguments(test: &str) -> Option<&'static [&'static str]> {
    match test {
        "freshness" => Some(&["column", "warn_after", "error_after", "filter"]),
        "row_count_drift" => Some(&["max_decrease", "max_increase", "min_rows", "against"]),
        _ => None,
    }
}

struct Arguments<'a> {
    diags: &'a mut Diagnostics,
    entry: &'a TestEntry,
    name: &'a str,
}

impl Arguments<'_> {
    fn get(&self, key: &'static str) -> Option<&Yaml> {
        self.entry
            .arguments
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(_, it)| it)
            .filter(|it| !it.is_null())
    }

    fn missing(&mut self, key: &str, example: &str) {
        self.diags.push(
            Diagnostic::error(
                "missing-argument",
                format!("the test `{}` needs the argument `{key}`", self.name),
            )
            .at(self.entry.name.span, "declared here")
            .help(format!("write `{example}` under `arguments:`")),
        );
    }

    fn accepted_values(&mut self) -> Option<Check> {
        let Some(values) = self.get("values").map(Yaml::to_json) else {
            self.missing("values", "values: [a, b]");
            return None;
        };
        let Json::Array(items) = values else { return Some(Check::Query) };
        let quote = self.get("quote").is_none_or(|it| it.to_json() != Json::Bool(false));
        let text = |it: &Json| match it {
            Json::String(text) => Some(text.clone()),
            Json::Number(it) => Some(it.to_string()),
            Json::Bool(true) => Some("True".to_owned()),
            Json::Bool(false) => Some("False".to_owned()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        };
        let texts: Option<Vec<String>> = items.iter().map(text).collect();
        // A value that is itself a template, or no scalar, is left to the query.
        let plain = texts.filter(|it| !it.is_empty() && !it.iter().any(|text| text.contains("{{")));
        Some(plain.map_or(Check::Query, |values| Check::AcceptedValues { values, quote }))
    }

    fn freshness(&mut self, column: Option<&str>, unknown: Severity) -> Option<Check> {
        let given = self.get("column").and_then(scalar_text);
        let Some(column) = given.or_else(|| column.map(str::to_owned)) else {
            self.missing("column", "column: loaded_at");
            return None;
        };
        let filter = self.get("filter").and_then(scalar_text);
        let warn_after = self.age("warn_after", unknown);
        let error_after = self.age("error_after", unknown);
        if warn_after.is_none() && error_after.is_none() {
            self.missing("error_after", "error_after: {count: 1, period: day}");
            return None;
        }
        Some(Check::Freshness { column, rule: FreshnessRule { warn_after, error_after, filter } })
    }

    fn age(&mut self, key: &'static str, unknown: Severity) -> Option<Age> {
        let yaml = self.get(key)?.clone();
        age(self.diags, &yaml, unknown)
    }

    fn drift(&mut self) -> Option<Check> {
        if let Some(against) = self.get("against").cloned()
            && against.as_str() != Some("previous")
        {
            self.diags.push(
                Diagnostic::error("invalid-value", "`against` must be `previous`")
                    .at(against.span, "the last published version is what a row count is compared with"),
            );
        }
        let max_decrease = self.limit("max_decrease");
        let max_increase = self.limit("max_increase");
        let min_rows = match self.limit("min_rows") {
            Some(Limit::Rows(rows)) => Some(rows),
            Some(Limit::Percent(_)) => {
                self.missing("min_rows", "min_rows: 1");
                return None;
            }
            None => None,
        };
        if max_decrease.is_none() && max_increase.is_none() && min_rows.is_none() {
            self.missing("max_decrease", "max_decrease: 10%");
            return None;
        }
        Some(Check::RowCountDrift(Drift { max_decrease, max_increase, min_rows }))
    }

    fn limit(&mut self, key: &'static str) -> Option<Limit> {
        let yaml = self.get(key)?.clone();
        let text = scalar_text(&yaml).unwrap_or_default();
        let text = text.trim();
        let percent =
            text.strip_suffix('%').and_then(|it| it.trim().parse::<f64>().ok()).filter(|it| *it >= 0.0);
        let rows = text.trim_end_matches("rows").trim().parse::<u64>().ok();
        let limit = percent.map(Limit::Percent).or_else(|| rows.map(Limit::Rows));
        if limit.is_none() {
            self.diags.push(
                Diagnostic::error("wrong-type", format!("`{key}` must be a number of rows or a percentage"))
                    .at(yaml.span, "write `10%` or `500`, say"),
            );
        }
        limit
    }

    fn are_known(&mut self) -> bool {
        let Some(known) = known_arguments(self.name) else { return true };
        let is_unknown =
            |name: &&Spanned<String>| !known.contains(&name.value.as_str()) && name.value != "column_name";
        let unknown: Vec<&Spanned<String>> =
            self.entry.arguments.iter().map(|(name, _)| name).filter(is_unknown).collect();
        for name in &unknown {
            self.diags.push(unknown_argument(name, self.name, known));
        }
        unknown.is_empty()
    }
}

fn unknown_argument(name: &Spanned<String>, test: &str, known: &[&'static str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("unknown-argument", format!("the test `{test}` has no argument `{}`", name.value))
            .at(name.span, "");
    match crate::diagnostics::suggest::did_you_mean(&name.value, known.iter().copied()) {
        Some(help) => diagnostic.help(help),
        None => diagnostic.note(format!("arguments: {}", known.join(", "))),
    }
}
