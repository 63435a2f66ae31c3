//! Worker threads with a connection each; the main thread hands out steps and owns the results.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::connection::{Connection, Statement};
use super::event::{
    Kept, LogLevel, NodeFinished, NodeRef, Outcome, RunEvent, SkipReason, SourceStatus, TestFinished,
    TestStatus,
};
use super::queue::{Next, ReadyQueue};
use super::sources::Held;
use super::step::{self, StepOutcome, StepResult};
use super::testing::TestOutcome;
use super::unit_tests::Tested;
use super::{NodeResult, RunOptions, RunResults, Shared, Status, cannot_prepare, node_ref, template_log};
use crate::diagnostics::Diagnostic;
use crate::node::{NodeId, NodeKind};
use crate::plan::{Action, StepId};
use crate::warehouse::Warehouse;

/// How often a wish to stop is passed on to statements that began after it was made.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Stack of a worker: templates that are rendered there call each other.
pub(super) const STACK_SIZE: usize = 16 * 1024 * 1024;

/// What a worker is told to do.
struct Job {
    step: StepId,
    may_retry_alone: bool,
}

/// What a worker reports.
struct Report {
    worker: usize,
    step: StepId,
    statements: Vec<Statement>,
    result: StepResult,
}

/// Runs all steps of the plan.
pub(super) fn run(
    shared: &Shared<'_>,
    options: &RunOptions,
    tested: Tested,
    warehouse: &mut Connection,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<RunResults, Diagnostic> {
    let n_workers = options.threads.get().min(shared.plan.steps.len()).max(1);
    let mut connections = Vec::with_capacity(n_workers);
    for _ in 0..n_workers {
        let connection = warehouse.connect().map_err(|error| cannot_prepare(&error))?;
        let clock = Arc::clone(&shared.around.clock);
        let connection = Connection::new(connection, clock, options.wants_statements);
        shared.around.stop.register(connection.interrupt_handle());
        connections.push(connection);
    }
    std::thread::scope(|scope| {
        let (report, reports) = channel();
        let mut jobs = Vec::with_capacity(n_workers);
        for (worker, mut connection) in connections.into_iter().enumerate() {
            let (job, inbox) = channel::<Job>();
            jobs.push(job);
            let report = report.clone();
            let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
            let spawned = thread.spawn_scoped(scope, move || {
                work(shared, worker, &mut connection, &inbox, &report);
            });
            spawned.map_err(|error| {
                Diagnostic::error("no-thread", "a worker thread could not be started").note(error.to_string())
            })?;
        }
        drop(report);
        Ok(Foreman::new(shared, options, tested, jobs, on_event).run(&reports))
    })
}

/// A worker's life: take a step, run it, report, until there are no more.
fn work(
    shared: &Shared<'_>,
    worker: usize,
    connection: &mut Connection,
    inbox: &Receiver<Job>,
    report: &Sender<Report>,
) {
    while let Ok(job) = inbox.recv() {
        let step = &shared.plan.steps[job.step.index()];
        let slot = shared.slots.take();
        let result = step::run(shared, connection, step, job.may_retry_alone);
        drop(slot);
        let statements = connection.take_statements();
        if report.send(Report { worker, step: job.step, statements, result }).is_err() {
            return;
        }
    }
}

struct Foreman<'a> {
    shared: &'a Shared<'a>,
    options: &'a RunOptions,
    jobs: Vec<Sender<Job>>,
    idle: BTreeSet<usize>,
    queue: ReadyQueue,
    /// Steps that ran out of memory, or into others too often, and are tried once more, alone.
    again: Vec<StepId>,
    is_alone: bool,
    has_failed: bool,
    results: RunResults,
    on_event: &'a mut dyn FnMut(&RunEvent),
}

impl<'a> Foreman<'a> {
    fn new(
        shared: &'a Shared<'a>,
        options: &'a RunOptions,
        tested: Tested,
        jobs: Vec<Sender<Job>>,
        on_event: &'a mut dyn FnMut(&RunEvent),
    ) -> Self {
        let idle = (0..jobs.len()).collect();
        let mut queue = ReadyQueue::new(&shared.plan.steps);
        let Tested { results, done } = tested;
        let has_failed = done.iter().any(|it| !it.1);
        for (step, is_success) in done {
            queue.settle(step, is_success);
        }
        let (again, is_alone) = (Vec::new(), false);
        Self { shared, options, jobs, idle, queue, again, is_alone, has_failed, results, on_event }
    }

    fn run(mut self, reports: &Receiver<Report>) -> RunResults {
        loop {
            self.hand_out();
            if self.idle.len() == self.jobs.len() {
                if self.again.is_empty() {
                    return self.results;
                }
                self.try_again();
            }
            match reports.recv_timeout(STOP_INTERVAL) {
                Ok(report) => self.take(&report),
                Err(RecvTimeoutError::Timeout) => {
                    // A statement that began just after the wish was made has not heard of it.
                    if self.shared.around.stop.is_requested() {
                        self.shared.around.stop.interrupt();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return self.results,
            }
        }
    }

    /// Gives ready steps to idle workers, and skips those that cannot run.
    fn hand_out(&mut self) {
        while !self.is_alone {
            let stops = self.stop_reason();
            if stops.is_none() && self.idle.is_empty() {
                return;
            }
            let Some(next) = self.queue.pop() else { return };
            match (next, stops) {
                (Next::Skip { step, .. }, Some(SkipReason::Interrupted)) => {
                    self.skip(step, SkipReason::Interrupted);
                }
                (Next::Skip { step, because_of }, _) => {
                    let reason = self.reason(because_of);
                    self.skip(step, reason);
                }
                (Next::Run(step), Some(reason)) => self.skip(step, reason),
                (Next::Run(step), None) => match self.held_back(step) {
                    Some(reason) => self.skip(step, reason),
                    None => self.start(step, true),
                },
            }
        }
    }

    /// Why a step is skipped though nothing failed: what it combines does not belong together.
    fn held_back(&self, step: StepId) -> Option<SkipReason> {
        let node = self.shared.plan.steps[step.index()].node;
        match self.shared.sources.held(node)? {
            Held::Skipped(older, newer) => {
                let name = |id: &NodeId| node_ref(self.shared.graph.node(*id));
                Some(SkipReason::SourcesMisaligned(Box::new((name(older), name(newer)))))
            }
            Held::Fails(_) => None,
        }
    }

    /// Why nothing new may begin, if that is so.
    fn stop_reason(&self) -> Option<SkipReason> {
        if self.shared.around.stop.is_requested() {
            Some(SkipReason::Interrupted)
        } else if self.has_failed && self.options.fail_fast {
            Some(SkipReason::FailFast)
        } else {
            None
        }
    }

    fn start(&mut self, step: StepId, may_retry_alone: bool) {
        let Some(worker) = self.idle.pop_first() else { return };
        let node = self.node_ref(step);
        (self.on_event)(&RunEvent::NodeStarted { node });
        // A worker whose channel is closed is gone; its thread's panic ends the scope.
        let _ = self.jobs[worker].send(Job { step, may_retry_alone });
    }

    fn try_again(&mut self) {
        if let Some(step) = self.again.pop() {
            self.is_alone = true;
            self.start(step, false);
        }
    }

    fn node_ref(&self, step: StepId) -> NodeRef {
        node_ref(self.shared.graph.node(self.shared.plan.steps[step.index()].node))
    }

    /// Why the descendants of a failed step are skipped.
    fn reason(&self, failed: StepId) -> SkipReason {
        if let Some(reason) = self.held_back(failed) {
            return reason;
        }
        let step = &self.shared.plan.steps[failed.index()];
        let node = self.node_ref(failed);
        let found = self.shared.sources.finding(step.node).map(|it| it.status);
        match node.kind {
            NodeKind::Test | NodeKind::UnitTest => SkipReason::TestFailed(node),
            NodeKind::Source if self.is_held_back(step.node) => SkipReason::SourceHeldBack(node),
            NodeKind::Source if found == Some(SourceStatus::Stale) => SkipReason::SourceStale(node),
            NodeKind::Source if found == Some(SourceStatus::Missing) => SkipReason::SourceMissing(node),
            NodeKind::Source if found == Some(SourceStatus::Changed) => SkipReason::SourceChanged(node),
            NodeKind::Source
            | NodeKind::Seed
            | NodeKind::Model
            | NodeKind::Snapshot
            | NodeKind::Function
            | NodeKind::Analysis
            | NodeKind::Exposure
            | NodeKind::SemanticModel
            | NodeKind::Metric
            | NodeKind::SavedQuery => SkipReason::ParentFailed(node),
        }
    }

    /// Whether a stale source did not fail, and only what reads it is skipped.
    fn is_held_back(&self, source: NodeId) -> bool {
        let is_finding = |it: &NodeResult| it.node == source && it.status == Status::Error;
        let holds_back = self.shared.sources.finding(source).is_some_and(|it| it.holds_back);
        holds_back && !self.results.results.iter().any(is_finding)
    }

    fn skip(&mut self, step: StepId, reason: SkipReason) {
        let planned = &self.shared.plan.steps[step.index()];
        let message = Some(reason.to_string());
        let is_made = !matches!(planned.action, Action::TestPublished | Action::TestAlone);
        if is_made {
            self.push(planned.node, Status::Skipped, message.clone());
        }
        for test in &planned.tests {
            self.push(test.node, Status::Skipped, message.clone());
        }
        let node = self.node_ref(step);
        self.emit(&RunEvent::NodeSkipped { node, reason });
        self.queue.finish(step, false);
    }

    fn push(&mut self, node: NodeId, status: Status, message: Option<String>) {
        self.results.results.push(NodeResult {
            node,
            status,
            started_at: String::new(),
            completed_at: String::new(),
            elapsed: Duration::ZERO,
            worker: 0,
            message,
            failures: None,
            rows: None,
            batches: None,
        });
    }

    fn emit(&mut self, event: &RunEvent) {
        self.results.totals.add(event);
        (self.on_event)(event);
    }

    fn take(&mut self, report: &Report) {
        self.idle.insert(report.worker);
        self.is_alone = false;
        match &report.result.outcome {
            StepOutcome::Again => self.again.push(report.step),
            StepOutcome::Interrupted => self.skip(report.step, SkipReason::Interrupted),
            StepOutcome::Done(outcome) => {
                self.results.compiled.extend(report.result.compiled.clone());
                self.finish(report, outcome.clone());
            }
        }
    }

    fn finish(&mut self, report: &Report, outcome: Outcome) {
        let planned = &self.shared.plan.steps[report.step.index()];
        let is_alone = matches!(planned.action, Action::TestAlone);
        let owner = (!is_alone).then(|| self.node_ref(report.step));
        for Statement { sql, elapsed } in &report.statements {
            let node = Some(self.node_ref(report.step));
            let sql = self.options.scrubber.scrub(sql);
            self.emit(&RunEvent::Statement { node, sql, elapsed: *elapsed });
        }
        for line in &report.result.log {
            self.emit(&template_log(line));
        }
        for test in &report.result.tests {
            self.push_test(report, test);
            let event = self.test_finished(test, owner.clone());
            self.emit(&event);
        }
        for message in &report.result.warnings {
            let message = message.clone();
            self.emit(&RunEvent::Log { level: LogLevel::Warning, message });
        }
        let is_success = report.result.is_success();
        self.has_failed |= !is_success && outcome != Outcome::Stale;
        if !matches!(planned.action, Action::TestPublished | Action::TestAlone) {
            self.push_node(report, planned.node, &outcome);
        }
        if !is_success {
            self.push_unasked(report);
        }
        if let Some(node) = owner {
            let result = &report.result;
            self.emit(&RunEvent::NodeFinished(NodeFinished {
                node,
                outcome,
                elapsed: result.elapsed,
                rows: result.rows,
                rows_in: result.rows_in,
                fault: result.fault.clone(),
            }));
        }
        self.queue.finish(report.step, is_success);
    }

    fn test_finished(&self, test: &TestOutcome, owner: Option<NodeRef>) -> RunEvent {
        RunEvent::TestFinished(TestFinished {
            test: node_ref(self.shared.graph.node(test.node)),
            owner,
            status: test.status,
            failures: test.failures,
            elapsed: test.elapsed,
            message: test.message.clone(),
            fault: test.fault.clone(),
            samples: test.samples.clone(),
            diff: None,
            query: test.query.clone(),
            is_kept: test.is_kept,
            trend: test.trend.clone(),
        })
    }

    fn push_test(&mut self, report: &Report, test: &TestOutcome) {
        let status = match test.status {
            TestStatus::Pass => Status::Pass,
            TestStatus::Warn => Status::Warn,
            TestStatus::Fail => Status::Fail,
            TestStatus::Error => Status::Error,
            TestStatus::Skipped => Status::Skipped,
        };
        self.push(test.node, status, test.message.clone());
        if let Some(result) = self.results.results.last_mut() {
            result.started_at.clone_from(&report.result.started_at);
            result.completed_at.clone_from(&report.result.completed_at);
            result.elapsed = test.elapsed;
            result.worker = report.worker;
            result.failures = test.failures;
        }
    }

    /// The tests of a step that ended before they were run.
    fn push_unasked(&mut self, report: &Report) {
        let planned = &self.shared.plan.steps[report.step.index()];
        let message = SkipReason::ParentFailed(self.node_ref(report.step)).to_string();
        for test in &planned.tests {
            if !report.result.tests.iter().any(|it| it.node == test.node) {
                self.push(test.node, Status::Skipped, Some(message.clone()));
            }
        }
    }

    fn push_node(&mut self, report: &Report, node: NodeId, outcome: &Outcome) {
        let (status, message) = match outcome {
            // What was not made is no result; only what went wrong with it is.
            Outcome::Checked | Outcome::Stale => return,
            Outcome::Success => (Status::Success, None),
            // For those who read dbt's artifacts it is as good as loaded.
            Outcome::Unchanged { published_at } => {
                (Status::Success, Some(format!("UNCHANGED since {published_at}")))
            }
            Outcome::NoOp => (Status::NoOp, Some("NO-OP".to_owned())),
            Outcome::RolledBack { failed_tests, kept } => {
                (failed_status(kept), Some(rolled_back(*failed_tests, kept)))
            }
            Outcome::TestsFailed { failed_tests } => {
                (Status::Error, Some(format!("{failed_tests} tests failed")))
            }
            Outcome::Error { kept } => {
                (failed_status(kept), report.result.fault.as_ref().map(|it| it.message.clone()))
            }
        };
        self.push(node, status, message);
        if let Some(result) = self.results.results.last_mut() {
            result.started_at.clone_from(&report.result.started_at);
            result.completed_at.clone_from(&report.result.completed_at);
            result.elapsed = report.result.elapsed;
            result.worker = report.worker;
            let is_made = !matches!(outcome, Outcome::Unchanged { .. });
            result.rows = report.result.rows.filter(|_| is_made);
            result.batches.clone_from(&report.result.batches);
        }
    }
}

/// A microbatch model fails in part.
fn failed_status(kept: &Kept) -> Status {
    match kept {
        Kept::Batches { .. } => Status::PartialSuccess,
        Kept::Previous { .. } | Kept::Nothing | Kept::New => Status::Error,
    }
}

fn rolled_back(failed_tests: usize, kept: &Kept) -> String {
    let tests = if failed_tests == 1 { "1 test".to_owned() } else { format!("{failed_tests} tests") };
    format!("{tests} failed, so this version was not published; {kept}")
}
