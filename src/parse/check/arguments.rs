//! Reading the arguments of tests, with faults at their places.

use serde_json::Value as Json;

use super::Check;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::parse::properties::{Age, FreshnessRule, TestEntry, age};
use crate::yaml::Yaml;
use crate::yaml::fields::{scalar_text, truth};

/// The arguments of dbt's own tests and of those about time and drift; `None` for others.
pub(super) fn known(test: &str) -> Option<&'static [&'static str]> {
    match test {
        "not_null" | "unique" => Some(&[]),
        "accepted_values" => Some(&["values", "quote"]),
        "relationships" => Some(&["to", "field"]),
        "freshness" => Some(&["column", "warn_after", "error_after", "filter"]),
        "row_count_drift" => Some(&[
            "max_decrease",
            "max_increase",
            "min_rows",
            "against",
            "min_history",
            "group_by",
            "vanished_groups",
            "new_groups",
            "ignore_groups_below",
        ]),
        "sum_drift" => Some(&[
            "measure",
            "max_decrease",
            "max_increase",
            "min_value",
            "against",
            "min_history",
            "group_by",
            "vanished_groups",
            "new_groups",
            "ignore_groups_below",
        ]),
        "schema_drift" => Some(&["removed", "retyped", "added", "reordered"]),
        _ => None,
    }
}

/// The arguments of one test.
pub(super) struct Arguments<'a> {
    pub(super) diags: &'a mut Diagnostics,
    entry: &'a TestEntry,
    pub(super) name: &'a str,
    column: Option<&'a str>,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(
        diags: &'a mut Diagnostics,
        entry: &'a TestEntry,
        name: &'a str,
        column: Option<&'a str>,
    ) -> Self {
        Self { diags, entry, name, column }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Yaml> {
        let mut found = self.entry.arguments.iter().filter(|(name, _)| name.value == key);
        found.next().map(|(_, it)| it).filter(|it| !it.is_null())
    }

    /// The test's name as written.
    pub(super) fn place(&self) -> Span {
        self.entry.name.span
    }

    /// The column that the test is declared on or given.
    pub(super) fn column(&self) -> Option<String> {
        self.text("column_name").or_else(|| self.column.map(str::to_owned))
    }

    pub(super) fn missing(&mut self, key: &str, example: &str) {
        self.diags.push(
            Diagnostic::error(
                "missing-argument",
                format!("the test `{}` needs the argument `{key}`", self.name),
            )
            .at(self.place(), "declared here")
            .help(format!("write `{example}` under `arguments:`")),
        );
    }

    pub(super) fn wrong(&mut self, key: &str, expected: &str, example: &str) {
        let span = self.get(key).map_or(self.place(), |it| it.span);
        self.diags.push(
            Diagnostic::error("wrong-type", format!("`{key}` must be {expected}"))
                .at(span, format!("write `{example}`, say")),
        );
    }

    /// Whether there is a column to test; reports if not.
    pub(super) fn has_column(&mut self) -> bool {
        let has = self.column().is_some();
        if !has {
            self.missing("column_name", "column_name: amount");
        }
        has
    }

    /// A scalar as text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(scalar_text)
    }

    /// A scalar as text that must be there.
    pub(super) fn needed(&mut self, key: &str, example: &str) -> Option<String> {
        let text = self.text(key);
        match (&text, self.get(key)) {
            (None, None) => self.missing(key, example),
            (None, Some(_)) => self.wrong(key, "a text", example),
            (Some(_), _) => {}
        }
        text
    }

    /// `true` or `false`.
    pub(super) fn bool(&mut self, key: &str, default: bool) -> Option<bool> {
        let Some(yaml) = self.get(key) else { return Some(default) };
        let value = match yaml.to_json() {
            Json::Bool(it) => Some(it),
            Json::String(text) => truth(&text),
            Json::Null | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        };
        if value.is_none() {
            self.wrong(key, "`true` or `false`", &format!("{key}: {default}"));
        }
        value
    }

    /// One of some words.
    pub(super) fn word(&mut self, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let yaml = self.get(key)?;
        let text = scalar_text(yaml).unwrap_or_default();
        let found = words.iter().copied().find(|it| text.eq_ignore_ascii_case(it));
        if found.is_none() {
            self.diags.push(
                Diagnostic::error(
                    "invalid-value",
                    format!("`{key}` of the test `{}` cannot be `{text}`", self.name),
                )
                .at(yaml.span, format!("one of {}", words.join(", ")))
                .help_opt(suggest::did_you_mean(&text, words.iter().copied())),
            );
        }
        found
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let Some(yaml) = self.get(key) else { return Some(Vec::new()) };
        if let Some(text) = scalar_text(yaml) {
            return Some(vec![text]);
        }
        let items = yaml.as_list().map(|items| items.iter().map(scalar_text).collect::<Option<Vec<_>>>());
        if let Some(Some(items)) = items {
            return Some(items);
        }
        self.wrong(key, "a list of columns", &format!("{key}: [a, b]"));
        None
    }

    /// Values as they are pasted into SQL. `Ok(None)`: a template, or no scalars, which only a macro can read.
    pub(super) fn values(&mut self) -> Result<Option<Vec<String>>, ()> {
        let Some(values) = self.get("values").map(Yaml::to_json) else {
            self.missing("values", "values: [a, b]");
            return Err(());
        };
        let Json::Array(items) = values else { return Ok(None) };
        let text = |it: &Json| match it {
            Json::String(text) => Some(text.clone()),
            Json::Number(it) => Some(it.to_string()),
            Json::Bool(true) => Some("True".to_owned()),
            Json::Bool(false) => Some("False".to_owned()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        };
        let texts: Option<Vec<String>> = items.iter().map(text).collect();
        Ok(texts.filter(|it| !it.is_empty()))
    }

    pub(super) fn quote(&self) -> bool {
        self.get("quote").is_none_or(|it| it.to_json() != Json::Bool(false))
    }

    pub(super) fn accepted_values(&mut self) -> Option<Check> {
        let values = self.values().ok()?;
        // A value that is itself a template, or no scalar, is left to the query.
        let plain = values.filter(|it| !it.iter().any(|text| text.contains("{{")));
        let quote = self.quote();
        Some(plain.map_or(Check::Query, |values| Check::AcceptedValues { values, quote }))
    }

    pub(super) fn relationships(&mut self) -> Option<Check> {
        let mut is_whole = true;
        for (key, example) in [("to", "to: ref('customers')"), ("field", "field: customer_id")] {
            if self.get(key).is_none() {
                self.missing(key, example);
                is_whole = false;
            }
        }
        let (to, field) = (self.text("to"), self.text("field"));
        let check = to.zip(field).map(|(to, field)| Check::Relationships { to, field });
        is_whole.then_some(check.unwrap_or(Check::Query))
    }

    pub(super) fn freshness(&mut self, unknown: Severity) -> Option<Check> {
        let Some(column) = self.text("column").or_else(|| self.column()) else {
            self.missing("column", "column: loaded_at");
            return None;
        };
        let filter = self.text("filter");
        let warn_after = self.age("warn_after", unknown);
        let error_after = self.age("error_after", unknown);
        if warn_after.is_none() && error_after.is_none() {
            self.missing("error_after", "error_after: {count: 1, period: day}");
            return None;
        }
        Some(Check::Freshness { column, rule: FreshnessRule { warn_after, error_after, filter } })
    }

    fn age(&mut self, key: &'static str, unknown: Severity) -> Option<Age> {
        let yaml = self.get(key)?;
        age(self.diags, yaml, unknown)
    }

    /// Reports arguments that the test does not have.
    pub(super) fn are_known(&mut self, known: &'static [&'static str]) -> bool {
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

fn unknown_argument(name: &Spanned<String>, test: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("unknown-argument", format!("the test `{test}` has no argument `{}`", name.value))
            .at(name.span, "");
    match suggest::did_you_mean(&name.value, known.iter().copied()) {
        Some(help) => diagnostic.help(help),
        None if known.is_empty() => diagnostic.note("it takes no arguments"),
        None => diagnostic.note(format!("arguments: {}", known.join(", "))),
    }
}
