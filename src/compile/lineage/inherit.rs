//! Descriptions that columns take over from the columns that they are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Column, Lineage, Table};
use crate::graph::{Graph, Node};
use crate::node::NodeId;
use crate::parse::properties::ColumnProperties;
use crate::sql::lineage::EdgeKind;

/// Descriptions that are not written where they hold.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    columns: BTreeMap<(NodeId, String), InheritedDescription>,
}

/// A description that was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InheritedDescription {
    /// The column's name in its node.
    pub name: String,
    /// The text.
    pub text: String,
    /// The column where it is written.
    pub from: Column,
}

impl Inherited {
    /// The description that a column takes over; none if it has one of its own.
    pub fn of(&self, id: NodeId, column: &str) -> Option<&InheritedDescription> {
        self.columns.get(&(id, column.to_lowercase()))
    }

    /// All columns of a node that take over a description, by name.
    pub fn of_node(&self, id: NodeId) -> impl Iterator<Item = &InheritedDescription> {
        self.columns.range((id, String::new())..).take_while(move |it| it.0.0 == id).map(|it| it.1)
    }
}

/// Takes descriptions along edges that pass a column through or rename it. A text of its own wins; where the
/// branches of a union say different things, nothing is taken.
pub fn inherit(graph: &Graph, lineage: &Lineage) -> Inherited {
    let mut inherited = Inherited::default();
    // Parents come first, so what they have taken over is known.
    for id in graph.order() {
        let Some(own) = lineage.nodes.get(id) else { continue };
        let node = graph.node(*id);
        for column in own.columns.iter().filter(|it| !it.is_unknown && may_inherit(node, &it.name)) {
            let is_same = |kind: &EdgeKind| matches!(kind, EdgeKind::PassThrough | EdgeKind::Renamed);
            if column.sources.is_empty() || !column.sources.values().all(is_same) {
                continue;
            }
            let found: Vec<Option<InheritedDescription>> =
                column.sources.keys().map(|it| described(graph, &inherited, it)).collect();
            let texts: BTreeSet<Option<&str>> =
                found.iter().map(|it| it.as_ref().map(|it| it.text.as_str())).collect();
            if texts.len() == 1
                && let Some(Some(first)) = found.into_iter().next()
            {
                let taken = InheritedDescription { name: column.name.clone(), ..first };
                inherited.columns.insert((*id, column.name.to_lowercase()), taken);
            }
        }
    }
    inherited
}

fn described(graph: &Graph, inherited: &Inherited, column: &Column) -> Option<InheritedDescription> {
    let Table::Node(id) = column.table else { return None };
    if let Some(text) = own_text(graph.node(id), &column.name) {
        return Some(InheritedDescription {
            name: column.name.clone(),
            text: text.to_owned(),
            from: column.clone(),
        });
    }
    inherited.of(id, &column.name).cloned()
}

fn properties<'n>(node: &'n Node, column: &str) -> Option<&'n ColumnProperties> {
    node.columns.iter().find(|it| it.name.value.eq_ignore_ascii_case(column))
}

fn own_text<'n>(node: &'n Node, column: &str) -> Option<&'n str> {
    let text = properties(node, column)?.description.as_ref()?.value.as_str();
    (!text.trim().is_empty()).then_some(text)
}

/// Whether a column has no text of its own and nobody says that it is to have none.
fn may_inherit(node: &Node, column: &str) -> bool {
    let is_off = |meta: &Json| meta.get("inherit").and_then(Json::as_bool) == Some(false);
    let properties = properties(node, column);
    own_text(node, column).is_none()
        && !is_off(&node.config.meta)
        && properties.is_none_or(|it| it.inherit != Some(false) && !is_off(&it.meta))
}
