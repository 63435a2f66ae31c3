//! Results of tests that no step records: those of unit tests, which are known before the warehouse is opened, and
//! those of tests that were not run, because what they test was skipped or not made.

use std::collections::BTreeMap;

use super::history::{History, RunRow, TestRow};
use super::{NodeResult, RunOptions, RunResults, Status, Tested};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::plan::{Action, Plan};
use crate::warehouse::{Warehouse, WarehouseError};

/// Records a run of unit tests alone, after it: the run and its results, together or not at all.
pub fn record_unit_tests(
    plan: &Plan,
    (graph, project): (&Graph, &str),
    options: &RunOptions,
    tested: &Tested,
    warehouse: &mut dyn Warehouse,
) -> Result<(), WarehouseError> {
    let results = &tested.results;
    let history = History::new(warehouse.database(), &options.invocation_id, options.scrubber.clone());
    let mut statements = history.set_up();
    let run = RunRow { command: plan.command.as_str(), target: &options.target, project };
    statements.push(history.run_done(run, status(results), results.elapsed));
    statements.extend(history.tests(&unit_tests(graph, &results.results)));
    warehouse.begin()?;
    let done = statements.iter().try_for_each(|it| warehouse.execute(it).map(drop));
    match done {
        Ok(()) => warehouse.commit(),
        Err(error) => {
            warehouse.rollback();
            Err(error)
        }
    }
}

/// How a run went, as the history says it.
pub(super) fn status(results: &RunResults) -> &'static str {
    match &results.totals {
        totals if totals.is_interrupted => "interrupted",
        totals if totals.is_success() && results.hook_fault.is_none() => "success",
        _ => "error",
    }
}

/// Rows about unit tests, each with its model.
pub(super) fn unit_tests<'a>(graph: &'a Graph, results: &'a [NodeResult]) -> Vec<TestRow<'a>> {
    let is_unit_test = |it: &&NodeResult| graph.node(it.node).kind == NodeKind::UnitTest;
    let model = |it: NodeId| graph.parents(it).first().copied();
    results.iter().filter(is_unit_test).map(|it| row(graph, it, model(it.node))).collect()
}

/// Rows about data tests that were not run, each with the node that decided on that.
pub(super) fn not_run<'a>(plan: &Plan, graph: &'a Graph, results: &'a [NodeResult]) -> Vec<TestRow<'a>> {
    let steps = plan.steps.iter().filter(|it| !matches!(it.action, Action::TestAlone));
    let owners: BTreeMap<NodeId, NodeId> =
        steps.flat_map(|step| step.tests.iter().map(|it| (it.node, step.node))).collect();
    let is_meant =
        |it: &&NodeResult| it.status == Status::Skipped && graph.node(it.node).kind == NodeKind::Test;
    results.iter().filter(is_meant).map(|it| row(graph, it, owners.get(&it.node).copied())).collect()
}

fn row<'a>(graph: &'a Graph, result: &'a NodeResult, owner: Option<NodeId>) -> TestRow<'a> {
    TestRow {
        test_id: graph.node(result.node).unique_id.as_str(),
        node_id: owner.map(|it| graph.node(it).unique_id.as_str()),
        status: result.status.as_str(),
        failures: result.failures,
        seconds: result.elapsed.as_secs_f64(),
        message: result.message.as_deref(),
        samples: None,
        kept_in: None,
    }
}
