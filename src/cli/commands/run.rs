//! `build`, `run`, `test` and `seed`: plan and execute.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use serde_json::json;

use crate::artifacts::Stamp;
use crate::batch::{RowsRead, Sample, Window};
use crate::cli::Exit;
use crate::cli::args::command::{ResourceTypeArgs, SelectionArgs, TestingArgs, WindowArgs};
use crate::cli::checking::ColumnsRead;
use crate::cli::commands::{explain_tests, waiting};
use crate::cli::publishing;
use crate::cli::selecting::show_selection;
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::cli::unit_testing::with_ancestors;
use crate::compile::lineage::{self, Inherited};
use crate::compile::{self, Compiled, TemplateLog, TestGround};
use crate::diagnostics::scrub::Scrubber;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::graph::{Depth, Graph};
use crate::node::{NodeId, NodeKind};
use crate::plan::{self, Plan, PlanOptions, RunCommand, TestQueries};
use crate::project::Dialect;
use crate::report::Verbosity;
use crate::run::event::{LogLevel, RunEvent};
use crate::run::{self, Executed, RunOptions, RunResults, Surroundings, WaitingFiles, sources};
use crate::warehouse::duckdb;
use crate::warehouse::duckdb::publishing::Scratch;
use crate::yaml;

/// What is to be run.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) purpose: Purpose,
    pub(super) command: RunCommand,
    pub(super) selection: &'a SelectionArgs,
    pub(super) kinds: Option<&'a ResourceTypeArgs>,
    pub(super) window: WindowArgs,
    /// How tests are run.
    pub(super) testing: TestingArgs,
    /// What of an earlier run is tried again, instead of the selection.
    pub(super) again: Option<&'a Again>,
}

/// What became of an earlier run, by unique ids.
pub(super) struct Again {
    /// What did not go well.
    pub(super) failed: BTreeSet<String>,
    /// Models of which some batches were published.
    pub(super) partial: BTreeSet<String>,
    /// All that was worked on.
    pub(super) all: BTreeSet<String>,
}

impl<'a> Request<'a> {
    /// A command that takes neither kinds of nodes nor a window of time.
    pub(super) fn new(purpose: Purpose, command: RunCommand, selection: &'a SelectionArgs) -> Self {
        Self {
            purpose,
            command,
            selection,
            kinds: None,
            window: WindowArgs::default(),
            testing: TestingArgs::default(),
            again: None,
        }
    }
}

/// Makes a plan for the nodes selected, executes it and writes artifacts.
pub(super) fn run(session: &mut Session, request: &Request<'_>) -> Result<Exit, Stopped> {
    let Request { purpose, command, selection, kinds, window, testing, again } = *request;
    session.listen_for_interrupts();
    let (loaded, graph) = session.resolve(purpose)?;
    let mut selected = match again {
        Some(again) => {
            let nodes = again.nodes(graph);
            show_selection(graph, &nodes);
            nodes
        }
        None => session.select(loaded, graph, selection)?,
    };
    if let Some(kinds) = kinds {
        selected.retain(|id| kinds.includes(graph.node(*id).kind));
    }
    let compiled = compile::compile(&loaded.project, graph, &selected);
    let mut diags = Diagnostics::default();
    compile::check_run_hooks(&mut diags, &loaded.project, graph);
    session.report(diags)?;
    report_log(session, &compiled.log);

    let output = session.output(loaded);
    let stamp = stamp(session, purpose, selection, window);
    session.write(output.write_compiled(&loaded.project, graph, &compiled))?;
    session.write_manifest(&output, loaded, graph, Some(&compiled), &stamp)?;

    let mut for_results = compiled.clone();
    let options = PlanOptions {
        command,
        dialect: loaded.project.dialect,
        full_refresh: purpose.full_refresh,
        store_failures: purpose.store_failures,
        window: match purpose.rows_read {
            // As in dbt, a sample of a microbatch model is made of the batches of its time.
            RowsRead::Sample(Sample { start, end }) => Window { start: Some(start), end },
            RowsRead::All | RowsRead::Empty => window.window(&session.started_at),
        },
        only_owed: again.map(|it| it.partial(graph)).unwrap_or_default(),
        sources_lock: loaded.project.sources_lock.as_ref(),
        waits_for_sources: purpose.wait_for_sources.is_some(),
        sample_rows: testing.sample_rows,
        // Queries of tests that read no rows are not about the relation that others scan.
        test_queries: match purpose.rows_read {
            RowsRead::Empty => TestQueries::Each,
            _ if testing.no_fuse_tests => TestQueries::Each,
            RowsRead::All | RowsRead::Sample(_) => TestQueries::Shared,
        },
        rows_read: purpose.rows_read,
    };
    let tests_run = matches!(command, RunCommand::Build | RunCommand::Test);
    let ground =
        if tests_run { session.test_ground(loaded, graph, &selected)? } else { TestGround::default() };
    let compiled = Compiled { ground, ..compiled };
    let mut plan = plan::make(graph, compiled, &selected, options);
    if testing.explain_tests {
        session.reporter.data(&explain_tests::text(graph, &plan));
        return Ok(Exit::Good);
    }
    // In a dbt project what is not at fault is built, as dbt does it.
    let checks = purpose.checks && loaded.project.dialect == Dialect::Tidemill;
    if checks && let Some(results) = check(session, loaded, graph, &for_results, &selected, purpose, &plan)? {
        session.write(output.write_run_results(&loaded.project, graph, &for_results, &results, &stamp))?;
        return Ok(Exit::Failed);
    }
    if plan.steps.is_empty() {
        session
            .reporter
            .log(LogLevel::Warning, "nothing to do: no node of the selection is for this command");
        return Ok(Exit::Good);
    }
    if let Some(limit) = purpose.wait_for_sources.filter(|_| plan.needs_warehouse()) {
        waiting::for_plan(session, loaded, graph, &plan, limit)?;
    }
    plan.inherited = inherited(session, loaded, graph, &selected)?;
    let (results, published) = execute(session, loaded, graph, &for_results, &plan)?;
    if !results.compiled.is_empty() {
        // What was rendered late is known only now.
        for_results.nodes.extend(results.compiled.clone());
        session.write(output.write_compiled(&loaded.project, graph, &for_results))?;
        // Of unit tests the manifest shows no SQL.
        if results.compiled.keys().any(|it| graph.node(*it).kind != NodeKind::UnitTest) {
            session.write_manifest(&output, loaded, graph, Some(&for_results), &stamp)?;
        }
    }
    session.write(output.write_run_results(&loaded.project, graph, &for_results, &results, &stamp))?;
    // What went wrong at the very end was reported, and the artifacts know of it.
    if published.is_err() {
        return Ok(Exit::Failed);
    }
    match results.hook_fault.clone() {
        Some(fault) => {
            let Stopped(_) = session.fail(fault);
            Ok(Exit::Failed)
        }
        None => Ok(exit_of(&results)),
    }
}

/// Whether the engine will be asked for what a node says: always, but for an ephemeral model that nothing selected reads.
fn is_asked_for(graph: &Graph, selected: &BTreeSet<NodeId>, id: NodeId) -> bool {
    let node = graph.node(id);
    if !compile::is_ephemeral(node) {
        return !matches!(node.kind, NodeKind::Exposure);
    }
    graph.children(id).into_iter().any(|it| selected.contains(&it) && is_asked_for(graph, selected, it))
}

/// Descriptions that columns take over, if the database is to have them.
fn inherited(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    selected: &BTreeSet<NodeId>,
) -> Result<Inherited, Stopped> {
    if !selected.iter().any(|it| graph.node(*it).config.duckdb.comments_on_columns) {
        return Ok(Inherited::default());
    }
    let wanted = with_ancestors(graph, selected);
    let compiled = compile::compile(&loaded.project, graph, &wanted);
    let shapes = session.shapes(loaded, graph, &compiled, &wanted, false)?;
    Ok(lineage::inherit(graph, &session.lineage(loaded, graph, &compiled, &shapes)?))
}

/// The check before anything is run. What is at fault stops the command: these are its results then.
fn check(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &Compiled,
    selected: &BTreeSet<NodeId>,
    purpose: Purpose,
    plan: &Plan,
) -> Result<Option<RunResults>, Stopped> {
    let shapes = session.shapes(loaded, graph, compiled, selected, purpose.full_refresh)?;
    let mut found: BTreeMap<NodeId, Vec<Diagnostic>> = shapes.faults;
    // As in dbt, an ephemeral model that nothing reads may say anything.
    found.retain(|id, _| is_asked_for(graph, selected, *id));
    if !found.is_empty() {
        // The run says better what came of a change of a source, and keeps the nodes below it from running.
        let explained = below_changed_sources(session, loaded, graph, compiled, plan);
        found.retain(|id, _| !explained.contains(id));
    }
    if found.is_empty() {
        return Ok(None);
    }
    for (id, fault) in compiled.faults.iter().filter(|(id, _)| selected.contains(id)) {
        found.entry(*id).or_default().push(fault.clone());
    }
    let all: Vec<Diagnostic> = found.values().flatten().cloned().collect();
    session.reporter.diagnostics(&session.sources, &all);
    session.reporter.stopped();
    session.info("nothing was run; `--no-check` builds what is not at fault");
    Ok(Some(RunResults::of_check(plan, &found)))
}

/// All that is made of sources whose columns are not those accepted.
fn below_changed_sources(
    session: &Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &Compiled,
    plan: &Plan,
) -> BTreeSet<NodeId> {
    if loaded.project.sources_lock.is_none() {
        return BTreeSet::new();
    }
    let Ok(warehouse) = session.open_to_look(loaded) else { return BTreeSet::new() };
    let reads = ColumnsRead::new(session, loaded, graph, compiled);
    let around = Surroundings {
        project: &loaded.project,
        files: &loaded.disk,
        clock: session.clock.clone(),
        stop: &session.stop,
        column_use: Some(&reads),
    };
    let changed = sources::changed(plan, graph, &around, warehouse);
    changed.iter().flat_map(|it| graph.descendants(*it, Depth::All)).collect()
}

fn execute(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    compiled: &Compiled,
    plan: &Plan,
) -> Result<(RunResults, Result<(), Stopped>), Stopped> {
    let reads = ColumnsRead::new(session, loaded, graph, compiled);
    let staged = if plan.needs_warehouse() { publishing::begin(session, loaded)? } else { None };
    if staged.is_some() {
        publishing::warn_of_others(session, loaded, graph, plan);
    }
    let (mut results, files) = run_plan(session, loaded, (graph, plan), &reads, staged.as_ref())?;
    let published = match staged {
        Some(scratch) => publishing::finish(session, loaded, (graph, plan), (scratch, files), &mut results),
        None => Ok(()),
    };
    Ok((results, published))
}

/// Unit tests first, then all else in the database, or in the copy that stands in for it.
fn run_plan(
    session: &mut Session,
    loaded: &Loaded,
    (graph, plan): (&Graph, &Plan),
    reads: &ColumnsRead<'_>,
    staged: Option<&Scratch>,
) -> Result<Executed, Stopped> {
    let options = RunOptions {
        is_staged: staged.is_some(),
        threads: session.threads(&loaded.project),
        fail_fast: session.globals.fail_fast.unwrap_or(false),
        invocation_id: session.invocation_id.clone(),
        target: loaded.project.target.name.clone(),
        database: loaded.project.target.path.clone(),
        scrubber: Scrubber::new(&loaded.project.settings.secrets()),
        wants_statements: session.globals.verbosity() == Verbosity::Debug,
    };
    // Unit tests come before the database is opened, and may be all there is to do.
    let connect_options = match staged {
        Some(scratch) => scratch.options().clone(),
        None => session.connect_options(loaded, false),
    };
    let first = if plan.has_unit_tests() { None } else { Some(session.open(loaded, &connect_options)?) };
    let scratch = || duckdb::open_scratch(&connect_options);
    let tested = within(session, loaded, reads, |around, on_event| {
        run::begin(plan, graph, &options, (around, &scratch), on_event)
    })?;
    if !plan.needs_warehouse() {
        session.record_unit_tests(loaded, (graph, plan), &options, &tested);
        let results = within(session, loaded, reads, |_, on_event| Ok(run::end(tested, on_event)))?;
        return Ok((results, WaitingFiles::default()));
    }
    let warehouse = match first {
        Some(warehouse) => warehouse,
        None => session.open(loaded, &connect_options)?,
    };
    within(session, loaded, reads, |around, on_event| {
        run::execute(plan, graph, &options, around, (tested, warehouse), on_event)
    })
}

/// Does a part of a run with what is around it; reports why it could not go on.
fn within<T>(
    session: &mut Session,
    loaded: &Loaded,
    reads: &ColumnsRead<'_>,
    part: impl FnOnce(&Surroundings<'_>, &mut dyn FnMut(&RunEvent)) -> Result<T, Diagnostic>,
) -> Result<T, Stopped> {
    let (reporter, sources) = (&mut session.reporter, &mut session.sources);
    let around = Surroundings {
        project: &loaded.project,
        files: &loaded.disk,
        clock: session.clock.clone(),
        stop: &session.stop,
        column_use: Some(reads),
    };
    let mut on_event = |event: &RunEvent| match with_line(sources, event) {
        Some(event) => reporter.event(sources, &event),
        None => reporter.event(sources, event),
    };
    part(&around, &mut on_event).map_err(|fault| {
        let is_stopped = session.stop.is_requested();
        let Stopped(exit) = session.fail(fault);
        Stopped(if is_stopped { Exit::Interrupted } else { exit })
    })
}

/// The event with the place of its fault, if that is in a file that is not in memory.
fn with_line(sources: &mut Sources, event: &RunEvent) -> Option<RunEvent> {
    let RunEvent::NodeFinished(finished) = event else { return None };
    let fault = finished.fault.as_ref().filter(|it| it.line.is_some())?;
    let mut finished = finished.clone();
    let mut fault = fault.clone();
    sources.take_in_line(&mut fault);
    finished.fault = Some(fault);
    Some(RunEvent::NodeFinished(finished))
}

fn exit_of(results: &RunResults) -> Exit {
    if results.totals.is_interrupted {
        Exit::Interrupted
    } else if results.totals.is_success() {
        Exit::Good
    } else {
        Exit::Failed
    }
}

/// What artifacts say about this invocation.
pub(super) fn stamp(
    session: &Session,
    purpose: Purpose,
    selection: &SelectionArgs,
    window: WindowArgs,
) -> Stamp {
    let time = |it: Option<DateTime>| it.map(|it| json!(it.to_string()));
    let sample = match purpose.rows_read {
        RowsRead::Sample(Sample { start, end }) => {
            Some(json!({"start": start.to_string(), "end": end.to_string()}))
        }
        RowsRead::All | RowsRead::Empty => None,
    };
    let vars = session.globals.vars.as_deref().and_then(|it| yaml::parse_value(it).ok());
    let mut args = json!({
        "which": purpose.command,
        "select": selection.select,
        "exclude": selection.exclude,
        "full_refresh": purpose.full_refresh,
        "store_failures": purpose.store_failures,
        "fail_fast": session.globals.fail_fast.unwrap_or(false),
        "target": session.globals.target,
        "profile": session.globals.profile,
    });
    for (name, value) in [
        ("vars", vars),
        ("event_time_start", time(window.event_time_start)),
        ("event_time_end", time(window.event_time_end)),
        ("empty", (purpose.rows_read == RowsRead::Empty).then(|| json!(true))),
        ("sample", sample),
    ] {
        if let Some(value) = value {
            args[name] = value;
        }
    }
    Stamp { generated_at: session.started_at.clone(), invocation_id: session.invocation_id.clone(), args }
}

/// Passes on what templates logged.
pub(super) fn report_log(session: &mut Session, log: &[TemplateLog]) {
    for line in log {
        session.reporter.event(&session.sources, &run::template_log(line));
    }
}

/// The faults of the nodes wanted, in the order of their ids.
pub(super) fn faults(compiled: &Compiled, wanted: &BTreeSet<NodeId>) -> Vec<Diagnostic> {
    compiled.faults.iter().filter(|(id, _)| wanted.contains(id)).map(|(_, fault)| fault.clone()).collect()
}
