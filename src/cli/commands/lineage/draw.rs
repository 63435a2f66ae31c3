//! Lineage as text, JSON, Mermaid and DOT.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::compile::lineage::{self, Column, Direction, Edge, Lineage, Table, Walk};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;

/// What was found of one column.
pub(super) struct Drawing<'a> {
    pub(super) graph: &'a Graph,
    pub(super) lineage: &'a Lineage,
    pub(super) start: &'a Column,
    pub(super) walks: &'a [(Direction, Walk)],
}

/// A column for people: `orders.amount`, `source raw.orders.amount`.
fn label(graph: &Graph, column: &Column) -> String {
    format!("{}.{}", table(graph, &column.table), column.name)
}

fn table(graph: &Graph, table: &Table) -> String {
    let Table::Node(id) = table else {
        let Table::Outside(name) = table else { return String::new() };
        return format!("(no node) {name}");
    };
    let node = graph.node(*id);
    match &node.body {
        Body::Source(source) => format!("source {}.{}", source.source, node.name),
        Body::Model { version: Some(version), .. } => format!("{}.v{}", node.name, version.version),
        _ if node.kind == NodeKind::Model => node.name.clone(),
        _ => format!("{} {}", node.kind, node.name),
    }
}

/// All columns of a node with what they come from.
pub(super) fn node(graph: &Graph, lineage: &Lineage, id: NodeId) -> String {
    let mut text = String::new();
    let Some(own) = lineage.nodes.get(&id) else {
        return format!("{} comes from outside of the project", table(graph, &Table::Node(id)));
    };
    let inherited = lineage::inherit(graph, lineage);
    for column in &own.columns {
        let _ =
            writeln!(text, "{}", label(graph, &Column { table: Table::Node(id), name: column.name.clone() }));
        if let Some(taken) = inherited.of(id, &column.name) {
            let first = taken.text.lines().next().unwrap_or_default();
            let _ = writeln!(text, "  description from {}: {first}", label(graph, &taken.from));
        }
        for (source, kind) in &column.sources {
            let _ = writeln!(text, "  {}: {}", kind.as_str(), label(graph, source));
        }
        if column.is_unknown {
            let _ = writeln!(text, "  unknown");
        } else if column.sources.is_empty() {
            let _ = writeln!(text, "  made here");
        }
    }
    if !own.keys.is_empty() {
        let keys: Vec<String> = own.keys.iter().map(|it| label(graph, it)).collect();
        let _ = writeln!(text, "rows decided by: {}", keys.join(", "));
    }
    if let Some(reason) = &own.unknown {
        let _ = writeln!(text, "not all is known: {reason}");
    }
    text
}

impl<'a> Drawing<'a> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", label(self.graph, self.start));
        for (direction, walk) in self.walks {
            let heading = match direction {
                Direction::Up => "comes from",
                Direction::Down => "goes into",
            };
            if walk.edges.is_empty() {
                let _ = writeln!(text, "{heading}: nothing");
            } else {
                let _ = writeln!(text, "{heading}:");
                let mut seen = BTreeSet::new();
                self.tree(&mut text, *direction, walk, self.start, "", &mut seen);
            }
            for (id, reason) in &walk.unknown {
                let _ =
                    writeln!(text, "not all is known of {}: {reason}", table(self.graph, &Table::Node(*id)));
            }
        }
        self.keys(&mut text);
        text
    }

    /// What decides on the rows of the column's own node.
    fn keys(&self, text: &mut String) {
        let Table::Node(id) = self.start.table else { return };
        let Some(own) = self.lineage.nodes.get(&id).filter(|it| !it.keys.is_empty()) else { return };
        let is_up = self.walks.iter().any(|it| it.0 == Direction::Up);
        if is_up {
            let keys: Vec<String> = own.keys.iter().map(|it| label(self.graph, it)).collect();
            let _ = writeln!(text, "rows decided by: {}", keys.join(", "));
        }
    }

    fn tree(
        &self,
        text: &mut String,
        direction: Direction,
        walk: &'a Walk,
        at: &Column,
        indent: &str,
        seen: &mut BTreeSet<Column>,
    ) {
        let ends = |edge: &'a Edge| match direction {
            Direction::Up => (&edge.to, &edge.from),
            Direction::Down => (&edge.from, &edge.to),
        };
        let is_here = |it: &&'a Edge| {
            let (here, _) = ends(it);
            here.table == at.table && here.name.eq_ignore_ascii_case(&at.name)
        };
        let edges: Vec<&'a Edge> = walk.edges.iter().filter(is_here).collect();
        for (n, edge) in edges.iter().enumerate() {
            let is_last = n + 1 == edges.len();
            let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (_, other) = ends(edge);
            let is_new = seen.insert(other.clone());
            let more = if is_new { "" } else { " (see above)" };
            let _ =
                writeln!(text, "{indent}{branch}{}: {}{more}", edge.kind.as_str(), label(self.graph, other));
            if is_new {
                self.tree(text, direction, walk, other, &format!("{indent}{below}"), seen);
            }
        }
    }

    fn edges(&self) -> BTreeSet<&Edge> {
        self.walks.iter().flat_map(|it| &it.1.edges).collect()
    }

    pub(super) fn json(&self) -> String {
        let of_column = |it: &Column| match &it.table {
            Table::Node(id) => {
                json!({ "node": self.graph.node(*id).unique_id.as_str(), "column": it.name })
            }
            Table::Outside(name) => json!({ "table": name, "column": it.name }),
        };
        let edge = |it: &&Edge| json!({ "from": of_column(&it.from), "to": of_column(&it.to), "kind": it.kind.as_str() });
        let unknown =
            self.walks.iter().flat_map(|it| &it.1.unknown).map(
                |(id, reason)| json!({ "node": self.graph.node(*id).unique_id.as_str(), "reason": reason }),
            );
        let edges: Vec<Json> = self.edges().iter().map(edge).collect();
        let unknown: Vec<Json> = unknown.collect();
        json!({ "column": of_column(self.start), "edges": edges, "unknown": unknown }).to_string()
    }

    /// Columns with their numbers, in the order of edges.
    fn numbered(&self) -> Vec<&Column> {
        let all = self.edges().into_iter().flat_map(|it| [&it.from, &it.to]);
        let mut columns: BTreeSet<&Column> = all.collect();
        columns.insert(self.start);
        columns.into_iter().collect()
    }

    pub(super) fn mermaid(&self) -> String {
        let columns = self.numbered();
        let mut text = "flowchart LR\n".to_owned();
        for (n, column) in columns.iter().enumerate() {
            let label = label(self.graph, column).replace('"', "#quot;");
            let _ = writeln!(text, "  c{n}[\"{label}\"]");
        }
        for edge in self.edges() {
            let (from, to) = (place(&columns, &edge.from), place(&columns, &edge.to));
            let _ = writeln!(text, "  c{from} -->|{}| c{to}", edge.kind.as_str());
        }
        text
    }

    pub(super) fn dot(&self) -> String {
        let columns = self.numbered();
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (n, column) in columns.iter().enumerate() {
            let _ = writeln!(text, "  c{n} [label={}];", quoted(&label(self.graph, column)));
        }
        for edge in self.edges() {
            let (from, to) = (place(&columns, &edge.from), place(&columns, &edge.to));
            let _ = writeln!(text, "  c{from} -> c{to} [label={}];", quoted(edge.kind.as_str()));
        }
        text.push_str("}\n");
        text
    }
}

fn place(columns: &[&Column], column: &Column) -> usize {
    columns.iter().position(|it| *it == column).unwrap_or(0)
}
