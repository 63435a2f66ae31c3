//! Lineage of a column as text and JSON; graphs of edges as Mermaid and DOT.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::compile::lineage::{Column, Direction, Edge, Lineage, Table, Walk};
use crate::graph::Graph;
use crate::node::NodeKind;
use crate::parse::Body;

/// What was found of one column.
pub(super) struct Drawing<'a> {
    pub(super) graph: &'a Graph,
    pub(super) lineage: &'a Lineage,
    pub(super) start: &'a Column,
    pub(super) walks: &'a [(Direction, Walk)],
}

/// A column for people: `orders.amount`, `source raw.orders.amount`.
pub(super) fn label(graph: &Graph, column: &Column) -> String {
    format!("{}.{}", table(graph, &column.table), column.name)
}

/// A node for people.
pub(super) fn table(graph: &Graph, table: &Table) -> String {
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
        let of_column = |it: &Column| column_json(self.graph, it);
        let edge = |it: &&Edge| json!({ "from": of_column(&it.from), "to": of_column(&it.to), "kind": it.kind.as_str() });
        let unknown =
            self.walks.iter().flat_map(|it| &it.1.unknown).map(
                |(id, reason)| json!({ "node": self.graph.node(*id).unique_id.as_str(), "reason": reason }),
            );
        let edges: Vec<Json> = self.edges().iter().map(edge).collect();
        let unknown: Vec<Json> = unknown.collect();
        json!({ "column": of_column(self.start), "edges": edges, "unknown": unknown }).to_string()
    }

    pub(super) fn mermaid(&self) -> String {
        mermaid(self.graph, &self.edges(), Some(self.start))
    }

    pub(super) fn dot(&self) -> String {
        dot(self.graph, &self.edges(), Some(self.start))
    }
}

/// A column for programs: its node's unique id, or the name of a table that is no node.
pub(super) fn column_json(graph: &Graph, column: &Column) -> Json {
    match &column.table {
        Table::Node(id) => json!({ "node": graph.node(*id).unique_id.as_str(), "column": column.name }),
        Table::Outside(name) => json!({ "table": name, "column": column.name }),
    }
}

/// The ends of edges with their numbers; `start` is there even if nothing leads to it.
fn numbered<'e>(edges: &BTreeSet<&'e Edge>, start: Option<&'e Column>) -> BTreeMap<&'e Column, usize> {
    let ends = edges.iter().flat_map(|it| [&it.from, &it.to]);
    let columns: BTreeSet<&Column> = ends.chain(start).collect();
    columns.into_iter().enumerate().map(|(n, it)| (it, n)).collect()
}

/// A flowchart for Markdown.
pub(super) fn mermaid(graph: &Graph, edges: &BTreeSet<&Edge>, start: Option<&Column>) -> String {
    let columns = numbered(edges, start);
    let mut text = "flowchart LR\n".to_owned();
    for (column, n) in &columns {
        let label = label(graph, column).replace('"', "#quot;");
        let _ = writeln!(text, "  c{n}[\"{label}\"]");
    }
    for edge in edges {
        let (from, to) = (columns[&edge.from], columns[&edge.to]);
        let _ = writeln!(text, "  c{from} -->|{}| c{to}", edge.kind.as_str());
    }
    text
}

/// A graph for Graphviz.
pub(super) fn dot(graph: &Graph, edges: &BTreeSet<&Edge>, start: Option<&Column>) -> String {
    let columns = numbered(edges, start);
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (column, n) in &columns {
        let _ = writeln!(text, "  c{n} [label={}];", quoted(&label(graph, column)));
    }
    for edge in edges {
        let (from, to) = (columns[&edge.from], columns[&edge.to]);
        let _ = writeln!(text, "  c{from} -> c{to} [label={}];", quoted(edge.kind.as_str()));
    }
    text.push_str("}\n");
    text
}
