//! `catalog.json`: the relations of a project as they are in the warehouse.
//!
//! The keys are those of dbt's schema v1. A relation that is not there yet has no entry, as in dbt.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::Serializer;

use super::Stamp;
use super::metadata::Metadata;
use crate::graph::Graph;
use crate::node::{NodeKind, RelationKind};
use crate::project::Project;
use crate::warehouse::{Column, RelationShape};

const SCHEMA: &str = "https://schemas.getdbt.com/dbt/catalog/v1.json";

/// The content of `catalog.json`.
#[derive(Serialize)]
pub struct CatalogFile<'a> {
    metadata: Metadata<'a>,
    nodes: BTreeMap<&'a str, Table<'a>>,
    sources: BTreeMap<&'a str, Table<'a>>,
    errors: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Table<'a> {
    metadata: TableMetadata<'a>,
    columns: Columns<'a>,
    stats: BTreeMap<&'static str, Stat>,
    unique_id: &'a str,
}

#[derive(Serialize)]
struct TableMetadata<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: &'a str,
    name: &'a str,
    database: Option<&'a str>,
    comment: Option<&'a str>,
    /// DuckDB has no users.
    owner: Option<&'a str>,
}

struct Columns<'a>(&'a [(Column, Option<String>)]);

#[derive(Serialize)]
struct CatalogColumn<'a> {
    #[serde(rename = "type")]
    data_type: &'a str,
    index: usize,
    name: &'a str,
    comment: Option<&'a str>,
}

/// dbt has this entry where there are no figures.
#[derive(Serialize)]
struct Stat {
    id: &'static str,
    label: &'static str,
    value: bool,
    include: bool,
    description: &'static str,
}

/// The catalog of a project's relations among these.
pub fn catalog<'a>(
    project: &'a Project,
    graph: &'a Graph,
    shapes: &'a [RelationShape],
    stamp: &'a Stamp,
) -> CatalogFile<'a> {
    // DuckDB's names are the same in any case.
    let key = |it: &crate::node::Relation| it.render().to_lowercase();
    let found: BTreeMap<String, &RelationShape> = shapes.iter().map(|it| (key(&it.relation), it)).collect();
    let (mut nodes, mut sources) = (BTreeMap::new(), BTreeMap::new());
    for (_, node) in graph.nodes() {
        let Some(shape) = node.relation.as_ref().and_then(|it| found.get(&key(it))) else { continue };
        let id = node.unique_id.as_str();
        match node.kind {
            NodeKind::Source => drop(sources.insert(id, table(id, shape))),
            NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot => drop(nodes.insert(id, table(id, shape))),
            NodeKind::Function
            | NodeKind::Test
            | NodeKind::Analysis
            | NodeKind::Exposure
            | NodeKind::UnitTest
            | NodeKind::SemanticModel
            | NodeKind::Metric
            | NodeKind::SavedQuery => {}
        }
    }
    CatalogFile { metadata: Metadata::new(SCHEMA, project, stamp), nodes, sources, errors: None }
}

fn table<'a>(id: &'a str, shape: &'a RelationShape) -> Table<'a> {
    let stat = Stat {
        id: "has_stats",
        label: "Has Stats?",
        value: false,
        include: false,
        description: "Indicates whether there are statistics for this table",
    };
    Table {
        metadata: TableMetadata {
            kind: match shape.kind {
                RelationKind::Table => "BASE TABLE",
                RelationKind::View => "VIEW",
            },
            schema: shape.relation.schema.as_deref().unwrap_or_default(),
            name: &shape.relation.identifier,
            database: shape.relation.database.as_deref(),
            comment: shape.comment.as_deref(),
            owner: None,
        },
        columns: Columns(&shape.columns),
        stats: [("has_stats", stat)].into(),
        unique_id: id,
    }
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().enumerate().map(|(at, (column, comment))| {
            let entry = CatalogColumn {
                data_type: &column.data_type,
                index: at + 1,
                name: &column.name,
                comment: comment.as_deref(),
            };
            (&column.name, entry)
        }))
    }
}
