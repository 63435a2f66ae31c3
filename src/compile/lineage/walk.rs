//! From one column through the project: what it comes from, or what comes from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Column, Lineage, Table};
use crate::node::NodeId;
use crate::sql::lineage::EdgeKind;

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To what it comes from.
    Up,
    /// To what comes from it.
    Down,
}

/// An edge between columns of two nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The column that is read.
    pub from: Column,
    /// The column that is made.
    pub to: Column,
    /// How.
    pub kind: EdgeKind,
}

/// What was reached from a column.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// Edges in the order in which they were found.
    pub edges: Vec<Edge>,
    /// Nodes on the way of which not all is known, with the reasons.
    pub unknown: BTreeMap<NodeId, String>,
}

/// Follows a column as far as it goes; with `keys` also along what decides on rows.
pub fn walk(lineage: &Lineage, start: &Column, direction: Direction, keys: bool) -> Walk {
    let readers = match direction {
        Direction::Up => BTreeMap::new(),
        Direction::Down => readers(lineage, keys),
    };
    let mut walk = Walk::default();
    let mut seen: BTreeSet<Column> = BTreeSet::from([lower(start)]);
    let mut queue = VecDeque::from([start.clone()]);
    while let Some(column) = queue.pop_front() {
        let edges = match direction {
            Direction::Up => above(lineage, &column, keys, &mut walk.unknown),
            Direction::Down => readers.get(&lower(&column)).cloned().unwrap_or_default(),
        };
        for edge in edges {
            let next = match direction {
                Direction::Up => &edge.from,
                Direction::Down => &edge.to,
            };
            if seen.insert(lower(next)) {
                queue.push_back(next.clone());
            }
            walk.edges.push(edge);
        }
    }
    if direction == Direction::Down {
        let reached: BTreeSet<NodeId> = walk.edges.iter().filter_map(|it| node(&it.to)).collect();
        for id in reached {
            if let Some(reason) = lineage.nodes.get(&id).and_then(|it| it.unknown.clone()) {
                walk.unknown.insert(id, reason);
            }
        }
    }
    walk
}

fn node(column: &Column) -> Option<NodeId> {
    match column.table {
        Table::Node(id) => Some(id),
        Table::Outside(_) => None,
    }
}

/// Names are compared without regard to case.
fn lower(column: &Column) -> Column {
    Column { table: column.table.clone(), name: column.name.to_lowercase() }
}

fn above(
    lineage: &Lineage,
    column: &Column,
    keys: bool,
    unknown: &mut BTreeMap<NodeId, String>,
) -> Vec<Edge> {
    let Some((id, of_node)) = node(column).and_then(|id| Some((id, lineage.nodes.get(&id)?))) else {
        return Vec::new();
    };
    let own = of_node.columns.iter().find(|it| it.name.eq_ignore_ascii_case(&column.name));
    let is_unknown = own.is_none_or(|it| it.is_unknown);
    if let (true, Some(reason)) = (is_unknown, &of_node.unknown) {
        unknown.insert(id, reason.clone());
    }
    let edge = |from: &Column, kind| Edge { from: from.clone(), to: column.clone(), kind };
    let sources = own.into_iter().flat_map(|it| &it.sources).map(|(from, kind)| edge(from, *kind));
    let rows = of_node.keys.iter().filter(|_| keys).map(|from| edge(from, EdgeKind::Key));
    sources.chain(rows).collect()
}

/// All edges by the column that is read.
fn readers(lineage: &Lineage, keys: bool) -> BTreeMap<Column, Vec<Edge>> {
    let mut readers: BTreeMap<Column, Vec<Edge>> = BTreeMap::new();
    for (id, of_node) in &lineage.nodes {
        for column in &of_node.columns {
            let to = Column { table: Table::Node(*id), name: column.name.clone() };
            let sources = column.sources.iter().map(|(from, kind)| (from, *kind));
            let rows = of_node.keys.iter().filter(|_| keys).map(|it| (it, EdgeKind::Key));
            for (from, kind) in sources.chain(rows) {
                let edge = Edge { from: from.clone(), to: to.clone(), kind };
                readers.entry(lower(from)).or_default().push(edge);
            }
        }
    }
    readers
}
