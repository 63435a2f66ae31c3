//! `accept`: a jump that a drift test refused is right, and the next build may publish it.

use std::fmt::Write as _;

use crate::cli::Exit;
use crate::cli::args::command::{AcceptArgs, SelectionArgs};
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::diagnostics::scrub::Scrubber;
use crate::diagnostics::{Diagnostic, suggest};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::parse::{Body, DataTest, GenericTest, TestKind};
use crate::run::{self, AcceptError};

/// Records that what the drift tests of a node refused last is wanted.
pub(super) fn run(session: &mut Session, args: &AcceptArgs) -> Result<Exit, Stopped> {
    let (loaded, graph) = session.resolve(Purpose::of("accept"))?;
    let node = node(session, loaded, graph, &args.node)?;
    let tests = tests(session, graph, node, args.test.as_deref())?;
    // Nothing was refused in a database that is not there.
    drop(session.connect(loaded, true)?);
    let mut warehouse = session.connect(loaded, false)?;
    let scrubber = Scrubber::new(&loaded.project.settings.secrets());
    let ids: Vec<&str> = tests.iter().map(|id| graph.node(*id).unique_id.as_str()).collect();
    let invocation_id = session.invocation_id.clone();
    let reason = args.reason.as_deref();
    let accepted = run::accept(warehouse.as_mut(), &ids, reason, &invocation_id, &scrubber);
    let name = &graph.node(node).name;
    let accepted = accepted.map_err(|error| session.fail(fault(name, error)))?;
    let mut text = format!("accepted for the next version of {name}, and for this jump only:\n");
    for one in &accepted {
        let id = tests.iter().map(|id| graph.node(*id)).find(|it| it.unique_id.as_str() == one.test_id);
        let test = id.map_or(one.test_id.as_str(), |it| it.name.as_str());
        let _ = writeln!(text, "  {test}: {} (refused {})", one.message, one.refused_at);
    }
    if let Some(reason) = reason {
        let _ = writeln!(text, "reason: {reason}");
    }
    session.reporter.data(&text);
    Ok(Exit::Good)
}

fn fault(name: &str, error: AcceptError) -> Diagnostic {
    match error {
        AcceptError::NothingRefused => Diagnostic::error(
            "nothing-to-accept",
            format!("the drift tests of `{name}` refused no jump when they were run last"),
        )
        .note("`min_rows` and `min_value` are fixed limits: they are changed in the file, not accepted")
        .help(format!("`tidemill build -s {name}` runs them")),
        AcceptError::Warehouse(error) => {
            Diagnostic::error("warehouse", "the history cannot be written").note(error.message)
        }
    }
}

fn node(
    session: &mut Session,
    loaded: &'static Loaded,
    graph: &'static Graph,
    name: &str,
) -> Result<NodeId, Stopped> {
    let selection = SelectionArgs { select: vec![name.to_owned()], ..SelectionArgs::default() };
    let selected = session.select(loaded, graph, &selection)?;
    let nodes: Vec<NodeId> =
        selected.into_iter().filter(|id| graph.node(*id).kind != NodeKind::Test).collect();
    if let [id] = nodes[..] {
        return Ok(id);
    }
    let names: Vec<&str> = nodes.iter().take(5).map(|id| graph.node(*id).name.as_str()).collect();
    let fault = Diagnostic::error("ambiguous-selector", format!("`{name}` is not one node"));
    Err(session.fail(fault.note(format!("it selects: {}", names.join(", ")))))
}

/// The drift tests of a node, or the one of this name.
fn tests(
    session: &mut Session,
    graph: &Graph,
    node: NodeId,
    wanted: Option<&str>,
) -> Result<Vec<NodeId>, Stopped> {
    let generic = |id: NodeId| match &graph.node(id).body {
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => Some(test.as_ref()),
        _ => None,
    };
    let is_of_node = |id: &NodeId| generic(*id).is_some_and(|it| it.check.is_drift());
    let tests: Vec<NodeId> = graph.children(node).into_iter().filter(is_of_node).collect();
    let is_named = |id: &NodeId, wanted: &str| {
        let test: Option<&GenericTest> = generic(*id);
        graph.node(*id).name == wanted || test.is_some_and(|it| it.name == wanted)
    };
    let found: Vec<NodeId> =
        tests.iter().copied().filter(|id| wanted.is_none_or(|it| is_named(id, it))).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let name = &graph.node(node).name;
    let known: Vec<&str> = tests.iter().map(|id| graph.node(*id).name.as_str()).collect();
    let fault = match wanted {
        Some(wanted) if !tests.is_empty() => {
            Diagnostic::error("unknown-test", format!("`{name}` has no drift test `{wanted}`"))
                .note(format!("drift tests: {}", known.join(", ")))
                .help_opt(suggest::did_you_mean(wanted, known.iter().copied()))
        }
        _ => Diagnostic::error("nothing-to-accept", format!("`{name}` has no drift test"))
            .note("jumps are refused by row_count_drift, sum_drift and schema_drift"),
    };
    Err(session.fail(fault))
}
