//! `manifest.json` as the site reads it: the keys that pages show, everything else left out.
//!
//! The site is made from the artifact and not from the phases' types: what is written to disk has been
//! scrubbed of secrets, and is the same for every reader. Missing keys are empty, never a fault.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

/// A project's manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    pub(super) metadata: Metadata,
    nodes: BTreeMap<String, Entry>,
    sources: BTreeMap<String, Entry>,
    exposures: BTreeMap<String, Entry>,
    metrics: BTreeMap<String, Entry>,
    semantic_models: BTreeMap<String, Entry>,
    saved_queries: BTreeMap<String, Entry>,
    unit_tests: BTreeMap<String, Entry>,
    functions: BTreeMap<String, Entry>,
    macros: BTreeMap<String, Entry>,
    groups: BTreeMap<String, Entry>,
    pub(super) docs: BTreeMap<String, Doc>,
    pub(super) parent_map: BTreeMap<String, Vec<String>>,
}

/// The head of a manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) project_name: String,
    pub(super) generated_at: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) adapter_type: String,
}

/// A docs block.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Doc {
    pub(super) name: String,
    pub(super) package_name: String,
    pub(super) block_contents: String,
}

/// A node, source, exposure, macro or group; a key that its kind has not is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    pub(super) unique_id: String,
    pub(super) resource_type: String,
    pub(super) name: String,
    pub(super) package_name: String,
    pub(super) original_file_path: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) patch_path: String,
    pub(super) fqn: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) database: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) schema: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) alias: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) identifier: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) relation_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) description: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) meta: Map<String, Json>,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Map<String, Json>,
    #[serde(deserialize_with = "or_default")]
    unrendered_config: Map<String, Json>,
    #[serde(deserialize_with = "or_default")]
    pub(super) columns: Columns,
    #[serde(deserialize_with = "or_default")]
    pub(super) group: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) docs: Shown,
    #[serde(deserialize_with = "or_default")]
    pub(super) raw_code: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) compiled_code: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) language: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) depends_on: DependsOn,
    #[serde(deserialize_with = "or_default")]
    pub(super) access: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) version: Json,
    #[serde(deserialize_with = "or_default")]
    pub(super) latest_version: Json,
    #[serde(deserialize_with = "or_default")]
    pub(super) deprecation_date: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) constraints: Vec<Constraint>,
    // Sources.
    pub(super) source_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) source_description: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) loader: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) loaded_at_field: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) freshness: Freshness,
    // Exposures and groups.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) label: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) url: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) maturity: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) owner: Map<String, Json>,
    // Tests.
    #[serde(deserialize_with = "or_default")]
    pub(super) column_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) attached_node: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) test_metadata: TestMetadata,
    // Unit tests.
    #[serde(deserialize_with = "or_default")]
    pub(super) given: Vec<Json>,
    #[serde(deserialize_with = "or_default")]
    pub(super) expect: Json,
    // Macros and functions.
    #[serde(deserialize_with = "or_default")]
    pub(super) macro_sql: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) arguments: Vec<Argument>,
}

/// Columns in the order written.
#[derive(Debug, Default)]
pub(super) struct Columns(pub(super) Vec<Column>);

/// A column as it is declared.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) description: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) data_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) meta: Map<String, Json>,
    #[serde(deserialize_with = "or_default")]
    pub(super) constraints: Vec<Constraint>,
}

/// A promise about a column or a model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Constraint {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) expression: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) columns: Vec<String>,
}

/// `docs:` of a node.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    pub(super) show: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) node_color: String,
}

impl Default for Shown {
    fn default() -> Self {
        Self { show: true, node_color: String::new() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DependsOn {
    pub(super) macros: Vec<String>,
}

/// How old a source may be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Freshness {
    #[serde(deserialize_with = "or_default")]
    pub(super) warn_after: Age,
    #[serde(deserialize_with = "or_default")]
    pub(super) error_after: Age,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Age {
    pub(super) count: Option<u64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) period: String,
}

/// What a generic test is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TestMetadata {
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) namespace: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) kwargs: Map<String, Json>,
}

/// An argument of a macro or a function.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Argument {
    pub(super) name: String,
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) data_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) description: String,
}

/// Packages that are part of every project; nobody wants to read about them here.
const BUILT_IN: [&str; 2] = ["dbt", "dbt_duckdb"];

impl Manifest {
    /// Reads a manifest's text.
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Everything that has a page, by id. Operations (hooks of runs) have none.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        let maps = [
            &self.nodes,
            &self.sources,
            &self.exposures,
            &self.metrics,
            &self.semantic_models,
            &self.saved_queries,
            &self.unit_tests,
            &self.functions,
            &self.macros,
            &self.groups,
        ];
        let mut entries: Vec<&Entry> = maps
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|it| it.resource_type != "operation" && it.docs.show && it.shown_by_config())
            .filter(|it| it.resource_type != "macro" || !BUILT_IN.contains(&it.package_name.as_str()))
            .collect();
        entries.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
        entries
    }
}

impl Entry {
    /// `docs: {show: false}`, which newer manifests have in the config alone.
    fn shown_by_config(&self) -> bool {
        self.config.get("docs").and_then(|it| it.get("show")).and_then(Json::as_bool).unwrap_or(true)
    }

    /// Whether a file of the project sets this key of the config.
    pub(super) fn sets(&self, key: &str) -> bool {
        self.unrendered_config.contains_key(key)
    }

    /// A text of the config.
    pub(super) fn config_text(&self, key: &str) -> &str {
        self.config.get(key).and_then(Json::as_str).unwrap_or_default()
    }
}

/// `null` means what a missing key means.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads a map of columns in the order in which it is written; a `BTreeMap` would lose it.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Columns;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("columns by their names")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Columns, M::Error> {
        let mut columns = Vec::new();
        while let Some((_, column)) = map.next_entry::<IgnoredAny, Column>()? {
            columns.push(column);
        }
        Ok(Columns(columns))
    }
}
