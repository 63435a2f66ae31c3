//! Secrets of a target, for `create secret`, and which of its values must never be shown.

use serde_json::Value as Json;

use crate::diagnostics::{Diagnostic, Diagnostics, Spanned};
use crate::warehouse::Secret;
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, scalar_text, wrong_type};

/// Keys of a target whose values are secrets, all of them.
pub(super) const SECRET_KEYS: [&str; 6] =
    ["password", "token", "secret", "key", "motherduck_token", "secrets"];

/// What the engine itself shows of a secret, and what says nothing about who may enter.
const SHOWN: [&str; 24] = [
    "account_name",
    "chain",
    "data_path",
    "database",
    "dbname",
    "endpoint",
    "host",
    "kms_key_id",
    "metadata_path",
    "name",
    "persistent",
    "port",
    "profile",
    "provider",
    "region",
    "requester_pays",
    "scope",
    "storage_class",
    "type",
    "url_compatibility_mode",
    "url_style",
    "use_ssl",
    "user",
    "verify_ssl",
];

/// Shorter values under keys that nobody knows are no secrets: they are found in ordinary words.
const MIN_LENGTH: usize = 4;

/// `secrets:`, a list or a mapping of names, and `use_credential_provider`.
pub(super) fn read(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Vec<Secret> {
    let mut secrets = Vec::new();
    let yaml = fields.get("secrets");
    let named = yaml.and_then(Yaml::as_map).unwrap_or_default();
    let unnamed = match yaml {
        Some(yaml) if yaml.as_map().is_none() => fields.list(diags, "secrets"),
        _ => &[],
    };
    for (name, yaml) in named {
        secrets.extend(secret(diags, yaml, &name.value));
    }
    for (n, yaml) in unnamed.iter().enumerate() {
        secrets.extend(secret(diags, yaml, &format!("_dbt_secret_{}", n + 1)));
    }
    if let Some(provider) = fields.string(diags, "use_credential_provider") {
        secrets.extend(credential_chain(diags, &provider, secrets.len() + 1));
    }
    secrets
}

/// dbt-duckdb's old way to ask for the credentials of the machine: a secret with the provider `credential_chain`.
fn credential_chain(diags: &mut Diagnostics, provider: &Spanned<String>, number: usize) -> Option<Secret> {
    if provider.value != "aws" {
        diags.push(
            Diagnostic::error("invalid-value", format!("`{}` is not a credential provider", provider.value))
                .at(provider.span, "only `aws` is")
                .help("write a secret instead: `secrets: [{type: gcs, provider: credential_chain}]`, say"),
        );
        return None;
    }
    Some(Secret {
        name: format!("_dbt_secret_{number}"),
        kind: "s3".to_owned(),
        provider: Some("credential_chain".to_owned()),
        is_persistent: false,
        scope: Vec::new(),
        parameters: Vec::new(),
    })
}

fn secret(diags: &mut Diagnostics, yaml: &Yaml, default_name: &str) -> Option<Secret> {
    let mut fields = Fields::new(diags, yaml, "a secret")?;
    let Some(kind) = fields.string(diags, "type") else {
        let missing = Diagnostic::error("missing-key", "a secret has no `type`");
        diags.push(missing.at(yaml.span, "add `type:` here: `s3`, `azure`, `postgres`, ..."));
        return None;
    };
    let scope = fields.strings(diags, "scope").unwrap_or_default();
    let mut secret = Secret {
        name: fields.string(diags, "name").map_or_else(|| default_name.to_owned(), |it| it.value),
        kind: kind.value,
        provider: fields.string(diags, "provider").map(|it| it.value),
        is_persistent: fields.bool(diags, "persistent").unwrap_or(false),
        scope: scope.into_iter().map(|it| it.value).collect(),
        parameters: Vec::new(),
    };
    // dbt-duckdb's own class has these names; some profiles write them out.
    let nested = fields.get("secret_kwargs").and_then(Yaml::as_map).unwrap_or_default();
    for (name, value) in fields.rest().chain(nested) {
        if !name.value.chars().all(|it| it.is_ascii_alphanumeric() || it == '_') {
            diags.push(
                Diagnostic::error(
                    "invalid-value",
                    "a parameter of a secret has letters, digits and `_` only",
                )
                .at(name.span, "in this name"),
            );
        } else if let Some(value) = parameter(diags, &name.value, value) {
            secret.parameters.push((name.value.clone(), value));
        }
    }
    Some(secret)
}

/// Texts, lists of texts and mappings of texts; numbers and truth values are taken as they are written.
fn parameter(diags: &mut Diagnostics, name: &str, yaml: &Yaml) -> Option<Json> {
    if yaml.is_null() {
        return None;
    }
    if let Some(text) = scalar_text(yaml) {
        return Some(Json::String(text));
    }
    let is_flat = match (yaml.as_map(), yaml.as_list()) {
        (Some(entries), _) => entries.iter().all(|it| scalar_text(&it.1).is_some()),
        (None, Some(items)) => items.iter().all(|it| scalar_text(it).is_some()),
        (None, None) => false,
    };
    if !is_flat {
        diags.push(wrong_type(yaml, name, "a text, a list of texts or a mapping of texts"));
        return None;
    }
    let text = |it: &Yaml| Json::String(scalar_text(it).unwrap_or_default());
    Some(match yaml.as_map() {
        Some(entries) => Json::Object(entries.iter().map(|it| (it.0.value.clone(), text(&it.1))).collect()),
        None => Json::Array(yaml.as_list().unwrap_or_default().iter().map(text).collect()),
    })
}

/// Values of a target that must not be shown anywhere.
pub(super) fn hidden(yaml: &Yaml) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in yaml.as_map().unwrap_or_default() {
        match key.value.as_str() {
            "secrets" => {
                for secret in entries_of(value) {
                    of_secret(secret, &mut found);
                }
            }
            "settings" | "config_options" => {
                let pairs = value.as_map().unwrap_or_default().iter();
                pairs.filter(|(name, _)| is_sensitive(&name.value)).for_each(|it| texts(&it.1, &mut found));
            }
            // The name of a secret is none.
            "attach" => {}
            name if SECRET_KEYS.contains(&name) => texts(value, &mut found),
            _ => {}
        }
    }
    found
}

/// The values of a list or of a mapping.
fn entries_of(yaml: &Yaml) -> Vec<&Yaml> {
    match yaml.as_map() {
        Some(entries) => entries.iter().map(|it| &it.1).collect(),
        None => yaml.as_list().unwrap_or_default().iter().collect(),
    }
}

fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "token", "connection_string"].iter().any(|it| name.contains(it))
}

fn of_secret(yaml: &Yaml, found: &mut Vec<String>) {
    for (key, value) in yaml.as_map().unwrap_or_default() {
        let name = key.value.to_ascii_lowercase();
        if SHOWN.contains(&name.as_str()) {
            continue;
        }
        let mut own = Vec::new();
        texts(value, &mut own);
        found.extend(own.into_iter().filter(|it| is_sensitive(&name) || it.len() >= MIN_LENGTH));
    }
}

/// All texts in a value; numbers too, where they are long enough to be a secret.
fn texts(yaml: &Yaml, found: &mut Vec<String>) {
    match yaml.as_str() {
        Some(text) => found.extend((!text.is_empty()).then(|| text.to_owned())),
        None => found
            .extend(scalar_text(yaml).filter(|it| it.len() >= MIN_LENGTH && *it != "true" && *it != "false")),
    }
    for inner in entries_of(yaml) {
        texts(inner, found);
    }
}
