//! Which test decides on the publication of which node.
//!
//! A generic test belongs to the node it is declared on; what else it reads is built first, unless that
//! itself is made from the owner: then the test runs after both. A singular test that reads one node
//! belongs to it. One that reads several belongs to the one that is made from all the others, if there is
//! one (its gate then protects everything that a test after them all would, and that node as well);
//! otherwise it is a node of its own, as in dbt.

use std::collections::{BTreeMap, BTreeSet};

use super::{Body, Depth, Gate, Graph};
use crate::node::{NodeId, NodeKind};
use crate::parse::{DataTest, Owner, TestKind};

/// Edges that gates add: for each node, what has to be built before it.
type Added = BTreeMap<NodeId, Vec<NodeId>>;

/// Gives every test of the graph its [`Gate`].
pub(super) fn assign(graph: &mut Graph) {
    // Edges that gates add, by child, so that two tests cannot close a circle together.
    let mut added = Added::new();
    let tests: Vec<NodeId> =
        graph.nodes().filter(|(_, it)| it.kind == NodeKind::Test).map(|(id, _)| id).collect();
    for id in tests {
        let gate = gate_of(graph, id, &mut added);
        graph.nodes[id.index()].gate = Some(gate);
    }
}

fn gate_of(graph: &Graph, id: NodeId, added: &mut Added) -> Gate {
    let test = graph.node(id);
    let Body::Test(DataTest { kind, .. }) = &test.body else { return Gate::Alone };
    let owner = match kind {
        TestKind::Generic(generic) => match &generic.owner {
            Owner::Ref(call) => test.refs.get(call).copied(),
            Owner::Source(call) => test.sources.get(call).copied(),
        },
        TestKind::Singular { .. } => {
            // A function that the test calls is not what it tests.
            let is_tested = |it: &NodeId| graph.node(*it).kind != NodeKind::Function;
            let tested: Vec<NodeId> = test.parents.iter().copied().filter(is_tested).collect();
            last_parent(graph, if tested.is_empty() { &test.parents } else { &tested })
        }
    };
    let Some(node) = owner else { return Gate::Alone };
    let after: Vec<NodeId> = test.parents.iter().copied().filter(|it| *it != node).collect();
    if after.iter().any(|other| is_made_from(graph, *other, node, added)) {
        return Gate::Alone;
    }
    added.entry(node).or_default().extend(&after);
    Gate::Of { node, after }
}

/// The parent that all the others are ancestors of.
fn last_parent(graph: &Graph, parents: &[NodeId]) -> Option<NodeId> {
    parents.iter().copied().find(|candidate| {
        let ancestors = graph.ancestors(*candidate, Depth::All);
        parents.iter().all(|it| it == candidate || ancestors.contains(it))
    })
}

/// Whether `node` can only be built after `origin`, by references or by edges that gates added.
fn is_made_from(graph: &Graph, node: NodeId, origin: NodeId, added: &Added) -> bool {
    let mut seen = BTreeSet::from([node]);
    let mut stack = vec![node];
    while let Some(id) = stack.pop() {
        let by_gate = added.get(&id).map_or(&[][..], Vec::as_slice);
        for parent in graph.parents(id).iter().chain(by_gate).copied() {
            if parent == origin {
                return true;
            }
            if seen.insert(parent) {
                stack.push(parent);
            }
        }
    }
    false
}
