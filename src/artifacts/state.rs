//! An earlier state of a project, from the artifacts that it left: what the methods `state`, `result` and
//! `source_status` of selectors compare with.
//!
//! Manifests are compared with manifests: the old one may be dbt's or ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::OutputError;
use super::manifest::Manifest;
use crate::graph::select::state::{MissingFreshness, State};

/// Parts of a manifest whose entries selectors pick.
const MAPS: [&str; 8] = [
    "nodes",
    "sources",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "functions",
];

/// Config that says where or how a node is kept, which is compared by itself or not at all (dbt's rule).
const NOT_COMPARED: [&str; 6] = ["alias", "schema", "database", "tags", "group", "docs"];

/// Reads the artifacts in a folder and compares the manifest with this one.
/// `target` is the folder of this project's artifacts, for the freshness that was asked for last.
pub fn read_state(dir: &Path, target: &Path, now: &Manifest<'_>) -> Result<State, OutputError> {
    let manifest = read(dir, "manifest.json")?;
    let results = read(dir, "run_results.json")?;
    let sources = read(dir, "sources.json")?;
    if manifest.is_none() && results.is_none() && sources.is_none() {
        return Err(OutputError {
            action: "read the earlier state in",
            path: dir.display().to_string(),
            cause: io::Error::new(
                io::ErrorKind::NotFound,
                "there is no manifest.json and no run_results.json",
            ),
        });
    }
    let mut state = State::default();
    if let Some(old) = &manifest {
        let now = serde_json::to_value(now).unwrap_or(Json::Null);
        compare(&mut state, old, &now);
    }
    for result in list(results.as_ref(), "results") {
        state.results.extend(pair(result, "status"));
    }
    for result in list(sources.as_ref(), "results") {
        state.results.extend(pair(result, "status"));
    }
    let current = read(target, "sources.json")?;
    state.missing_freshness = match (&sources, &current) {
        (None, _) => Some(MissingFreshness::Before),
        (Some(_), None) => Some(MissingFreshness::Now),
        (Some(_), Some(_)) => None,
    };
    state.fresher = fresher(sources.as_ref(), current.as_ref());
    Ok(state)
}

/// Sources that were loaded after the earlier state, or that it did not know. A time that cannot be read is none.
fn fresher(before: Option<&Json>, now: Option<&Json>) -> BTreeSet<String> {
    let times = |file| -> BTreeMap<String, Timestamp> {
        list(file, "results")
            .filter_map(|it| pair(it, "max_loaded_at"))
            .filter_map(|(id, at)| Some((id, Timestamp::from_str(&at).ok()?)))
            .collect()
    };
    let before = times(before);
    let newer = |(id, at): &(String, Timestamp)| before.get(id).is_none_or(|old| at > old);
    times(now).into_iter().filter(newer).map(|(id, _)| id).collect()
}

pub(super) fn list<'a>(file: Option<&'a Json>, key: &str) -> impl Iterator<Item = &'a Json> {
    file.and_then(|it| it.get(key)).and_then(Json::as_array).into_iter().flatten()
}

pub(super) fn pair(result: &Json, key: &str) -> Option<(String, String)> {
    let text = |key: &str| result.get(key).and_then(Json::as_str).map(str::to_owned);
    Some((text("unique_id")?, text(key)?))
}

pub(super) fn read(dir: &Path, name: &str) -> Result<Option<Json>, OutputError> {
    let path = dir.join(name);
    let fault =
        |cause| OutputError { action: "read the earlier state in", path: path.display().to_string(), cause };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| fault(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(error)),
    }
}

fn compare(state: &mut State, old: &Json, now: &Json) {
    let changed = changed_macros(old, now);
    for map in MAPS {
        let entries = |file: &'_ Json| file.get(map).and_then(Json::as_object).cloned().unwrap_or_default();
        let old = entries(old);
        state.known.extend(old.keys().cloned());
        for (id, now) in entries(now) {
            let Some(old) = old.get(&id) else { continue };
            let ways = differences(old, &now, &changed);
            if !ways.is_empty() {
                state.modified.insert(id, ways);
            }
        }
    }
}

/// Macros whose text is another, and those that call them.
fn changed_macros(old: &Json, now: &Json) -> BTreeSet<String> {
    let macros = |file: &Json| -> BTreeMap<String, Json> {
        file.get("macros")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(id, it)| (id.clone(), it.clone()))
            .collect()
    };
    let (old, now) = (macros(old), macros(now));
    // The macros that come with a tool differ between tools.
    let is_own = |id: &str| !id.starts_with("macro.dbt.") && !id.starts_with("macro.dbt_duckdb.");
    let text = |it: Option<&Json>| {
        it.and_then(|it| it.get("macro_sql")).and_then(Json::as_str).map(|it| it.trim().to_owned())
    };
    let mut changed: BTreeSet<String> = old
        .keys()
        .chain(now.keys())
        .filter(|id| is_own(id) && text(old.get(*id)) != text(now.get(*id)))
        .cloned()
        .collect();
    loop {
        let calls = |it: &Json| names(it).any(|name| changed.contains(name));
        let more: Vec<String> = now
            .iter()
            .filter(|(id, it)| !changed.contains(*id) && calls(it))
            .map(|(id, _)| id.clone())
            .collect();
        if more.is_empty() {
            return changed;
        }
        changed.extend(more);
    }
}

/// The macros that an entry calls.
fn names(entry: &Json) -> impl Iterator<Item = &str> {
    let macros = entry.pointer("/depends_on/macros").and_then(Json::as_array);
    macros.into_iter().flatten().filter_map(Json::as_str)
}

fn differences(old: &Json, now: &Json, changed: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let mut ways = BTreeSet::new();
    let mut differ = |way, is_other: bool| {
        if is_other {
            ways.insert(way);
        }
    };
    differ("body", body(old) != body(now));
    differ("configs", config(old) != config(now));
    differ("relation", place(old) != place(now));
    differ("persisted_descriptions", described(old) != described(now));
    differ("contract", old.pointer("/contract/checksum") != now.pointer("/contract/checksum"));
    differ("macros", names(now).any(|it| changed.contains(it)));
    differ("fqn", old.get("fqn") != now.get("fqn"));
    ways
}

/// What an entry is by itself: its text, or all that YAML says.
fn body(entry: &Json) -> Vec<Json> {
    let at = |path: &str| entry.pointer(path).filter(|it| !it.is_null()).cloned().unwrap_or(Json::Null);
    let kind = at("/resource_type");
    let of_file = ["/checksum/checksum"].map(at).to_vec();
    match kind.as_str() {
        Some("test") if entry.get("test_metadata").is_some_and(|it| !it.is_null()) => {
            vec![at("/test_metadata")]
        }
        Some("source") => vec![at("/loader"), at("/freshness"), at("/identifier"), at("/external")],
        Some("exposure") => {
            ["/type", "/owner", "/url", "/description", "/label", "/maturity", "/depends_on/nodes"]
                .map(at)
                .to_vec()
        }
        Some("unit_test") => ["/model", "/given", "/expect", "/overrides", "/versions"].map(at).to_vec(),
        Some("metric") => ["/type", "/type_params", "/filter", "/label", "/description"].map(at).to_vec(),
        Some("semantic_model") => {
            ["/model", "/entities", "/measures", "/dimensions", "/defaults", "/primary_entity"]
                .map(at)
                .to_vec()
        }
        Some("saved_query") => ["/query_params", "/exports", "/label", "/description"].map(at).to_vec(),
        _ => of_file,
    }
}

/// What the project says, with the templates of project files as written: what they give differs between targets.
fn config(entry: &Json) -> BTreeMap<String, Json> {
    let config = entry.get("unrendered_config").and_then(Json::as_object);
    config
        .into_iter()
        .flatten()
        .filter(|(key, value)| !NOT_COMPARED.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Where a node is kept, as the project says: targets differ.
fn place(entry: &Json) -> [Option<Json>; 3] {
    ["database", "schema", "alias"].map(|key| {
        entry.get("unrendered_config").and_then(|it| it.get(key)).filter(|it| !it.is_null()).cloned()
    })
}

/// The texts that `persist_docs` writes into the database.
fn described(entry: &Json) -> Vec<Json> {
    let is_kept =
        |key: &str| entry.pointer(&format!("/config/persist_docs/{key}")) == Some(&Json::Bool(true));
    let mut texts = Vec::new();
    if is_kept("relation") {
        texts.push(entry.get("description").cloned().unwrap_or(Json::Null));
    }
    if is_kept("columns") {
        let columns = entry.get("columns").and_then(Json::as_object);
        let text = |it: &Json| it.get("description").cloned().unwrap_or(Json::Null);
        texts.extend(
            columns
                .into_iter()
                .flatten()
                .map(|(name, it)| Json::from(vec![Json::from(name.as_str()), text(it)])),
        );
    }
    texts
}
