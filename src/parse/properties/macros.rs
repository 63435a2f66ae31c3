//! Entries for macros.

use serde_json::{Value as Json, json};

use super::Reader;
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
    /// Parameters with their descriptions.
    pub arguments: Vec<(String, Option<String>, String)>,
    /// Free-form data.
    pub meta: Json,
}

impl Reader<'_> {
    pub(super) fn macro_(&mut self, yaml: &Yaml) -> Option<MacroProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a macro")?;
        let name = self.name(&mut fields, yaml, "a macro")?;
        let description = fields.string(self.diags, "description");
        let mut arguments = Vec::new();
        for entry in fields.list(self.diags, "arguments") {
            let Some(mut argument) = Fields::new(self.diags, entry, "an argument") else { continue };
            let name = argument.string(self.diags, "name").map(|it| it.value).unwrap_or_default();
            let kind = argument.string(self.diags, "type").map(|it| it.value);
            let text = argument.string(self.diags, "description").map(|it| it.value).unwrap_or_default();
            argument.finish(self.diags, self.unknown);
            arguments.push((name, kind, text));
        }
        let config = config_layer(self.diags, &mut fields, &["meta", "docs"]);
        fields.finish(self.diags, self.unknown);
        Some(MacroProperties {
            name,
            description,
            arguments,
            meta: config.get("meta").unwrap_or_else(|| json!({})),
        })
    }
}
