//! Phase 6, run: execute a plan.
//!
//! In: a [`Plan`], a connection, the project's files for seeds. Out: [`RunResults`], and on the way one
//! [`event::RunEvent`] for everything that happens. Workers have a connection each and send events; the
//! main thread owns the state. Deliberately absent: deciding what to do (that is `plan/`), printing
//! (`report/`), the clock (given).

mod by_macro;
mod columns_changed;
mod comments;
mod connection;
mod contract;
mod creating;
mod drift;
pub mod event;
mod external;
mod files;
mod foreign_keys;
mod history;
mod hooks;
mod in_files;
mod incremental;
mod kept;
mod known_functions;
mod limited;
mod made;
mod make;
mod masked;
mod merge;
mod microbatch;
mod operation;
mod outside;
mod queue;
mod readers;
mod record;
mod recorded;
mod seeds;
mod slots;
mod snapshot;
pub mod sources;
mod step;
mod testing;
mod unit_tests;
mod version_pointer;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use self::event::{LogLevel, NodeRef, RunEvent, RunStarted, Totals};
use self::history::{History, Published, RunRow};
use self::slots::Slots;
use self::sources::Sources;
use crate::compile::{CompiledNode, TemplateLog, TemplateLogLevel};
use crate::diagnostics::scrub::Scrubber;
use crate::diagnostics::{Diagnostic, Span};
use crate::graph::{Graph, Node};
use crate::node::{IdentifierStyle, NodeId, NodeKind, Relation, RelationKind, quote_identifier};
use crate::parse::Body;
use crate::parse::run_hooks::Moment;
use crate::plan::{Action, Plan};
use crate::project::Project;
use crate::project::files::Files;
use crate::template::{Rendered, SegmentKind};
use crate::warehouse::{CatalogEntry, ErrorKind, Interrupt, Warehouse, WarehouseError};

pub use self::connection::Connection;
pub use self::files::{PlacedFiles, WaitingFiles};
pub use self::history::{
    AcceptError, Accepted, Cleaning, SCHEMA as HISTORY_SCHEMA, accept, columns_hash, of_failed_run,
    of_later_runs,
};
pub use self::microbatch::BatchResults;
use self::microbatch::Helpers;
pub use self::operation::{Operation, OperationResult, operation};
pub use self::recorded::record_unit_tests;
pub use self::unit_tests::{Tested, scaffold, skeleton};
pub use crate::compile::faults::statement as statement_fault;

/// What the command line decides about a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Steps worked on at the same time.
    pub threads: NonZeroUsize,
    /// Whether the first failure stops the run.
    pub fail_fast: bool,
    /// The run's id in history and artifacts.
    pub invocation_id: String,
    /// The target's name.
    pub target: String,
    /// The database for people.
    pub database: String,
    /// What must not be shown or recorded.
    pub scrubber: Scrubber,
    /// Whether every statement of a step is reported.
    pub wants_statements: bool,
    /// Whether what is made is published only when all of the run went well.
    pub is_staged: bool,
}

/// The time, from outside.
pub trait Clock: Send + Sync {
    /// Now, in UTC, as RFC 3339 with microseconds.
    fn now(&self) -> String;
    /// Time since some fixed moment, never going back.
    fn monotonic(&self) -> Duration;
}

/// What a run works with.
pub struct Surroundings<'a> {
    /// The project, for templates that are rendered late.
    pub project: &'a Project,
    /// The project's folder, for seeds.
    pub files: &'a dyn Files,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The user's wish to stop.
    pub stop: &'a Stop,
    /// Which columns of sources nodes read, where that can be known.
    pub column_use: Option<&'a dyn ColumnUse>,
}

/// Which columns of sources nodes read.
pub trait ColumnUse: Sync {
    /// The columns that a node reads of a source, in lower case; `None` if some may be missing.
    fn reads(&self, node: NodeId, source: NodeId) -> Option<BTreeSet<String>>;
}

/// Opens a database in memory that reads SQL as the target's does, and has nothing of it.
pub type OpenScratch<'a> = dyn Fn() -> Result<Box<dyn Warehouse>, WarehouseError> + Sync + 'a;

/// The user's wish to stop, shared with the signal handler.
#[derive(Default)]
pub struct Stop {
    wanted: AtomicBool,
    handles: Mutex<Vec<Arc<dyn Interrupt>>>,
}

impl Stop {
    /// Stops what is running and lets nothing new begin; may be called from any thread, more than once.
    pub fn request(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// Whether [`Stop::request`] was called.
    pub fn is_requested(&self) -> bool {
        self.wanted.load(Ordering::SeqCst)
    }

    fn interrupt(&self) {
        if let Ok(handles) = self.handles.lock() {
            handles.iter().for_each(|it| it.interrupt());
        }
    }

    /// What [`Stop::request`] is to interrupt too.
    pub fn register(&self, handle: Arc<dyn Interrupt>) {
        if let Ok(mut handles) = self.handles.lock() {
            handles.push(handle);
        }
    }

    /// Forgets connections that are closed.
    pub fn forget(&self) {
        if let Ok(mut handles) = self.handles.lock() {
            handles.clear();
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct RunResults {
    /// What was done before the first node: an operation, or the hooks `on-run-start`.
    pub before: Vec<OperationResult>,
    /// One entry for each node and test, in the order they were done.
    pub results: Vec<NodeResult>,
    /// What was done after the last node: the hooks `on-run-end`.
    pub after: Vec<OperationResult>,
    /// Why one of the project's own hooks failed.
    pub hook_fault: Option<Diagnostic>,
    /// SQL of templates that were rendered late.
    pub compiled: BTreeMap<NodeId, CompiledNode>,
    /// Counts.
    pub totals: Totals,
    /// How long it took.
    pub elapsed: Duration,
}

impl RunResults {
    /// What a run comes to that was not begun, because the queries of these nodes are at fault.
    pub fn of_check(plan: &Plan, faults: &BTreeMap<NodeId, Vec<Diagnostic>>) -> Self {
        let result = |node: NodeId| {
            let fault = faults.get(&node).and_then(|it| it.first());
            NodeResult {
                node,
                status: if fault.is_some() { Status::Error } else { Status::Skipped },
                started_at: String::new(),
                completed_at: String::new(),
                elapsed: Duration::ZERO,
                worker: 0,
                message: fault.map(|it| it.message.clone()),
                failures: None,
                batches: None,
                rows: None,
            }
        };
        let nodes = plan
            .steps
            .iter()
            .flat_map(|step| std::iter::once(step.node).chain(step.tests.iter().map(|it| it.node)));
        let mut seen = BTreeSet::new();
        let results = nodes.filter(|it| seen.insert(*it)).map(result).collect();
        Self { results, ..Self::default() }
    }
}

/// What became of a node or a test.
#[derive(Clone, Debug)]
pub struct NodeResult {
    /// The node.
    pub node: NodeId,
    /// How it ended.
    pub status: Status,
    /// When work on it began, RFC 3339; empty if it did not.
    pub started_at: String,
    /// When it was done.
    pub completed_at: String,
    /// How long it took.
    pub elapsed: Duration,
    /// Which worker did it.
    pub worker: usize,
    /// What to say about it.
    pub message: Option<String>,
    /// Failures, for tests.
    pub failures: Option<u64>,
    /// Rows, for what has them.
    pub rows: Option<u64>,
    /// Microbatch models: what became of their batches.
    pub batches: Option<BatchResults>,
}

/// How a node or test ended; the words are dbt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Made and published.
    Success,
    /// Some batches of a microbatch model are published, and others are not.
    PartialSuccess,
    /// Could not be made, or not published.
    Error,
    /// Not worked on.
    Skipped,
    /// Nothing was to be done.
    NoOp,
    /// Test without failures.
    Pass,
    /// Test that warns.
    Warn,
    /// Test that fails.
    Fail,
}

impl Status {
    /// The word in artifacts and history.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::PartialSuccess => "partial success",
            Status::Error => "error",
            Status::Skipped => "skipped",
            Status::NoOp => "no-op",
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }
}

/// What every worker knows.
struct Shared<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    around: &'a Surroundings<'a>,
    history: History,
    published: BTreeMap<String, Published>,
    /// What was there when the run began; functions of the plan's nodes stand here as views.
    catalog: BTreeMap<String, RelationKind>,
    /// Functions in place of which nodes make a table or a view now.
    former_functions: BTreeSet<String>,
    /// Rows of tables when the run began, as far as the engine knows.
    row_estimates: BTreeMap<String, u64>,
    /// Whether columns may have collations: those that were there, or made since by a statement that says so.
    has_collations: AtomicBool,
    /// Databases that the catalog was read for.
    databases: Vec<String>,
    /// What was found of sources before the first step.
    sources: Sources,
    /// Nodes that the plan is about.
    planned: BTreeSet<NodeId>,
    scrubber: Scrubber,
    /// Whether readers see nothing before the end of the run.
    is_staged: bool,
    /// All views with their texts in lower case, read when somebody asks.
    views: OnceLock<Vec<(Relation, String)>>,
    /// How many queries may be run at the same time.
    slots: Arc<Slots>,
    /// Connections that helped a step and can help another.
    helpers: Helpers,
    /// Views that cannot be read until this run makes them anew, with the node whose new version they cannot read.
    endangered: Mutex<BTreeMap<Relation, String>>,
    /// Files of nodes that were made, if the run is published as a whole.
    waiting_files: Mutex<Vec<files::Waiting>>,
    /// Nodes whose tables lost their foreign keys until this run makes them anew, with the node that they pointed to.
    freed: Mutex<BTreeMap<NodeId, String>>,
}

impl Shared<'_> {
    /// What a relation was when the run began; `None` if there was none.
    fn existing(&self, relation: &Relation) -> Option<RelationKind> {
        self.catalog.get(&catalog_key(&relation.render())).copied()
    }

    /// Whether columns may have collations, as far as this connection and others before it know.
    fn note_collations(&self, connection: &Connection) -> bool {
        self.has_collations.fetch_or(connection.names_collation(), Ordering::Relaxed)
            || connection.names_collation()
    }

    /// Whether it is sure that a relation was not there when the run began.
    fn is_missing(&self, relation: &Relation) -> bool {
        let database = relation.database.as_ref().map(|it| it.to_lowercase());
        relation.style == IdentifierStyle::Quoted
            && database.is_some_and(|it| self.databases.contains(&it))
            && self.existing(relation).is_none()
    }
}

/// Begins: says what is about to be done, and runs the unit tests, which need no warehouse.
pub fn begin(
    plan: &Plan,
    graph: &Graph,
    options: &RunOptions,
    (around, scratch): (&Surroundings<'_>, &OpenScratch<'_>),
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<Tested, Diagnostic> {
    let started = around.clock.monotonic();
    on_event(&RunEvent::RunStarted(run_started(plan, graph, options)));
    let mut tested = unit_tests::run(plan, graph, options, (around, scratch), on_event)?;
    tested.results.elapsed = around.clock.monotonic().saturating_sub(started);
    Ok(tested)
}

/// Ends a run of unit tests alone.
pub fn end(tested: Tested, on_event: &mut dyn FnMut(&RunEvent)) -> RunResults {
    let results = tested.results;
    on_event(&RunEvent::RunFinished { elapsed: results.elapsed, totals: results.totals.clone() });
    results
}

/// What a run came to, and the files that wait for its publication, if it is published as a whole.
pub type Executed = (RunResults, WaitingFiles);

/// Executes a plan that was begun. `Err` means that the run could not begin or not end properly; whatever steps
/// came to is in the results.
pub fn execute(
    plan: &Plan,
    graph: &Graph,
    options: &RunOptions,
    around: &Surroundings<'_>,
    (tested, warehouse): (Tested, Box<dyn Warehouse>),
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<Executed, Diagnostic> {
    let (started, before) = (around.clock.monotonic(), tested.results.elapsed);
    let mut warehouse = Connection::new(warehouse, Arc::clone(&around.clock), false);
    around.stop.register(warehouse.interrupt_handle());
    let history = History::new(warehouse.database(), &options.invocation_id, options.scrubber.clone());
    let done = work(plan, graph, options, around, (&history, tested), &mut warehouse, on_event);
    let (mut results, files) = done.inspect_err(|_| {
        // The fault that led here is what matters.
        let _ = warehouse.execute(&history.run_finished("error"));
    })?;
    let ended = warehouse.execute(&history.run_finished(recorded::status(&results)));
    results.elapsed = before + around.clock.monotonic().saturating_sub(started);
    if results.hook_fault.is_none() || !results.after.is_empty() {
        let (elapsed, totals) = (results.elapsed, results.totals.clone());
        on_event(&RunEvent::RunFinished { elapsed, totals });
    }
    ended.map(|_| (results, files)).map_err(|error| cannot_prepare(&error))
}

/// Hooks, nodes, hooks. A failing hook at the start lets nothing begin.
fn work(
    plan: &Plan,
    graph: &Graph,
    options: &RunOptions,
    around: &Surroundings<'_>,
    (history, tested): (&History, Tested),
    warehouse: &mut Connection,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<Executed, Diagnostic> {
    let published = prepare((plan, graph), around.project, history, options, warehouse)?;
    if let Some(rows) = history.tests(&recorded::unit_tests(graph, &tested.results.results)) {
        warehouse.execute(&rows).map_err(|error| cannot_prepare(&error))?;
    }
    let hooks::HookResults { results: before, fault } =
        hooks::run(plan, graph, around, warehouse, (Moment::Start, &[]), on_event);
    if fault.is_some() {
        let results = RunResults { before, hook_fault: fault, ..tested.results };
        return Ok((results, WaitingFiles::default()));
    }
    limited::announce(plan, on_event);
    let known = (history.clone(), published);
    let shared = look_around(plan, graph, around, known, options, warehouse, on_event)?;
    let mut results = workers::run(&shared, options, tested, warehouse, on_event)?;
    readers::warn(&shared, warehouse, on_event);
    foreign_keys::warn(&shared, &results, warehouse, on_event);
    if let Some(rows) = history.tests(&recorded::not_run(plan, graph, &results.results)) {
        // Nothing of what went well hangs on it.
        let _ = warehouse.execute(&rows);
    }
    results.before = before;
    results.totals.is_staged = options.is_staged;
    // Who stops a run wants nothing more to begin.
    if !results.totals.is_interrupted {
        let done = (Moment::End, results.results.as_slice());
        let after = hooks::run(plan, graph, around, warehouse, done, on_event);
        (results.after, results.hook_fault) = (after.results, after.fault);
    }
    Ok((results, shared.take_waiting_files()))
}

fn run_started(plan: &Plan, graph: &Graph, options: &RunOptions) -> RunStarted {
    let mut counts: BTreeMap<NodeKind, usize> = BTreeMap::new();
    for step in &plan.steps {
        let is_made = !matches!(step.action, Action::TestPublished | Action::TestAlone | Action::NoOp);
        if is_made && graph.node(step.node).kind != NodeKind::Source {
            *counts.entry(graph.node(step.node).kind).or_default() += 1;
        }
        let is_timed = step.source.as_ref().is_some_and(|it| it.freshness.is_some());
        let n_tests = step.tests.len() + usize::from(is_timed);
        if n_tests > 0 {
            *counts.entry(NodeKind::Test).or_default() += n_tests;
        }
    }
    RunStarted {
        command: plan.command,
        counts: counts.into_iter().collect(),
        steps: plan.steps.len(),
        threads: options.threads.get(),
        target: options.target.clone(),
        database: options.database.clone(),
        is_staged: options.is_staged,
        rows_read: plan.rows_read,
    }
}

/// On one connection, before any worker: schemas and history. Gives what was published by earlier runs.
fn prepare(
    (plan, graph): (&Plan, &Graph),
    project: &Project,
    history: &History,
    options: &RunOptions,
    warehouse: &mut Connection,
) -> Result<BTreeMap<String, Published>, Diagnostic> {
    let cannot = |error: WarehouseError| cannot_prepare(&error);
    for (database, schema) in &plan.schemas {
        make_schema(project, warehouse, database, schema)?;
    }
    for statement in history.set_up() {
        warehouse.execute(&statement).map_err(cannot)?;
    }
    files::repair(graph, project, history, warehouse).map_err(cannot)?;
    let published = history.published(warehouse).map_err(cannot)?;
    let (command, name) = (plan.command.as_str(), &project.config.name.value);
    let started = history.run_started(RunRow { command, target: &options.target, project: name });
    warehouse.execute(&started).map_err(cannot)?;
    Ok(published)
}

/// One look at the catalog and at the sources, for all workers.
fn look_around<'a>(
    plan: &'a Plan,
    graph: &'a Graph,
    around: &'a Surroundings<'a>,
    (history, published): (History, BTreeMap<String, Published>),
    options: &RunOptions,
    warehouse: &mut Connection,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<Shared<'a>, Diagnostic> {
    let entries = warehouse.catalog(&[]).map_err(|error| cannot_prepare(&error))?;
    let has_collations = warehouse.has_collations().map_err(|error| cannot_prepare(&error))?;
    let databases = databases(warehouse, &entries);
    let mut catalog = entries.iter().map(|it| (catalog_key(&it.relation.render()), it.kind)).collect();
    let former_functions = known_functions::add(&mut catalog, (plan, graph), &published, warehouse)
        .map_err(|error| cannot_prepare(&error))?;
    let estimate = |it: &CatalogEntry| Some((catalog_key(&it.relation.render()), it.estimated_rows?));
    let row_estimates = entries.iter().filter_map(estimate).collect();
    let planned = plan.steps.iter().map(|it| it.node).collect();
    let scrubber = options.scrubber.clone();
    let sources = sources::check(plan, graph, around, &history, &entries, warehouse, on_event);
    Ok(Shared {
        graph,
        plan,
        around,
        history,
        published,
        catalog,
        former_functions,
        row_estimates,
        has_collations: AtomicBool::new(has_collations),
        databases,
        sources,
        planned,
        scrubber,
        is_staged: options.is_staged,
        views: OnceLock::new(),
        slots: Slots::new(options.threads.get()),
        helpers: Helpers::default(),
        endangered: Mutex::default(),
        waiting_files: Mutex::default(),
        freed: Mutex::default(),
    })
}

/// DuckDB compares names without regard to case.
fn catalog_key(rendered: &str) -> String {
    rendered.to_lowercase()
}

fn databases(warehouse: &dyn Warehouse, entries: &[CatalogEntry]) -> Vec<String> {
    let mut names = vec![warehouse.database().to_lowercase()];
    names.extend(entries.iter().filter_map(|it| it.relation.database.as_ref()).map(|it| it.to_lowercase()));
    names.sort();
    names.dedup();
    names
}

/// What a template logged, as an event.
pub fn template_log(line: &TemplateLog) -> RunEvent {
    let level = match line.level {
        TemplateLogLevel::Debug => LogLevel::Debug,
        TemplateLogLevel::Info => LogLevel::Info,
        TemplateLogLevel::Warning => LogLevel::Warning,
    };
    RunEvent::Log { level, message: line.message.clone() }
}

/// Attached databases of other kinds have schemas of their own, or none.
fn make_schema(
    project: &Project,
    warehouse: &mut dyn Warehouse,
    database: &str,
    schema: &str,
) -> Result<(), Diagnostic> {
    let attached = project.target.attach.iter();
    let mut kinds =
        attached.filter(|it| it.alias.as_deref() == Some(database)).filter_map(|it| it.kind.as_deref());
    match kinds.next().map(str::to_ascii_lowercase).as_deref() {
        Some("mysql") => return Ok(()),
        Some("sqlite") if schema != "main" => {
            return Err(Diagnostic::error(
                "unknown-schema",
                format!("`{schema}` cannot be a schema of `{database}`: an SQLite database has only `main`"),
            )
            .help(format!("set `schema` such that what is built in `{database}` is in `main`")));
        }
        _ => {}
    }
    let name = format!("{}.{}", quote_identifier(database), quote_identifier(schema));
    let made = warehouse.execute(&format!("create schema if not exists {name}"));
    made.map(drop).map_err(|error| cannot_prepare(&error))
}

fn cannot_prepare(error: &WarehouseError) -> Diagnostic {
    let (code, message) = match error.kind {
        ErrorKind::DiskFull => ("disk-full", "the disk is full"),
        ErrorKind::Interrupted => ("interrupted", "the run was interrupted"),
        _ => ("warehouse", "the database could not be prepared for the run"),
    };
    error.message.lines().fold(Diagnostic::error(code, message), |it, line| it.note(line.trim()))
}

fn hook_failed(which: &str, hook: &Rendered, error: &WarehouseError) -> Diagnostic {
    let mut lines = error.message.lines();
    let headline = lines.next().unwrap_or_default();
    let diagnostic = Diagnostic::error("hook-failed", format!("{which}: {headline}"));
    // A hook's text stands in quotes, where bytes are not counted as in SQL: an expression is known, and what
    // a macro made, else the hook as a whole.
    let calls = error.position.map_or(&[][..], |it| hook.calls_at(it));
    let place = error
        .position
        .and_then(|it| hook.source_of(it))
        .filter(|(_, kind)| *kind == SegmentKind::Expression || !calls.is_empty())
        .map(|(span, _)| span)
        .or_else(|| hook.segments.first().map(|it| it.source));
    let diagnostic = diagnostic.at_opt(place, if calls.is_empty() { "in this hook" } else { "" });
    let diagnostic = calls.iter().fold(diagnostic, |it, (span, text)| it.and_at(*span, text));
    lines.map(str::trim).filter(|it| !it.is_empty()).fold(diagnostic, super::diagnostics::Diagnostic::note)
}

/// A node as reports name it.
pub fn node_ref(node: &Node) -> NodeRef {
    let label = match (&node.body, &node.relation) {
        (Body::Model { .. }, Some(relation)) => format!("{} {}", node.made_as(), relation.short()),
        (Body::Model { .. }, None) => format!("ephemeral {}", node.name),
        (Body::Seed, Some(relation)) => format!("seed {}", relation.short()),
        (Body::Snapshot(_), Some(relation)) => format!("snapshot {}", relation.short()),
        (Body::Function(_), Some(relation)) => format!("function {}", relation.short()),
        (Body::Source(source), _) => format!("source {}.{}", source.source, node.name),
        (Body::Exposure(_) | Body::Semantic(_), _) => format!("{} {}", node.kind, node.name),
        (Body::UnitTest(test), _) => {
            let version = test.of_model().and_then(|it| it.tested.version.as_ref());
            let version = version.map(|it| format!("_v{it}")).unwrap_or_default();
            format!("{}::{}{version}", test.subject().value, node.name)
        }
        (Body::Seed | Body::Snapshot(_) | Body::Function(_) | Body::Test(_) | Body::Analysis { .. }, _) => {
            node.name.clone()
        }
    };
    NodeRef { unique_id: node.unique_id.clone(), kind: node.kind, label, path: node.path.as_str().to_owned() }
}

/// The place where a node is declared, as a point.
fn declared_at(node: &Node) -> Span {
    node.span
}
