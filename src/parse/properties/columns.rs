//! Columns.

use serde_json::{Value as Json, json};

use super::{Reader, TestEntry, texts};
use crate::diagnostics::{Diagnostic, Spanned};
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
    /// Whether tests quote the name.
    pub quote: bool,
    /// Tests on the column.
    pub tests: Vec<TestEntry>,
}

impl Reader<'_> {
    pub(super) fn columns(&mut self, fields: &mut Fields<'_>) -> Vec<ColumnProperties> {
        let entries = fields.list(self.diags, "columns");
        let columns: Vec<ColumnProperties> = entries.iter().filter_map(|it| self.column(it)).collect();
        for (index, column) in columns.iter().enumerate() {
            let same = |it: &&ColumnProperties| it.name.value.eq_ignore_ascii_case(&column.name.value);
            if let Some(first) = columns[..index].iter().find(same) {
                self.diags.push(
                    Diagnostic::error(
                        "duplicate-column",
                        format!("the column `{}` is listed twice", column.name.value),
                    )
                    .at(column.name.span, "again here")
                    .and_at(first.name.span, "first here"),
                );
            }
        }
        columns
    }

    fn column(&mut self, yaml: &Yaml) -> Option<ColumnProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a column")?;
        let name = self.name(&mut fields, yaml, "a column")?;
        let description = fields.string(self.diags, "description");
        let data_type = fields.string(self.diags, "data_type").map(|it| it.value);
        let quote = fields.bool(self.diags, "quote").unwrap_or(false);
        let tests = self.tests(&mut fields);
        let config = config_layer(self.diags, &mut fields, &["meta", "tags"]);
        let meta = config.get("meta").unwrap_or_else(|| json!({}));
        let tags = texts(&config.get("tags").unwrap_or(Json::Null));
        fields.accept(&["constraints", "granularity", "policy_tags", "databricks_tags"]);
        fields.finish(self.diags, self.unknown);
        Some(ColumnProperties { name, description, data_type, meta, tags, quote, tests })
    }
}
