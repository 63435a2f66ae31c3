//! Exposures.

use super::Reader;
use super::groups::Owner;
use crate::diagnostics::Spanned;
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// A named use of nodes outside the project.
#[derive(Clone, Debug)]
pub struct ExposureProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Name for people.
    pub label: Option<String>,
    /// `dashboard`, `notebook`, `analysis`, `ml` or `application`.
    pub kind: Option<Spanned<String>>,
    /// Where it is.
    pub url: Option<String>,
    /// `high`, `medium` or `low`.
    pub maturity: Option<Spanned<String>>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Who to ask.
    pub owner: Owner,
    /// `ref(...)` and `source(...)` texts.
    pub depends_on: Vec<Spanned<String>>,
    /// `config:`.
    pub config: ConfigLayer,
}

impl Reader<'_> {
    pub(super) fn exposure(&mut self, yaml: &Yaml) -> Option<ExposureProperties> {
        let mut fields = Fields::new(self.diags, yaml, "an exposure")?;
        let name = self.name(&mut fields, yaml, "an exposure")?;
        let owner = self.owner(&mut fields, &name, "exposure");
        let properties = ExposureProperties {
            name,
            label: fields.string(self.diags, "label").map(|it| it.value),
            kind: fields.string(self.diags, "type"),
            url: fields.string(self.diags, "url").map(|it| it.value),
            maturity: fields.string(self.diags, "maturity"),
            description: fields.string(self.diags, "description"),
            owner,
            depends_on: fields.strings(self.diags, "depends_on").unwrap_or_default(),
            config: config_layer(self.diags, &mut fields, &["meta", "tags", "enabled"]),
        };
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }
}
