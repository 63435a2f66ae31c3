//! Tests of one step: one scan for all that are aggregates, a query each for the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::Shared;
use super::connection::Connection;
use super::event::TestStatus;
use super::history::Published;
use crate::compile::faults;
use crate::compile::{CompiledNode, IsIncremental, Late, TemplateLog};
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{NodeId, NodeKind, Relation, TestSeverity};
use crate::parse::check::{Check, Drift, Limit};
use crate::parse::properties::FreshnessRule;
use crate::parse::threshold::Threshold;
use crate::parse::{Body, DataTest, TestKind};
use crate::plan::scan::{self, FusedColumn, FusedScan, FusedValue};
use crate::plan::{PlannedTest, TestText, Verdict};
use crate::template::Rendered;
use crate::warehouse::{ErrorKind, Rows, Value, Warehouse, WarehouseError};

/// How many failing rows are shown.
const SAMPLE_ROWS: usize = 5;

/// How one test went.
#[derive(Clone, Debug)]
pub(super) struct TestOutcome {
    pub(super) node: NodeId,
    pub(super) status: TestStatus,
    pub(super) failures: Option<u64>,
    pub(super) elapsed: Duration,
    pub(super) message: Option<String>,
    pub(super) fault: Option<Box<Diagnostic>>,
    pub(super) samples: Option<Rows>,
    pub(super) query: Option<String>,
    /// Whether the query reads rows that are kept.
    pub(super) is_kept: bool,
}

/// All tests of a step, and the row count that the scan saw on the way.
#[derive(Clone, Debug, Default)]
pub(super) struct Tested {
    pub(super) outcomes: Vec<TestOutcome>,
    pub(super) rows: Option<u64>,
    /// Whether the common scan failed in a way that ended the transaction, so that no test was run.
    pub(super) is_broken: bool,
    /// SQL of tests that were rendered late.
    pub(super) compiled: BTreeMap<NodeId, CompiledNode>,
    /// What their templates logged.
    pub(super) log: Vec<TemplateLog>,
}

/// How tests are run that could share a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// In one query.
    Together,
    /// Each by itself, to find the one that cannot be run.
    Each,
}

impl Tested {
    /// Whether any of them stops a publication.
    pub(super) fn failed(&self) -> usize {
        self.outcomes.iter().filter(|it| matches!(it.status, TestStatus::Fail | TestStatus::Error)).count()
    }
}

/// Runs tests on what the connection sees: inside a transaction, the new version.
pub(super) fn run(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    relation: Option<&Relation>,
    tests: &[PlannedTest],
    scan: Scan,
) -> Tested {
    let mut tester = Tester { shared, warehouse, end: None, compiled: BTreeMap::new(), log: Vec::new() };
    let mut outcomes: Vec<Option<TestOutcome>> = vec![None; tests.len()];
    let mut rows = None;
    let fused = relation.filter(|_| scan == Scan::Together).and_then(|it| scan::fuse(it, tests));
    if let Some(fused) = fused {
        rows = tester.fused(&fused, tests, &mut outcomes);
        if matches!(tester.end, Some(End::BrokenBy(_))) {
            return Tested { is_broken: true, ..Tested::default() };
        }
    }
    for (test, outcome) in tests.iter().zip(&mut outcomes) {
        if outcome.is_none() {
            *outcome = Some(tester.alone(test));
        }
    }
    let Tester { compiled, log, .. } = tester;
    Tested { outcomes: outcomes.into_iter().flatten().collect(), rows, is_broken: false, compiled, log }
}

struct Tester<'a> {
    shared: &'a Shared<'a>,
    warehouse: &'a mut Connection,
    /// Why nothing more can be asked, if that is so.
    end: Option<End>,
    compiled: BTreeMap<NodeId, CompiledNode>,
    log: Vec<TemplateLog>,
}

/// Why nothing more can be asked on a connection.
enum End {
    /// The user stopped the run.
    Stopped,
    /// An error ended the transaction: the engine has no way back to the moment before it.
    BrokenBy(String),
}

/// The version that a row count is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A view that was made without tests.
    Uncounted,
    Rows(u64),
}

/// A value to judge.
enum Measured {
    Failures(u64),
    Newest {
        at: Option<String>,
        age: Option<i64>,
    },
    /// By the project's own `get_test_sql`.
    Judged {
        failures: u64,
        warns: bool,
        fails: bool,
    },
    RowCount(u64),
}

impl Tester<'_> {
    /// Asks the scan. If it fails as a whole, each test is run alone, so that the fault is that of one test.
    fn fused(
        &mut self,
        scan: &FusedScan,
        tests: &[PlannedTest],
        outcomes: &mut [Option<TestOutcome>],
    ) -> Option<u64> {
        let started = self.shared.around.clock.monotonic();
        let row = match self.warehouse.scalars(&scan.sql) {
            Ok(row) => row,
            Err(error) => {
                self.note_end(&error, "the common scan");
                return None;
            }
        };
        let elapsed = self.since(started) / u32::try_from(scan.columns.len()).unwrap_or(1).max(1);
        for FusedColumn { test, index, value } in &scan.columns {
            let planned = &tests[*test];
            let measured = match value {
                FusedValue::Failures => count(&row, *index).map(Measured::Failures),
                FusedValue::ZeroIfNone => count(&row, *index).filter(|it| *it == 0).map(Measured::Failures),
                FusedValue::RowCount => count(&row, *index).map(Measured::RowCount),
                FusedValue::NewestAndAge => Some(newest(&row, *index)),
            };
            outcomes[*test] = measured.map(|it| self.judge(planned, &it, elapsed));
        }
        count(&row, 0)
    }

    /// Runs one test's own query.
    fn alone(&mut self, test: &PlannedTest) -> TestOutcome {
        if let TestText::Broken(fault) = &test.sql {
            return broken(test, (**fault).clone());
        }
        if self.end.is_some() || self.shared.around.stop.is_requested() {
            let mut outcome = new_outcome(test, TestStatus::Skipped);
            if let Some(End::BrokenBy(name)) = &self.end {
                outcome.message = Some(format!("not run: the error of `{name}` ended the transaction"));
            }
            return outcome;
        }
        let started = self.shared.around.clock.monotonic();
        let sql = match self.text(test) {
            Ok(sql) => sql,
            Err(fault) => return broken(test, fault),
        };
        let sql = sql.as_ref();
        let judged = match self.judged_query(test, sql).transpose() {
            Ok(judged) => judged,
            Err(fault) => return broken(test, fault),
        };
        let is_judged = judged.is_some();
        let (query, prefix) = judged.map_or_else(|| own_query(test, sql), |it| (it, 0));
        let result = self.warehouse.scalars(&query);
        let elapsed = self.since(started);
        match result {
            Ok(row) => {
                let measured = match &test.check {
                    _ if is_judged => Measured::Judged {
                        failures: count(&row, 0).unwrap_or(0),
                        warns: count(&row, 1).is_some_and(|it| it > 0),
                        fails: count(&row, 2).is_some_and(|it| it > 0),
                    },
                    Check::Freshness { .. } => newest(&row, 0),
                    Check::RowCountDrift(_) => Measured::RowCount(count(&row, 0).unwrap_or(0)),
                    Check::Query | Check::NotNull | Check::Unique | Check::AcceptedValues { .. } => {
                        // An aggregate over no rows is null; dbt counts that as no failure.
                        Measured::Failures(count(&row, 0).unwrap_or(0))
                    }
                };
                self.judge_alone(test, sql, &measured, elapsed)
            }
            Err(error) => {
                let name = &self.shared.graph.node(test.node).name;
                self.note_end(&error, name);
                self.error(test, sql, prefix, &error, elapsed)
            }
        }
    }

    /// The test's query, rendered now if it had to wait.
    fn text<'t>(&mut self, test: &'t PlannedTest) -> Result<Cow<'t, Rendered>, Diagnostic> {
        match &test.sql {
            TestText::Ready(sql) => Ok(Cow::Borrowed(sql)),
            TestText::Broken(fault) => Err((**fault).clone()),
            TestText::Late => {
                let engine = Some(self.warehouse.engine());
                let late = Late::new(self.shared.around.project, self.shared.graph, engine);
                let compiled = late.query(test.node, IsIncremental::No);
                self.log.append(&mut late.take_log());
                if let Some(error) = self.warehouse.take_error() {
                    self.note_end(&error, &self.shared.graph.node(test.node).name);
                }
                let compiled = compiled?;
                let sql = compiled.sql.clone();
                self.compiled.insert(test.node, compiled);
                Ok(Cow::Owned(sql))
            }
        }
    }

    /// The query of the project's own `get_test_sql` around the test's.
    fn judged_query(&mut self, test: &PlannedTest, sql: &Rendered) -> Option<Result<String, Diagnostic>> {
        if matches!(test.check, Check::Freshness { .. } | Check::RowCountDrift(_)) {
            return None;
        }
        let engine = Some(self.warehouse.engine());
        let late = Late::new(self.shared.around.project, self.shared.graph, engine);
        let judged = late.judged_test(test.node, sql);
        self.log.append(&mut late.take_log());
        judged
    }

    fn error(
        &self,
        test: &PlannedTest,
        sql: &Rendered,
        prefix: usize,
        error: &WarehouseError,
        elapsed: Duration,
    ) -> TestOutcome {
        if error.kind == ErrorKind::Interrupted {
            return new_outcome(test, TestStatus::Skipped);
        }
        let node = self.shared.graph.node(test.node);
        let fault = faults::test(node, &describe(self.shared, node, test), sql, prefix, error);
        let mut outcome = new_outcome(test, TestStatus::Error);
        outcome.elapsed = elapsed;
        outcome.message = error.message.lines().next().map(str::to_owned);
        outcome.fault = Some(Box::new(fault));
        outcome
    }

    /// Remembers that nothing more can be asked on this connection.
    fn note_end(&mut self, error: &WarehouseError, name: &str) {
        if error.kind == ErrorKind::Interrupted {
            self.end = Some(End::Stopped);
        } else if self.warehouse.scalars("select 1").is_err() {
            self.end.get_or_insert_with(|| End::BrokenBy(name.to_owned()));
        }
    }

    fn judge(&mut self, test: &PlannedTest, measured: &Measured, elapsed: Duration) -> TestOutcome {
        match &test.sql {
            TestText::Ready(sql) => self.judge_alone(test, sql, measured, elapsed),
            // The common scan holds no such test.
            TestText::Late | TestText::Broken(_) => {
                self.judge_alone(test, &Rendered::default(), measured, elapsed)
            }
        }
    }

    fn judge_alone(
        &mut self,
        test: &PlannedTest,
        sql: &Rendered,
        measured: &Measured,
        elapsed: Duration,
    ) -> TestOutcome {
        let (status, failures, message) = match (measured, &test.check) {
            (Measured::Newest { at, age }, Check::Freshness { rule, .. }) => {
                judge_age(at.as_deref(), *age, rule, test.verdict)
            }
            (Measured::RowCount(rows), Check::RowCountDrift(drift)) => {
                judge_drift(*rows, self.rows_before(test), drift, test.verdict)
            }
            (Measured::Failures(failures) | Measured::RowCount(failures), _) => {
                judge_failures(*failures, test.verdict)
            }
            (Measured::Newest { .. }, _) => (TestStatus::Pass, 0, None),
            (Measured::Judged { failures, warns, fails }, _) => {
                let is_failed = *fails && test.verdict.severity == TestSeverity::Error;
                let status = match (is_failed, *warns) {
                    (true, _) => TestStatus::Fail,
                    (false, true) => TestStatus::Warn,
                    (false, false) => TestStatus::Pass,
                };
                let message = (status != TestStatus::Pass).then(|| format!("{failures} failures"));
                (status, *failures, message)
            }
        };
        let mut outcome = new_outcome(test, status);
        outcome.failures = Some(failures);
        outcome.elapsed = elapsed;
        outcome.message = message;
        if matches!(status, TestStatus::Fail | TestStatus::Warn) {
            self.explain(test, sql, &mut outcome);
        }
        outcome
    }

    /// What was published last of what a drift test is declared on.
    fn rows_before(&self, test: &PlannedTest) -> Before {
        let node = self.shared.graph.node(test.node);
        let owner = owner_of(node).map(|id| self.shared.graph.node(id));
        match owner.and_then(|it| self.shared.published.get(it.unique_id.as_str())) {
            Some(Published { rows: Some(rows), .. }) => Before::Rows(*rows),
            Some(Published { rows: None, .. }) => Before::Uncounted,
            None => Before::Nothing,
        }
    }

    /// Adds sample rows, a query to paste and the place of the test.
    fn explain(&mut self, test: &PlannedTest, sql: &Rendered, outcome: &mut TestOutcome) {
        let is_about_rows = !matches!(test.check, Check::Freshness { .. } | Check::RowCountDrift(_));
        if is_about_rows {
            let query = test.sample_sql.clone().unwrap_or_else(|| sql.text.trim().to_owned());
            match self.warehouse.query(&query, Some(SAMPLE_ROWS)) {
                Ok(rows) => outcome.samples = Some(self.without_secrets(rows)),
                Err(error) => self.note_end(&error, &self.shared.graph.node(test.node).name),
            }
            outcome.is_kept = test.kept_in.is_some();
            let kept = test.kept_in.as_ref().map(|it| format!("select * from {}", it.relation.render()));
            outcome.query = Some(self.shared.scrubber.hide(&kept.unwrap_or(query)));
        }
        outcome.fault = Some(Box::new(self.fault(test, outcome)));
    }

    /// A report may cut a long value, and what is left of a secret then is no longer known as one.
    fn without_secrets(&self, mut rows: Rows) -> Rows {
        if !self.shared.scrubber.is_empty() {
            for value in rows.rows.iter_mut().flatten() {
                if let Value::Text(text) = value {
                    *text = self.shared.scrubber.hide(text);
                }
            }
        }
        rows
    }

    fn fault(&self, test: &PlannedTest, outcome: &TestOutcome) -> Diagnostic {
        let node = self.shared.graph.node(test.node);
        let message = outcome.message.clone().unwrap_or_default();
        let headline = format!("{}: {message}", describe(self.shared, node, test));
        let diagnostic = match outcome.status {
            TestStatus::Warn => Diagnostic::warning("test-warned", headline),
            _ => Diagnostic::error("test-failed", headline),
        };
        let diagnostic = diagnostic.at(super::declared_at(node), "declared here");
        let is_drift = matches!(test.check, Check::RowCountDrift(_)) && outcome.status == TestStatus::Fail;
        let owner = owner_of(node).map(|id| self.shared.graph.node(id)).filter(|_| is_drift);
        diagnostic.help_opt(owner.map(|owner| {
            let command = if owner.kind == NodeKind::Seed { "seed" } else { "run" };
            format!(
                "if this is right, publish it once without tests, for the next version to be compared with: \
                 tidemill {command} -s {}",
                owner.name
            )
        }))
    }

    fn since(&self, started: Duration) -> Duration {
        self.shared.around.clock.monotonic().saturating_sub(started)
    }
}

/// The outcome of a test whose query could not be made.
fn broken(test: &PlannedTest, fault: Diagnostic) -> TestOutcome {
    let mut outcome = new_outcome(test, TestStatus::Error);
    outcome.message = Some(fault.message.clone());
    outcome.fault = Some(Box::new(fault));
    outcome
}

/// An outcome with nothing to say yet.
fn new_outcome(test: &PlannedTest, status: TestStatus) -> TestOutcome {
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
    }
}

/// The outcome of a test whose relation is not there.
pub(super) fn not_run(test: &PlannedTest, why: &str) -> TestOutcome {
    let mut outcome = new_outcome(test, TestStatus::Error);
    outcome.message = Some(why.to_owned());
    outcome
}

/// The node that a generic test is declared on.
fn owner_of(node: &Node) -> Option<NodeId> {
    match &node.body {
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => match &test.owner {
            crate::parse::Owner::Ref(call) => node.refs.get(call).copied(),
            crate::parse::Owner::Source(call) => node.sources.get(call).copied(),
        },
        _ => None,
    }
}

/// `not_null on customers.customer_id`, or the test's name.
fn describe(shared: &Shared<'_>, node: &Node, test: &PlannedTest) -> String {
    match &node.body {
        Body::Test(DataTest { kind: TestKind::Generic(generic), column }) => {
            let owner = owner_of(node).map_or("", |id| shared.graph.node(id).name.as_str());
            let column = column.as_ref().map(|it| format!(".{it}")).unwrap_or_default();
            format!("{} on `{owner}{column}`", generic.name)
        }
        Body::Source(source) => format!("freshness of source `{}.{}`", source.source, node.name),
        _ => format!(
            "{} `{}`",
            if matches!(test.sql, TestText::Broken(_)) { "broken test" } else { "test" },
            node.name
        ),
    }
}

/// The test's query inside the one that counts, and how long the part before it is.
fn own_query(test: &PlannedTest, sql: &Rendered) -> (String, usize) {
    match &test.check {
        Check::Freshness { column, rule } => {
            let relation = test.tested.as_ref().map(Relation::render).unwrap_or_default();
            let conditions: Vec<String> =
                rule.filter.iter().chain(&test.where_).map(|it| format!("({it})")).collect();
            let condition = if conditions.is_empty() {
                String::new()
            } else {
                format!(" where {}", conditions.join(" and "))
            };
            let values = scan::newest_and_age(&format!("max({column})"));
            (format!("select {} from {relation}{condition}", values.join(", ")), 0)
        }
        Check::RowCountDrift(_) => (sql.text.clone(), 0),
        Check::Query | Check::NotNull | Check::Unique | Check::AcceptedValues { .. } => {
            let calculation = test.fail_calc.as_deref().unwrap_or("count(*)");
            let limit = test.limit.map(|it| format!(" limit {it}")).unwrap_or_default();
            let prefix = format!("select {calculation} as failures from (");
            let inner = if limit.is_empty() {
                format!("{prefix}{}\n) as failing_rows", sql.text)
            } else {
                format!("{prefix}select * from ({}\n){limit}) as failing_rows", sql.text)
            };
            let extra = if limit.is_empty() { 0 } else { "select * from (".len() };
            (inner, prefix.len() + extra)
        }
    }
}

fn count(row: &[Value], index: usize) -> Option<u64> {
    match row.get(index)? {
        Value::Bool(it) => Some(u64::from(*it)),
        Value::Int(it) => u64::try_from(*it).ok(),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fail_calc such as sum() may be a float"
        )]
        Value::Float(it) => (*it >= 0.0).then_some(*it as u64),
        Value::Text(it) => it.parse::<f64>().ok().and_then(|it| count(&[Value::Float(it)], 0)),
        Value::Null => None,
    }
}

fn newest(row: &[Value], index: usize) -> Measured {
    let at = row.get(index).and_then(|it| match it {
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => None,
    });
    Measured::Newest { at, age: row.get(index + 1).and_then(Value::as_i64) }
}

/// A status, a number of failures and what to say.
type Judgement = (TestStatus, u64, Option<String>);

/// dbt's rule: an error if `error_if` holds and the severity is error, else a warning if `warn_if` holds.
fn judge_failures(failures: u64, verdict: Verdict) -> Judgement {
    let said = |key: &str, threshold: Threshold| {
        let noun = if failures == 1 { "failure" } else { "failures" };
        if threshold == Threshold::default() {
            format!("{failures} {noun}")
        } else {
            format!("{failures} {noun} ({key}: {threshold})")
        }
    };
    if verdict.severity == TestSeverity::Error && verdict.error_if.holds(failures) {
        (TestStatus::Fail, failures, Some(said("error_if", verdict.error_if)))
    } else if verdict.warn_if.holds(failures) {
        (TestStatus::Warn, failures, Some(said("warn_if", verdict.warn_if)))
    } else {
        // As dbt has it: what passes has no failures.
        let allowed = (failures > 0).then(|| format!("{failures} failing rows, which the limits allow"));
        (TestStatus::Pass, 0, allowed)
    }
}

fn bad(severity: TestSeverity) -> TestStatus {
    match severity {
        TestSeverity::Error => TestStatus::Fail,
        TestSeverity::Warn => TestStatus::Warn,
    }
}

fn judge_age(at: Option<&str>, age: Option<i64>, rule: &FreshnessRule, verdict: Verdict) -> Judgement {
    let (Some(at), Some(age)) = (at, age) else {
        return (bad(verdict.severity), 1, Some("there is no row that says how fresh it is".to_owned()));
    };
    let words = |limit: crate::parse::properties::Age| {
        format!(
            "the newest row is of {at}, {} ago; the limit is {}",
            span_of_time(age),
            span_of_time(limit.seconds())
        )
    };
    match (rule.error_after, rule.warn_after) {
        (Some(limit), _) if age > limit.seconds() => (bad(verdict.severity), 1, Some(words(limit))),
        (_, Some(limit)) if age > limit.seconds() => (TestStatus::Warn, 1, Some(words(limit))),
        _ => (TestStatus::Pass, 0, None),
    }
}

/// `3 days 4 hours`, in the two largest units.
fn span_of_time(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
fn judge_drift(rows: u64, before: Before, drift: &Drift, verdict: Verdict) -> Judgement {
    if let Some(least) = drift.min_rows.filter(|least| rows < *least) {
        let message = format!("{} now, and at least {} must be there", n_rows(rows), n_rows(least));
        return (bad(verdict.severity), 1, Some(message));
    }
    let passes =
        |why: &str| (TestStatus::Pass, 0, Some(format!("{why}: {}, nothing to compare with", n_rows(rows))));
    let before = match before {
        Before::Nothing => return passes("first version"),
        Before::Uncounted => return passes("the version before was not counted"),
        Before::Rows(before) => before,
    };
    let change = if before == 0 {
        String::new()
    } else {
        format!(" ({:+.1}%)", (rows as f64 - before as f64) * 100.0 / before as f64)
    };
    let said = |limit: Limit, what: &str| {
        Some(format!("{} before, {} now{change}; the limit is {limit} {what}", n_rows(before), n_rows(rows)))
    };
    match (drift.max_decrease, drift.max_increase) {
        (Some(limit), _) if rows < before && (before - rows) as f64 > limit.rows(before) => {
            (bad(verdict.severity), 1, said(limit, "less"))
        }
        // Nothing has no percentage: without this, an empty table could never be filled again.
        (_, Some(Limit::Percent(_))) if before == 0 && rows > 0 => passes("the version before was empty"),
        (_, Some(limit)) if rows > before && (rows - before) as f64 > limit.rows(before) => {
            (bad(verdict.severity), 1, said(limit, "more"))
        }
        _ => (TestStatus::Pass, 0, None),
    }
}

fn n_rows(rows: u64) -> String {
    format!("{rows} {}", if rows == 1 { "row" } else { "rows" })
}
