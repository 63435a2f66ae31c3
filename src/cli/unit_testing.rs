//! What unit tests find around their rows: the columns of inputs, and functions to call. The database is not
//! looked into.

use std::collections::BTreeSet;

use super::session::{Loaded, Session, Stopped};
use crate::compile::shapes::{self, InWarehouse, Shape, Shapes, ShapesInput};
use crate::compile::{self, Compiled, TestGround};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::warehouse::duckdb;

impl Session {
    /// For the unit tests among the nodes selected. What is wrong with the queries of inputs is not said here:
    /// their columns are not known then.
    pub(super) fn test_ground(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        selected: &BTreeSet<NodeId>,
    ) -> Result<TestGround, Stopped> {
        let is_test = |id: &NodeId| graph.node(*id).kind == NodeKind::UnitTest;
        let tests: BTreeSet<NodeId> = selected.iter().copied().filter(is_test).collect();
        if tests.is_empty() {
            return Ok(TestGround::default());
        }
        let inputs = compile::inputs_of_tests(graph, &tests);
        let (wanted, compiled) = compiled(loaded, graph, &inputs);
        let input = ShapesInput {
            project: &loaded.project,
            graph,
            compiled: &compiled,
            wanted: &wanted,
            files: &loaded.disk,
            full_refresh: true,
        };
        let options = self.connect_options(loaded, true);
        let found = duckdb::open_binder(&options)
            .and_then(|binder| shapes::find(&input, InWarehouse::Unknown, binder))
            .map_err(|error| {
                let message = "the columns of the inputs of unit tests cannot be found";
                let fault = Diagnostic::error("connection-failed", message);
                self.fail(error.message.lines().fold(fault, |it, line| it.note(line.trim())))
            })?;
        Ok(ground(loaded, graph, &compiled, (found, &inputs)))
    }

    /// For tests that are yet to be written, of these models: here the database is looked into, if it can be.
    pub(super) fn scaffold_ground(
        &mut self,
        loaded: &Loaded,
        graph: &Graph,
        models: &BTreeSet<NodeId>,
    ) -> Result<TestGround, Stopped> {
        let inputs: BTreeSet<NodeId> =
            models.iter().flat_map(|it| graph.parents(*it)).chain(models).copied().collect();
        let (wanted, compiled) = compiled(loaded, graph, &inputs);
        let found = self.shapes(loaded, graph, &compiled, &wanted, true)?;
        Ok(ground(loaded, graph, &compiled, (found, &inputs)))
    }
}

/// The inputs and all that they are made from, and functions, rendered.
fn compiled(loaded: &Loaded, graph: &Graph, inputs: &BTreeSet<NodeId>) -> (BTreeSet<NodeId>, Compiled) {
    let is_function = |it: &NodeId| graph.node(*it).kind == NodeKind::Function;
    let functions = graph.nodes().map(|it| it.0).filter(is_function);
    let wanted = with_ancestors(graph, &inputs.iter().copied().chain(functions).collect());
    let compiled = compile::compile(&loaded.project, graph, &wanted);
    (wanted, compiled)
}

fn ground(
    loaded: &Loaded,
    graph: &Graph,
    compiled: &Compiled,
    (found, inputs): (Shapes, &BTreeSet<NodeId>),
) -> TestGround {
    let known = found.nodes.into_iter().filter(|it| inputs.contains(&it.0));
    let columns = known.filter_map(|(id, shape)| match shape {
        Shape::Known(shape) => Some((id, shape)),
        Shape::Unknown(_) => None,
    });
    let definitions = compile::definitions(&loaded.project, graph, compiled);
    TestGround { columns: columns.collect(), definitions }
}

/// These nodes and all that they are made from, as far as it has rows or is called.
pub(super) fn with_ancestors(graph: &Graph, nodes: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let has_rows = |id: &NodeId| {
        matches!(
            graph.node(*id).kind,
            NodeKind::Model | NodeKind::Snapshot | NodeKind::Seed | NodeKind::Source | NodeKind::Function
        )
    };
    let mut all: BTreeSet<NodeId> = nodes.iter().copied().filter(has_rows).collect();
    // An ancestor of one that was looked at has been reached.
    for id in graph.order().iter().rev() {
        if all.contains(id) {
            all.extend(graph.parents(*id).iter().copied().filter(has_rows));
        }
    }
    all
}
