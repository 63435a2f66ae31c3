//! Phase 5, plan: what to do, in what order, and what has to go well before.
//!
//! In: a [`Graph`], the nodes selected, their compiled SQL. Out: a [`Plan`], plain data that `run/` executes
//! and nothing else does. Deliberately absent: the engine, threads, the clock.

mod masking;
mod planned;
pub mod scan;
mod sources;
mod steps;
mod unit_tests;

use std::collections::BTreeSet;

use crate::batch::{RowsRead, Window};
use crate::compile::lineage::Inherited;
use crate::compile::{Definition, Hook};
use crate::diagnostics::{Diagnostic, Spanned};
use crate::node::{NodeId, Relation, RelationKind, TestSeverity};
use crate::parse::check::Check;
use crate::parse::run_hooks::RunHook;
use crate::parse::threshold::Threshold;
use crate::project::Dialect;
use crate::project::sources_lock::SourcesLock;
use crate::template::Rendered;

pub use self::masking::{Mask, is_sensitive};
use self::scan::WhyAlone;
pub use self::sources::{PlannedAlignment, SourceCheck, of_sources};
pub use self::steps::make;
pub use self::unit_tests::{PlannedInput, PlannedUnitTest, UnitTestSubject};

/// The commands that run nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunCommand {
    /// Makes nodes, tests them and publishes what passes.
    Build,
    /// Makes models without testing them.
    Run,
    /// Tests what is published.
    Test,
    /// Loads seeds.
    Seed,
    /// Takes snapshots without testing them.
    Snapshot,
}

impl RunCommand {
    /// The command as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            RunCommand::Build => "build",
            RunCommand::Run => "run",
            RunCommand::Test => "test",
            RunCommand::Seed => "seed",
            RunCommand::Snapshot => "snapshot",
        }
    }
}

/// What a plan is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanOptions<'a> {
    /// The command.
    pub command: RunCommand,
    /// Whose rules hold.
    pub dialect: Dialect,
    /// `--full-refresh`.
    pub full_refresh: bool,
    /// `--store-failures`.
    pub store_failures: bool,
    /// Batches of microbatch models: from when to when.
    pub window: Window,
    /// Microbatch models of which only the batches are made that an earlier run left.
    pub only_owed: BTreeSet<NodeId>,
    /// The accepted shapes of sources.
    pub sources_lock: Option<&'a SourcesLock>,
    /// Whether the run begins when the sources are ready.
    pub waits_for_sources: bool,
    /// `--sample-rows`.
    pub sample_rows: Option<usize>,
    /// How tests that are aggregates are asked.
    pub test_queries: TestQueries,
    /// Which rows models read.
    pub rows_read: RowsRead,
}

/// How tests are asked that could share a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestQueries {
    /// All that can be in one query.
    Shared,
    /// Each in its own.
    Each,
}

/// A step's index in [`Plan::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u32);

impl StepId {
    /// The index as a number, for use with slices.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The command it was made for.
    pub command: RunCommand,
    /// Steps; every step's `after` points to other steps of this list.
    pub steps: Vec<Step>,
    /// Schemas that must be there, as database and schema.
    pub schemas: BTreeSet<(String, String)>,
    /// Sources that have to be of about the same age.
    pub aligned: Vec<PlannedAlignment>,
    /// What to run before the first step and after the last, in this order.
    pub run_hooks: Vec<RunHook>,
    /// Descriptions of columns that are not written where they hold, for comments.
    pub inherited: Inherited,
    /// What defines functions for models under test.
    pub definitions: Vec<Definition>,
    /// How tests that are aggregates are asked.
    pub test_queries: TestQueries,
    /// Which rows models read.
    pub rows_read: RowsRead,
}

impl Plan {
    /// Whether there is anything to do in the warehouse.
    pub fn needs_warehouse(&self) -> bool {
        self.steps.iter().any(|it| !matches!(it.action, Action::UnitTest(_)))
    }

    /// Whether a unit test is to be run.
    pub fn has_unit_tests(&self) -> bool {
        self.steps.iter().any(|it| matches!(it.action, Action::UnitTest(_)))
    }
}

/// One node's work: made, tested and published together.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node; for a test that stands alone, the test.
    pub node: NodeId,
    /// What is made.
    pub action: Action,
    /// Its relation, where it has one.
    pub relation: Option<Relation>,
    /// Hooks before its transaction begins.
    pub before: Vec<Spanned<String>>,
    /// Hooks after its transaction is committed.
    pub after_commit: Vec<Spanned<String>>,
    /// Tests that decide on it.
    pub tests: Vec<PlannedTest>,
    /// For sources: what is looked at before the first step.
    pub source: Option<Box<SourceCheck>>,
    /// What comes before it.
    pub after: Vec<Edge>,
    /// Steps on the longest way from here to an end: what is long is begun first.
    pub priority: usize,
}

/// Something that comes before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The other step.
    pub step: StepId,
    /// Whether its failure matters here.
    pub kind: EdgeKind,
}

/// What an edge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// If the other step fails, this one is skipped.
    Blocks,
    /// This step waits for the other, and goes on whatever it came to.
    Orders,
}

/// What is made of a node.
#[derive(Clone, Debug)]
pub enum Action {
    /// A view.
    CreateView(Query),
    /// A table.
    CreateTable(Query),
    /// A table that is added to, if it is there and is not to be made anew.
    UpdateTable {
        /// The query for a table that is made anew.
        whole: Query,
        /// The query for a table that is there.
        update: Query,
        /// Whether the table is made anew even if it is there.
        is_full_refresh: bool,
    },
    /// A table that is made in batches of time.
    RunBatches(Batches),
    /// What a macro says.
    ByMacro(ByMacro),
    /// Files, and a view that reads them.
    WriteFiles(Query),
    /// A function that gives the query's rows.
    CreateTableFunction(Query),
    /// A table from a CSV file.
    LoadSeed(SeedLoad),
    /// A table that keeps old versions of the query's rows.
    TakeSnapshot(Query),
    /// A function; its text is an expression or a query.
    CreateFunction(Query),
    /// Nothing: it is there already (a source), or only in its readers (an ephemeral model).
    Nothing,
    /// Nothing: it is only said to be up to date (an exposure, a saved query).
    NoOp,
    /// Nothing: what is published is tested.
    TestPublished,
    /// Nothing: a test by itself, the only one of the step.
    TestAlone,
    /// Nothing: a model or a macro is tried on rows of a test's own, before anything is made.
    UnitTest(Box<PlannedUnitTest>),
    /// It could not be compiled.
    Broken(Box<Diagnostic>),
}

/// Hooks in a node's transaction.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Statements before the node is made.
    pub pre: Vec<Hook>,
    /// Statements after it is made.
    pub post: Vec<Hook>,
}

/// How a seed is loaded.
#[derive(Clone, Debug)]
pub struct SeedLoad {
    /// Hooks in its transaction.
    pub hooks: Hooks,
    /// Whether it is loaded even if its file did not change.
    pub is_full_refresh: bool,
}

/// How a microbatch model is made. Which batches there are depends on whether its table is there.
#[derive(Clone, Debug)]
pub struct Batches {
    /// The query of the first batch, to look at; every batch renders its own.
    pub query: QueryText,
    /// From when to when.
    pub window: Window,
    /// Whether only batches are made that an earlier run left.
    pub only_owed: bool,
    /// Whether the table is made anew even if it is there.
    pub is_full_refresh: bool,
    /// Hooks before the first batch and after the last.
    pub hooks: Hooks,
    /// The materialization's macro that takes up each batch, if it is not the program.
    pub macro_id: Option<String>,
}

/// A model that a materialization's macro makes. Its hooks are run by the macro.
#[derive(Clone, Debug)]
pub struct ByMacro {
    /// The macro's unique id.
    pub macro_id: String,
    /// The query for a relation that is made anew.
    pub whole: QueryText,
    /// Incremental models: the query for a table that is there.
    pub update: Option<QueryText>,
    /// Whether the relation is made anew even if it is there.
    pub is_full_refresh: bool,
}

/// A model's query with its hooks.
#[derive(Clone, Debug)]
pub struct Query {
    /// The query.
    pub sql: QueryText,
    /// Statements before it, in its transaction.
    pub pre_hooks: Vec<Hook>,
    /// Statements after it, in its transaction.
    pub post_hooks: Vec<Hook>,
}

/// A node's query.
#[derive(Clone, Debug)]
pub enum QueryText {
    /// Rendered.
    Ready(Rendered),
    /// Its template asks the warehouse: it is rendered when its parents are made.
    Late,
}

/// A test's query, whose rows are failures.
#[derive(Clone, Debug)]
pub enum TestText {
    /// Rendered.
    Ready(Rendered),
    /// Its template asks the warehouse: it is rendered when what it tests is made.
    Late,
    /// It could not be rendered.
    Broken(Box<Diagnostic>),
}

/// A test with all that is needed to run it.
#[derive(Clone, Debug)]
pub struct PlannedTest {
    /// The test; for the freshness of a source that is declared with it, the source.
    pub node: NodeId,
    /// Its query.
    pub sql: TestText,
    /// A query for sample rows, where the test's own shows too little.
    pub sample_sql: Option<String>,
    /// What it means.
    pub check: Check,
    /// The column it is about, as SQL.
    pub column: Option<String>,
    /// What it reads, `where` included.
    pub tested: Option<Relation>,
    /// Which rows it is about.
    pub where_: Option<String>,
    /// How its result is judged.
    pub verdict: Verdict,
    /// Where its failing rows are kept.
    pub kept_in: Option<KeptIn>,
    /// At most so many failing rows are counted.
    pub limit: Option<u64>,
    /// The aggregate that counts failures; `count(*)` where absent.
    pub fail_calc: Option<String>,
    /// Whether the project says so.
    pub has_own_fail_calc: bool,
    /// Why it cannot share a query with others, where that is known beforehand.
    pub alone: Option<WhyAlone>,
    /// A query for the number of rows tested, where a share of them decides.
    pub count_sql: Option<String>,
    /// How many failing rows are shown.
    pub sample_rows: usize,
    /// What must not be shown of them.
    pub mask: Option<Mask>,
}

/// A relation of a test's failing rows.
#[derive(Clone, Debug)]
pub struct KeptIn {
    /// Its name.
    pub relation: Relation,
    /// Table or view.
    pub kind: RelationKind,
}

/// How a number of failures is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// What a failure does.
    pub severity: TestSeverity,
    /// When to warn.
    pub warn_if: Threshold,
    /// When to fail.
    pub error_if: Threshold,
}

impl Verdict {
    /// Whether it depends on how many rows were tested.
    pub fn needs_rows(&self) -> bool {
        self.warn_if.is_percent() || self.error_if.is_percent()
    }
}
