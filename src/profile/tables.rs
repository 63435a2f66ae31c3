//! Names of tables as the engine writes them, and the nodes that they are.

use std::collections::BTreeMap;

use super::called;
use crate::graph::{Graph, Node};
use crate::node::{IdentifierStyle, NodeId};

/// The tables of a project's nodes.
pub(super) struct Tables<'a> {
    graph: &'a Graph,
    nodes: BTreeMap<String, NodeId>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        let nodes = graph.nodes().filter_map(|(id, node)| Some((name(node)?, id)));
        Self { graph, nodes: nodes.collect() }
    }

    /// The node of a table.
    pub(super) fn node(&self, table: &str) -> Option<NodeId> {
        self.nodes.get(&table.to_lowercase()).copied()
    }

    /// A table as people call it: by its node, else by its name without the database.
    pub(super) fn name(&self, table: &str) -> String {
        match (self.node(table), table.split_once('.')) {
            (Some(id), _) => called(self.graph.node(id)),
            (None, Some((_, rest))) => rest.to_owned(),
            (None, None) => table.to_owned(),
        }
    }
}

/// `database.schema.table`, without quotes.
fn name(node: &Node) -> Option<String> {
    let relation = node.relation.as_ref().filter(|it| it.style == IdentifierStyle::Quoted)?;
    let (database, schema) = (relation.database.as_ref()?, relation.schema.as_ref()?);
    Some(format!("{database}.{schema}.{}", relation.identifier).to_lowercase())
}
