//! `publish: run`: a run works in a copy of the database file, which takes the file's place if all went well.

use std::path::Path;
use std::sync::Arc;

use crate::cli::connecting::cannot_open;
use crate::cli::session::{Loaded, Session, Stopped, without_dot};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::{NodeKind, Relation, RelationKind};
use crate::plan::{Action, Plan, Step};
use crate::project::publish::PublishMode;
use crate::report::numbers;
use crate::run::event::{LogLevel, RunEvent};
use crate::run::{self, NodeResult, PlacedFiles, RunResults, Status, WaitingFiles};
use crate::warehouse::duckdb::publishing::Scratch;
use crate::warehouse::{ErrorKind, WarehouseError};

/// What was done in the copy.
#[derive(Clone, Copy)]
enum Work {
    Run,
    Cleaning,
}

/// Whether all of a run is published at once.
pub(super) fn is_by_run(session: &Session, loaded: &Loaded) -> bool {
    session.globals.publish.unwrap_or(loaded.project.config.publish.mode) == PublishMode::Run
}

/// Makes the copy to work in; nothing if nodes are published one by one.
pub(super) fn begin(session: &mut Session, loaded: &Loaded) -> Result<Option<Scratch>, Stopped> {
    if !is_by_run(session, loaded) {
        return Ok(None);
    }
    let target = &loaded.project.target;
    let options = session.connect_options(loaded, false);
    if options.path.is_none() {
        let message = format!("`{}` cannot be published as a whole: it is no database file", target.path);
        let fault = Diagnostic::error("unsupported-publish", message);
        return Err(session.fail(fault.help("set `publish: model`, or `--publish model`")));
    }
    let id = session.invocation_id.clone();
    let stop = Arc::clone(&session.stop);
    let begun = {
        let (reporter, sources) = (&mut session.reporter, &session.sources);
        let mut is_waiting = false;
        let mut on_wait = |error: &WarehouseError| {
            if let (ErrorKind::Locked { holder }, false) = (&error.kind, is_waiting) {
                reporter.event(sources, &RunEvent::Waiting { holder: holder.clone() });
            }
            is_waiting = true;
            !stop.is_requested()
        };
        Scratch::begin(&options, &id, &mut on_wait, &|| !stop.is_requested())
    };
    begun.map(Some).map_err(|error| {
        if session.stop.is_requested() {
            return session.fail(Diagnostic::error("interrupted", "the run was interrupted"));
        }
        if error.kind == ErrorKind::DiskFull {
            let message = format!("there is no room for a copy of `{}`", target.path);
            let fault = Diagnostic::error("disk-full", message).note(error.message);
            return session.fail(fault.help("make room beside the file, or use `--publish model`"));
        }
        session.fail(cannot_open(&target.path, &error))
    })
}

/// Publishes the copy, or drops it and leaves word of the run in the published file's history.
pub(super) fn finish(
    session: &mut Session,
    loaded: &Loaded,
    (graph, plan): (&Graph, &Plan),
    (scratch, files): (Scratch, WaitingFiles),
    results: &mut RunResults,
) -> Result<(), Stopped> {
    let path = loaded.project.target.path.clone();
    let is_good = results.totals.is_success() && results.hook_fault.is_none();
    let placed = match if is_good { unfit(loaded, graph, &scratch, Work::Run) } else { None } {
        None if is_good => {
            place(files, &scratch).map_err(|it| Some(not_published(&path, Work::Run).note(it.message)))
        }
        fault => Err(fault),
    };
    let fault = match placed {
        Ok(files) => {
            let published = scratch.publish(loaded.project.config.publish.keep);
            return match published {
                Ok(()) => {
                    files.keep();
                    session.info(&format!("published {path}: all of this run at once"));
                    Ok(())
                }
                Err(error) => {
                    take_back(results, loaded, graph);
                    Err(session.fail(not_published(&path, Work::Run).note(error.message)))
                }
            };
        }
        Err(fault) => fault,
    };
    take_back(results, loaded, graph);
    let database = loaded.project.target.own_database();
    let kept: Vec<Relation> = kept_rows(plan);
    let carried = run::of_failed_run(&database, &session.invocation_id, &kept);
    let was_there = scratch.has_published();
    match scratch.publish_only(&carried, loaded.project.config.publish.keep_failed) {
        Ok(Some(copy)) => {
            let shown = shown(&copy);
            session.info(&format!("the copy that this run worked in is {shown}"));
        }
        Ok(None) => {}
        Err(error) => session
            .reporter
            .log(LogLevel::Warning, &format!("the history has no word of this run: {}", error.message)),
    }
    if let Some(fault) = fault {
        return Err(session.fail(fault));
    }
    let what = if was_there { "readers see what they saw before" } else { "there is nothing to see yet" };
    session.info(&format!("nothing of this run is published: in {path} {what}"));
    Ok(())
}

/// Gives files their place, and lets the copy's views read them there.
fn place(files: WaitingFiles, scratch: &Scratch) -> Result<PlacedFiles, WarehouseError> {
    if files.is_empty() {
        return Ok(PlacedFiles::default());
    }
    let mut warehouse = scratch.open()?;
    files.place(warehouse.as_mut())
}

/// Publishes the copy after work that went well and is no run.
pub(super) fn publish(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    scratch: Scratch,
) -> Result<(), Stopped> {
    if let Some(fault) = unfit(loaded, graph, &scratch, Work::Cleaning) {
        return Err(session.fail(fault));
    }
    let published = scratch.publish(loaded.project.config.publish.keep);
    published.map_err(|error| {
        session.fail(not_published(&loaded.project.target.path, Work::Cleaning).note(error.message))
    })
}

/// Why the copy must not be published, although the run went well.
fn unfit(loaded: &Loaded, graph: &Graph, scratch: &Scratch, work: Work) -> Option<Diagnostic> {
    let path = &loaded.project.target.path;
    let views = managed_views(loaded, graph);
    let broken = match scratch.check(&views) {
        Ok(broken) => broken,
        Err(error) => {
            return Some(
                not_published(path, work)
                    .note(format!("the new version cannot be opened: {}", error.message)),
            );
        }
    };
    let first = broken.first()?;
    let n = numbers::count(broken.len(), "view");
    let fault = broken.iter().take(5).fold(not_published(path, work), |it, (view, why)| {
        let why = why.lines().next().unwrap_or_default();
        it.note(format!("{} cannot be read in the new version: {why}", view.short()))
    });
    let name = &first.0.identifier;
    Some(
        fault.note(format!("{n} would break")).help(match work {
            Work::Run => format!("make them anew in the same run: `-s {name}+`, or all with no selection"),
            Work::Cleaning => {
                "let them read something else first, and build them; what they read is named by no node"
                    .to_owned()
            }
        }),
    )
}

fn not_published(path: &str, work: Work) -> Diagnostic {
    let message = match work {
        Work::Run => format!("the run went well, but `{path}` was not replaced"),
        Work::Cleaning => format!("nothing is dropped: `{path}` was not replaced"),
    };
    Diagnostic::error("not-published", message)
}

/// Views of the project in the database of the file.
fn managed_views(loaded: &Loaded, graph: &Graph) -> Vec<Relation> {
    let database = loaded.project.target.own_database();
    let is_here = |it: &Relation| it.database.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(&database));
    // A table function has its name, and is no view.
    let nodes = graph.nodes().filter(|(_, node)| node.kind == NodeKind::Model && !node.is_called());
    nodes.filter_map(|(_, node)| node.relation.clone()).filter(is_here).collect()
}

/// Tables of failing rows.
fn kept_rows(plan: &Plan) -> Vec<Relation> {
    let tests = plan.steps.iter().flat_map(|it| &it.tests);
    let kept = tests.filter_map(|it| it.kept_in.as_ref()).filter(|it| it.kind == RelationKind::Table);
    kept.map(|it| it.relation.clone()).collect()
}

/// What was made in the copy is not published: nobody may count on it, and `retry` makes it again.
fn take_back(results: &mut RunResults, loaded: &Loaded, graph: &Graph) {
    let own = loaded.project.target.own_database();
    let is_own = |it: &Relation| it.database.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(&own));
    let is_in_copy = |it: &NodeResult| graph.node(it.node).relation.as_ref().is_none_or(is_own);
    for result in results.results.iter_mut().filter(|it| it.status == Status::Success && is_in_copy(it)) {
        result.status = Status::Skipped;
        result.message = Some("made, but nothing of this run was published".to_owned());
        if let Some(batches) = &mut result.batches {
            batches.failed.splice(0..0, batches.successful.drain(..));
        }
    }
}

/// What is made in other databases is published when its node is.
pub(super) fn warn_of_others(session: &mut Session, loaded: &Loaded, graph: &Graph, plan: &Plan) {
    let own = loaded.project.target.own_database();
    let is_made = |it: &Action| !matches!(it, Action::Nothing | Action::TestPublished | Action::TestAlone);
    let database = |it: &Step| it.relation.as_ref().and_then(|it| it.database.clone());
    let made =
        plan.steps.iter().filter(|it| is_made(&it.action) && graph.node(it.node).kind != NodeKind::Source);
    let others = made.filter(|it| database(it).is_some_and(|it| !it.eq_ignore_ascii_case(&own)));
    let count = others.count();
    if count > 0 {
        let nodes = numbers::count(count, "node");
        session.info(&format!(
            "other databases are no part of the copy: {nodes} there will be published one by one"
        ));
    }
}

fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.as_deref().and_then(|it| path.strip_prefix(it).ok()).unwrap_or(path);
    without_dot(inside).display().to_string()
}
