//! Ephemeral models as common table expressions of the queries that read them.

use std::collections::BTreeSet;

use super::{Compiled, is_ephemeral, reading_name};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::sql::{WithClause, with_clause};
use crate::template::Rendered;

/// A query with its ephemeral parents in it.
pub(super) struct Injected {
    pub(super) sql: Rendered,
    pub(super) ctes: Vec<NodeId>,
}

/// Ephemeral models and those that they read, parents first.
pub(super) fn all(graph: &Graph, parents: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let mut needed = parents.clone();
    let mut stack: Vec<NodeId> = parents.iter().copied().collect();
    while let Some(id) = stack.pop() {
        for parent in graph.parents(id) {
            if is_ephemeral(graph.node(*parent)) && needed.insert(*parent) {
                stack.push(*parent);
            }
        }
    }
    graph.order().iter().copied().filter(|it| needed.contains(it)).collect()
}

/// The ephemeral models whose names a text mentions.
pub(super) fn mentioned(graph: &Graph, text: &str) -> BTreeSet<NodeId> {
    let ephemeral = graph.nodes().filter(|(_, node)| is_ephemeral(node));
    ephemeral.filter(|(_, node)| text.contains(&reading_name(node).render())).map(|(id, _)| id).collect()
}

/// Puts the ephemeral parents behind the query's `with`, or before the query with a `with` of their own.
pub(super) fn inject(
    graph: &Graph,
    compiled: &Compiled,
    query: &Rendered,
    parents: &BTreeSet<NodeId>,
) -> Injected {
    let ctes = all(graph, parents);
    if ctes.is_empty() {
        return Injected { sql: query.clone(), ctes };
    }
    let mut joined = Joined::default();
    let at = match with_clause(&query.text) {
        WithClause::At(offset) => {
            joined.part(query, 0..offset);
            joined.text(" ");
            offset
        }
        WithClause::Absent => {
            joined.text("with ");
            0
        }
    };
    for (index, id) in ctes.iter().enumerate() {
        if index > 0 {
            joined.text(", ");
        }
        joined.text(&format!("{} as (\n", reading_name(graph.node(*id)).render()));
        // Its text before anything was put into it: every parent is listed here once.
        if let Some(cte) = compiled.nodes.get(id) {
            joined.part(&cte.sql, 0..cte.sql.text.len());
        }
        joined.text("\n)");
    }
    joined.text(if at == 0 { "\n" } else { "," });
    joined.part(query, at..query.text.len());
    Injected { sql: joined.rendered, ctes }
}

/// Text made of parts that keep their maps.
#[derive(Default)]
struct Joined {
    rendered: Rendered,
}

impl Joined {
    fn text(&mut self, text: &str) {
        self.rendered.text.push_str(text);
    }

    fn part(&mut self, from: &Rendered, range: std::ops::Range<usize>) {
        let base = self.rendered.text.len();
        self.rendered.text.push_str(&from.text[range.clone()]);
        for segment in &from.segments {
            self.rendered.segments.extend(segment.moved(&range, base));
        }
    }
}
