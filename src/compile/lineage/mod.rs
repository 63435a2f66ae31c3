//! Column lineage of a project: which columns of a node come from which columns of its parents.
//!
//! In: compiled SQL, [`Shapes`], and a [`Binder`], of which only the reader of SQL is used. Out: [`Lineage`], an
//! edge list by node. What cannot be traced is labelled unknown. Deliberately absent: drawing it.

mod inherit;
mod tables;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use rayon::prelude::*;
use serde_json::Value as Json;

pub use self::inherit::{Inherited, InheritedDescription, inherit};
pub use self::tables::ProjectTables;
pub use self::walk::{Direction, Edge, Walk, walk};
use super::shapes::Shapes;
use super::{Compiled, CompiledNode};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;
use crate::parse::snapshot_settings::SnapshotStrategy;
use crate::parse::snapshots::SnapshotBody;
use crate::sql::lineage::{self as sql_lineage, ColumnName, EdgeKind, Traced};
use crate::warehouse::WarehouseError;
use crate::warehouse::binder::Binder;

/// Where the columns of nodes come from.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// By node; sources and seeds come from nowhere here.
    pub nodes: BTreeMap<NodeId, NodeLineage>,
}

/// Where the columns of a node come from.
#[derive(Clone, Debug, Default)]
pub struct NodeLineage {
    /// Its columns in order.
    pub columns: Vec<LineageColumn>,
    /// Columns that decide which rows it has: filters, join keys, groups.
    pub keys: BTreeSet<Column>,
    /// Why something may be missing.
    pub unknown: Option<String>,
}

/// Where a column comes from.
#[derive(Clone, Debug)]
pub struct LineageColumn {
    /// Its name.
    pub name: String,
    /// The columns that it comes from, and how.
    pub sources: BTreeMap<Column, EdgeKind>,
    /// Whether it may come from more.
    pub is_unknown: bool,
}

/// A column of a node, or of a table that is no node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// Where it is.
    pub table: Table,
    /// Its name.
    pub name: String,
}

/// What a query reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// A node of the project.
    Node(NodeId),
    /// Something else, by its name in SQL.
    Outside(String),
}

/// Traces all nodes that have SQL.
pub fn trace(
    graph: &Graph,
    compiled: &Compiled,
    shapes: &Shapes,
    binder: Box<dyn Binder>,
) -> Result<Lineage, WarehouseError> {
    let queries: Vec<(NodeId, &CompiledNode)> = graph
        .nodes()
        .filter(|(_, node)| matches!(node.kind, NodeKind::Model | NodeKind::Snapshot))
        .filter_map(|(id, _)| Some((id, compiled.nodes.get(&id).or_else(|| shapes.rendered.get(&id))?)))
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let size = queries.len().div_ceil(threads).max(1);
    let mut binders = vec![binder];
    while binders.len() < queries.len().div_ceil(size) {
        let next = binders[0].connect()?;
        binders.push(next);
    }
    let tables = ProjectTables::new(graph, compiled, shapes, binders[0].as_mut())?;
    let traced: Vec<(NodeId, NodeLineage)> = queries
        .par_chunks(size)
        .zip(binders.par_iter_mut())
        .flat_map_iter(|(queries, binder)| {
            let trace = |(id, node): &(NodeId, &CompiledNode)| {
                let traced = query(node, shapes.query_names(*id).as_deref(), &tables, binder.as_mut());
                (*id, of_node(graph, shapes, *id, traced))
            };
            queries.iter().map(trace).collect::<Vec<_>>()
        })
        .collect();
    Ok(Lineage { nodes: traced.into_iter().collect() })
}

fn query(
    node: &CompiledNode,
    names: Option<&[String]>,
    tables: &ProjectTables<'_>,
    binder: &mut dyn Binder,
) -> Traced {
    let unknown = |reason: String| Traced { unknown: Some(reason), ..Traced::default() };
    match binder.syntax(&node.sql.text) {
        Err(error) => unknown(error.message),
        Ok(text) => match serde_json::from_str::<Json>(&text) {
            Ok(tree) => sql_lineage::trace(&tree, tables, names),
            Err(error) => unknown(error.to_string()),
        },
    }
}

/// From the columns of a node's query to those of the node.
fn of_node(graph: &Graph, shapes: &Shapes, id: NodeId, traced: Traced) -> NodeLineage {
    let column = |it: ColumnName| Column {
        table: match graph.find(&crate::node::UniqueId(it.table.clone())) {
            Some(id) => Table::Node(id),
            None => Table::Outside(it.table),
        },
        name: it.column,
    };
    let mut columns: Vec<LineageColumn> = traced
        .columns
        .into_iter()
        .map(|it| LineageColumn {
            name: it.name,
            sources: it.sources.into_iter().map(|(source, kind)| (column(source), kind)).collect(),
            is_unknown: it.is_unknown,
        })
        .collect();
    let mut unknown = traced.unknown;
    if let Some(own) = shapes.columns(id) {
        let found = columns;
        let names = sql_lineage::unique_names(found.iter().map(|it| it.name.as_str()));
        let named = |name: &str| {
            let place = names.iter().position(|it| it.eq_ignore_ascii_case(name))?;
            found.get(place)
        };
        columns = own
            .iter()
            .map(|it| match named(&it.name) {
                Some(column) => LineageColumn { name: it.name.clone(), ..column.clone() },
                None => added(graph, id, &it.name, &found),
            })
            .collect();
        if found.is_empty() && !columns.is_empty() {
            unknown = unknown.or_else(|| Some("its query could not be traced".to_owned()));
        }
    } else if unknown.is_none() && columns.is_empty() {
        unknown = Some("its columns are not known".to_owned());
    }
    NodeLineage { columns, keys: traced.keys.into_iter().map(column).collect(), unknown }
}

/// A column that is not in the query: a snapshot adds some, and tables of other kinds keep old ones.
fn added(graph: &Graph, id: NodeId, name: &str, query: &[LineageColumn]) -> LineageColumn {
    let mut sources = BTreeMap::new();
    let Body::Snapshot(SnapshotBody { settings: Some(settings), .. }) = &graph.node(id).body else {
        return LineageColumn { name: name.to_owned(), sources, is_unknown: true };
    };
    let mut from: Vec<&str> = match &settings.strategy {
        SnapshotStrategy::Timestamp { updated_at }
        | SnapshotStrategy::Check { updated_at: Some(updated_at), .. } => vec![updated_at],
        SnapshotStrategy::Check { updated_at: None, .. } | SnapshotStrategy::Custom { .. } => Vec::new(),
    };
    if name.eq_ignore_ascii_case(&settings.columns.scd_id) {
        from.extend(settings.unique_key.iter().map(String::as_str));
    }
    for column in query.iter().filter(|it| from.iter().any(|from| it.name.eq_ignore_ascii_case(from))) {
        sources.extend(column.sources.keys().map(|it| (it.clone(), EdgeKind::Computed)));
    }
    LineageColumn { name: name.to_owned(), sources, is_unknown: false }
}
