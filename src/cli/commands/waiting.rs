//! `--wait-for-sources`: looks again until sources are ready, with nothing open in between.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cli::Exit;
use crate::cli::session::{Loaded, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::plan::Plan;
use crate::report::numbers;
use crate::run::event::RunEvent;
use crate::run::sources::{self, Patience, Readiness};
use crate::run::{Stop, Surroundings};

/// How often a pause looks whether the user wants to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Waits for the sources of a plan.
pub(super) fn for_plan(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    plan: &Plan,
    limit: Duration,
) -> Result<(), Stopped> {
    let stop = session.stop.clone();
    let clock = session.clock.clone();
    let opener = session.opener(loaded);
    let (reporter, shown) = (&mut session.reporter, &session.sources);
    let around =
        Surroundings { project: &loaded.project, files: &loaded.disk, clock, stop: &stop, column_use: None };
    let mut pause = |length: Duration| sleep(length, &stop);
    let mut patience = Patience { limit, pause: &mut pause };
    let mut on_event = |event: &RunEvent| reporter.event(shown, event);
    let mut open = || opener.open();
    match sources::wait(plan, graph, &around, &mut patience, &mut open, &mut on_event) {
        Readiness::Ready => Ok(()),
        Readiness::Interrupted => {
            Err(session.fail(Diagnostic::error("interrupted", "waiting for sources was interrupted")))
        }
        Readiness::NotReady(missing) => {
            let n = numbers::count(missing.len(), "source");
            let message = format!("{n} not ready after {}, so nothing was run", numbers::duration(limit));
            let fault = missing
                .iter()
                .fold(Diagnostic::error("sources-not-ready", message), |it, line| it.note(line.as_str()));
            let Stopped(_) = session.fail(fault.help("this is no failure of a model: try again later"));
            Err(Stopped(Exit::NotReady))
        }
    }
}

/// Waits for sources that are asked how fresh they are.
pub(super) fn for_freshness(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    selected: &BTreeSet<NodeId>,
    limit: Duration,
) -> Result<(), Stopped> {
    let plan = crate::plan::of_sources(graph, selected);
    for_plan(session, loaded, graph, &plan, limit)
}

fn sleep(length: Duration, stop: &Stop) {
    let mut left = length;
    while !left.is_zero() && !stop.is_requested() {
        let slice = left.min(SLICE);
        std::thread::sleep(slice);
        left -= slice;
    }
}
