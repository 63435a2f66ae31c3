//! Microbatch models: one window of time after the other, published together or each by itself.
//!
//! Published together, all batches of a run are one transaction: a failing test leaves everything as it was.
//! Published each by itself, a batch is a transaction with all of the node's tests in it, and the table
//! `batches` of the history says which batches are still to be made: it is filled before the first and kept with
//! each, so that whatever stops a run, the next goes on where it ended.

mod side_by_side;
mod staging;

pub(super) use self::side_by_side::SideBySide;
pub(super) use self::staging::Helpers;

use super::event::{Kept, Outcome};
use super::incremental::{self, NewRows, Refusal, Store};
use super::limited;
use super::step::{Failure, StepOutcome, Tried, Worker};
use crate::batch::Batch;
use crate::compile::IsIncremental;
use crate::node::RelationKind;
use crate::parse::microbatch::{Microbatch, PublishBatches};
use crate::plan::{Action, Batches};
use crate::template::Rendered;
use crate::warehouse::{Effect, ErrorKind, Value, Warehouse as _};

/// What became of the batches of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchResults {
    /// Published.
    pub successful: Vec<Batch>,
    /// Not published: they failed, or came after one that did.
    pub failed: Vec<Batch>,
}

/// The batches of a run, and which of them the step's transaction is about.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    batches: Vec<Batch>,
    first: usize,
    last: usize,
    /// Whether the table is there before the first batch, and stays.
    is_there: bool,
    publish: PublishBatches,
}

impl Turn {
    /// Whether rows are there before a batch is made.
    fn adds_to_rows(&self, index: usize) -> bool {
        self.is_there || index > 0
    }

    /// What `is_incremental()` says. As in dbt, the query of a table that is made anew by wish is that of a new one in every batch.
    fn shown(&self, plan: &Batches, index: usize) -> IsIncremental {
        if self.adds_to_rows(index) && !plan.is_full_refresh { IsIncremental::Yes } else { IsIncremental::No }
    }

    /// What is published and what is not, when a transaction ended well or not.
    fn results(&self, is_published: bool) -> BatchResults {
        let end = if is_published { self.last + 1 } else { self.first };
        let (successful, failed) = self.batches.split_at(end);
        BatchResults { successful: successful.to_vec(), failed: failed.to_vec() }
    }
}

impl Worker<'_> {
    /// Makes a node, whatever it is, in one transaction; a microbatch model perhaps in several.
    pub(super) fn publish_all(&mut self) -> Tried {
        let step = self.step;
        match &step.action {
            Action::RunBatches(plan) => self.publish_batches(plan),
            _ => self.publish_with_retries(),
        }
    }

    fn publish_batches(&mut self, plan: &Batches) -> Tried {
        let Some(settings) = self.node.config.incremental.microbatch.clone() else {
            return self.publish_with_retries();
        };
        let is_there = self.has_rows() && !plan.is_full_refresh;
        let batches = match self.batches_to_make(plan, &settings, is_there) {
            Ok(batches) => batches,
            Err(Failure { fault, .. }) => return Tried::error(fault, self.kept()),
        };
        let reads = self.shared.plan.rows_read;
        let batches = limited::batches(batches, reads);
        // Readers of a table that is made anew would see it without most of its batches; and a batch that is not made of all
        // its rows is not done.
        let is_all = self.shared.is_staged
            || reads.is_limited()
            || ((self.exists_as().is_some() || self.has_rows()) && !is_there);
        let publish = if is_all { PublishBatches::Together } else { settings.publish };
        let last = batches.len() - 1;
        let turn = Turn { batches, first: 0, last, is_there, publish };
        self.begin_side_by_side(plan, &settings, &turn);
        let tried = self.publish_turns(turn);
        self.end_side_by_side();
        tried
    }

    fn publish_turns(&mut self, mut turn: Turn) -> Tried {
        let (last, publish) = (turn.last, turn.publish);
        if publish == PublishBatches::Together {
            return self.publish_turn(turn);
        }
        if let Err(Failure { fault, .. }) = self.announce_batches(&turn) {
            return Tried::error(fault, self.kept());
        }
        loop {
            turn.last = turn.first;
            let tried = self.publish_turn(turn.clone());
            if turn.first == last || tried.outcome != StepOutcome::Done(Outcome::Success) {
                return tried;
            }
            turn.first += 1;
        }
    }

    fn publish_turn(&mut self, turn: Turn) -> Tried {
        self.batches = Some(turn.results(false));
        self.turn = Some(turn);
        let mut tried = self.publish_with_retries();
        if self.is_doubtful(&tried) {
            self.end_side_by_side();
            tried = self.publish_with_retries();
        }
        let is_published = tried.outcome == StepOutcome::Done(Outcome::Success);
        self.batches = self.turn.take().map(|turn| turn.results(is_published));
        self.batch = None;
        tried
    }

    /// How often this run has published the node before this transaction: once for each batch that is published by itself.
    pub(super) fn published_before(&self) -> i64 {
        let each = self.turn.as_ref().filter(|it| it.publish == PublishBatches::Each);
        each.map_or(0, |it| i64::try_from(it.first).unwrap_or(i64::MAX))
    }

    /// What readers see if only some batches were published.
    pub(super) fn kept_batches(&self) -> Option<Kept> {
        let batches = self.batches.as_ref().filter(|it| !it.successful.is_empty())?;
        let next = batches.failed.first()?.to_string();
        let published = batches.successful.len();
        Some(Kept::Batches { published, of: published + batches.failed.len(), next })
    }

    /// Batches that earlier runs left, and those of this one.
    fn batches_to_make(
        &mut self,
        plan: &Batches,
        settings: &Microbatch,
        is_there: bool,
    ) -> Result<Vec<Batch>, Failure> {
        let (size, window) = (settings.batch_size, plan.window);
        if !is_there {
            return Ok(size.from_begin(settings.begin, window));
        }
        let mut batches = if window.start.is_none() { self.owed_batches(settings)? } else { Vec::new() };
        if !plan.only_owed || batches.is_empty() {
            batches.extend(size.newest(settings.lookback, window));
        }
        batches.sort_unstable();
        batches.dedup();
        Ok(batches)
    }

    fn owed_batches(&mut self, settings: &Microbatch) -> Result<Vec<Batch>, Failure> {
        let sql = self.shared.history.owed_batches(self.node.unique_id.as_str());
        let found = self.warehouse.query(&sql, None);
        let rows = found.map_err(|error| self.failure(&Rendered::default(), 0, &error))?.rows;
        let time = |value: &Value| crate::batch::parse_time(&value.to_string());
        let batch = |row: &Vec<Value>| {
            let [start, end] = row.as_slice() else { return None };
            Some(Batch { start: time(start)?, end: time(end)?, size: settings.batch_size })
        };
        Ok(rows.iter().filter_map(batch).collect())
    }

    /// Before the first batch, so that a run that is killed leaves word of what it did not do.
    fn announce_batches(&mut self, turn: &Turn) -> Result<(), Failure> {
        let statements =
            self.shared.history.announce_batches(self.node.unique_id.as_str(), &turn.batches, turn.is_there);
        let all = std::iter::once("begin".to_owned()).chain(statements).chain(["commit".to_owned()]);
        for statement in all {
            if let Err(error) = self.warehouse.execute(&statement) {
                self.warehouse.rollback();
                return Err(self.failure(&Rendered::default(), 0, &error));
            }
        }
        Ok(())
    }

    /// What the history says about the batches of this transaction; nothing for other nodes.
    pub(super) fn batches_done(&self) -> Option<String> {
        let turn = self.turn.as_ref()?;
        if turn.is_there && self.shared.plan.rows_read.is_limited() {
            return None;
        }
        let node = self.node.unique_id.as_str();
        let (first, last) = (turn.batches.get(turn.first)?, turn.batches.get(turn.last)?);
        if !turn.is_there && turn.publish == PublishBatches::Together {
            return Some(self.shared.history.forget_batches(node));
        }
        Some(self.shared.history.batches_done(node, first.start, last.end))
    }

    /// The batches of this transaction.
    pub(super) fn run_batches(&mut self, plan: &Batches) -> Result<Effect, Failure> {
        let Some(turn) = self.turn.clone() else { return Ok(Effect::default()) };
        let mut scanned = None;
        if let (Some(_), Some(relation)) = (self.files_settings(), &self.step.relation) {
            self.begin_files(relation, None, turn.is_there || turn.first > 0)?;
        }
        for index in turn.first..=turn.last {
            if self.shared.around.stop.is_requested() {
                let fault = crate::diagnostics::Diagnostic::error("interrupted", "the run was interrupted");
                return Err(Failure { kind: ErrorKind::Interrupted, fault });
            }
            let (batch, n) = (turn.batches[index], turn.batches.len());
            self.batch = Some(batch);
            let effect = self.run_batch(plan, &turn, index).map_err(|failure| {
                self.doubt_side_by_side(&failure.kind);
                let note = format!("in the batch {batch}, which is {} of {n}", index + 1);
                Failure { fault: failure.fault.note(note), ..failure }
            })?;
            scanned = match (scanned, effect.rows_scanned) {
                (Some(before), Some(more)) => Some(before + more),
                (before, more) => before.or(more),
            };
        }
        Ok(Effect { rows_written: self.rows_there()?, rows_scanned: scanned })
    }

    fn run_batch(&mut self, plan: &Batches, turn: &Turn, index: usize) -> Result<Effect, Failure> {
        let (is_first, is_last) = (index == 0, index + 1 == turn.batches.len());
        let is_incremental = if turn.adds_to_rows(index) { IsIncremental::Yes } else { IsIncremental::No };
        let (sql, staged) = self.batch_query(plan, turn, index)?;
        let rows = NewRows { query: &sql, staged: staged.as_ref() };
        if let Some(macro_id) = &plan.macro_id {
            let id = self.step.node;
            self.late(|late| late.materialize(id, macro_id, &sql, is_incremental, (is_first, is_last)))?;
            return Ok(Effect::default());
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        for hook in plan.hooks.pre.iter().filter(|_| is_first) {
            self.hook("pre-hook", hook)?;
        }
        let effect = match is_incremental {
            _ if self.in_files.is_some() => self.write_rows(relation, rows, is_incremental)?,
            IsIncremental::No => {
                self.drop_other_kind(&relation.render(), RelationKind::Table)?;
                self.make_relation(relation, &sql, RelationKind::Table)?
            }
            IsIncremental::Yes => {
                self.header()?;
                self.check_contract_of(rows)?;
                let taken = incremental::take_up(
                    self.warehouse,
                    self.node,
                    &mut Store::Table(relation),
                    rows,
                    self.batch.as_ref(),
                );
                taken.map_err(|refusal| {
                    let kind = match &refusal {
                        Refusal::Engine { error, .. } => error.kind.clone(),
                        Refusal::Misfit(_) => ErrorKind::Sql,
                    };
                    self.broken(Failure { kind, fault: refusal.into_diagnostic(self.node, &sql) })
                })?
            }
        };
        if is_last {
            self.comment(if self.in_files.is_some() { "view" } else { "table" })?;
            for hook in &plan.hooks.post {
                self.hook("post-hook", hook)?;
            }
        }
        Ok(effect)
    }

    fn rows_there(&mut self) -> Result<Option<u64>, Failure> {
        let Some(relation) = &self.step.relation else { return Ok(None) };
        let counted = incremental::count(self.warehouse, relation);
        counted.map_err(|error| self.failure(&Rendered::default(), 0, &error))
    }
}
