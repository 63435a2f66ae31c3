//! `retry`: the last command once more, for what did not go well.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use super::run::{self, Again, Request};
use crate::artifacts::{self, PreviousRun};
use crate::batch::parse_time;
use crate::cli::Exit;
use crate::cli::args::command::{RetryArgs, SelectionArgs, WindowArgs};
use crate::cli::args::rows::RowsArgs;
use crate::cli::session::{Purpose, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::graph::{Gate, Graph};
use crate::node::NodeId;
use crate::plan::RunCommand;

/// Statuses of what is tried again; a model whose batches were published in part goes on with the others.
const NOT_GOOD: [&str; 5] = ["error", "fail", "skipped", "runtime error", PARTIAL];

const PARTIAL: &str = "partial success";

/// Reads the run results of the last run, and runs its command for the nodes that failed or were skipped.
pub(super) fn run(session: &mut Session, args: &RetryArgs) -> Result<Exit, Stopped> {
    let dir = match &args.state {
        Some(dir) => dir.clone(),
        None => session.artifacts_dir()?,
    };
    let previous = previous_run(session, &dir)?;
    let Some((command, name)) = command(&previous) else {
        let which = previous.text("which").unwrap_or("an unknown command");
        let message = format!("the last run was `{which}`, which cannot be retried");
        let help = "retry follows build, run, test, seed and snapshot";
        return Err(session.fail(Diagnostic::error("cannot-retry", message).help(help)));
    };
    let failed = with_status(&previous, &NOT_GOOD);
    if failed.is_empty() {
        session.info("nothing to retry: all of the last run went well");
        return Ok(Exit::Good);
    }
    take_globals(session, &previous);
    let purpose = Purpose {
        full_refresh: previous.is_set("full_refresh"),
        store_failures: previous.is_set("store_failures"),
        rows_read: RowsArgs::of_artifact(&previous.args).rows(&session.started_at),
        ..Purpose::of(name)
    };
    let again = Again {
        failed,
        partial: with_status(&previous, &[PARTIAL]),
        all: previous.results.iter().map(|it| it.0.clone()).collect(),
    };
    session.info(&format!("retrying `{name}` for what did not go well in the last run"));
    let selection = SelectionArgs::default();
    let window = window(&previous);
    let request = Request::new(purpose, command, &selection);
    run::run(session, &Request { window, again: Some(&again), ..request })
}

fn previous_run(session: &mut Session, dir: &Path) -> Result<PreviousRun, Stopped> {
    match artifacts::read_previous_run(dir) {
        Ok(Some(previous)) => Ok(previous),
        Ok(None) => {
            let message = format!("there is no run to retry: no run_results.json in `{}`", dir.display());
            Err(session.fail(Diagnostic::error("missing-run-results", message).help("run something first")))
        }
        Err(error) => {
            let fault = Diagnostic::error("unreadable-file", error.to_string());
            Err(session.fail(fault.note(error.cause.to_string())))
        }
    }
}

fn command(previous: &PreviousRun) -> Option<(RunCommand, &'static str)> {
    let all = [RunCommand::Build, RunCommand::Run, RunCommand::Test, RunCommand::Seed, RunCommand::Snapshot];
    let which = previous.text("which")?;
    all.into_iter().find(|it| it.as_str() == which).map(|it| (it, it.as_str()))
}

/// Nodes of the last run; the project's own hooks are run in any case.
fn with_status(previous: &PreviousRun, statuses: &[&str]) -> BTreeSet<String> {
    let wanted = previous
        .results
        .iter()
        .filter(|(id, status)| statuses.contains(&status.as_str()) && !id.starts_with("operation."));
    wanted.map(|it| it.0.clone()).collect()
}

/// What the last command line said, unless this one says otherwise.
fn take_globals(session: &mut Session, previous: &PreviousRun) {
    let globals = &mut session.globals;
    let text = |name| previous.text(name).map(str::to_owned);
    globals.target = globals.target.take().or_else(|| text("target"));
    globals.profile = globals.profile.take().or_else(|| text("profile"));
    globals.fail_fast = globals.fail_fast.or_else(|| previous.is_set("fail_fast").then_some(true));
    let vars = previous.args.get("vars").filter(|it| it.as_object().is_some_and(|it| !it.is_empty()));
    globals.vars = globals.vars.take().or_else(|| vars.map(Json::to_string));
}

/// The same batches as then, not those of now.
fn window(previous: &PreviousRun) -> WindowArgs {
    let time = |name| previous.text(name).and_then(parse_time);
    WindowArgs {
        event_time_start: time("event_time_start"),
        event_time_end: time("event_time_end"),
        began_at: previous.began_at.as_deref().and_then(crate::batch::in_utc),
    }
}

impl Again {
    /// The nodes to work on: those that failed, and with each all tests of the last run that decide on it.
    pub(super) fn nodes(&self, graph: &Graph) -> BTreeSet<NodeId> {
        let mut wanted: BTreeSet<NodeId> = BTreeSet::new();
        for (id, node) in graph.nodes() {
            if self.failed.contains(node.unique_id.as_str()) {
                wanted.insert(id);
            }
        }
        let gates: Vec<NodeId> = graph
            .nodes()
            .filter(|(_, node)| self.all.contains(node.unique_id.as_str()))
            .filter(|(_, node)| matches!(&node.gate, Some(Gate::Of { node, .. }) if wanted.contains(node)))
            .map(|(id, _)| id)
            .collect();
        wanted.extend(gates);
        wanted
    }

    /// Models of which only the batches are made that were left.
    pub(super) fn partial(&self, graph: &Graph) -> BTreeSet<NodeId> {
        let is_partial = |id: &str| self.partial.contains(id);
        graph.nodes().filter(|(_, node)| is_partial(node.unique_id.as_str())).map(|(id, _)| id).collect()
    }
}
