//! What is known about columns beyond what properties files declare: names, types, where they come from.
//!
//! Plain data from outside: the compiler's shapes and column lineage, the warehouse's catalog. All of it may
//! be missing; a column is then as it was declared.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// Facts about columns, by unique id of their node.
#[derive(Clone, Debug, Default)]
pub struct ColumnFacts {
    /// Columns in the order of their relation.
    pub columns: BTreeMap<String, Vec<KnownColumn>>,
    /// From each column to those that are made from it.
    pub edges: Vec<ColumnEdge>,
    /// Nodes whose columns' origins are not known, or only in part.
    pub unknown: Vec<String>,
    /// Descriptions that came along edges, by node and column.
    pub inherited: BTreeMap<(String, String), Inherited>,
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
    /// It decides which rows there are.
    Filter,
}

impl EdgeKind {
    /// The number in the site's data; `assets/lineage.js` has the words.
    pub(super) fn code(self) -> u8 {
        match self {
            EdgeKind::PassThrough => 0,
            EdgeKind::Renamed => 1,
            EdgeKind::Computed => 2,
            EdgeKind::Filter => 3,
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
    /// Takes what `catalog.json` tells about relations that nothing is known about yet.
    pub(super) fn with_catalog(mut self, text: Option<&str>) -> Self {
        let catalog: Catalog = text.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        for (id, table) in catalog.nodes.into_iter().chain(catalog.sources) {
            let known = self.columns.entry(id).or_default();
            if known.is_empty() {
                *known = columns(&table);
            }
        }
        self
    }
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
