//! `--explain-tests`: which tests share a query, and why the others do not.

use std::fmt::Write as _;

use crate::graph::Graph;
use crate::plan::{Plan, PlannedTest, Step, TestQueries, scan};
use crate::run::node_ref;

/// One paragraph for each node that has tests, and the counts.
pub(super) fn text(graph: &Graph, plan: &Plan) -> String {
    let mut text = String::new();
    let (mut n_shared, mut n_alone) = (0, 0);
    for step in plan.steps.iter().filter(|it| !it.tests.is_empty()) {
        let (shared, alone) = sorted(plan, step);
        n_shared += shared.len();
        n_alone += alone.len();
        let _ = writeln!(text, "{}", node_ref(graph.node(step.node)).label);
        if !shared.is_empty() {
            let _ = writeln!(text, "  in one query:");
        }
        for test in shared {
            let _ = writeln!(text, "    {}", name(graph, test));
        }
        if !alone.is_empty() {
            let _ = writeln!(text, "  each by itself:");
        }
        for (test, why) in alone {
            let _ = writeln!(text, "    {}: {why}", name(graph, test));
        }
    }
    let _ = writeln!(text, "{n_shared} in shared queries, {n_alone} by themselves");
    text
}

fn sorted<'p>(plan: &Plan, step: &'p Step) -> (Vec<&'p PlannedTest>, Vec<(&'p PlannedTest, String)>) {
    let (mut shared, mut alone) = (Vec::new(), Vec::new());
    for test in &step.tests {
        let why = match scan::why_alone(test) {
            Some(why) => Some(why.to_string()),
            None if plan.test_queries == TestQueries::Each => Some("--no-fuse-tests".to_owned()),
            None if step.relation.is_none() => {
                Some("it waits for nodes that are made from each other".to_owned())
            }
            None => None,
        };
        match why {
            None => shared.push(test),
            Some(why) => alone.push((test, why)),
        }
    }
    (shared, alone)
}

fn name<'g>(graph: &'g Graph, test: &PlannedTest) -> &'g str {
    graph.node(test.node).name.as_str()
}
