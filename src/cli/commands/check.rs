//! `check`: whether every query fits what it reads, without running any.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use crate::cli::Exit;
use crate::cli::args::command::{CheckArgs, CheckOutput};
use crate::cli::commands::run::{faults, report_log};
use crate::cli::session::{Purpose, Session, Stopped};
use crate::cli::unit_testing::with_ancestors;
use crate::compile;
use crate::compile::shapes::{Shape, Shapes};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::report::numbers;
use crate::run::Clock;

/// Binds the queries of the nodes selected, and of what they are made from, and says what was found.
pub(super) fn run(session: &mut Session, args: &CheckArgs) -> Result<Exit, Stopped> {
    let purpose = Purpose { full_refresh: args.full_refresh, ..Purpose::of("check") };
    let (loaded, graph) = session.resolve(purpose)?;
    let selected = session.select(loaded, graph, &args.selection)?;
    let tests = selected.iter().copied().filter(|it| graph.node(*it).kind == NodeKind::Test);
    let mut wanted = with_ancestors(graph, &with_parents(graph, &selected));
    wanted.extend(tests);
    let compiled = compile::compile(&loaded.project, graph, &wanted);
    report_log(session, &compiled.log);
    let shapes = session.shapes(loaded, graph, &compiled, &wanted, args.full_refresh)?;
    let mut all = faults(&compiled, &wanted);
    all.extend(shapes.all_faults().cloned());
    if !all.is_empty() {
        session.reporter.diagnostics(&session.sources, &all);
    }
    match args.output {
        CheckOutput::Text => summary(session, graph, &shapes, &selected, all.len()),
        CheckOutput::Json => session.reporter.data(&as_json(graph, &shapes, &selected).to_string()),
    }
    Ok(if all.is_empty() { Exit::Good } else { Exit::Failed })
}

/// The nodes, and what the tests among them read.
fn with_parents(graph: &Graph, nodes: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let tests = nodes.iter().filter(|it| graph.node(**it).kind == NodeKind::Test);
    tests.flat_map(|it| graph.parents(*it)).chain(nodes).copied().collect()
}

fn summary(
    session: &mut Session,
    graph: &Graph,
    shapes: &Shapes,
    selected: &BTreeSet<NodeId>,
    n_faults: usize,
) {
    let unknown: Vec<(NodeId, String)> = shapes
        .unknown()
        .filter(|(id, _)| selected.contains(id) && !shapes.faults.contains_key(id))
        .map(|(id, reason)| (id, reason.to_owned()))
        .collect();
    // Who reads what is not known is not at the root of it.
    for (id, reason) in unknown.iter().filter(|it| !it.1.starts_with("its parent ")) {
        let node = graph.node(*id);
        session.info(&format!("unknown: {} {}: {reason}", node.kind, node.name));
    }
    let untested = shapes.untested.iter().filter(|it| !it.1.starts_with("its parent "));
    for (id, reason) in untested {
        session.info(&format!("unknown: test {}: {reason}", graph.node(*id).name));
    }
    let mut checked = format!("checked {}", numbers::count(shapes.checked, "query"));
    if shapes.checked_tests > 0 {
        let _ = write!(checked, " and {}", numbers::count(shapes.checked_tests, "test"));
    }
    let mut parts = vec![checked];
    if !unknown.is_empty() {
        parts.push(format!("the columns of {} are not known", numbers::count(unknown.len(), "node")));
    }
    if n_faults > 0 {
        parts.push(numbers::count(n_faults, "error"));
    }
    let elapsed = numbers::duration(session.clock.monotonic());
    session.info(&format!("{} in {elapsed}", parts.join(", ")));
}

fn as_json(graph: &Graph, shapes: &Shapes, selected: &BTreeSet<NodeId>) -> Json {
    let mut nodes = Map::new();
    for (id, shape) in shapes.nodes.iter().filter(|(id, _)| selected.contains(id)) {
        let entry = match shape {
            Shape::Known(shape) => {
                let columns = shape.columns.iter();
                let columns: Vec<Json> =
                    columns.map(|it| json!({ "name": it.name, "type": it.data_type })).collect();
                json!({ "columns": columns, "guess": shape.guess })
            }
            Shape::Unknown(reason) => json!({ "columns": null, "unknown": reason }),
        };
        nodes.insert(graph.node(*id).unique_id.as_str().to_owned(), entry);
    }
    json!({ "nodes": nodes })
}
