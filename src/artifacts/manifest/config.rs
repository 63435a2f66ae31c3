//! A node's config with all of dbt's keys: the defaults of its kind, and over them what the project says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::kinds::is_shortened;
use crate::diagnostics::Spanned;
use crate::node::{Materialization, NodeKind, StoreFailures};
use crate::parse::config_defaults::defaults;
use crate::parse::properties::{ColumnProperties, Constraint};
use crate::parse::{Body, DataTest, ParsedNode, TestKind};

/// Keys that a test's entry may hold, in the order in which dbt writes them.
pub(super) const TEST_CONFIG_KEYS: [&str; 14] = [
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
];

/// Config by key; the user's own keys are kept beside dbt's.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Config<'a>(BTreeMap<&'a str, Cow<'a, Json>>);

impl<'a> Config<'a> {
    pub(super) fn new(parsed: &'a ParsedNode) -> Self {
        let mut all: BTreeMap<&str, Cow<'_, Json>> =
            defaults(parsed.kind).iter().map(|(key, it)| (key.as_str(), Cow::Borrowed(it))).collect();
        for (key, value) in &parsed.config.values {
            let value = match (key.as_str(), all.get(key.as_str())) {
                ("pre-hook" | "post-hook", _) => Cow::Owned(hooks(&value.value)),
                ("freshness", Some(_)) => Cow::Owned(model_freshness(&value.value)),
                ("docs" | "contract" | "snapshot_meta_column_names", Some(default)) => {
                    Cow::Owned(over(default, &value.value))
                }
                _ => Cow::Borrowed(&value.value),
            };
            all.insert(key, value);
        }
        all.insert("enabled", Cow::Owned(Json::Bool(parsed.config.enabled)));
        all.extend(short_alias(parsed));
        if parsed.kind == NodeKind::Test {
            all.extend(store_failures(parsed));
        }
        Self(all)
    }
}

/// `store_failures_as` decides on `store_failures`, and says what that means where it is absent.
fn store_failures(parsed: &ParsedNode) -> [(&'static str, Cow<'static, Json>); 2] {
    let (is_kept, kind) = match parsed.config.store_failures {
        None => (Json::Null, Json::Null),
        Some(StoreFailures::Nowhere) => (Json::Bool(false), Json::from("ephemeral")),
        Some(StoreFailures::In(kind)) => (Json::Bool(true), Json::from(kind.as_str())),
    };
    [("store_failures", Cow::Owned(is_kept)), ("store_failures_as", Cow::Owned(kind))]
}

/// What the project says, without defaults: as in dbt, the strongest place alone, with the templates of project files as
/// written.
pub(super) fn unrendered(parsed: &ParsedNode) -> BTreeMap<&str, Cow<'_, Json>> {
    let has_one = matches!(parsed.kind, NodeKind::Seed | NodeKind::Snapshot | NodeKind::Function);
    let is_default = |key: &str| has_one && key == "materialized";
    let values = parsed.config.values.iter().filter(|(key, _)| !is_default(key));
    let mut all: BTreeMap<&str, Cow<'_, Json>> =
        values.map(|(key, it)| (key.as_str(), Cow::Borrowed(&it.value))).collect();
    all.extend(parsed.config.unrendered.iter().map(|(key, it)| (key.as_str(), Cow::Borrowed(it))));
    all.extend(short_alias(parsed));
    all
}

/// A test whose name is too long has a short one as its alias.
fn short_alias(parsed: &ParsedNode) -> Option<(&'static str, Cow<'_, Json>)> {
    match &parsed.body {
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) if is_shortened(parsed, test) => {
            Some(("alias", Cow::Owned(Json::from(test.short_name.as_str()))))
        }
        _ => None,
    }
}

/// `docs:` of a node.
#[derive(Serialize)]
pub(super) struct Docs<'a> {
    show: bool,
    node_color: Option<&'a str>,
}

impl<'a> Docs<'a> {
    pub(super) fn of(parsed: &'a ParsedNode) -> Self {
        Self::new(parsed.config.values.get("docs").map(|it| &it.value))
    }

    /// From `docs:` as written.
    pub(super) fn new(docs: Option<&'a Json>) -> Self {
        let key = |name: &str| docs.and_then(|it| it.get(name));
        Self {
            show: key("show").and_then(Json::as_bool).unwrap_or(true),
            node_color: key("node_color").and_then(Json::as_str),
        }
    }

    /// Of something that says nothing about it.
    pub(super) fn shown() -> Self {
        Self { show: true, node_color: None }
    }
}

/// `contract:` of a node.
#[derive(Serialize)]
pub(super) struct Contract {
    enforced: bool,
    alias_types: bool,
    checksum: Option<String>,
}

impl Contract {
    pub(super) fn of(parsed: &ParsedNode) -> Self {
        let contract = parsed.config.values.get("contract").map(|it| &it.value);
        let key = |name: &str| contract.and_then(|it| it.get(name)).and_then(Json::as_bool);
        Self {
            enforced: key("enforced").unwrap_or(false),
            alias_types: key("alias_types").unwrap_or(true),
            checksum: key("enforced").unwrap_or(false).then(|| contract_checksum(parsed)),
        }
    }
}

/// dbt's checksum of what a contract promises, over the texts that Python would write.
fn contract_checksum(parsed: &ParsedNode) -> String {
    let mut columns: Vec<&ColumnProperties> = parsed.columns.iter().collect();
    columns.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    let mut state = String::new();
    for column in columns {
        let data_type = column.data_type.as_deref().unwrap_or("None");
        let constraints = python_list(column.constraints.iter().map(|it| python_constraint(it, None)));
        let _ = write!(state, "|{}{data_type}{constraints}", column.name.value);
    }
    if let Body::Model { materialized, details, .. } = &parsed.body
        && matches!(materialized, Materialization::Table | Materialization::Incremental)
    {
        let of_model = |it: &Constraint| python_constraint(it, Some(&it.columns));
        let constraints = python_list(details.constraints.iter().map(of_model));
        let _ = write!(state, "{}{constraints}", materialized.as_str());
    }
    Sha256::digest(state).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn python_constraint(it: &Constraint, columns: Option<&Vec<Spanned<String>>>) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| "None".to_owned(), python_text);
    let truth = |it: bool| if it { "True" } else { "False" };
    let word = it.kind.value.as_str();
    let mut out = format!(
        "{}LevelConstraint(type=<ConstraintType.{word}: '{word}'>, name={}, expression={}, warn_unenforced={}, \
         warn_unsupported={}, to={}, to_columns={}",
        if columns.is_some() { "Model" } else { "Column" },
        text(it.name.as_deref()),
        text(it.expression.as_ref().map(|it| it.value.as_str())),
        truth(it.warn_unenforced),
        truth(it.warn_unsupported),
        text(it.to.as_ref().map(|it| it.value.as_str())),
        python_list(it.to_columns.iter().map(|it| python_text(it))),
    );
    if let Some(columns) = columns {
        let _ = write!(out, ", columns={}", python_list(columns.iter().map(|it| python_text(&it.value))));
    }
    out.push(')');
    out
}

fn python_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A text as Python writes it: in single quotes, unless it has single ones and no double ones.
fn python_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for it in text.chars() {
        match it {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            _ if it == quote => out.extend(['\\', it]),
            _ => out.push(it),
        }
    }
    out.push(quote);
    out
}

/// A model's freshness says when it is built anew; without that dbt keeps nothing of it.
fn model_freshness(value: &Json) -> Json {
    let default = json!({ "count": null, "period": null, "updates_on": "any" });
    match value.get("build_after") {
        Some(after) if after.is_object() => json!({ "build_after": over(&default, after) }),
        _ => Json::Null,
    }
}

/// Hooks as objects, as dbt has them.
fn hooks(value: &Json) -> Json {
    let hook = |it: &Json| {
        let default = json!({ "sql": "", "transaction": true, "index": null });
        match it {
            Json::Object(_) => over(&default, it),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                over(&default, &json!({ "sql": it }))
            }
        }
    };
    match value {
        Json::Array(items) => items.iter().map(hook).collect(),
        Json::Null => Json::Array(Vec::new()),
        other @ (Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_)) => {
            Json::Array(vec![hook(other)])
        }
    }
}

/// A mapping's entries over those of a default.
fn over(default: &Json, value: &Json) -> Json {
    match (default, value) {
        (Json::Object(default), Json::Object(value)) => {
            let mut merged = default.clone();
            merged.extend(value.iter().map(|(key, it)| (key.clone(), it.clone())));
            Json::Object(merged)
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_become_objects() {
        let given = json!(["select 1", { "sql": "select 2", "transaction": false }]);
        let expected = json!([
            { "sql": "select 1", "transaction": true, "index": null },
            { "sql": "select 2", "transaction": false, "index": null },
        ]);
        assert_eq!(hooks(&given), expected);
        assert_eq!(
            hooks(&json!("select 1")),
            json!([{ "sql": "select 1", "transaction": true, "index": null }])
        );
    }
}
