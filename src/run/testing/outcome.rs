//! How tests went.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::compile::{CompiledNode, TemplateLog};
use crate::diagnostics::Diagnostic;
use crate::node::NodeId;
use crate::plan::PlannedTest;
use crate::run::drift::Measurement;
use crate::run::event::TestStatus;
use crate::warehouse::Rows;

/// How one test went.
#[derive(Clone, Debug)]
pub(in crate::run) struct TestOutcome {
    pub(in crate::run) node: NodeId,
    pub(in crate::run) status: TestStatus,
    pub(in crate::run) failures: Option<u64>,
    pub(in crate::run) elapsed: Duration,
    pub(in crate::run) message: Option<String>,
    pub(in crate::run) fault: Option<Box<Diagnostic>>,
    pub(in crate::run) samples: Option<Rows>,
    pub(in crate::run) query: Option<String>,
    /// Whether the query reads rows that are kept.
    pub(in crate::run) is_kept: bool,
    /// What the history remembers of the version that was tested, or of the jump that was refused.
    pub(in crate::run) measured: Vec<Measurement>,
    /// Whether it passes because somebody accepted a jump.
    pub(in crate::run) uses_acceptance: bool,
    /// The measure in the versions before and in this one, oldest first.
    pub(in crate::run) trend: Vec<f64>,
}

/// All tests of a step, and the row count that the scan saw on the way.
#[derive(Clone, Debug, Default)]
pub(in crate::run) struct Tested {
    pub(in crate::run) outcomes: Vec<TestOutcome>,
    pub(in crate::run) rows: Option<u64>,
    /// Whether the common scan failed in a way that ended the transaction, so that no test was run.
    pub(in crate::run) is_broken: bool,
    /// SQL of tests that were rendered late.
    pub(in crate::run) compiled: BTreeMap<NodeId, CompiledNode>,
    /// What their templates logged.
    pub(in crate::run) log: Vec<TemplateLog>,
}

impl Tested {
    /// Whether any of them stops a publication.
    pub(in crate::run) fn failed(&self) -> usize {
        self.outcomes.iter().filter(|it| matches!(it.status, TestStatus::Fail | TestStatus::Error)).count()
    }
}

/// The outcome of a test whose query could not be made.
pub(super) fn broken(test: &PlannedTest, fault: Diagnostic) -> TestOutcome {
    let mut outcome = new_outcome(test, TestStatus::Error);
    outcome.message = Some(fault.message.clone());
    outcome.fault = Some(Box::new(fault));
    outcome
}

/// An outcome with nothing to say yet.
pub(super) fn new_outcome(test: &PlannedTest, status: TestStatus) -> TestOutcome {
    TestOutcome {
        node: test.node,
        status,
        failures: None,
        elapsed: Duration::ZERO,
        message: None,
        fault: None,
        samples: None,
        query: None,
        is_kept: false,
        measured: Vec::new(),
        uses_acceptance: false,
        trend: Vec::new(),
    }
}

/// The outcome of a test whose relation is not there.
pub(in crate::run) fn not_run(test: &PlannedTest, why: &str) -> TestOutcome {
    let mut outcome = new_outcome(test, TestStatus::Error);
    outcome.message = Some(why.to_owned());
    outcome
}
