//! Steps of unit tests: before the model that they test, and after nothing.

use std::collections::BTreeMap;

use super::{Action, Edge, EdgeKind, Step, StepId};
use crate::compile::{Compiled, CompiledUnitTest};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind, Relation};
use crate::parse::Body;
use crate::parse::unit_tests::UnitTest;
use crate::template::Rendered;
use crate::warehouse::Column;

/// A unit test with all that is needed to run it but for the rows, which are the node's.
#[derive(Clone, Debug)]
pub struct PlannedUnitTest {
    /// What is tested.
    pub subject: UnitTestSubject,
    /// What stands in for inputs.
    pub inputs: Vec<PlannedInput>,
    /// The query of the rows expected, where it is one.
    pub expect: Option<Rendered>,
}

/// What a unit test tests.
#[derive(Clone, Debug)]
pub enum UnitTestSubject {
    /// A model's query.
    Query(Rendered),
    /// A model whose template asks for what is in its inputs: it is rendered when they are there.
    Late,
    /// A model that a test is being written for.
    Untested {
        /// What `is_incremental()` says.
        is_incremental: bool,
    },
    /// A macro.
    Macro,
    /// What could not be rendered.
    Broken(Box<Diagnostic>),
}

/// What stands in for one input.
#[derive(Clone, Debug)]
pub struct PlannedInput {
    /// Its index in the test's `given`; `None` for the rows that a macro's SQL is tried on.
    pub index: Option<usize>,
    /// The input.
    pub node: Option<NodeId>,
    /// Its name while the test runs.
    pub relation: Relation,
    /// The query of its rows, where it is one.
    pub query: Option<Rendered>,
    /// Its columns, as far as they are known.
    pub columns: Vec<Column>,
    /// Whether there are no others.
    pub is_whole: bool,
}

/// What is to be done for a unit test.
pub(super) fn planned(graph: &Graph, compiled: &mut Compiled, id: NodeId) -> PlannedUnitTest {
    let CompiledUnitTest { query, inputs, expect } = compiled.unit_tests.remove(&id).unwrap_or_default();
    let is_macro = match &graph.node(id).body {
        Body::UnitTest(test) => matches!(test.as_ref(), UnitTest::OfMacro(_)),
        _ => false,
    };
    let subject = match (compiled.faults.get(&id), query) {
        (Some(fault), _) => UnitTestSubject::Broken(Box::new(fault.clone())),
        (None, _) if is_macro => UnitTestSubject::Macro,
        (None, Some(query)) => UnitTestSubject::Query(query),
        (None, None) => UnitTestSubject::Late,
    };
    let shape = |node: NodeId| compiled.ground.columns.get(&node);
    let inputs = inputs.into_iter().map(|it| {
        let shape = it.node.and_then(shape);
        PlannedInput {
            index: it.index,
            node: it.node,
            columns: shape.map(|it| it.columns.clone()).unwrap_or_default(),
            is_whole: shape.is_some_and(|it| it.guess.is_none()),
            relation: it.relation,
            query: it.query,
        }
    });
    PlannedUnitTest { subject, inputs: inputs.collect(), expect }
}

/// The steps of unit tests by the models that they test.
pub(super) fn gates(graph: &Graph, steps: &[Step]) -> BTreeMap<NodeId, Vec<Edge>> {
    let mut gates: BTreeMap<NodeId, Vec<Edge>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        if !matches!(step.action, Action::UnitTest(_)) {
            continue;
        }
        for model in graph.parents(step.node).iter().filter(|it| graph.node(**it).kind == NodeKind::Model) {
            let step = StepId(u32::try_from(index).unwrap_or(u32::MAX));
            gates.entry(*model).or_default().push(Edge { step, kind: EdgeKind::Blocks });
        }
    }
    gates
}
