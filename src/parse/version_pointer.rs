//! `latest_version_pointer`: a view under the name of a model with versions that shows the latest of them.

use serde_json::Value as Json;

use super::{Body, ParsedNode};
use crate::diagnostics::{Diagnostic, Diagnostics, Spanned};
use crate::node::Relation;

/// The config key.
pub(super) const KEY: &str = "latest_version_pointer";

/// The flag of the project that turns it on for all models that say nothing.
pub const FLAG: &str = "latest_version_pointer_enabled_by_default";

/// The view's name, if there is to be one.
pub fn of(node: &ParsedNode, is_default: bool) -> Option<Relation> {
    let Body::Model { version: Some(version), .. } = &node.body else { return None };
    let config = node.config.values.get(KEY).map(|it| &it.value);
    let enabled = match config {
        Some(Json::Bool(it)) => Some(*it),
        Some(config) => config.get("enabled").and_then(Json::as_bool),
        None => None,
    };
    if !version.is_latest || !enabled.unwrap_or(is_default) {
        return None;
    }
    let alias = config.and_then(|it| it.get("alias")?.as_str()).map_or("", str::trim);
    let identifier = if alias.is_empty() { node.name.as_str() } else { alias };
    let relation = node.relation.clone()?;
    Some(Relation { identifier: identifier.to_owned(), ..relation })
}

/// Reports what the config must not say.
pub(super) fn check(diags: &mut Diagnostics, config: &Spanned<Json>) {
    let mut wrong = |what: String| {
        let help = format!("write `{KEY}: true`, or a mapping: {{enabled: true, alias: name}}");
        diags.push(Diagnostic::error("wrong-type", what).at(config.span, "set here").help(help));
    };
    let Some(map) = config.value.as_object() else {
        if !config.value.is_boolean() && !config.value.is_null() {
            wrong(format!("`{KEY}` is neither `true` or `false` nor a mapping"));
        }
        return;
    };
    for (key, value) in map {
        let is_right = match key.as_str() {
            "enabled" => value.is_boolean() || value.is_null(),
            "alias" => value.is_string() || value.is_null(),
            _ => {
                wrong(format!("`{KEY}` has no key `{key}`"));
                continue;
            }
        };
        if !is_right {
            let expected = if key == "enabled" { "`true` or `false`" } else { "a text" };
            wrong(format!("`{key}` of `{KEY}` is not {expected}"));
        }
    }
}
