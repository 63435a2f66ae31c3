//! What every entry of a manifest is made from.

use std::collections::{BTreeMap, BTreeSet};

use super::{ManifestInput, Stamp};
use crate::compile::Compiled;
use crate::diagnostics::Sources;
use crate::graph::{Graph, Node};
use crate::node::NodeId;
use crate::parse::{Body, DataTest, GenericTest, Owner, ParsedNode, TestKind};
use crate::project::Project;
use crate::project::files::{Files, ProjectPath};

/// All that entries look things up in.
pub(super) struct Context<'a> {
    pub(super) project: &'a Project,
    pub(super) graph: &'a Graph,
    pub(super) compiled: Option<&'a Compiled>,
    pub(super) sources: &'a Sources,
    pub(super) files: &'a dyn Files,
    /// Nodes that take part, sorted by unique id.
    pub(super) entries: Vec<Entry<'a>>,
    /// Seconds since 1970; dbt notes when it parsed each file, here all have the time of the invocation.
    pub(super) created_at: f64,
    /// Unique ids of all macros.
    pub(super) macros: BTreeSet<String>,
    /// The columns that identify a model's rows, as its tests tell.
    pub(super) primary_keys: BTreeMap<NodeId, Vec<&'a str>>,
}

/// A node to write.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// What the files say.
    pub(super) parsed: &'a ParsedNode,
    /// Its id; `None` for a node that takes no part.
    pub(super) id: Option<NodeId>,
    /// Its references; likewise.
    pub(super) node: Option<&'a Node>,
}

impl<'a> Context<'a> {
    pub(super) fn new(input: &ManifestInput<'a>, stamp: &Stamp) -> Self {
        let graph = input.graph;
        let entry =
            |(id, node): (NodeId, &'a Node)| Entry { parsed: &node.parsed, id: Some(id), node: Some(node) };
        Self {
            project: input.project,
            graph,
            compiled: input.compiled,
            sources: input.sources,
            files: input.files,
            entries: graph.nodes().map(entry).collect(),
            created_at: seconds(&stamp.generated_at),
            macros: graph.templates.macros().iter().map(super::library::macro_id).collect(),
            primary_keys: primary_keys(graph),
        }
    }

    /// A file's path relative to the folder of the project's paths that it was found in.
    pub(super) fn path_in_folder(&self, path: &'a ProjectPath) -> &'a str {
        let files = &self.project.files;
        let found = files.binary_search_by(|it| it.path.cmp(path)).ok();
        found.and_then(|it| path.inside(&files[it].folder)).unwrap_or(path.as_str())
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit into 52 bits for a century")]
fn seconds(time: &str) -> f64 {
    time.parse::<jiff::Timestamp>().map_or(0.0, |it| it.as_microsecond() as f64 / 1e6)
}

/// The node a generic test is declared on.
pub(super) fn owner_of(node: &Node, test: &GenericTest) -> Option<NodeId> {
    match &test.owner {
        Owner::Ref(call) => node.refs.get(call).copied(),
        Owner::Source(call) => node.sources.get(call).copied(),
    }
}

/// Columns with tests for uniqueness; those without nulls alone, where there are any.
fn primary_keys(graph: &Graph) -> BTreeMap<NodeId, Vec<&str>> {
    #[derive(Default)]
    struct Tested<'a> {
        unique: BTreeSet<&'a str>,
        not_null: BTreeSet<&'a str>,
    }
    let mut tested: BTreeMap<NodeId, Tested<'_>> = BTreeMap::new();
    for (_, node) in graph.nodes() {
        let Body::Test(DataTest { kind: TestKind::Generic(test), .. }) = &node.body else { continue };
        let Some(owner) = owner_of(node, test) else { continue };
        let columns = tested.entry(owner).or_default();
        match test.name.as_str() {
            "unique" | "unique_combination_of_columns" => columns.unique.extend(columns_of(test)),
            "not_null" => columns.not_null.extend(columns_of(test)),
            _ => {}
        }
    }
    let keys = tested.into_iter().map(|(id, columns)| {
        let both: Vec<&str> = columns.unique.intersection(&columns.not_null).copied().collect();
        (id, if both.is_empty() { columns.unique.into_iter().collect() } else { both })
    });
    keys.collect()
}

fn columns_of(test: &GenericTest) -> Vec<&str> {
    let argument = |name: &str| test.arguments.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    if let Some(column) = argument("column_name").and_then(serde_json::Value::as_str) {
        return vec![column];
    }
    let combination = argument("combination_of_columns").and_then(serde_json::Value::as_array);
    combination.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
}
