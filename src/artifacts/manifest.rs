//! `manifest.json`: what a project is.
//!
//! The keys, their order and their defaults are those of dbt 1.11. Entries are made while they are
//! written, so that a manifest of thousands of nodes is never in memory as a whole. Deliberately absent:
//! anything that dbt's schema has no place for.

mod calls;
mod code;
mod column;
mod config;
mod constraint;
mod entry;
mod exposure;
mod groups;
mod kinds;
mod library;
mod node;
mod operation;
mod project_graph;
mod semantic;
mod source;
mod unit_test;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde::ser::{Serialize, SerializeMap, Serializer};

use self::entry::{Context, Entry};
use self::exposure::ManifestExposure;
use self::node::ManifestNode;
pub use self::project_graph::project_graph;
use self::source::ManifestSource;
use super::Stamp;
use super::metadata::Metadata;
use crate::compile::Compiled;
use crate::diagnostics::Sources;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::project::Project;
use crate::project::files::Files;

const SCHEMA: &str = "https://schemas.getdbt.com/dbt/manifest/v12.json";

/// What a manifest is made from.
#[derive(Clone, Copy)]
pub struct ManifestInput<'a> {
    /// The project's settings.
    pub project: &'a Project,
    /// Its nodes, macros and docs blocks.
    pub graph: &'a Graph,
    /// The SQL of those nodes that were compiled, if any were.
    pub compiled: Option<&'a Compiled>,
    /// The texts of its files.
    pub sources: &'a Sources,
    /// Its folder, for the checksums of seeds.
    pub files: &'a dyn Files,
}

/// The content of `manifest.json`.
pub struct Manifest<'a> {
    metadata: ManifestMetadata<'a>,
    context: Context<'a>,
}

#[derive(serde::Serialize)]
struct ManifestMetadata<'a> {
    #[serde(flatten)]
    common: Metadata<'a>,
    project_name: &'a str,
    project_id: String,
    user_id: Option<&'a str>,
    send_anonymous_usage_stats: bool,
    adapter_type: &'static str,
    quoting: Quoting,
    run_started_at: &'a str,
}

#[derive(serde::Serialize)]
struct Quoting {
    database: bool,
    schema: bool,
    identifier: bool,
    column: Option<bool>,
}

/// A project's manifest, to be serialized.
pub fn manifest<'a>(input: &ManifestInput<'a>, stamp: &'a Stamp) -> Manifest<'a> {
    let project = input.project;
    let name = &project.config.name.value;
    let project_id = Md5::digest(name.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let metadata = ManifestMetadata {
        common: Metadata::new(SCHEMA, project, stamp),
        project_name: name,
        project_id,
        user_id: None,
        send_anonymous_usage_stats: false,
        adapter_type: "duckdb",
        quoting: Quoting {
            database: project.config.quoting.database,
            schema: project.config.quoting.schema,
            identifier: project.config.quoting.identifier,
            column: None,
        },
        run_started_at: &project.settings.globals.run_started_at,
    };
    Manifest { metadata, context: Context::new(input, stamp) }
}

impl Serialize for Manifest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let context = &self.context;
        let of_kind = |wanted: &'static [NodeKind]| {
            context.entries.iter().filter(move |it| wanted.contains(&it.parsed.kind))
        };
        let id = |it: &Entry<'_>| it.parsed.unique_id.as_str().to_owned();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metadata", &self.metadata)?;
        let nodes = of_kind(&NODES)
            .filter_map(|it| Some((id(it), AnyNode::Node(Box::new(ManifestNode::new(context, it)?)))));
        let hooks = operation::entries(context);
        let nodes = nodes.chain(hooks.iter().map(|(id, it)| (id.clone(), AnyNode::Operation(it.clone()))));
        map.serialize_entry("nodes", &Streamed(nodes))?;
        let sources =
            of_kind(&[NodeKind::Source]).filter_map(|it| Some((id(it), ManifestSource::new(context, it)?)));
        map.serialize_entry("sources", &Streamed(sources))?;
        map.serialize_entry("macros", &library::macros(context))?;
        map.serialize_entry("docs", &library::docs(context))?;
        let exposures = of_kind(&[NodeKind::Exposure])
            .filter_map(|it| Some((id(it), ManifestExposure::new(context, it)?)));
        map.serialize_entry("exposures", &Streamed(exposures))?;
        let semantic = |kind: &'static [NodeKind]| {
            Streamed(of_kind(kind).filter_map(|it| Some((id(it), semantic::entry(context, it)?))))
        };
        map.serialize_entry("metrics", &semantic(&[NodeKind::Metric]))?;
        map.serialize_entry("groups", &groups::groups(context))?;
        let selectors: BTreeMap<&str, serde_json::Value> = context
            .project
            .selectors
            .iter()
            .map(|it| {
                let shown = serde_json::json!({
                    "name": it.name, "description": it.description, "definition": it.shown, "default": it.is_default,
                });
                (it.name.as_str(), shown)
            })
            .collect();
        map.serialize_entry("selectors", &selectors)?;
        map.serialize_entry("disabled", &disabled(context))?;
        map.serialize_entry("parent_map", &Streamed(context.entries.iter().map(|it| parents(context, it))))?;
        map.serialize_entry("child_map", &Streamed(context.entries.iter().map(|it| children(context, it))))?;
        map.serialize_entry("group_map", &groups::group_map(context))?;
        map.serialize_entry("saved_queries", &semantic(&[NodeKind::SavedQuery]))?;
        map.serialize_entry("semantic_models", &semantic(&[NodeKind::SemanticModel]))?;
        let unit_tests =
            of_kind(&[NodeKind::UnitTest]).filter_map(|it| Some((id(it), unit_test::entry(context, it)?)));
        map.serialize_entry("unit_tests", &Streamed(unit_tests))?;
        let functions = of_kind(&[NodeKind::Function]);
        let functions = functions.filter_map(|it| Some((id(it), ManifestNode::new(context, it)?)));
        map.serialize_entry("functions", &Streamed(functions))?;
        map.end()
    }
}

/// What stands under `nodes`: all but sources and exposures, which have maps of their own.
const NODES: [NodeKind; 5] =
    [NodeKind::Seed, NodeKind::Model, NodeKind::Snapshot, NodeKind::Test, NodeKind::Analysis];

/// An entry of `nodes`.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum AnyNode<'a> {
    Node(Box<ManifestNode<'a>>),
    Operation(serde_json::Value),
}

/// A mapping whose entries are made while they are written.
struct Streamed<I>(I);

impl<I, K, V> Serialize for Streamed<I>
where
    I: Iterator<Item = (K, V)> + Clone,
    K: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

fn parents<'a>(context: &Context<'a>, entry: &Entry<'a>) -> (&'a str, Vec<&'a str>) {
    let ids = entry.id.map_or(&[][..], |it| context.graph.parents(it));
    (entry.parsed.unique_id.as_str(), sorted_names(context, ids))
}

fn children<'a>(context: &Context<'a>, entry: &Entry<'a>) -> (&'a str, Vec<&'a str>) {
    let ids = entry.id.map(|it| context.graph.children(it)).unwrap_or_default();
    (entry.parsed.unique_id.as_str(), sorted_names(context, &ids))
}

fn sorted_names<'a>(context: &Context<'a>, ids: &[NodeId]) -> Vec<&'a str> {
    let mut names: Vec<&str> = ids.iter().map(|it| context.graph.node(*it).unique_id.as_str()).collect();
    names.sort_unstable();
    names
}

/// Nodes that take no part, by id; several may have the same one.
fn disabled<'a>(context: &Context<'a>) -> BTreeMap<&'a str, Vec<Disabled<'a>>> {
    let mut all: BTreeMap<&str, Vec<Disabled<'_>>> = BTreeMap::new();
    for parsed in &context.graph.disabled {
        let entry = Entry { parsed, id: None, node: None };
        let disabled = match parsed.kind {
            NodeKind::Source => ManifestSource::new(context, &entry).map(|it| Disabled::Source(Box::new(it))),
            NodeKind::Exposure => {
                ManifestExposure::new(context, &entry).map(|it| Disabled::Exposure(Box::new(it)))
            }
            NodeKind::UnitTest => unit_test::entry(context, &entry).map(Disabled::Yaml),
            NodeKind::SemanticModel | NodeKind::Metric | NodeKind::SavedQuery => {
                semantic::entry(context, &entry).map(Disabled::Yaml)
            }
            NodeKind::Seed
            | NodeKind::Model
            | NodeKind::Snapshot
            | NodeKind::Function
            | NodeKind::Test
            | NodeKind::Analysis => ManifestNode::new(context, &entry).map(|it| Disabled::Node(Box::new(it))),
        };
        all.entry(parsed.unique_id.as_str()).or_default().extend(disabled);
    }
    all
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Disabled<'a> {
    Node(Box<ManifestNode<'a>>),
    Source(Box<ManifestSource<'a>>),
    Exposure(Box<ManifestExposure<'a>>),
    Yaml(serde_json::Value),
}
