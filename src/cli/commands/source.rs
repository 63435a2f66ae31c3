//! `source freshness` and `source accept`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::artifacts::{self, Stamp};
use crate::cli::Exit;
use crate::cli::args::command::{SelectionArgs, SourceAcceptArgs, SourceFreshnessArgs};
use crate::cli::commands::waiting;
use crate::cli::session::{Loaded, Purpose, Session, Stopped, without_dot};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;
use crate::project::sources_lock::{SOURCES_LOCK_FILE, SourcesLock};
use crate::report::{Format, numbers};
use crate::run::event::{RunEvent, SourceChecked, SourceStatus};
use crate::run::sources::{self, SourceFreshness, SourceFreshnessStatus};
use crate::run::{Surroundings, node_ref};
use crate::warehouse::Warehouse;

/// Says how fresh sources are and writes `sources.json`.
pub(super) fn freshness(session: &mut Session, args: &SourceFreshnessArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let purpose = Purpose::of("freshness");
    let (loaded, graph) = session.resolve(purpose)?;
    let mut selected = session.select(loaded, graph, &args.selection)?;
    selected.retain(|id| has_rule(graph, *id));
    if let Some(limit) = args.wait_for_sources {
        waiting::for_freshness(session, loaded, graph, &selected, limit)?;
    }
    let results = if selected.is_empty() {
        Vec::new()
    } else {
        let warehouse = looking(session, loaded)?;
        let around = surroundings(session, loaded);
        sources::check_freshness(graph, &around, &selected, warehouse)
    };
    if session.stop.is_requested() {
        return Err(session.fail(Diagnostic::error("interrupted", "the command was interrupted")));
    }
    report(session, graph, &results);
    let elapsed = crate::run::Clock::monotonic(&*session.clock);
    let stamp = stamp(session, &args.selection);
    let file = artifacts::sources(&loaded.project, graph, &results, elapsed, &stamp);
    let default = session.target_dir(loaded).join("sources.json");
    let path = args.output.clone().unwrap_or(default);
    let written = session.output(loaded).write_sources(&path, &file);
    session.write(written)?;
    let is_bad = |it: &SourceFreshness| {
        matches!(it.status, SourceFreshnessStatus::Error | SourceFreshnessStatus::RuntimeError)
    };
    Ok(if results.iter().any(is_bad) { Exit::Failed } else { Exit::Good })
}

/// dbt's rule: only a source with a limit is asked.
pub(super) fn has_rule(graph: &Graph, id: NodeId) -> bool {
    match &graph.node(id).body {
        Body::Source(source) => {
            source.freshness.as_ref().is_some_and(|it| it.warn_after.is_some() || it.error_after.is_some())
        }
        _ => false,
    }
}

fn surroundings<'a>(session: &'a Session, loaded: &'a Loaded) -> Surroundings<'a> {
    Surroundings {
        project: &loaded.project,
        files: &loaded.disk,
        clock: session.clock.clone(),
        stop: &session.stop,
        column_use: None,
    }
}

/// A connection that only reads; if there is no database file yet, the sources may be elsewhere.
fn looking(session: &mut Session, loaded: &Loaded) -> Result<Box<dyn Warehouse>, Stopped> {
    match session.open_to_look(loaded) {
        Ok(warehouse) => Ok(warehouse),
        // With the messages for people, and the patience of `--wait`.
        Err(_) => session.connect(loaded, true),
    }
}

fn stamp(session: &Session, selection: &SelectionArgs) -> Stamp {
    let args = json!({"which": "freshness", "select": selection.select, "exclude": selection.exclude});
    Stamp { generated_at: session.started_at.clone(), invocation_id: session.invocation_id.clone(), args }
}

fn report(session: &mut Session, graph: &Graph, results: &[SourceFreshness]) {
    let is_json = session.globals.format() == Format::Json;
    let mut text = String::new();
    let mut diags = Diagnostics::default();
    for (index, result) in results.iter().enumerate() {
        let event = event(graph, result);
        if is_json {
            session.reporter.event(&session.sources, &RunEvent::SourceChecked(event));
        } else {
            text.push_str(&line(index + 1, results.len(), result, &event));
        }
        if let Some(fault) = &result.fault {
            diags.push(fault.clone());
        }
    }
    let counts = [
        (SourceFreshnessStatus::Pass, "fresh"),
        (SourceFreshnessStatus::Warn, "late"),
        (SourceFreshnessStatus::Error, "stale"),
        (SourceFreshnessStatus::RuntimeError, "of unknown age"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .map(|(status, word)| (results.iter().filter(|it| it.status == *status).count(), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let counted = numbers::count(results.len(), "source");
    if !is_json && results.is_empty() {
        text.push_str("no source of the selection says how fresh it has to be\n");
    } else if !is_json {
        let _ = writeln!(text, "{counted}: {}", parts.join(", "));
    }
    if !text.is_empty() {
        session.reporter.data(&text);
    }
    if !diags.all().is_empty() {
        session.reporter.diagnostics(&session.sources, &diags.take());
    }
}

fn line(index: usize, total: usize, result: &SourceFreshness, event: &SourceChecked) -> String {
    let word = match result.status {
        SourceFreshnessStatus::Pass => "fresh",
        SourceFreshnessStatus::Warn => "late",
        SourceFreshnessStatus::Error => "stale",
        SourceFreshnessStatus::RuntimeError => "error",
    };
    let label = &event.source.label;
    let said = event.message.as_deref().unwrap_or_default();
    format!("{index}/{total}  {word:<6} {label:<30} {said}").trim_end().to_owned() + "\n"
}

fn event(graph: &Graph, result: &SourceFreshness) -> SourceChecked {
    let status = match result.status {
        SourceFreshnessStatus::Pass => SourceStatus::Good,
        SourceFreshnessStatus::Warn => SourceStatus::Warn,
        SourceFreshnessStatus::Error => SourceStatus::Stale,
        SourceFreshnessStatus::RuntimeError => SourceStatus::Error,
    };
    SourceChecked {
        source: node_ref(graph.node(result.source)),
        status,
        loaded_at: result.loaded.at.clone(),
        age: result.loaded.age,
        is_unchanged: false,
        message: result.message.clone().or_else(|| result.loaded.age.map(sources::age_in_words)),
    }
}

/// Takes the columns of sources into the lock file and shows what is different.
pub(super) fn accept(session: &mut Session, args: &SourceAcceptArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let (loaded, graph) = session.resolve(Purpose::of("source accept"))?;
    let mut selected: BTreeSet<NodeId> = session.select(loaded, graph, &args.selection)?;
    selected.retain(|id| graph.node(*id).kind == NodeKind::Source);
    if selected.is_empty() {
        session.reporter.data("no source is selected\n");
        return Ok(Exit::Good);
    }
    let warehouse = looking(session, loaded)?;
    let around = surroundings(session, loaded);
    let shapes = sources::shapes(graph, &around, &selected, warehouse);
    let before = loaded.project.sources_lock.as_ref();
    let accepted = sources::accept(graph, before, &selected, &shapes);
    let path = loaded.dir.join(SOURCES_LOCK_FILE);
    // Nothing is written of nothing, and nothing anew that says the same.
    let old = before.map(SourcesLock::render);
    let is_new = old.is_some() || !accepted.lock.sources.is_empty();
    let is_new = is_new && old != Some(accepted.lock.render());
    let mut text = accepted.differences.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    if is_new && !args.dry_run {
        let written = artifacts::write_sources_lock(&path, &accepted.lock.render());
        session.write(written)?;
    }
    text.push_str(&conclusion(&path, is_new, args.dry_run, accepted.n_same));
    session.reporter.data(&text);
    if accepted.faults.is_empty() {
        return Ok(Exit::Good);
    }
    session.reporter.diagnostics(&session.sources, &accepted.faults);
    Ok(Exit::Failed)
}

fn conclusion(path: &Path, is_new: bool, is_dry: bool, n_same: usize) -> String {
    let path = without_dot(path).display();
    let same = match n_same {
        0 => String::new(),
        n => format!("; {} as before", numbers::count(n, "source")),
    };
    match (is_new, is_dry) {
        (false, _) if n_same == 0 => "nothing was written\n".to_owned(),
        (false, _) => format!("{path} stays as it is{same}\n"),
        (true, true) => format!("{path} would be written{same}\n"),
        (true, false) => format!("wrote {path}{same}\n"),
    }
}
