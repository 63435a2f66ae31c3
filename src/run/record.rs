//! What a step leaves in the history.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{Outcome, TestStatus};
use super::history::{MeasureRows, NodeRow, TestRow, shape};
use super::kept;
use super::step::{Failure, StepOutcome, Tried, Worker};
use super::testing::Tested;
use crate::node::{NodeId, NodeKind, Relation};
use crate::parse::check::Check;
use crate::plan::Action;
use crate::template::Rendered;
use crate::warehouse::{Warehouse as _, WarehouseError};

impl Worker<'_> {
    /// In the transaction that publishes, so that history and data cannot disagree.
    pub(super) fn record_success(
        &mut self,
        tested: &Tested,
        rows: Option<u64>,
        rows_in: Option<u64>,
    ) -> Result<(), Failure> {
        let elapsed = self.shared.around.clock.monotonic().saturating_sub(self.started);
        let (reads, loaded) = (self.reads(), self.loaded.take());
        let made = self.made();
        let statement = self.shared.history.node(&NodeRow {
            status: "success",
            rows,
            rows_in,
            fingerprint: loaded.as_ref().map(|it| it.fingerprint.as_str()),
            columns: loaded.as_ref().map(|it| it.columns.as_str()),
            reads: reads.as_deref(),
            made: made.as_deref(),
            ..self.row(elapsed)
        });
        let batches = self.batches_done();
        let result = self.warehouse.execute(&statement).and_then(|_| {
            batches.map_or(Ok(()), |it| self.warehouse.execute(&it).map(drop))?;
            self.record_tests(tested)
        });
        let result = result.and_then(|()| self.record_measures(tested, true));
        result.map_err(|error| self.failure(&Rendered::default(), 0, &error))
    }

    /// A row about this node that says nothing yet of what became of it.
    fn row(&self, elapsed: Duration) -> NodeRow<'_> {
        NodeRow {
            node_id: self.node.unique_id.as_str(),
            kind: self.node.kind.as_str(),
            relation: self.step.relation.as_ref(),
            status: "",
            rows: None,
            rows_in: None,
            seconds: elapsed.as_secs_f64(),
            message: None,
            fingerprint: None,
            columns: None,
            reads: None,
            made: None,
        }
    }

    /// That a seed was looked at and is as it was. History is no reason to fail what went well.
    pub(super) fn record_unchanged(&mut self, tested: &Tested, rows: u64) {
        let elapsed = self.shared.around.clock.monotonic().saturating_sub(self.started);
        let row = NodeRow { status: "unchanged", rows: Some(rows), ..self.row(elapsed) };
        let statement = self.shared.history.node(&row);
        let _ = self.warehouse.execute(&statement);
        let _ = self.record_tests(tested);
    }

    pub(super) fn record_tests(&mut self, tested: &Tested) -> Result<(), WarehouseError> {
        let graph = self.shared.graph;
        let is_alone = matches!(self.step.action, Action::TestAlone);
        let mut kept: BTreeMap<NodeId, (String, Option<String>)> = BTreeMap::new();
        for outcome in tested.outcomes.iter().filter(|it| kept::is_written(it.status)) {
            let test = self.step.tests.iter().find(|it| it.node == outcome.node);
            if let Some(kept_in) = test.and_then(|it| it.kept_in.as_ref()) {
                let made = self.shape_of("relation", &kept_in.relation);
                kept.insert(outcome.node, (kept_in.relation.render(), made));
            }
        }
        let rows: Vec<TestRow<'_>> = tested
            .outcomes
            .iter()
            // What is found of a source itself is in a table of its own.
            .filter(|it| it.status != TestStatus::Skipped && graph.node(it.node).kind != NodeKind::Source)
            .map(|it| TestRow {
                test_id: graph.node(it.node).unique_id.as_str(),
                node_id: (!is_alone).then(|| self.node.unique_id.as_str()),
                status: it.status.as_str(),
                failures: it.failures,
                seconds: it.elapsed.as_secs_f64(),
                message: it.message.as_deref(),
                samples: it.samples.as_ref(),
                kept_in: kept.remove(&it.node),
            })
            .collect();
        match self.shared.history.tests(&rows) {
            Some(statement) => self.warehouse.execute(&statement).map(|_| ()),
            None => Ok(()),
        }
    }

    /// What drift tests measured: of a version that is published, or of one that they refused.
    pub(super) fn record_measures(
        &mut self,
        tested: &Tested,
        is_published: bool,
    ) -> Result<(), WarehouseError> {
        let graph = self.shared.graph;
        for outcome in tested.outcomes.iter().filter(|it| !it.measured.is_empty()) {
            if !is_published && outcome.status != TestStatus::Fail {
                continue;
            }
            let test = self.step.tests.iter().find(|it| it.node == outcome.node);
            let measure = match test.map(|it| &it.check) {
                Some(Check::Drift(drift)) => drift.measure.sql(),
                _ => "columns",
            };
            let rows = MeasureRows {
                test_id: graph.node(outcome.node).unique_id.as_str(),
                node_id: self.node.unique_id.as_str(),
                measure,
                measured: &outcome.measured,
            };
            if is_published && outcome.uses_acceptance {
                let used = self.shared.history.used(rows.test_id);
                self.warehouse.execute(&used)?;
            }
            self.warehouse.execute(&self.shared.history.measured(&rows, is_published))?;
        }
        Ok(())
    }

    /// What stands where the node's relation is; nothing if it has none.
    fn made(&mut self) -> Option<String> {
        let kind = match &self.step.action {
            _ if self.files_settings().is_some() => "external",
            Action::CreateView(_) => "view",
            Action::CreateTable(_)
            | Action::UpdateTable { .. }
            | Action::RunBatches(_)
            | Action::LoadSeed(_)
            | Action::TakeSnapshot(_) => "table",
            Action::WriteFiles(_) => "external",
            Action::ByMacro(_) => "relation",
            Action::CreateTableFunction(_)
            | Action::CreateFunction(_)
            | Action::Nothing
            | Action::NoOp
            | Action::TestPublished
            | Action::TestAlone
            | Action::UnitTest(_)
            | Action::Broken(_) => return None,
        };
        self.shape_of(kind, self.step.relation.as_ref()?)
    }

    fn shape_of(&mut self, kind: &str, relation: &Relation) -> Option<String> {
        let columns = self.warehouse.describe(&format!("select * from {}", relation.render())).ok()?;
        Some(shape(kind, &columns))
    }

    /// After the rollback, on its own.
    pub(super) fn record_failure(&mut self, tried: &Tried, elapsed: Duration) {
        if matches!(tried.outcome, StepOutcome::Done(Outcome::TestsFailed { .. } | Outcome::Stale)) {
            // Nothing was made: the tests' own rows say it all.
            let _ = self.record_tests(&tried.tested);
            if matches!(self.step.action, Action::Nothing) {
                let _ = self.record_measures(&tried.tested, false);
            }
            return;
        }
        let message = tried.fault.as_ref().map(|it| it.message.clone());
        let statement = self.shared.history.node(&NodeRow {
            status: match tried.outcome {
                StepOutcome::Done(Outcome::RolledBack { .. }) => "rolled back",
                _ => "error",
            },
            message: message.as_deref(),
            ..self.row(elapsed)
        });
        // A full disk must not hide the fault that led here.
        let _ = self.warehouse.execute(&statement);
        let _ = self.record_tests(&tried.tested);
        let _ = self.record_measures(&tried.tested, false);
    }
}
