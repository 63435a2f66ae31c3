//! What is known about columns beyond what properties files declare: names, types, where they come from.
//!
//! Plain data from outside: the compiler's shapes and column lineage, the warehouse's catalog. All of it may
//! be missing; a column is then as it was declared.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::compile::lineage::{self, Column, Lineage, Table as ReadTable};
use crate::compile::shapes::{Shape, Shapes};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::sql::lineage::EdgeKind as TracedKind;

/// Facts about columns, by unique id of their node.
#[derive(Clone, Debug, Default)]
pub struct ColumnFacts {
    /// Columns in the order of their relation.
    pub columns: BTreeMap<String, Vec<KnownColumn>>,
    /// From each column to those that are made from it.
    pub edges: Vec<ColumnEdge>,
    /// Columns that decide which rows a node has (filters, join keys, groups), by unique id of the node.
    pub keys: BTreeMap<String, Vec<(String, String)>>,
    /// Nodes whose columns' origins are not known, or only in part.
    pub unknown: BTreeMap<String, UnknownOrigins>,
    /// Why the columns of a node are not known, or may be others when it comes to it.
    pub doubts: BTreeMap<String, String>,
    /// Descriptions that came along edges, by node and column.
    pub inherited: BTreeMap<(String, String), Inherited>,
}

/// What is not known about the origins of a node's columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownOrigins {
    /// Why, if it is the query as a whole.
    pub reason: Option<String>,
    /// Columns that may come from more than is known.
    pub columns: Vec<String>,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownColumn {
    /// Its name.
    pub name: String,
    /// Its type, if it is known.
    pub data_type: Option<String>,
    /// Its comment in the warehouse.
    pub comment: Option<String>,
}

/// A column is made from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnEdge {
    /// Node and column that is read.
    pub from: (String, String),
    /// Node and column that is made.
    pub to: (String, String),
    /// How.
    pub how: EdgeKind,
}

/// How a column is made from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Under the same name.
    PassThrough,
    /// Under another name.
    Renamed,
    /// By an expression.
    Computed,
}

impl EdgeKind {
    /// The number in the site's data; `assets/lineage.js` has the words.
    pub(super) fn code(self) -> u8 {
        match self {
            EdgeKind::PassThrough => 0,
            EdgeKind::Renamed => 1,
            EdgeKind::Computed => 2,
        }
    }
}

/// A description that was written for another column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// Its text.
    pub description: String,
    /// The node and column it was written for.
    pub from: (String, String),
}

/// The part of `catalog.json` that is read here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Catalog {
    nodes: BTreeMap<String, Table>,
    sources: BTreeMap<String, Table>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Table {
    columns: Map<String, Json>,
}

impl ColumnFacts {
    /// What the compiler knows about the columns of nodes.
    pub fn of_shapes(graph: &Graph, shapes: &Shapes) -> Self {
        let mut facts = Self::default();
        for (id, shape) in &shapes.nodes {
            let unique_id = graph.node(*id).unique_id.as_str();
            let doubt = match shape {
                Shape::Known(shape) => {
                    let columns = shape.columns.iter().map(|it| KnownColumn {
                        name: it.name.clone(),
                        data_type: Some(it.data_type.clone()),
                        comment: None,
                    });
                    facts.columns.insert(unique_id.to_owned(), columns.collect());
                    shape.guess.clone()
                }
                Shape::Unknown(reason) => Some(reason.clone()),
            };
            facts.doubts.extend(doubt.map(|it| (unique_id.to_owned(), it)));
        }
        facts
    }

    /// Takes where the columns of nodes come from, and the descriptions that come along. Columns of tables that are no nodes have no page to lead to.
    #[must_use]
    pub fn with_lineage(mut self, graph: &Graph, lineage: &Lineage) -> Self {
        for (id, node) in &lineage.nodes {
            let name = |column: &Column| {
                let ReadTable::Node(read) = &column.table else { return None };
                let read = named_by(graph, *id, *read);
                Some((graph.node(read).unique_id.as_str().to_owned(), column.name.clone()))
            };
            let own = graph.node(*id).unique_id.as_str();
            for column in &node.columns {
                for (source, kind) in &column.sources {
                    let how = match kind {
                        TracedKind::PassThrough => EdgeKind::PassThrough,
                        TracedKind::Renamed => EdgeKind::Renamed,
                        TracedKind::Computed => EdgeKind::Computed,
                        // It is told of the node as a whole.
                        TracedKind::Key => continue,
                    };
                    let Some(from) = name(source) else { continue };
                    self.edges.push(ColumnEdge { from, to: (own.to_owned(), column.name.clone()), how });
                }
            }
            self.keys.insert(own.to_owned(), node.keys.iter().filter_map(name).collect());
            let columns: Vec<String> =
                node.columns.iter().filter(|it| it.is_unknown).map(|it| it.name.clone()).collect();
            if node.unknown.is_some() || !columns.is_empty() {
                let origins = UnknownOrigins { reason: node.unknown.clone(), columns };
                self.unknown.insert(own.to_owned(), origins);
            }
        }
        self.inherited = inherited(graph, lineage);
        self
    }

    /// Takes what `catalog.json` tells: comments, and the columns of relations that nothing is known about yet.
    pub(super) fn with_catalog(mut self, text: Option<&str>) -> Self {
        let catalog: Catalog = text.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        for (id, table) in catalog.nodes.into_iter().chain(catalog.sources) {
            let found = columns(&table);
            let known = self.columns.entry(id).or_default();
            if known.is_empty() {
                *known = found;
                continue;
            }
            for column in known {
                let same = found.iter().find(|it| it.name.eq_ignore_ascii_case(&column.name));
                column.comment = same.and_then(|it| it.comment.clone());
            }
        }
        self
    }
}

/// The node by which a reader names a relation, where two nodes are the same one (a seed that is declared as a
/// source too).
fn named_by(graph: &Graph, reader: NodeId, read: NodeId) -> NodeId {
    let parents = graph.parents(reader);
    if parents.contains(&read) {
        return read;
    }
    let written = |id: NodeId| graph.node(id).relation.as_ref().map(|it| it.render().to_lowercase());
    let relation = written(read);
    let same = parents.iter().copied().find(|it| relation.is_some() && written(*it) == relation);
    same.unwrap_or(read)
}

fn inherited(graph: &Graph, lineage: &Lineage) -> BTreeMap<(String, String), Inherited> {
    let all = lineage::inherit(graph, lineage);
    let unique_id = |id| graph.node(id).unique_id.as_str().to_owned();
    let mut inherited = BTreeMap::new();
    for (id, _) in graph.nodes() {
        for taken in all.of_node(id) {
            let ReadTable::Node(from) = taken.from.table else { continue };
            let from = (unique_id(from), taken.from.name.clone());
            let text = Inherited { description: taken.text.clone(), from };
            inherited.insert((unique_id(id), taken.name.to_lowercase()), text);
        }
    }
    inherited
}

fn columns(table: &Table) -> Vec<KnownColumn> {
    let text = |it: &Json, key: &str| it.get(key).and_then(Json::as_str).map(str::to_owned);
    let mut columns: Vec<(u64, KnownColumn)> = table
        .columns
        .iter()
        .map(|(name, it)| {
            let index = it.get("index").and_then(Json::as_u64).unwrap_or(u64::MAX);
            let (data_type, comment) = (text(it, "type"), text(it, "comment"));
            (index, KnownColumn { name: name.clone(), data_type, comment })
        })
        .collect();
    columns.sort_by_key(|(index, _)| *index);
    columns.into_iter().map(|(_, it)| it).collect()
}
