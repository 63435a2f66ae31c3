//! Tests of one step: one scan for all that are aggregates, a query each for the rest.

pub(super) mod explaining;
pub(super) mod judging;
mod outcome;
pub(super) mod queries;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use self::explaining::describe;
use self::judging::Judgement;
pub(super) use self::outcome::{TestOutcome, Tested, not_run};
use self::outcome::{broken, new_outcome};
use self::queries::{count, newest, number, own_query};
use super::Shared;
use super::connection::Connection;
use super::drift::{self, Measurement};
use super::event::TestStatus;
use crate::compile::faults;
use crate::compile::{CompiledNode, IsIncremental, JudgedTest, Late, TemplateLog};
use crate::diagnostics::Diagnostic;
use crate::node::{NodeId, Relation, TestSeverity};
use crate::parse::check::Check;
use crate::plan::scan::{self, FusedColumn, FusedScan, FusedValue, Sharing};
use crate::plan::{PlannedTest, TestQueries, TestText};
use crate::template::{Rendered, TestVerdict};
use crate::warehouse::{ErrorKind, Warehouse, WarehouseError};

/// How tests are run that could share a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// In one query.
    Together,
    /// Each by itself, to find the one that cannot be run.
    Each,
}

/// Runs tests on what the connection sees: inside a transaction, the new version. `tested` is the step's
/// relation.
pub(super) fn run(
    shared: &Shared<'_>,
    warehouse: &mut Connection,
    tested: Option<scan::TestedRelation<'_>>,
    tests: &[PlannedTest],
    scan: Scan,
) -> Tested {
    let mut tester = Tester { shared, warehouse, end: None, compiled: BTreeMap::new(), log: Vec::new() };
    let mut outcomes: Vec<Option<TestOutcome>> = vec![None; tests.len()];
    let mut rows = None;
    let together =
        tested.filter(|_| scan == Scan::Together && shared.plan.test_queries == TestQueries::Shared);
    for sharing in [Sharing::All, Sharing::WithoutParents] {
        let scans = together.map(|it| scan::fuse(it, tests, sharing));
        let mut is_refused = false;
        for fused in scans.unwrap_or_default() {
            let counted = tester.fused(&fused, tests, &mut outcomes);
            is_refused |=
                counted.is_none() && fused.columns.iter().any(|it| scan::has_parent(&tests[it.test]));
            rows = counted.or(rows);
            match tester.end {
                Some(End::BrokenBy(_)) => return Tested { is_broken: true, ..Tested::default() },
                Some(End::Stopped) => break,
                None => {}
            }
        }
        if !is_refused || tester.end.is_some() {
            break;
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

/// A value to judge.
enum Measured {
    Failures {
        failures: u64,
        /// How many rows were tested, where it matters.
        rows: Option<u64>,
    },
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
    /// What a drift test compares.
    Drift(Vec<Measurement>),
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
        for FusedColumn { test, index, rows, value } in &scan.columns {
            let planned = &tests[*test];
            let rows = rows.and_then(|it| count(&row, it));
            let failures = |failures| Measured::Failures { failures, rows };
            let measured = match value {
                FusedValue::Failures => count(&row, *index).map(failures),
                FusedValue::ZeroIfNone => count(&row, *index).filter(|it| *it == 0).map(failures),
                FusedValue::Measure => {
                    number(row.get(*index)).map(|it| Measured::Drift(vec![Measurement::whole(it)]))
                }
                FusedValue::NewestAndAge => Some(newest(&row, *index)),
            };
            if self.end.is_none() {
                outcomes[*test] = measured.map(|it| self.judge(planned, &it, elapsed));
            }
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
        let (test, sql) = match self.text(test) {
            Ok(text) => text,
            Err(fault) => return broken(test, fault),
        };
        let (test, sql) = (test.as_ref(), sql.as_ref());
        let judged = match self.judged_query(test, sql).transpose() {
            Ok(judged) => judged,
            Err(fault) => return broken(test, fault),
        };
        let (measured, prefix) = match judged {
            Some(JudgedTest::Verdict(TestVerdict { failures, warns, fails })) => {
                let failures = u64::try_from(failures).unwrap_or(0);
                (Ok(Measured::Judged { failures, warns, fails }), 0)
            }
            Some(JudgedTest::Query(query)) => (self.judged(&query), 0),
            None => {
                let (query, prefix) = own_query(test, sql);
                (self.measured(test, &query), prefix)
            }
        };
        let elapsed = self.since(started);
        match measured {
            Ok(measured) => self.judge_alone(test, sql, &measured, elapsed),
            Err(error) => {
                let name = &self.shared.graph.node(test.node).name;
                self.note_end(&error, name);
                self.error(test, sql, prefix, &error, elapsed)
            }
        }
    }

    /// The answer of the project's own `get_test_sql`.
    fn judged(&mut self, query: &str) -> Result<Measured, WarehouseError> {
        let row = self.warehouse.scalars(query)?;
        Ok(Measured::Judged {
            failures: count(&row, 0).unwrap_or(0),
            warns: count(&row, 1).is_some_and(|it| it > 0),
            fails: count(&row, 2).is_some_and(|it| it > 0),
        })
    }

    /// The answer of a test's own query.
    fn measured(&mut self, test: &PlannedTest, query: &str) -> Result<Measured, WarehouseError> {
        match &test.check {
            Check::Freshness { .. } => Ok(newest(&self.warehouse.scalars(query)?, 0)),
            Check::Drift(drift) if drift.group_by.is_empty() => {
                let row = self.warehouse.scalars(query)?;
                let value = number(row.first()).unwrap_or_default();
                Ok(Measured::Drift(vec![Measurement::whole(value)]))
            }
            Check::Drift(drift) => {
                let rows = self.warehouse.query(query, Some(drift::MAX_GROUPS + 1))?;
                Ok(Measured::Drift(drift::groups(&rows, drift, test.mask.as_ref())))
            }
            Check::SchemaDrift(_) => {
                let relation = test.tested.as_ref().map(Relation::render).unwrap_or_default();
                let columns = self.warehouse.describe(&format!("select * from {relation}"))?;
                Ok(Measured::Drift(vec![Measurement::columns(&columns)]))
            }
            Check::Query
            | Check::NotNull
            | Check::Unique
            | Check::AcceptedValues { .. }
            | Check::Relationships { .. }
            | Check::Own(_) => {
                // An aggregate over no rows is null; dbt counts that as no failure.
                let failures = count(&self.warehouse.scalars(query)?, 0).unwrap_or(0);
                let counted = test.count_sql.as_ref().filter(|_| test.verdict.needs_rows());
                let rows = match counted {
                    Some(sql) => count(&self.warehouse.scalars(sql)?, 0),
                    None => None,
                };
                Ok(Measured::Failures { failures, rows })
            }
        }
    }

    /// The test and its query, rendered now if it had to wait.
    fn text<'t>(
        &mut self,
        test: &'t PlannedTest,
    ) -> Result<(Cow<'t, PlannedTest>, Cow<'t, Rendered>), Diagnostic> {
        match &test.sql {
            TestText::Ready(sql) => Ok((Cow::Borrowed(test), Cow::Borrowed(sql))),
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
                let check = compiled.check.as_deref().cloned();
                self.compiled.insert(test.node, compiled);
                let check = check.unwrap_or_else(|| test.check.clone());
                Ok((Cow::Owned(PlannedTest { check, ..test.clone() }), Cow::Owned(sql)))
            }
        }
    }

    /// What the project's own macros around a test say, if it has some.
    fn judged_query(&mut self, test: &PlannedTest, sql: &Rendered) -> Option<Result<JudgedTest, Diagnostic>> {
        if !test.check.is_about_rows() {
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
        let mut outcome = new_outcome(test, TestStatus::Pass);
        let (status, failures, message) = match (measured, &test.check) {
            (Measured::Newest { at, age }, Check::Freshness { rule, .. }) => {
                judging::age(at.as_deref(), *age, rule, test.verdict)
            }
            (Measured::Newest { .. }, _) => (TestStatus::Pass, 0, None),
            (Measured::Drift(measured), _) => self.judge_drift(test, measured, &mut outcome),
            (Measured::Failures { failures, rows }, _) => judging::failures(*failures, *rows, test.verdict),
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
        outcome.status = status;
        outcome.failures = Some(failures);
        outcome.elapsed = elapsed;
        outcome.message = message;
        if matches!(status, TestStatus::Fail | TestStatus::Warn) {
            self.explain(test, sql, &mut outcome);
        }
        outcome
    }

    /// Compares with what was published before.
    fn judge_drift(
        &mut self,
        test: &PlannedTest,
        measured: &[Measurement],
        outcome: &mut TestOutcome,
    ) -> Judgement {
        match drift::judge(self.shared, self.warehouse, test, measured) {
            Ok(judged) => {
                outcome.measured = judged.measured;
                outcome.uses_acceptance = judged.uses_acceptance;
                outcome.trend = judged.trend;
                outcome.samples = judged.samples;
                judged.judgement
            }
            Err(error) => {
                self.note_end(&error, &self.shared.graph.node(test.node).name);
                (TestStatus::Error, 0, Some(format!("the history cannot be read: {}", error.message)))
            }
        }
    }

    fn since(&self, started: Duration) -> Duration {
        self.shared.around.clock.monotonic().saturating_sub(started)
    }
}
