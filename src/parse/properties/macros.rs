//! Entries for macros.

use serde_json::{Value as Json, json};

use super::Reader;
use super::unit_tests::MacroTestProperties;
use crate::diagnostics::Spanned;
use crate::parse::config_layer::config_layer;
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// What YAML says about a macro.
#[derive(Clone, Debug)]
pub struct MacroProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Its parameters.
    pub arguments: Vec<ArgumentProperties>,
    /// `docs:`.
    pub docs: Json,
    /// Free-form data.
    pub meta: Json,
    /// `unit_tests` in the free-form data, where dbt does not mind them.
    pub unit_tests: Vec<MacroTestProperties>,
}

/// What YAML says about a parameter of a macro.
#[derive(Clone, Debug)]
pub struct ArgumentProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Type, in dbt's words.
    pub kind: Option<Spanned<String>>,
    /// Description.
    pub description: Option<Spanned<String>>,
}

impl Reader<'_> {
    pub(super) fn macro_(&mut self, yaml: &Yaml) -> Option<MacroProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a macro")?;
        let name = self.name(&mut fields, yaml, "a macro")?;
        let description = fields.string(self.diags, "description");
        let mut arguments = Vec::new();
        for entry in fields.list(self.diags, "arguments") {
            let Some(mut argument) = Fields::new(self.diags, entry, "an argument") else { continue };
            let name = self.name(&mut argument, entry, "an argument");
            let kind = argument.string(self.diags, "type");
            let description = argument.string(self.diags, "description");
            argument.finish(self.diags, self.unknown);
            arguments.extend(name.map(|name| ArgumentProperties { name, kind, description }));
        }
        let config = config_layer(self.diags, &mut fields, &["meta", "docs"]);
        fields.finish(self.diags, self.unknown);
        let meta = yaml.get("config").and_then(|it| it.get("meta")).or_else(|| yaml.get("meta"));
        let tests = meta.and_then(|it| it.get("unit_tests")).and_then(Yaml::as_list).unwrap_or_default();
        let unit_tests = tests.iter().filter_map(|it| self.macro_test(it, Some(&name))).collect();
        Some(MacroProperties {
            unit_tests,
            name,
            description,
            arguments,
            docs: config.get("docs").unwrap_or(Json::Null),
            meta: config.get("meta").unwrap_or_else(|| json!({})),
        })
    }
}
