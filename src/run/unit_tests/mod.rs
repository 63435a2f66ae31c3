//! Unit tests: run first, in databases in memory, by workers of their own. The warehouse is not touched.
//!
//! In: the steps of a plan that are unit tests. Out: how each went, as results and events in the order of the plan,
//! and which steps are done, so that the models of those that failed are skipped. `model` runs the test of a model,
//! `macros` that of a macro; both compare by `expected`.

mod diff;
mod expected;
mod fixture;
mod learning;
mod macros;
mod model;
mod scaffold;
mod scratch;
mod skeleton;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use self::macros::MacroTrial;
use self::model::ModelTrial;
use self::scratch::Scratch;
use super::event::{DiffRow, RowDiff, RunEvent, SkipReason, TestFinished, TestStatus};
use super::workers::STACK_SIZE;
use super::{NodeResult, OpenScratch, RunOptions, RunResults, Status, Surroundings, node_ref, template_log};
use crate::compile::{CompiledNode, Definition, Late, TemplateLog};
use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, Node};
use crate::parse::Body;
use crate::parse::unit_tests::UnitTest;
use crate::plan::{Action, Plan, PlannedUnitTest, Step, StepId, UnitTestSubject};
use crate::project::Dialect;
use crate::template::Rendered;
use crate::warehouse::WarehouseError;

pub use self::scaffold::find as scaffold;
pub use self::skeleton::yaml as skeleton;

/// Tests below which another worker is not worth its database.
const TESTS_A_WORKER: usize = 4;

/// What unit tests came to.
#[derive(Default)]
pub struct Tested {
    /// Their results.
    pub(super) results: RunResults,
    /// Their steps, and whether what depends on them can go on.
    pub(super) done: Vec<(StepId, bool)>,
}

/// How a test went.
#[derive(Default)]
enum Verdict {
    /// As expected.
    #[default]
    Pass,
    /// Other rows were made.
    Differs(RowDiff),
    /// Something else was made.
    Fails(Diagnostic),
    /// It could not be run.
    Error(Diagnostic),
}

/// What became of a test.
#[derive(Default)]
struct Tried {
    verdict: Verdict,
    /// What was run, to be read and pasted.
    sql: Option<String>,
}

/// What all workers share.
struct Bench<'a> {
    graph: &'a Graph,
    around: &'a Surroundings<'a>,
    scratch: &'a OpenScratch<'a>,
    definitions: &'a [Definition],
    steps: Vec<(StepId, &'a Step, &'a PlannedUnitTest)>,
    next: AtomicUsize,
    stops: AtomicBool,
    fail_fast: bool,
}

/// What a worker reports.
struct Report {
    index: usize,
    worker: usize,
    tried: Option<Tried>,
    log: Vec<TemplateLog>,
    started_at: String,
    completed_at: String,
    elapsed: Duration,
}

/// Runs all unit tests of a plan.
pub(super) fn run(
    plan: &Plan,
    graph: &Graph,
    options: &RunOptions,
    (around, scratch): (&Surroundings<'_>, &OpenScratch<'_>),
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<Tested, Diagnostic> {
    let steps: Vec<(StepId, &Step, &PlannedUnitTest)> = plan
        .steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match &step.action {
            Action::UnitTest(test) => {
                Some((StepId(u32::try_from(index).unwrap_or(u32::MAX)), step, test.as_ref()))
            }
            _ => None,
        })
        .collect();
    if steps.is_empty() {
        return Ok(Tested::default());
    }
    let n_workers = options.threads.get().min(steps.len().div_ceil(TESTS_A_WORKER)).max(1);
    let bench = Bench {
        graph,
        around,
        scratch,
        definitions: &plan.definitions,
        steps,
        next: AtomicUsize::new(0),
        stops: AtomicBool::new(false),
        fail_fast: options.fail_fast,
    };
    std::thread::scope(|scope| {
        let (report, reports) = channel();
        for worker in 0..n_workers {
            let (bench, report) = (&bench, report.clone());
            let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
            let spawned = thread.spawn_scoped(scope, move || bench.work(worker, &report));
            spawned.map_err(|error| {
                Diagnostic::error("no-thread", "a worker thread could not be started").note(error.to_string())
            })?;
        }
        drop(report);
        // Told in the order of the plan, whoever was first.
        let (mut waiting, mut next) = (BTreeMap::new(), 0);
        let mut teller = Teller { bench: &bench, options, on_event, tested: Tested::default() };
        for report in reports {
            let report: Report = report?;
            waiting.insert(report.index, report);
            while let Some(report) = waiting.remove(&next) {
                teller.tell(&report);
                next += 1;
            }
        }
        Ok(teller.tested)
    })
}

impl Bench<'_> {
    /// A worker's life: take a test, run it, report, until there are no more.
    fn work(&self, worker: usize, report: &Sender<Result<Report, Diagnostic>>) {
        let mut scratch = match open(self.around, self.scratch, self.definitions) {
            Ok(scratch) => scratch,
            Err(fault) => {
                let _ = report.send(Err(fault));
                return;
            }
        };
        let engine = Some(scratch.connection.engine());
        let late = Late::new(self.around.project, self.graph, engine);
        loop {
            let index = self.next.fetch_add(1, Ordering::SeqCst);
            let Some((_, step, planned)) = self.steps.get(index) else { return };
            let clock = &self.around.clock;
            let (started_at, started) = (clock.now(), clock.monotonic());
            let is_stopped = self.stops.load(Ordering::SeqCst) || self.around.stop.is_requested();
            let tried = (!is_stopped).then(|| self.try_one(&mut scratch, &late, step, planned));
            // A statement that was stopped says nothing about the test.
            let tried = tried.filter(|_| !self.around.stop.is_requested());
            if self.fail_fast && tried.as_ref().is_some_and(|it| !matches!(it.verdict, Verdict::Pass)) {
                self.stops.store(true, Ordering::SeqCst);
            }
            let elapsed = clock.monotonic().saturating_sub(started);
            let (log, completed_at) = (late.take_log(), clock.now());
            let done = Report { index, worker, tried, log, started_at, completed_at, elapsed };
            if report.send(Ok(done)).is_err() {
                return;
            }
        }
    }

    fn try_one(
        &self,
        scratch: &mut Scratch,
        late: &Late<'_>,
        step: &Step,
        planned: &PlannedUnitTest,
    ) -> Tried {
        let node = self.graph.node(step.node);
        if let UnitTestSubject::Broken(fault) = &planned.subject {
            return Tried { verdict: Verdict::Error((**fault).clone()), sql: None };
        }
        let Body::UnitTest(test) = &node.body else { return Tried::default() };
        match test.as_ref() {
            UnitTest::OfModel(test) => {
                let (graph, files) = (self.graph, self.around.files);
                let id = step.node;
                let tested = graph.parents(id).first().copied().unwrap_or(id);
                ModelTrial { graph, files, late, node, id, tested, test, planned }.run(scratch)
            }
            UnitTest::OfMacro(test) => MacroTrial { late, node, id: step.node, test, planned }.run(scratch),
        }
    }
}

/// A database for tests, with what queries may call.
fn open(
    around: &Surroundings<'_>,
    scratch: &OpenScratch<'_>,
    definitions: &[Definition],
) -> Result<Scratch, Diagnostic> {
    let project = around.project;
    let warehouse = scratch().map_err(|error| no_database(&error))?;
    around.stop.register(warehouse.interrupt_handle());
    let schema = match project.dialect {
        Dialect::Tidemill => project.target.schema.as_str(),
        // dbt-duckdb resolves unqualified names in `main`, whatever the target's schema.
        Dialect::Dbt => "main",
    };
    let names = (project.target.database.as_str(), schema);
    let mut scratch = Scratch::new(warehouse, Arc::clone(&around.clock), names);
    for definition in definitions {
        scratch.define(definition);
    }
    Ok(scratch)
}

fn no_database(error: &WarehouseError) -> Diagnostic {
    let message = "the database in memory that unit tests run in cannot be opened";
    error
        .message
        .lines()
        .fold(Diagnostic::error("connection-failed", message), |it, line| it.note(line.trim()))
}

/// Turns reports into results and events.
struct Teller<'a, 'e> {
    bench: &'a Bench<'a>,
    options: &'a RunOptions,
    on_event: &'e mut dyn FnMut(&RunEvent),
    tested: Tested,
}

impl Teller<'_, '_> {
    fn tell(&mut self, report: &Report) {
        let (id, step, _) = self.bench.steps[report.index];
        let node = self.bench.graph.node(step.node);
        for line in &report.log {
            self.emit(&template_log(line));
        }
        let Some(Tried { verdict, sql }) = &report.tried else {
            self.skip(id, step);
            return;
        };
        let (status, failures) = match verdict {
            Verdict::Pass => (TestStatus::Pass, Some(0)),
            Verdict::Differs(_) | Verdict::Fails(_) => (TestStatus::Fail, Some(1)),
            Verdict::Error(_) => (TestStatus::Error, None),
        };
        let fault = match verdict {
            Verdict::Pass => None,
            Verdict::Differs(diff) => Some(differs(node, diff)),
            Verdict::Fails(fault) => Some(fault.clone().and_at(node.span, "in this unit test")),
            Verdict::Error(fault) => Some(named(fault.clone(), node)),
        };
        let message = match verdict {
            Verdict::Differs(diff) => Some(diff::as_text(diff)),
            _ => fault.as_ref().map(whole_message),
        };
        let message = message.map(|it| self.options.scrubber.scrub(&it));
        self.tested.results.results.push(NodeResult {
            node: step.node,
            status: match status {
                TestStatus::Pass => Status::Pass,
                TestStatus::Fail => Status::Fail,
                TestStatus::Warn | TestStatus::Error | TestStatus::Skipped => Status::Error,
            },
            started_at: report.started_at.clone(),
            completed_at: report.completed_at.clone(),
            elapsed: report.elapsed,
            worker: report.worker,
            message,
            failures,
            batches: None,
            rows: None,
        });
        if let Some(sql) = sql {
            let sql = Rendered { text: sql.clone(), segments: Vec::new() };
            let compiled = CompiledNode { sql, ..CompiledNode::default() };
            self.tested.results.compiled.insert(step.node, compiled);
        }
        let diff = match verdict {
            Verdict::Differs(diff) => Some(Box::new(diff.clone())),
            Verdict::Pass | Verdict::Fails(_) | Verdict::Error(_) => None,
        };
        self.emit(&RunEvent::TestFinished(TestFinished {
            test: node_ref(node),
            owner: None,
            status,
            failures: None,
            elapsed: report.elapsed,
            message: None,
            fault: fault.map(Box::new),
            samples: None,
            diff,
            query: None,
            is_kept: false,
            trend: Vec::new(),
        }));
        self.tested.done.push((id, status == TestStatus::Pass));
    }

    fn skip(&mut self, id: StepId, step: &Step) {
        let is_stopped = self.bench.around.stop.is_requested();
        let reason = if is_stopped { SkipReason::Interrupted } else { SkipReason::FailFast };
        self.tested.results.results.push(NodeResult {
            node: step.node,
            status: Status::Skipped,
            started_at: String::new(),
            completed_at: String::new(),
            elapsed: Duration::ZERO,
            worker: 0,
            message: Some(reason.to_string()),
            failures: None,
            batches: None,
            rows: None,
        });
        let node = node_ref(self.bench.graph.node(step.node));
        self.emit(&RunEvent::NodeSkipped { node, reason });
        self.tested.done.push((id, false));
    }

    fn emit(&mut self, event: &RunEvent) {
        self.tested.results.totals.add(event);
        (self.on_event)(event);
    }
}

/// A fault that does not show the test says which one it is.
fn named(fault: Diagnostic, node: &Node) -> Diagnostic {
    let mut labels = fault.primary.iter().chain(&fault.secondary);
    if labels.any(|it| it.span == node.span) {
        fault
    } else {
        fault.note(format!("in the unit test `{}`", node.name))
    }
}

/// The finding of a test whose rows differ.
fn differs(node: &Node, diff: &RowDiff) -> Diagnostic {
    let Body::UnitTest(test) = &node.body else { return Diagnostic::error("unit-test-failed", "") };
    let count = |is_meant: fn(&DiffRow) -> bool| diff.rows.iter().filter(|it| is_meant(it)).count();
    let counts = [
        (count(|it| matches!(it, DiffRow::Changed { .. })), ["row differs", "rows differ"]),
        (count(|it| matches!(it, DiffRow::Missing(_))), ["row is missing", "rows are missing"]),
        (count(|it| matches!(it, DiffRow::Extra(_))), ["row is too many", "rows are too many"]),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, [one, many])| format!("{n} {}", if n == 1 { one } else { many }))
        .collect();
    let subject = &test.subject().value;
    let message =
        format!("`{subject}` does not make the rows that `{}` expects: {}", node.name, counts.join(", "));
    Diagnostic::error("unit-test-failed", message).at(node.span, "this unit test")
}

/// A fault as a text, for artifacts.
fn whole_message(fault: &Diagnostic) -> String {
    fault.notes.iter().fold(fault.message.clone(), |text, note| format!("{text}\n  {note}"))
}
