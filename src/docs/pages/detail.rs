//! What one page alone shows.

use serde_json::{Map, Value as Json};

use super::{Making, columns};
use crate::docs::health;
use crate::docs::manifest::{Age, Entry};
use crate::docs::markdown;
use crate::docs::site::{ArgumentDetail, ColumnDetail, Detail, FreshnessDetail};

/// Config keys that are shown in a place of their own, or that say how to write SQL nobody reads here.
const HIDDEN_CONFIG: [&str; 6] = ["meta", "tags", "docs", "enabled", "group", "materialized"];

pub(super) fn detail(
    making: &Making<'_>,
    number: usize,
    entry: &Entry,
    columns: Vec<ColumnDetail>,
) -> Detail {
    let is_test = health::is_test_id(&entry.unique_id);
    let macros = entry.depends_on.macros.iter();
    let used_by = match entry.resource_type.as_str() {
        "group" => making.members.get(entry.name.as_str()),
        _ => making.callers.get(entry.unique_id.as_str()),
    };
    let unknown = making.facts.unknown.get(&entry.unique_id);
    Detail {
        description: markdown::tree(&entry.description),
        facts: facts(making, number, entry),
        url: markdown::safe_link(&entry.url).unwrap_or_default().to_owned(),
        columns,
        keys: keys(making, entry),
        arguments: arguments(entry),
        code: if entry.macro_sql.is_empty() { entry.raw_code.clone() } else { entry.macro_sql.clone() },
        // What has no template in it would be shown twice.
        compiled: if entry.compiled_code.trim() == entry.raw_code.trim() {
            String::new()
        } else {
            entry.compiled_code.clone()
        },
        language: if entry.language == "sql" { String::new() } else { entry.language.clone() },
        config: config(entry),
        meta: entry.meta.clone(),
        fixtures: fixtures(entry),
        macros: macros.filter_map(|it| making.numbers.get(it.as_str()).copied()).collect(),
        used_by: used_by.cloned().unwrap_or_default(),
        runs: making.past.runs_of(&entry.unique_id, is_test),
        sample: making.past.samples.get(&entry.unique_id).cloned(),
        freshness: freshness(making, entry),
        doubt: making.facts.doubts.get(&entry.unique_id).cloned().unwrap_or_default(),
        unknown_origins: unknown.map(|it| it.reason.clone().unwrap_or_default()),
    }
}

/// Config that a file sets; defaults would be noise.
fn config(entry: &Entry) -> Map<String, Json> {
    let is_shown = |key: &str| entry.sets(key) && !HIDDEN_CONFIG.contains(&key);
    entry.config.iter().filter(|(key, _)| is_shown(key)).map(|(key, it)| (key.clone(), it.clone())).collect()
}

fn facts(making: &Making<'_>, number: usize, entry: &Entry) -> Vec<(&'static str, String)> {
    let text = |it: &str| Some(it.to_owned()).filter(|it| !it.is_empty());
    let json = |it: &Json| match it {
        Json::Null => None,
        Json::String(it) => text(it),
        other => Some(other.to_string()),
    };
    let email = entry.owner.get("email").and_then(Json::as_str).unwrap_or_default();
    let constraints: Vec<String> = entry.constraints.iter().map(columns::constraint).collect();
    let test = &entry.test_metadata;
    let test_name = if test.namespace.is_empty() {
        test.name.clone()
    } else {
        format!("{}.{}", test.namespace, test.name)
    };
    let kwargs: Vec<String> = test
        .kwargs
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "model" | "column_name"))
        .map(|(key, it)| format!("{key}: {}", json(it).unwrap_or_default()))
        .collect();
    let is_model = entry.resource_type == "model";
    let package =
        (making.manifest.metadata.project_name != entry.package_name).then_some(&entry.package_name);
    let facts = [
        ("Relation", text(&entry.relation_name.replace('"', ""))),
        ("File", text(&super::file(entry))),
        ("Described in", entry.patch_path.split_once("://").and_then(|it| text(it.1))),
        ("Package", package.and_then(|it| text(it))),
        ("Access", text(&entry.access).filter(|it| is_model && it != "protected")),
        ("Version", json(&entry.version)),
        ("Latest version", json(&entry.latest_version)),
        ("Deprecated from", text(&entry.deprecation_date)),
        ("Label", text(&entry.label)),
        ("Type", text(&entry.kind)),
        ("Maturity", text(&entry.maturity)),
        ("Owner", text(&making.owner_of(entry))),
        ("Email", text(email)),
        ("Loader", text(&entry.loader)),
        ("Source", text(&entry.source_description)),
        ("Test", text(&test_name)),
        ("Column", text(&entry.column_name).filter(|_| making.owner(entry) != Some(number))),
        ("Arguments", text(&kwargs.join("; "))),
        ("Constraints", text(&constraints.join("; "))),
    ];
    facts.into_iter().filter_map(|(word, value)| Some((word, value?))).collect()
}

fn keys(making: &Making<'_>, entry: &Entry) -> Vec<(usize, String)> {
    let keys = making.facts.keys.get(&entry.unique_id).into_iter().flatten();
    keys.filter_map(|(id, column)| Some((*making.numbers.get(id.as_str())?, column.clone()))).collect()
}

fn arguments(entry: &Entry) -> Vec<ArgumentDetail> {
    let arguments = entry.arguments.iter().map(|it| ArgumentDetail {
        name: it.name.clone(),
        data_type: if it.kind.is_empty() { it.data_type.clone() } else { it.kind.clone() },
        description: markdown::tree(&it.description),
    });
    arguments.collect()
}

fn fixtures(entry: &Entry) -> Vec<Json> {
    if entry.resource_type != "unit_test" {
        return Vec::new();
    }
    entry.given.iter().chain([&entry.expect]).cloned().collect()
}

fn freshness(making: &Making<'_>, entry: &Entry) -> Option<FreshnessDetail> {
    if entry.resource_type != "source" {
        return None;
    }
    let age = |it: &Age| {
        it.count
            .map(|count| format!("{count} {}{}", it.period, if count == 1 { "" } else { "s" }))
            .unwrap_or_default()
    };
    let checked = making.past.looks.get(&entry.unique_id).and_then(|it| it.last());
    let freshness = FreshnessDetail {
        warn_after: age(&entry.freshness.warn_after),
        error_after: age(&entry.freshness.error_after),
        field: entry.loaded_at_field.clone(),
        status: checked.map(|it| it.status.clone()).unwrap_or_default(),
        loaded_at: checked.and_then(|it| it.loaded_at.clone()).unwrap_or_default(),
        checked_at: checked.map(|it| it.at.clone()).unwrap_or_default(),
    };
    let is_watched =
        !freshness.warn_after.is_empty() || !freshness.error_after.is_empty() || checked.is_some();
    is_watched.then_some(freshness)
}
