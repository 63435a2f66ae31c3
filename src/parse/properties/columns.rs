//! Columns.

use serde_json::{Map, Value as Json};

use super::constraints::Constraint;
use super::{Reader, TestEntry, texts};
use crate::diagnostics::{Diagnostic, Severity, Spanned};
use crate::parse::config_layer::config_layer;
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// What YAML says about a column.
#[derive(Clone, Debug)]
pub struct ColumnProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Declared type.
    pub data_type: Option<String>,
    /// Free-form data.
    pub meta: Json,
    /// Tags, which its tests inherit.
    pub tags: Vec<String>,
    /// Whether tests quote the name, where it is said.
    pub quote: Option<bool>,
    /// Whether it takes over the description of the column that it is.
    pub inherit: Option<bool>,
    /// Constraints on the column.
    pub constraints: Vec<Constraint>,
    /// The span of time that the column holds, in a time spine.
    pub granularity: Option<Spanned<String>>,
    /// Tests on the column.
    pub tests: Vec<TestEntry>,
}

impl Reader<'_> {
    pub(super) fn columns(&mut self, fields: &mut Fields<'_>) -> Vec<ColumnProperties> {
        let entries = fields.list(self.diags, "columns");
        let mut columns: Vec<ColumnProperties> = Vec::new();
        for entry in entries {
            let Some(mut column) = self.column(entry) else { continue };
            let same = |it: &ColumnProperties| it.name.value.eq_ignore_ascii_case(&column.name.value);
            let Some(index) = columns.iter().position(same) else {
                columns.push(column);
                continue;
            };
            self.duplicate_column(&columns[index], &column);
            // As in dbt: what is said last counts, and all tests.
            let mut tests = std::mem::take(&mut columns[index].tests);
            tests.append(&mut column.tests);
            columns[index] = ColumnProperties { tests, ..column };
        }
        columns
    }

    fn duplicate_column(&mut self, first: &ColumnProperties, again: &ColumnProperties) {
        let message = format!("the column `{}` is listed twice", again.name.value);
        let fault = match self.unknown {
            Severity::Error => Diagnostic::error("duplicate-column", message),
            Severity::Warning => Diagnostic::warning("duplicate-column", message)
                .note("dbt takes the tests of both, and all else from the second"),
        };
        self.diags.push(fault.at(again.name.span, "again here").and_at(first.name.span, "first here"));
    }

    pub(super) fn column(&mut self, yaml: &Yaml) -> Option<ColumnProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a column")?;
        let name = self.name(&mut fields, yaml, "a column")?;
        let description = fields.string(self.diags, "description");
        let data_type = fields.string(self.diags, "data_type").map(|it| it.value);
        let quote = fields.bool(self.diags, "quote");
        let inherit = fields.bool(self.diags, "inherit");
        let tests = self.tests(&mut fields);
        let constraints = self.constraints(&mut fields);
        let granularity = self.word(&mut fields, "granularity", &GRANULARITIES);
        let config = config_layer(self.diags, &mut fields, &["meta", "tags"]);
        let (mut meta, mut tags) = (Map::new(), Vec::new());
        for (key, value) in config.entries() {
            match (key.value.as_str(), value) {
                ("meta", Json::Object(entries)) => {
                    meta.extend(entries.iter().map(|(key, it)| (key.clone(), it.clone())));
                }
                ("tags", value) => tags.extend(texts(value)),
                _ => {}
            }
        }
        tags = deduplicated(tags);
        fields.accept(&["policy_tags", "databricks_tags", "dimension", "entity"]);
        fields.finish(self.diags, self.unknown);
        let meta = Json::Object(meta);
        Some(ColumnProperties {
            name,
            description,
            data_type,
            meta,
            tags,
            quote,
            inherit,
            constraints,
            granularity,
            tests,
        })
    }
}

fn deduplicated(tags: Vec<String>) -> Vec<String> {
    let mut once = Vec::new();
    for tag in tags {
        if !once.contains(&tag) {
            once.push(tag);
        }
    }
    once
}

/// Spans of time that the semantic layer knows.
pub const GRANULARITIES: [&str; 11] = [
    "nanosecond",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];
