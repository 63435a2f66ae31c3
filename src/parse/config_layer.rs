//! One place's config, as written: the project file's folder, a properties entry or a `config()` call.

use serde_json::Value as Json;

use crate::diagnostics::{Diagnostics, Spanned};
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, wrong_type};

/// Config keys with their values, in the order written; a later entry of the same key wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigLayer {
    entries: Vec<(Spanned<String>, Json)>,
    /// Values as they are written, where templates were rendered in them.
    unrendered: Vec<(String, Json)>,
}

impl ConfigLayer {
    /// A layer from keys and values.
    pub fn new(entries: Vec<(Spanned<String>, Json)>) -> Self {
        Self { entries, unrendered: Vec::new() }
    }

    /// Adds a key.
    pub fn push(&mut self, key: Spanned<String>, value: Json) {
        self.entries.push((key, value));
    }

    /// Adds all of another layer, over this one.
    pub fn extend(&mut self, other: ConfigLayer) {
        self.entries.extend(other.entries);
    }

    /// The last value of a key.
    pub fn get(&self, key: &str) -> Option<Json> {
        self.entries.iter().rev().find(|(name, _)| name.value == key).map(|(_, value)| value.clone())
    }

    /// The same with the values of another layer, in which no template was rendered.
    #[must_use]
    pub fn written_as(mut self, raw: &ConfigLayer) -> Self {
        let differs = |it: &&(Spanned<String>, Json)| self.get(&it.0.value).is_some_and(|own| own != it.1);
        let written = raw.entries.iter().filter(differs);
        self.unrendered = written.map(|(key, value)| (key.value.clone(), value.clone())).collect();
        self
    }

    /// A key's value as it is written, if a template was rendered in it.
    pub fn unrendered(&self, key: &str) -> Option<&Json> {
        self.unrendered.iter().find(|it| it.0 == key).map(|it| &it.1)
    }

    /// Keys and values in order.
    pub fn entries(&self) -> &[(Spanned<String>, Json)] {
        &self.entries
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Reads `config:` and those config keys that may stand beside it, which `config:` overrides.
pub fn config_layer(
    diags: &mut Diagnostics,
    fields: &mut Fields<'_>,
    beside: &[&'static str],
) -> ConfigLayer {
    let mut layer = ConfigLayer::default();
    for key in beside {
        if let (Some(value), Some(name)) = (fields.json(key), fields.key(key)) {
            layer.push(name.clone(), value.value);
        }
    }
    if let Some(yaml) = fields.get("config") {
        match yaml.as_map() {
            Some(entries) => layer.extend(from_entries(entries)),
            None => diags.push(wrong_type(yaml, "config", "a mapping of config keys to values")),
        }
    }
    layer
}

/// A layer from a mapping's entries; a leading `+` of a key is dropped.
pub fn from_entries(entries: &[(Spanned<String>, Yaml)]) -> ConfigLayer {
    let mut layer = ConfigLayer::default();
    for (key, value) in entries {
        let name = key.value.trim_start_matches('+').to_owned();
        layer.push(Spanned::new(name, key.span), value.to_json());
    }
    layer
}
