//! One step on one connection: begin, make, test, record, commit; or roll back and say why.

use std::collections::BTreeMap;
use std::time::Duration;

use super::connection::Connection;
use super::event::{Kept, Outcome, SourceStatus};
use super::external;
use super::files;
use super::in_files::InFiles;
use super::microbatch::{BatchResults, SideBySide, Turn};
use super::seeds::Loaded;
use super::sources::Held;
use super::testing::{self, Scan, TestOutcome, Tested};
use super::{Shared, kept};
use crate::batch::Batch;
use crate::compile::{CompiledNode, IsIncremental, Late, TemplateLog, faults};
use crate::diagnostics::{Diagnostic, Span};
use crate::graph::Node;
use crate::node::{NodeId, NodeKind, RelationKind};
use crate::plan::scan::TestedRelation;
use crate::plan::{Action, Step};
use crate::template::Rendered;
use crate::warehouse::{Effect, ErrorKind, Value, Warehouse, WarehouseError};

/// How often a step is tried when others changed the catalog at the same moment.
const CONFLICT_TRIES: u32 = 8;

/// How often it is asked what became of a commit that was interrupted.
const INTERRUPTED_TRIES: u32 = 100;

/// How long it waits after the first time; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// What became of a step.
#[derive(Clone, Debug)]
pub(super) struct StepResult {
    pub(super) outcome: StepOutcome,
    pub(super) tests: Vec<TestOutcome>,
    pub(super) rows: Option<u64>,
    pub(super) rows_in: Option<u64>,
    pub(super) fault: Option<Box<Diagnostic>>,
    /// What else readers should know.
    pub(super) warnings: Vec<String>,
    /// SQL of templates that were rendered late.
    pub(super) compiled: BTreeMap<NodeId, CompiledNode>,
    /// What they logged.
    pub(super) log: Vec<TemplateLog>,
    /// Microbatch models: what became of their batches.
    pub(super) batches: Option<BatchResults>,
    pub(super) started_at: String,
    pub(super) completed_at: String,
    pub(super) elapsed: Duration,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StepOutcome {
    /// As reports say it.
    Done(Outcome),
    /// The user stopped it.
    Interrupted,
    /// It was in the way of others, or they were in its: it can be tried again alone.
    Again,
}

impl StepResult {
    /// Whether what depends on it can go on.
    pub(super) fn is_success(&self) -> bool {
        matches!(&self.outcome, StepOutcome::Done(outcome) if outcome.is_good())
    }
}

/// What a try came to, before it is timed.
pub(super) struct Tried {
    pub(super) outcome: StepOutcome,
    pub(super) tested: Tested,
    pub(super) rows: Option<u64>,
    pub(super) rows_in: Option<u64>,
    pub(super) fault: Option<Diagnostic>,
    pub(super) warnings: Vec<String>,
}

/// A statement of the step failed.
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) fault: Diagnostic,
}

/// Runs a step to its end; the connection is in no transaction afterwards.
pub(super) fn run(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    step: &Step,
    may_retry_alone: bool,
) -> StepResult {
    let clock = &shared.around.clock;
    let (started_at, started) = (clock.now(), clock.monotonic());
    let (mut compiled, mut log) = (BTreeMap::new(), Vec::new());
    let mut worker = Worker::new(shared, warehouse, step, &mut compiled, &mut log);
    worker.is_alone = !may_retry_alone;
    let mut tried = match (shared.sources.held(step.node), worker.set_comment()) {
        (Some(Held::Fails(fault)), _) => Tried::error((**fault).clone(), worker.kept()),
        (_, Ok(())) => worker.act(),
        (_, Err(fault)) => Tried::error(fault, worker.kept()),
    };
    if tried.outcome == StepOutcome::Again && !may_retry_alone {
        tried.outcome = StepOutcome::Done(Outcome::Error { kept: worker.kept() });
    }
    let elapsed = clock.monotonic().saturating_sub(started);
    if let StepOutcome::Done(outcome) = &tried.outcome
        && !outcome.is_good()
    {
        worker.record_failure(&tried, elapsed);
    }
    let batches = worker.batches.take();
    log.append(&mut tried.tested.log);
    compiled.append(&mut tried.tested.compiled);
    StepResult {
        outcome: tried.outcome,
        tests: tried.tested.outcomes,
        rows: tried.rows,
        rows_in: tried.rows_in,
        fault: tried.fault.map(Box::new),
        warnings: tried.warnings,
        compiled,
        log,
        batches,
        started_at,
        completed_at: clock.now(),
        elapsed,
    }
}

impl Tried {
    pub(super) fn error(fault: Diagnostic, kept: Kept) -> Self {
        Self {
            outcome: StepOutcome::Done(Outcome::Error { kept }),
            tested: Tested::default(),
            rows: None,
            rows_in: None,
            fault: Some(fault),
            warnings: Vec::new(),
        }
    }

    fn no_op() -> Self {
        Self { outcome: StepOutcome::Done(Outcome::NoOp), ..Self::interrupted() }
    }

    pub(super) fn interrupted() -> Self {
        let (tested, warnings) = (Tested::default(), Vec::new());
        Self { outcome: StepOutcome::Interrupted, tested, rows: None, rows_in: None, fault: None, warnings }
    }
}

pub(super) struct Worker<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) node: &'a Node,
    pub(super) warehouse: &'a mut Connection,
    pub(super) step: &'a Step,
    pub(super) started: Duration,
    /// What `is_incremental()` says to templates that are rendered late.
    pub(super) is_incremental: IsIncremental,
    pub(super) compiled: &'a mut BTreeMap<NodeId, CompiledNode>,
    pub(super) log: &'a mut Vec<TemplateLog>,
    /// What else readers should know.
    pub(super) warnings: Vec<String>,
    /// Files of an external model.
    pub(super) external: Option<external::Files>,
    /// Files that the rows of an incremental model or a snapshot are kept in.
    pub(super) in_files: Option<InFiles>,
    /// Files of a version that passed its tests.
    pub(super) made_files: Option<files::Waiting>,
    /// The batch that templates are rendered for.
    pub(super) batch: Option<Batch>,
    /// The batches that the transaction is about.
    pub(super) turn: Option<Turn>,
    /// What became of batches so far.
    pub(super) batches: Option<BatchResults>,
    /// Batches whose rows are computed ahead.
    pub(super) side_by_side: Option<SideBySide>,
    /// Whether nothing else is at work, because memory ran out before.
    pub(super) is_alone: bool,
    /// What a seed was loaded from.
    pub(super) loaded: Option<Loaded>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        warehouse: &'a mut Connection,
        step: &'a Step,
        compiled: &'a mut BTreeMap<NodeId, CompiledNode>,
        log: &'a mut Vec<TemplateLog>,
    ) -> Self {
        Self {
            shared,
            node: shared.graph.node(step.node),
            warehouse,
            step,
            started: shared.around.clock.monotonic(),
            is_incremental: IsIncremental::No,
            compiled,
            log,
            warnings: Vec::new(),
            external: None,
            in_files: None,
            made_files: None,
            batch: None,
            turn: None,
            batches: None,
            side_by_side: None,
            is_alone: false,
            loaded: None,
        }
    }
}

impl Worker<'_> {
    /// Lets the project's comment stand beside all that is sent for this step.
    fn set_comment(&self) -> Result<(), Diagnostic> {
        let late = Late::new(self.shared.around.project, self.shared.graph, None);
        self.warehouse.set_comment(late.query_comment(Some(self.step.node))?);
        Ok(())
    }

    fn act(&mut self) -> Tried {
        match &self.step.action {
            Action::CreateView(_)
            | Action::CreateTable(_)
            | Action::UpdateTable { .. }
            | Action::WriteFiles(_)
            | Action::CreateTableFunction(_)
            | Action::ByMacro(_)
            | Action::RunBatches(_)
            | Action::TakeSnapshot(_)
            | Action::CreateFunction(_) => self.publish_with_hooks(),
            Action::LoadSeed(load) => self.seed(load),
            // Unit tests were done before the workers began.
            Action::NoOp | Action::UnitTest(_) => Tried::no_op(),
            Action::Nothing | Action::TestPublished | Action::TestAlone => self.source(),
            Action::Broken(fault) => Tried::error((**fault).clone(), self.kept()),
        }
    }

    /// What readers see if the new version is not published.
    pub(super) fn kept(&self) -> Kept {
        if let Some(kept) = self.kept_batches() {
            return kept;
        }
        match self.shared.published.get(self.node.unique_id.as_str()) {
            Some(published) if self.exists_as().is_some() => {
                Kept::Previous { published_at: Some(published.at.clone()) }
            }
            _ if self.exists_as().is_some() || self.has_rows() => Kept::Previous { published_at: None },
            _ => Kept::Nothing,
        }
    }

    pub(super) fn exists_as(&self) -> Option<RelationKind> {
        self.shared.existing(self.step.relation.as_ref()?)
    }

    pub(super) fn publish_with_retries(&mut self) -> Tried {
        let mut tries = 1;
        loop {
            if self.shared.around.stop.is_requested() {
                return Tried::interrupted();
            }
            match self.publish() {
                Err(Failure { kind: ErrorKind::Conflict | ErrorKind::Locked { .. }, .. })
                    if tries < CONFLICT_TRIES =>
                {
                    // The other transaction, or who writes the same files, needs time to end, however long its tests take.
                    std::thread::sleep(FIRST_PAUSE * 2_u32.pow(tries));
                    tries += 1;
                }
                Err(Failure { kind: ErrorKind::Transient, .. }) if tries < self.query_attempts() => {
                    std::thread::sleep(Duration::from_secs(2_u64.pow(tries - 1)));
                    tries += 1;
                }
                Err(Failure { kind: ErrorKind::Interrupted, .. }) => return Tried::interrupted(),
                // What was interrupted may be a question whose answer does not matter; then the next statement fails.
                Err(_) if self.shared.around.stop.is_requested() => return Tried::interrupted(),
                Err(Failure {
                    kind: ErrorKind::OutOfMemory | ErrorKind::Conflict | ErrorKind::Locked { .. },
                    fault,
                }) => {
                    return Tried { outcome: StepOutcome::Again, ..Tried::error(fault, self.kept()) };
                }
                Err(Failure { fault, .. }) => return Tried::error(fault, self.kept()),
                Ok(tried) => return tried,
            }
        }
    }

    /// How often a node is tried when errors pass by that the target names under `retries`.
    fn query_attempts(&self) -> u32 {
        let retries = self.shared.around.project.target.retries.as_ref();
        u32::try_from(retries.map_or(1, |it| it.query_attempts)).unwrap_or(1).min(16)
    }

    /// One transaction: everything or nothing.
    fn publish(&mut self) -> Result<Tried, Failure> {
        self.begin()?;
        let result = self.make_and_test().and_then(|tried| self.publish_files(tried));
        match result {
            Ok(tried) if tried.outcome == StepOutcome::Done(Outcome::Success) => {
                if let Err(error) = self.warehouse.commit() {
                    self.warehouse.rollback();
                    if !self.is_committed(&error) {
                        self.drop_files();
                        return Err(self.not_committed(&error));
                    }
                }
                self.keep_files();
                if !self.is_beside_history() {
                    // It is published already, whatever comes of this.
                    let _ = self.keep_failures(&tried.tested);
                    let _ = self.record_success(&tried.tested, tried.rows, tried.rows_in);
                }
                Ok(tried)
            }
            Ok(mut tried) if matches!(tried.outcome, StepOutcome::Done(Outcome::RolledBack { .. })) => {
                let stashed = kept::stash(self.warehouse, &self.step.tests, &tried.tested);
                self.warehouse.rollback();
                self.drop_files();
                if let Err(error) = kept::write_stashed(self.shared, self.warehouse, stashed) {
                    let why = error.message.lines().next().unwrap_or_default();
                    tried
                        .warnings
                        .push(format!("failing rows of {} could not be kept: {why}", self.node.name));
                }
                Ok(tried)
            }
            other => {
                self.warehouse.rollback();
                self.drop_files();
                other
            }
        }
    }

    /// Whether a transaction is committed although its commit was interrupted: the engine may have been done with it then.
    fn is_committed(&mut self, error: &WarehouseError) -> bool {
        if error.kind != ErrorKind::Interrupted || !self.is_beside_history() {
            return false;
        }
        let asked = self.shared.history.publications(self.node.unique_id.as_str(), None);
        // The question may be interrupted too.
        for _ in 0..INTERRUPTED_TRIES {
            match self.warehouse.scalars(&asked) {
                Ok(row) => return row.first().and_then(Value::as_i64) > Some(self.published_before()),
                Err(error) if error.kind == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Begins the node's transaction.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        let begun = self
            .warehouse
            .begin_guarded()
            .and_then(|()| if self.is_beside_history() { self.warehouse.hold_checkpoints() } else { Ok(()) });
        begun.map_err(|error| {
            self.warehouse.rollback();
            self.failure(&Rendered::default(), 0, &error)
        })
    }

    pub(super) fn keep_failures(&mut self, tested: &Tested) -> Result<(), Failure> {
        let written = kept::write(self.shared, self.warehouse, &self.step.tests, tested);
        written.map_err(|error| self.failure(&Rendered::default(), 0, &error))
    }

    fn make_and_test(&mut self) -> Result<Tried, Failure> {
        let readers = self.readers();
        let mut effect = self.make()?;
        let mut tested = self.run_tests(Scan::Together, effect.rows_written);
        if tested.is_broken {
            // One of the tests cannot be run, and the transaction went with it: once more, to see which.
            self.warehouse.rollback();
            self.begin()?;
            effect = self.make()?;
            tested = self.run_tests(Scan::Each, None);
        }
        if self.shared.around.stop.is_requested() {
            return Ok(Tried::interrupted());
        }
        let failed_tests = tested.failed();
        if failed_tests == 0 {
            self.check_readers(readers.as_ref())?;
        }
        if failed_tests == 0 && self.is_beside_history() {
            self.keep_failures(&tested)?;
        }
        let rows = effect.rows_written.or(tested.rows);
        let outcome = if failed_tests == 0 {
            if self.is_beside_history() {
                self.record_success(&tested, rows, effect.rows_scanned)?;
            }
            Outcome::Success
        } else {
            Outcome::RolledBack { failed_tests, kept: self.kept() }
        };
        // Rows that were made of nothing read are no reduction.
        let is_table = matches!(
            self.step.action,
            Action::CreateTable(_) | Action::UpdateTable { .. } | Action::RunBatches(_)
        );
        let rows_in = effect.rows_scanned.filter(|it| is_table && (*it > 0 || rows == Some(0)));
        let warnings = std::mem::take(&mut self.warnings);
        Ok(Tried { outcome: StepOutcome::Done(outcome), tested, rows, rows_in, fault: None, warnings })
    }

    fn make(&mut self) -> Result<Effect, Failure> {
        self.warnings.clear();
        self.warn_of_limited_version();
        let effect = self.make_relation_of_step()?;
        self.point_to_latest()?;
        Ok(effect)
    }

    fn make_relation_of_step(&mut self) -> Result<Effect, Failure> {
        match &self.step.action {
            Action::CreateView(query) => self.create(query, RelationKind::View),
            Action::CreateTable(query) => self.create(query, RelationKind::Table),
            Action::UpdateTable { whole, update, is_full_refresh } => {
                if self.files_settings().is_some() {
                    return self.update_files(whole, update, *is_full_refresh);
                }
                if self.exists_as() == Some(RelationKind::Table) && !is_full_refresh {
                    self.update(update)
                } else {
                    self.create(whole, RelationKind::Table)
                }
            }
            Action::ByMacro(by_macro) => self.by_macro(by_macro),
            Action::RunBatches(plan) => self.run_batches(plan),
            Action::WriteFiles(query) => self.write_files(query),
            Action::CreateTableFunction(query) => self.table_function(query),
            Action::LoadSeed(load) => self.load_seed(load),
            Action::TakeSnapshot(query) => self.take_snapshot(query),
            Action::CreateFunction(query) => self.create_function(query),
            Action::Nothing
            | Action::NoOp
            | Action::TestPublished
            | Action::TestAlone
            | Action::UnitTest(_)
            | Action::Broken(_) => Ok(Effect::default()),
        }
    }

    pub(super) fn run_tests(&mut self, scan: Scan, rows: Option<u64>) -> Tested {
        let relation = self.step.relation.as_ref();
        let rows = if matches!(self.step.action, Action::CreateTable(_)) { rows } else { None };
        let rows = rows.or_else(|| self.estimated_rows());
        let may_collate = self.shared.note_collations(self.warehouse);
        let tested = relation.map(|relation| TestedRelation { relation, rows, may_collate });
        testing::run(self.shared, self.warehouse, tested, &self.step.tests, scan)
    }

    /// How many rows were there when the run began: for what this step does not make.
    fn estimated_rows(&self) -> Option<u64> {
        let is_there = matches!(self.step.action, Action::Nothing | Action::TestPublished);
        let relation = self.step.relation.as_ref().filter(|_| is_there)?;
        self.shared.row_estimates.get(&super::catalog_key(&relation.render())).copied()
    }

    /// Whether the node is in the database of the history: a transaction can write to one database only.
    pub(super) fn is_beside_history(&self) -> bool {
        let database = self.step.relation.as_ref().and_then(|it| it.database.as_deref());
        database.is_none_or(|it| it.eq_ignore_ascii_case(self.warehouse.database()))
    }

    /// A source is there already: it must exist, and its tests must pass.
    fn source(&mut self) -> Tried {
        let Some(finding) = self.shared.sources.finding(self.step.node) else { return self.test_only() };
        if let Some(fault) = &finding.fault {
            return match self.step.action {
                Action::TestPublished => self.untestable(fault.clone()),
                _ => Tried::error(fault.clone(), Kept::Nothing),
            };
        }
        if finding.status == SourceStatus::Changed {
            // Its tests would only say the same once more.
            let tested = Tested { outcomes: finding.outcomes.clone(), ..Tested::default() };
            let outcome = StepOutcome::Done(Outcome::TestsFailed { failed_tests: tested.failed() });
            return Tried { outcome, tested, ..Tried::no_op() };
        }
        let mut tried = self.test_only();
        tried.tested.outcomes.extend(finding.outcomes.iter().cloned());
        tried.outcome = match tried.outcome {
            StepOutcome::Done(_) => match tried.tested.failed() {
                0 if finding.holds_back => StepOutcome::Done(Outcome::Stale),
                0 => tried.outcome,
                failed_tests => StepOutcome::Done(Outcome::TestsFailed { failed_tests }),
            },
            other => other,
        };
        tried
    }

    fn test_only(&mut self) -> Tried {
        if self.shared.around.stop.is_requested() {
            return Tried::interrupted();
        }
        if let Some(fault) = self.not_built() {
            return self.untestable(fault);
        }
        let tested = self.run_tests(Scan::Together, None);
        let outcome = match tested.failed() {
            _ if self.shared.around.stop.is_requested() => StepOutcome::Interrupted,
            0 if matches!(self.step.action, Action::Nothing) => StepOutcome::Done(Outcome::Checked),
            0 => StepOutcome::Done(Outcome::Success),
            failed_tests => StepOutcome::Done(Outcome::TestsFailed { failed_tests }),
        };
        let mut warnings = Vec::new();
        if let Err(Failure { fault, .. }) = self.keep_failures(&tested) {
            warnings.push(format!("failing rows of {} could not be kept: {}", self.node.name, fault.message));
        }
        if matches!(&outcome, StepOutcome::Done(outcome) if outcome.is_good()) {
            // History is no reason to fail what went well; a lost row shows in the next step's own.
            let _ = self.record_tests(&tested);
            if matches!(self.step.action, Action::Nothing) {
                // What reads the source goes on with this version of it.
                let _ = self.record_measures(&tested, true);
            }
        }
        Tried { outcome, tested, rows: None, rows_in: None, fault: None, warnings }
    }

    /// Whether what is to be tested was never built.
    fn not_built(&self) -> Option<Diagnostic> {
        let relation = self.step.relation.as_ref()?;
        let command = match self.node.kind {
            NodeKind::Model => "run",
            NodeKind::Seed => "seed",
            NodeKind::Snapshot => "snapshot",
            _ => return None,
        };
        if !matches!(self.step.action, Action::TestPublished) || !self.shared.is_missing(relation) {
            return None;
        }
        let node = self.node;
        let message = format!("{} `{}` is not built: there is no {}", node.kind, node.name, relation.short());
        Some(
            Diagnostic::error("not-built", message)
                .at(Span { end: node.span.start, ..node.span }, "")
                .help(format!("build it first: tidemill {command} -s {}", node.name)),
        )
    }

    /// No test can be run, for one reason, which is told once.
    fn untestable(&self, fault: Diagnostic) -> Tried {
        let outcomes: Vec<TestOutcome> =
            self.step.tests.iter().map(|test| testing::not_run(test, &fault.message)).collect();
        let outcome = StepOutcome::Done(Outcome::TestsFailed { failed_tests: outcomes.len() });
        let tested = Tested { outcomes, ..Tested::default() };
        Tried { outcome, tested, ..Tried::error(fault, Kept::Nothing) }
    }

    pub(super) fn failure(&self, sql: &Rendered, prefix: usize, error: &WarehouseError) -> Failure {
        Failure { kind: error.kind.clone(), fault: faults::sql(self.node, sql, prefix, error) }
    }
}
