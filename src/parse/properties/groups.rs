//! Groups: who owns which nodes.

use serde_json::{Map, Value as Json};

use super::Reader;
use crate::diagnostics::{Diagnostic, Spanned};
use crate::parse::config_layer::{ConfigLayer, config_layer};
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, wrong_type};

/// A group of nodes with an owner.
#[derive(Clone, Debug)]
pub struct GroupProperties {
    /// Name.
    pub name: Spanned<String>,
    /// Description, as written.
    pub description: Option<Spanned<String>>,
    /// Who to ask.
    pub owner: Owner,
    /// `config:`, which holds `meta` alone.
    pub config: ConfigLayer,
}

/// Who to ask about a group or an exposure: name, mail addresses, and what else is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owner(pub Map<String, Json>);

impl Reader<'_> {
    pub(super) fn group(&mut self, yaml: &Yaml) -> Option<GroupProperties> {
        let mut fields = Fields::new(self.diags, yaml, "a group")?;
        let name = self.name(&mut fields, yaml, "a group")?;
        let owner = self.owner(&mut fields, &name, "group");
        let properties = GroupProperties {
            description: fields.string(self.diags, "description"),
            owner,
            config: config_layer(self.diags, &mut fields, &["meta"]),
            name,
        };
        fields.finish(self.diags, self.unknown);
        Some(properties)
    }

    /// `owner:`, which must have a name or an address; it may say more.
    pub(super) fn owner(&mut self, fields: &mut Fields<'_>, name: &Spanned<String>, what: &str) -> Owner {
        let mut owner = Map::new();
        let written = fields.get("owner");
        if let Some(yaml) = written {
            match yaml.as_map() {
                Some(entries) => {
                    owner.extend(entries.iter().map(|(key, it)| (key.value.clone(), it.to_json())));
                }
                None => self.diags.push(wrong_type(yaml, "owner", "a mapping with `name` or `email`")),
            }
        }
        let says = |key: &str| owner.get(key).is_some_and(|it| !it.is_null());
        if !says("name") && !says("email") && written.is_none_or(|it| it.as_map().is_some()) {
            let message = format!("the owner of the {what} `{}` has no `name` and no `email`", name.value);
            self.diags.push(
                Diagnostic::error("missing-key", message)
                    .at(written.map_or(name.span, |it| it.span), "write at least one of them"),
            );
        }
        Owner(owner)
    }
}
