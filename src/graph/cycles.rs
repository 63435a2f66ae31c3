//! Cycles with their whole path, and an order that has none.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Node;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::node::NodeId;

/// Reports every group of nodes that depend on one another, by its shortest cycle.
pub(super) fn report(diags: &mut Diagnostics, nodes: &[Node], dag: &DiGraph<NodeId, ()>) {
    let mut groups: Vec<Vec<NodeIndex>> =
        tarjan_scc(dag).into_iter().filter(|it| it.len() > 1 || dag.contains_edge(it[0], it[0])).collect();
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort();
    for group in groups {
        let path = shortest_cycle(dag, group[0], &group);
        diags.push(cycle(nodes, &path));
    }
}

/// The shortest way from a node back to itself inside its group, by breadth-first search.
fn shortest_cycle(dag: &DiGraph<NodeId, ()>, start: NodeIndex, group: &[NodeIndex]) -> Vec<NodeIndex> {
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(index) = queue.pop_front() {
        let mut next: Vec<NodeIndex> = dag.neighbors(index).filter(|it| group.contains(it)).collect();
        next.sort_unstable();
        for neighbour in next {
            if neighbour == start {
                let mut path = vec![index];
                while let Some(previous) = came_from.get(&path[path.len() - 1]) {
                    path.push(*previous);
                }
                path.reverse();
                return path;
            }
            if neighbour != start && !came_from.contains_key(&neighbour) {
                came_from.insert(neighbour, index);
                queue.push_back(neighbour);
            }
        }
    }
    group.to_vec()
}

fn cycle(nodes: &[Node], path: &[NodeIndex]) -> Diagnostic {
    let name = |index: NodeIndex| &nodes[index.index()].name;
    let mut names: Vec<String> = path.iter().map(|it| format!("`{}`", name(*it))).collect();
    names.push(names[0].clone());
    let mut diagnostic = Diagnostic::error(
        "cycle",
        format!("models depend on one another in a circle: {}", names.join(" -> ")),
    );
    // An edge points from parent to child: each node's reference to the one before it in the path.
    for (step, index) in path.iter().enumerate() {
        let parent = path[(step + path.len() - 1) % path.len()];
        let node = &nodes[index.index()];
        let call = node
            .parsed
            .refs
            .iter()
            .find(|call| node.refs.get(&call.value).is_some_and(|id| id.index() == parent.index()));
        let span = call.map_or(node.span, |it| it.span);
        let label = format!("`{}` reads `{}`", node.name, name(parent));
        diagnostic = if step == 0 { diagnostic.at(span, label) } else { diagnostic.and_at(span, label) };
    }
    diagnostic.help("break the circle: move what both need into a model of its own")
}

/// Parents before children, among equals by id (Kahn's algorithm); nodes in cycles are left out.
pub(super) fn order(dag: &DiGraph<NodeId, ()>) -> Vec<NodeId> {
    let mut waiting: Vec<usize> =
        dag.node_indices().map(|it| dag.neighbors_directed(it, Direction::Incoming).count()).collect();
    let mut ready: BinaryHeap<Reverse<usize>> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(index, _)| Reverse(index))
        .collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(dag[NodeIndex::new(index)]);
        for child in dag.neighbors(NodeIndex::new(index)) {
            waiting[child.index()] -= 1;
            if waiting[child.index()] == 0 {
                ready.push(Reverse(child.index()));
            }
        }
    }
    order
}
