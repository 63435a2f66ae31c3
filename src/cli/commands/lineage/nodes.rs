//! Lineage of whole nodes, one step up: all columns of one, or of all.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::draw::{column_json, dot, label, mermaid, table};
use crate::cli::args::command::LineageOutput;
use crate::compile::lineage::{self, Column, Edge, Inherited, Lineage, NodeLineage, Table};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::sql::lineage::EdgeKind;

/// Nodes to tell of.
pub(super) struct Nodes<'a> {
    graph: &'a Graph,
    lineage: &'a Lineage,
    /// One, or all that have SQL.
    one: Option<NodeId>,
    inherited: Inherited,
    has_keys: bool,
}

impl<'a> Nodes<'a> {
    /// `has_keys` also draws edges from columns that only decide on rows.
    pub(super) fn new(graph: &'a Graph, lineage: &'a Lineage, one: Option<NodeId>, has_keys: bool) -> Self {
        Self { graph, lineage, one, inherited: lineage::inherit(graph, lineage), has_keys }
    }

    pub(super) fn write(&self, output: LineageOutput) -> String {
        match output {
            LineageOutput::Text => self.text(),
            LineageOutput::Json => self.json(),
            LineageOutput::Mermaid => mermaid(self.graph, &self.edges().iter().collect(), None),
            LineageOutput::Dot => dot(self.graph, &self.edges().iter().collect(), None),
        }
    }

    fn nodes(&self) -> impl Iterator<Item = (NodeId, &'a NodeLineage)> {
        let one = self.one;
        let is_meant = move |id: NodeId| one.is_none_or(|it| it == id);
        self.lineage.nodes.iter().filter(move |it| is_meant(*it.0)).map(|(id, it)| (*id, it))
    }

    fn text(&self) -> String {
        let texts: Vec<String> = self.nodes().map(|(id, own)| self.node_text(id, own)).collect();
        match (self.one, texts.is_empty()) {
            (Some(id), true) => {
                format!("{} comes from outside of the project", table(self.graph, &Table::Node(id)))
            }
            (None, true) => "no node of the project has SQL".to_owned(),
            (_, false) => texts.join("\n"),
        }
    }

    fn node_text(&self, id: NodeId, own: &NodeLineage) -> String {
        let mut text = String::new();
        for column in &own.columns {
            let name = Column { table: Table::Node(id), name: column.name.clone() };
            let _ = writeln!(text, "{}", label(self.graph, &name));
            if let Some(taken) = self.inherited.of(id, &column.name) {
                let first = taken.text.lines().next().unwrap_or_default();
                let _ = writeln!(text, "  description from {}: {first}", label(self.graph, &taken.from));
            }
            for (source, kind) in &column.sources {
                let _ = writeln!(text, "  {}: {}", kind.as_str(), label(self.graph, source));
            }
            if column.is_unknown {
                let _ = writeln!(text, "  unknown");
            } else if column.sources.is_empty() {
                let _ = writeln!(text, "  made here");
            }
        }
        if !own.keys.is_empty() {
            let keys: Vec<String> = own.keys.iter().map(|it| label(self.graph, it)).collect();
            let _ = writeln!(text, "rows decided by: {}", keys.join(", "));
        }
        if let Some(reason) = &own.unknown {
            let _ = writeln!(text, "not all is known of {}: {reason}", table(self.graph, &Table::Node(id)));
        }
        text
    }

    fn json(&self) -> String {
        let mut nodes = Map::new();
        for (id, own) in self.nodes() {
            let columns: Vec<Json> = own
                .columns
                .iter()
                .map(|column| {
                    let source = |(from, kind): (&Column, &EdgeKind)| {
                        let mut source = column_json(self.graph, from);
                        source["kind"] = json!(kind.as_str());
                        source
                    };
                    let sources: Vec<Json> = column.sources.iter().map(source).collect();
                    let inherited = self.inherited.of(id, &column.name);
                    let description = inherited
                        .map(|it| json!({ "text": it.text, "from": column_json(self.graph, &it.from) }));
                    json!({
                        "name": column.name,
                        "sources": sources,
                        "is_unknown": column.is_unknown,
                        "inherited_description": description,
                    })
                })
                .collect();
            let keys: Vec<Json> = own.keys.iter().map(|it| column_json(self.graph, it)).collect();
            let entry = json!({ "columns": columns, "keys": keys, "unknown": own.unknown });
            nodes.insert(self.graph.node(id).unique_id.as_str().to_owned(), entry);
        }
        json!({ "nodes": nodes }).to_string()
    }

    fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (id, own) in self.nodes() {
            for column in &own.columns {
                let to = Column { table: Table::Node(id), name: column.name.clone() };
                let edge = |from: &Column, kind| Edge { from: from.clone(), to: to.clone(), kind };
                edges.extend(column.sources.iter().map(|(from, kind)| edge(from, *kind)));
                if self.has_keys {
                    edges.extend(own.keys.iter().map(|from| edge(from, EdgeKind::Key)));
                }
            }
        }
        edges
    }
}
