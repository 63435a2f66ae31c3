//! What happens in a run, as plain data: all that the runner tells the reporter.
//!
//! Workers send, the main thread owns the state and prints. The order for one node is `NodeStarted`,
//! then `TestFinished` for each test it owns, then `NodeFinished`; a node that is not worked on has one
//! `NodeSkipped` instead. A test that runs on its own has no owner, and is a step like a node.
//! Deliberately absent: texts of reports, except for the reasons that have the same words everywhere.

use std::fmt;
use std::time::Duration;

use crate::batch::RowsRead;
use crate::diagnostics::Diagnostic;
use crate::node::{NodeKind, UniqueId};
pub use crate::plan::RunCommand;
use crate::warehouse::{Rows, Value};

/// Something happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    /// The plan is made and work begins.
    RunStarted(RunStarted),
    /// A source was looked at, before the first node.
    SourceChecked(SourceChecked),
    /// A worker took up a node.
    NodeStarted {
        /// The node.
        node: NodeRef,
    },
    /// A statement was run; shown with `--debug`.
    Statement {
        /// The node it was run for; `None` for what prepares or ends the run.
        node: Option<NodeRef>,
        /// As it was sent.
        sql: String,
        /// How long it took.
        elapsed: Duration,
    },
    /// A test was run, or skipped because its owner failed.
    TestFinished(TestFinished),
    /// A node is done, well or not.
    NodeFinished(NodeFinished),
    /// A node is not worked on.
    NodeSkipped {
        /// The node.
        node: NodeRef,
        /// Why.
        reason: SkipReason,
    },
    /// A text from a macro (`log`, `print`) or about the run as a whole.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The text.
        message: String,
    },
    /// The database file is held by another process, and the run waits for it.
    Waiting {
        /// Who holds it, as far as the engine says.
        holder: Option<String>,
    },
    /// All nodes are done or skipped.
    RunFinished {
        /// From `RunStarted` on.
        elapsed: Duration,
        /// All that was counted.
        totals: Totals,
    },
}

/// What was found of a source before the first node.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceChecked {
    /// The source.
    pub source: NodeRef,
    /// What it came to.
    pub status: SourceStatus,
    /// When it was loaded, RFC 3339 in UTC, where that is known.
    pub loaded_at: Option<String>,
    /// How many seconds ago that was.
    pub age: Option<f64>,
    /// Whether nothing was loaded since the last check.
    pub is_unchanged: bool,
    /// What to say about it in one line.
    pub message: Option<String>,
}

/// What a source came to; of several the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceStatus {
    /// It is there, and all that is asked of it holds.
    Good,
    /// Older than `warn_after`, or changed in what nothing reads.
    Warn,
    /// Older than `error_after`.
    Stale,
    /// Changed in what models read.
    Changed,
    /// It is not there.
    Missing,
    /// It could not be looked at.
    Error,
}

impl SourceStatus {
    /// The word in JSON lines and in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceStatus::Good => "good",
            SourceStatus::Warn => "warn",
            SourceStatus::Stale => "stale",
            SourceStatus::Changed => "changed",
            SourceStatus::Missing => "missing",
            SourceStatus::Error => "error",
        }
    }
}

/// What a run is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStarted {
    /// The command.
    pub command: RunCommand,
    /// How many nodes of each kind are selected, tests included; kinds without nodes are left out.
    pub counts: Vec<(NodeKind, usize)>,
    /// How many `NodeFinished`, `NodeSkipped` and owner-less `TestFinished` there will be.
    pub steps: usize,
    /// How many nodes are worked on at the same time.
    pub threads: usize,
    /// The target's name.
    pub target: String,
    /// The database as the user knows it: a path relative to the project, or `:memory:`.
    pub database: String,
    /// Whether what is made is published only when all of the run went well.
    pub is_staged: bool,
    /// Which rows models read.
    pub rows_read: RowsRead,
}

/// A node as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRef {
    /// Its stable name.
    pub unique_id: UniqueId,
    /// What it is.
    pub kind: NodeKind,
    /// For people: `table main.orders`, `seed raw.customers`; for tests their name.
    pub label: String,
    /// The file that declares it, relative to the project: `models/orders.sql`.
    pub path: String,
}

impl NodeRef {
    /// The name to select it by: all after `kind.package.` of the unique id, and for sources
    /// `source:name.table`.
    pub fn selector(&self) -> String {
        let id = self.unique_id.as_str();
        let rest = id.splitn(3, '.').nth(2).unwrap_or(id);
        match self.kind {
            NodeKind::Source => format!("source:{rest}"),
            // All that is tested is part of the id, and no part of the name.
            NodeKind::UnitTest => format!("unit_test:{}", rest.rsplit('.').next().unwrap_or(rest)),
            NodeKind::Exposure | NodeKind::SemanticModel | NodeKind::Metric | NodeKind::SavedQuery => {
                format!("{}:{rest}", self.kind)
            }
            // The hash that makes the ids of tests unique is no part of the name.
            NodeKind::Test => rest.split('.').next().unwrap_or(rest).to_owned(),
            NodeKind::Seed
            | NodeKind::Model
            | NodeKind::Snapshot
            | NodeKind::Function
            | NodeKind::Analysis => rest.to_owned(),
        }
    }
}

/// A node is done.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFinished {
    /// The node.
    pub node: NodeRef,
    /// How it went.
    pub outcome: Outcome,
    /// How long it took, tests included.
    pub elapsed: Duration,
    /// Rows of the new version, where known.
    pub rows: Option<u64>,
    /// Rows of what it was made from, where known.
    pub rows_in: Option<u64>,
    /// What went wrong, with its place.
    pub fault: Option<Box<Diagnostic>>,
}

/// How the work on a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Made and published (`build`), made (`run`), loaded (`seed`) or tested without failures (`test`).
    Success,
    /// Nothing was to be made (a source, an ephemeral model); its tests passed.
    Checked,
    /// A seed whose file and config did not change since its last version; its tests passed.
    Unchanged {
        /// When that was published, in words for people.
        published_at: String,
    },
    /// There is nothing to make of it and no test of it (an exposure, a saved query); all it reads is good.
    NoOp,
    /// A source that is too old: what reads it is skipped, as it says itself, and that is no failure.
    Stale,
    /// Tests of the new version failed, so it was not published.
    RolledBack {
        /// How many tests failed.
        failed_tests: usize,
        /// What readers see.
        kept: Kept,
    },
    /// Tests of what is published failed (`test` only).
    TestsFailed {
        /// How many tests failed.
        failed_tests: usize,
    },
    /// It could not be made, or a test could not be run.
    Error {
        /// What readers see.
        kept: Kept,
    },
}

impl Outcome {
    /// Whether all went well, so that what reads the node can go on.
    pub fn is_good(&self) -> bool {
        match self {
            Outcome::Success | Outcome::Checked | Outcome::Unchanged { .. } | Outcome::NoOp => true,
            Outcome::Stale
            | Outcome::RolledBack { .. }
            | Outcome::TestsFailed { .. }
            | Outcome::Error { .. } => false,
        }
    }
}

/// What readers see when a new version is not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The version that was there before.
    Previous {
        /// When that was published, in words for people.
        published_at: Option<String>,
    },
    /// Nothing: the node was never published.
    Nothing,
    /// The batches that were published before one failed.
    Batches {
        /// How many.
        published: usize,
        /// Of how many.
        of: usize,
        /// The first that is not, by its name.
        next: String,
    },
    /// The new version: what went wrong came after it was published.
    New,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Previous { published_at: Some(time) } => write!(f, "kept the version of {time}"),
            Kept::Previous { published_at: None } => f.write_str("kept the previous version"),
            Kept::Nothing => f.write_str("nothing is published"),
            Kept::Batches { published, of, next } => {
                write!(f, "published {published} of {of} batches; the next run goes on with {next}")
            }
            Kept::New => f.write_str("the new version is published"),
        }
    }
}

/// A test was run or skipped.
#[derive(Clone, Debug, PartialEq)]
pub struct TestFinished {
    /// The test.
    pub test: NodeRef,
    /// The node that is reported together with it; `None` for a test that runs on its own.
    pub owner: Option<NodeRef>,
    /// How it went.
    pub status: TestStatus,
    /// How many rows fail, as the test counts them.
    pub failures: Option<u64>,
    /// How long it took; zero for a test that was part of a scan with others.
    pub elapsed: Duration,
    /// What to say about it in one line, failing or not.
    pub message: Option<String>,
    /// What went wrong, with its place.
    pub fault: Option<Box<Diagnostic>>,
    /// Some of the rows that fail.
    pub samples: Option<Rows>,
    /// How the rows that a unit test made differ from those expected.
    pub diff: Option<Box<RowDiff>>,
    /// A query that shows the failing rows, to paste into a client.
    pub query: Option<String>,
    /// Whether it shows them whatever becomes of the version tested, since they are kept (`store_failures`).
    pub is_kept: bool,
    /// What a drift test measured in the versions before and in this one, oldest first; else empty.
    pub trend: Vec<f64>,
}

/// How the rows that a unit test made differ from those expected.
#[derive(Clone, Debug, PartialEq)]
pub struct RowDiff {
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// How many rows are as expected.
    pub equal: usize,
    /// The others.
    pub rows: Vec<DiffRow>,
}

/// A row that is not as expected; values are in the order of the columns.
#[derive(Clone, Debug, PartialEq)]
pub enum DiffRow {
    /// Some values are others.
    Changed {
        /// The row expected.
        expected: Vec<Value>,
        /// The row made that is most like it.
        actual: Vec<Value>,
    },
    /// Expected, and not made.
    Missing(Vec<Value>),
    /// Made, and not expected.
    Extra(Vec<Value>),
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestStatus {
    /// No row fails.
    Pass,
    /// Rows fail; the test only warns.
    Warn,
    /// Rows fail, and that stops publication.
    Fail,
    /// It could not be run.
    Error,
    /// It was not run.
    Skipped,
}

impl TestStatus {
    /// The word in reports and in dbt's artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            TestStatus::Pass => "pass",
            TestStatus::Warn => "warn",
            TestStatus::Fail => "fail",
            TestStatus::Error => "error",
            TestStatus::Skipped => "skipped",
        }
    }
}

/// Why a node is not worked on. The text fits into `skipped table main.child (...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// An ancestor could not be made or was rolled back: the one where it began.
    ParentFailed(NodeRef),
    /// A test that stands before it failed.
    TestFailed(NodeRef),
    /// A source it reads is older than it may be.
    SourceStale(NodeRef),
    /// The same, but the source says that this is no failure.
    SourceHeldBack(NodeRef),
    /// A source it reads is not there.
    SourceMissing(NodeRef),
    /// A source it reads has other columns than were accepted.
    SourceChanged(NodeRef),
    /// Sources it combines were loaded too far apart, which is no failure here.
    SourcesMisaligned(Box<(NodeRef, NodeRef)>),
    /// Another node failed and `--fail-fast` is set.
    FailFast,
    /// The user stopped the run.
    Interrupted,
}

impl SkipReason {
    /// The node at fault.
    pub fn because_of(&self) -> Option<&NodeRef> {
        match self {
            SkipReason::ParentFailed(node)
            | SkipReason::TestFailed(node)
            | SkipReason::SourceStale(node)
            | SkipReason::SourceHeldBack(node)
            | SkipReason::SourceMissing(node)
            | SkipReason::SourceChanged(node) => Some(node),
            SkipReason::SourcesMisaligned(sources) => Some(&sources.0),
            SkipReason::FailFast | SkipReason::Interrupted => None,
        }
    }

    /// Whether the run is a success all the same.
    pub fn is_wanted(&self) -> bool {
        matches!(self, SkipReason::SourceHeldBack(_) | SkipReason::SourcesMisaligned(_))
    }

    /// The word in JSON lines.
    pub fn as_str(&self) -> &'static str {
        match self {
            SkipReason::ParentFailed(_) => "parent_failed",
            SkipReason::TestFailed(_) => "test_failed",
            SkipReason::SourceStale(_) | SkipReason::SourceHeldBack(_) => "source_stale",
            SkipReason::SourceMissing(_) => "source_missing",
            SkipReason::SourceChanged(_) => "source_changed",
            SkipReason::SourcesMisaligned(_) => "sources_misaligned",
            SkipReason::FailFast => "fail_fast",
            SkipReason::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::ParentFailed(node) => write!(f, "{} failed", node.selector()),
            SkipReason::TestFailed(node) => write!(f, "test {} failed", node.selector()),
            SkipReason::SourceStale(node) | SkipReason::SourceHeldBack(node) => {
                write!(f, "{} is stale", node.selector())
            }
            SkipReason::SourceMissing(node) => write!(f, "{} is missing", node.selector()),
            SkipReason::SourceChanged(node) => write!(f, "{} changed", node.selector()),
            SkipReason::SourcesMisaligned(sources) => {
                write!(f, "{} and {} were loaded too far apart", sources.0.selector(), sources.1.selector())
            }
            SkipReason::FailFast => f.write_str("stopped after the first failure"),
            SkipReason::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// How much a logged text matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Shown with `--debug`.
    Debug,
    /// Shown unless `--quiet`.
    Info,
    /// Shown unless `--quiet`, and marked.
    Warning,
    /// `print()` of a template: always shown, and on standard output.
    Print,
}

impl LogLevel {
    /// The word in JSON lines.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warning => "warning",
            LogLevel::Print => "print",
        }
    }
}

/// What a run came to. Fed with every event, so that exit status and last line cannot disagree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Nodes that succeeded, by kind, in the order of kinds; tests are not among them.
    pub succeeded: Vec<(NodeKind, usize)>,
    /// Seeds that were not loaded because nothing changed.
    pub unchanged: usize,
    /// Nodes whose new version was rolled back.
    pub rolled_back: usize,
    /// Nodes that could not be made.
    pub errors: usize,
    /// Nodes and owner-less tests that were not worked on.
    pub skipped: usize,
    /// Nodes that were not worked on because their sources are not ready, which is no failure.
    pub held_back: usize,
    /// Tests by how they ended.
    pub tests: TestTotals,
    /// Whether the user stopped the run.
    pub is_interrupted: bool,
    /// Whether what was made is published only when all of the run went well.
    pub is_staged: bool,
}

/// How many tests ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestTotals {
    /// No row fails.
    pub passed: usize,
    /// Rows fail; only a warning.
    pub warned: usize,
    /// Rows fail.
    pub failed: usize,
    /// Could not be run.
    pub errors: usize,
    /// Not run.
    pub skipped: usize,
}

impl TestTotals {
    /// Counts one test.
    pub fn add(&mut self, status: TestStatus) {
        let counter = match status {
            TestStatus::Pass => &mut self.passed,
            TestStatus::Warn => &mut self.warned,
            TestStatus::Fail => &mut self.failed,
            TestStatus::Error => &mut self.errors,
            TestStatus::Skipped => &mut self.skipped,
        };
        *counter += 1;
    }

    /// Whether no test was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Totals {
    /// Counts what an event says; events that change nothing may be given too.
    pub fn add(&mut self, event: &RunEvent) {
        match event {
            RunEvent::NodeFinished(finished) => match finished.outcome {
                Outcome::Success => self.add_success(finished.node.kind),
                Outcome::Unchanged { .. } => self.unchanged += 1,
                Outcome::RolledBack { .. } => self.rolled_back += 1,
                Outcome::Error { .. } => self.errors += 1,
                // Its tests are counted by themselves.
                Outcome::TestsFailed { .. } | Outcome::Checked | Outcome::NoOp | Outcome::Stale => {}
            },
            RunEvent::TestFinished(finished) => self.tests.add(finished.status),
            RunEvent::NodeSkipped { reason, .. } if reason.is_wanted() => self.held_back += 1,
            RunEvent::NodeSkipped { reason, .. } => {
                self.skipped += 1;
                self.is_interrupted |= *reason == SkipReason::Interrupted;
            }
            RunEvent::RunStarted(_)
            | RunEvent::SourceChecked(_)
            | RunEvent::NodeStarted { .. }
            | RunEvent::Statement { .. }
            | RunEvent::Log { .. }
            | RunEvent::Waiting { .. }
            | RunEvent::RunFinished { .. } => {}
        }
    }

    /// Whether all went well: the exit status is 0 exactly then.
    pub fn is_success(&self) -> bool {
        let tests = self.tests;
        self.rolled_back + self.errors + self.skipped + tests.failed + tests.errors == 0
            && !self.is_interrupted
    }

    fn add_success(&mut self, kind: NodeKind) {
        match self.succeeded.binary_search_by_key(&kind, |(kind, _)| *kind) {
            Ok(index) => self.succeeded[index].1 += 1,
            Err(index) => self.succeeded.insert(index, (kind, 1)),
        }
    }
}
