//! Lineage of whole nodes, one step up or down: all columns of one, or of all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::draw::{column_json, dot, label, mermaid, table};
use crate::cli::args::command::LineageOutput;
use crate::compile::lineage::{self, Column, Edge, Inherited, Lineage, LineageColumn, NodeLineage, Table};
use crate::compile::shapes::Shapes;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::sql::lineage::EdgeKind;

/// Nodes to tell of.
pub(super) struct Nodes<'a> {
    graph: &'a Graph,
    lineage: &'a Lineage,
    shapes: &'a Shapes,
    /// One, or all that have SQL.
    one: Option<NodeId>,
    inherited: Inherited,
    ways: Ways,
    below: Below,
}

/// What is told.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    /// What columns come from.
    pub(super) up: bool,
    /// What is made of them.
    pub(super) down: bool,
    /// Also draws edges from columns that only decide on rows.
    pub(super) keys: bool,
}

/// What is made of columns, by node and name in lower case.
#[derive(Default)]
struct Below {
    readers: BTreeMap<(NodeId, String), BTreeSet<(Column, EdgeKind)>>,
    /// Nodes whose rows they decide on.
    decides: BTreeMap<(NodeId, String), BTreeSet<NodeId>>,
    /// The columns that somebody reads, as they are written there.
    read: BTreeMap<NodeId, BTreeSet<String>>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        (lineage, shapes): (&'a Lineage, &'a Shapes),
        one: Option<NodeId>,
        ways: Ways,
    ) -> Self {
        let below = if ways.down { Below::of(lineage) } else { Below::default() };
        Self { graph, lineage, shapes, one, inherited: lineage::inherit(graph, lineage), ways, below }
    }

    pub(super) fn write(&self, output: LineageOutput) -> String {
        match output {
            LineageOutput::Text => self.text(),
            LineageOutput::Json => self.json(),
            LineageOutput::Mermaid => mermaid(self.graph, &self.edges().iter().collect(), None),
            LineageOutput::Dot => dot(self.graph, &self.edges().iter().collect(), None),
        }
    }

    /// Nodes that have something to tell, with what is known of them: what comes from outside has columns that others read.
    fn nodes(&self) -> Vec<(NodeId, Option<&'a NodeLineage>)> {
        let made = self.lineage.nodes.keys().copied();
        let ids: BTreeSet<NodeId> = made.chain(self.below.read.keys().copied()).collect();
        let is_meant = |id: &NodeId| self.one.is_none_or(|it| it == *id);
        ids.into_iter().filter(is_meant).map(|id| (id, self.lineage.nodes.get(&id))).collect()
    }

    /// The names of a node's columns.
    fn columns(&self, id: NodeId, own: Option<&NodeLineage>) -> Vec<String> {
        if let Some(own) = own {
            return own.columns.iter().map(|it| it.name.clone()).collect();
        }
        let known = self.shapes.columns(id).unwrap_or_default().iter().map(|it| it.name.clone());
        let mut names: Vec<String> = known.collect();
        for name in self.below.read.get(&id).into_iter().flatten() {
            if !names.iter().any(|it| it.eq_ignore_ascii_case(name)) {
                names.push(name.clone());
            }
        }
        names
    }

    fn text(&self) -> String {
        let texts: Vec<String> = self.nodes().into_iter().map(|(id, own)| self.node_text(id, own)).collect();
        match (self.one, texts.is_empty()) {
            (Some(id), true) if self.ways.down => {
                format!("no node of the project reads {}", table(self.graph, &Table::Node(id)))
            }
            (Some(id), true) => {
                format!("{} comes from outside of the project", table(self.graph, &Table::Node(id)))
            }
            (None, true) => "no node of the project has SQL".to_owned(),
            (_, false) => texts.join("\n"),
        }
    }

    fn node_text(&self, id: NodeId, own: Option<&NodeLineage>) -> String {
        let mut text = String::new();
        for name in self.columns(id, own) {
            let column = own.and_then(|it| it.columns.iter().find(|it| it.name == name));
            let key = (id, name.to_lowercase());
            let _ = writeln!(text, "{}", label(self.graph, &Column { table: Table::Node(id), name }));
            if let Some(column) = column.filter(|_| self.ways.up) {
                self.sources_text(&mut text, id, column);
            }
            if self.ways.down {
                self.readers_text(&mut text, &key);
            }
        }
        let Some(own) = own else { return text };
        if self.ways.up && !own.keys.is_empty() {
            let keys: Vec<String> = own.keys.iter().map(|it| label(self.graph, it)).collect();
            let _ = writeln!(text, "rows decided by: {}", keys.join(", "));
        }
        if let Some(reason) = &own.unknown {
            let _ = writeln!(text, "not all is known of {}: {reason}", table(self.graph, &Table::Node(id)));
        }
        text
    }

    fn sources_text(&self, text: &mut String, id: NodeId, column: &LineageColumn) {
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

    fn readers_text(&self, text: &mut String, key: &(NodeId, String)) {
        let (readers, decides) = (self.below.readers.get(key), self.below.decides.get(key));
        for (reader, kind) in readers.into_iter().flatten() {
            let _ = writeln!(text, "  {} in: {}", kind.as_str(), label(self.graph, reader));
        }
        if let Some(nodes) = decides {
            let names: Vec<String> = nodes.iter().map(|it| table(self.graph, &Table::Node(*it))).collect();
            let _ = writeln!(text, "  decides on the rows of: {}", names.join(", "));
        }
        if readers.is_none() && decides.is_none() {
            let _ = writeln!(text, "  goes into nothing");
        }
    }

    fn json(&self) -> String {
        let mut nodes = Map::new();
        for (id, own) in self.nodes() {
            let columns: Vec<Json> =
                self.columns(id, own).iter().map(|name| self.column_json(id, own, name)).collect();
            let mut entry = json!({ "columns": columns, "unknown": own.and_then(|it| it.unknown.as_ref()) });
            if self.ways.up {
                let keys = own.into_iter().flat_map(|it| &it.keys);
                entry["keys"] = keys.map(|it| column_json(self.graph, it)).collect();
            }
            nodes.insert(self.graph.node(id).unique_id.as_str().to_owned(), entry);
        }
        json!({ "nodes": nodes }).to_string()
    }

    fn column_json(&self, id: NodeId, own: Option<&NodeLineage>, name: &str) -> Json {
        let with_kind = |column: &Column, kind: EdgeKind| {
            let mut told = column_json(self.graph, column);
            told["kind"] = json!(kind.as_str());
            told
        };
        let column = own.and_then(|it| it.columns.iter().find(|it| it.name == name));
        let mut told = json!({ "name": name, "is_unknown": column.is_some_and(|it| it.is_unknown) });
        if self.ways.up {
            let sources = column.into_iter().flat_map(|it| &it.sources);
            told["sources"] = sources.map(|(from, kind)| with_kind(from, *kind)).collect();
            let inherited = self.inherited.of(id, name);
            told["inherited_description"] = inherited
                .map(|it| json!({ "text": it.text, "from": column_json(self.graph, &it.from) }))
                .into();
        }
        if self.ways.down {
            let key = (id, name.to_lowercase());
            let readers = self.below.readers.get(&key).into_iter().flatten();
            told["readers"] = readers.map(|(to, kind)| with_kind(to, *kind)).collect();
            let decides = self.below.decides.get(&key).into_iter().flatten();
            told["decides_on_rows_of"] = decides.map(|it| self.graph.node(*it).unique_id.as_str()).collect();
        }
        told
    }

    fn edges(&self) -> BTreeSet<Edge> {
        let is_meant = |column: &Column| match (self.one, &column.table) {
            (None, _) => true,
            (Some(one), Table::Node(id)) => *id == one,
            (Some(_), Table::Outside(_)) => false,
        };
        let all = self.lineage.nodes.iter().flat_map(|(id, own)| edges_of(*id, own, self.ways.keys));
        all.filter(|it| self.ways.up && is_meant(&it.to) || self.ways.down && is_meant(&it.from)).collect()
    }
}

fn edges_of(id: NodeId, own: &NodeLineage, has_keys: bool) -> Vec<Edge> {
    let mut edges = Vec::new();
    for column in &own.columns {
        let to = Column { table: Table::Node(id), name: column.name.clone() };
        let edge = |from: &Column, kind| Edge { from: from.clone(), to: to.clone(), kind };
        edges.extend(column.sources.iter().map(|(from, kind)| edge(from, *kind)));
        if has_keys {
            edges.extend(own.keys.iter().map(|from| edge(from, EdgeKind::Key)));
        }
    }
    edges
}

impl Below {
    fn of(lineage: &Lineage) -> Self {
        let mut below = Self::default();
        for (id, own) in &lineage.nodes {
            for Edge { from, to, kind } in edges_of(*id, own, false) {
                if let Some(key) = below.read(&from) {
                    below.readers.entry(key).or_default().insert((to, kind));
                }
            }
            for from in &own.keys {
                if let Some(key) = below.read(from) {
                    below.decides.entry(key).or_default().insert(*id);
                }
            }
        }
        below
    }

    /// Notes that a column is read; nothing for one of a table that is no node.
    fn read(&mut self, column: &Column) -> Option<(NodeId, String)> {
        let Table::Node(id) = column.table else { return None };
        self.read.entry(id).or_default().insert(column.name.clone());
        Some((id, column.name.to_lowercase()))
    }
}
