//! Batches side by side: the queries of batches are run ahead, on idle connections, and their rows are written in order by the
//! node's own transaction. So gates hold as they do for batches one after the other.
//!
//! A query is run ahead only if its rows are the same there and then: nothing that only the node's connection has may be
//! needed (hooks, headers, what a template set), and it must not read the table that the batches before it write to. Whatever goes
//! wrong ahead is no fault: the batch is made in its turn as if nothing had been tried.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Turn;
use super::staging::Ahead;
use crate::compile::{CompiledNode, TemplateLog};
use crate::node::Relation;
use crate::parse::microbatch::Microbatch;
use crate::plan::Batches;
use crate::run::event::Outcome;
use crate::run::incremental::StagedRows;
use crate::run::step::{Failure, StepOutcome, Tried, Worker};
use crate::sql::{names_table, only_reads};
use crate::template::{Engine, HostError, Rendered};
use crate::warehouse::{CatalogEntry, Column, ErrorKind, Rows};

/// The batches of a node that are rendered or run ahead.
pub(in crate::run) struct SideBySide {
    ahead: Ahead,
    /// What was rendered ahead.
    rendered: BTreeMap<usize, RenderedBatch>,
    /// The next batch to look at.
    next: usize,
    /// How many batches helpers were given since the last that was left to the node.
    given: usize,
    /// The rows that are being written.
    taken: Option<StagedRows>,
    /// Whether batches do not depend on each other, because the config says so.
    is_sure: bool,
    /// Whether no more batches are rendered ahead.
    is_over: bool,
    /// Whether something went wrong that might not have without all this.
    is_doubtful: bool,
}

/// A batch's query, and what its template logged.
struct RenderedBatch {
    compiled: CompiledNode,
    log: Vec<TemplateLog>,
    footing: Footing,
}

/// What a batch's query rests on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Footing {
    /// What was there before the node's transaction.
    Published,
    /// The connection that its template was rendered on.
    Connection,
    /// The batches before it.
    Batches,
}

impl Worker<'_> {
    /// Begins with batches side by side, if that is asked for and cannot change what is made.
    pub(super) fn begin_side_by_side(&mut self, plan: &Batches, settings: &Microbatch, turn: &Turn) {
        let config = &self.node.config;
        let is_possible = !self.is_alone
            && turn.batches.len() > 1
            && plan.macro_id.is_none()
            && config.pre_hooks.is_empty()
            && config.duckdb.sql_header.is_none()
            && self.step.relation.as_ref().is_some_and(|it| !self.is_foreign(it));
        if is_possible && settings.concurrent != Some(false) {
            self.side_by_side = Some(SideBySide {
                ahead: Ahead::new(self.warehouse, &self.shared.helpers),
                rendered: BTreeMap::new(),
                next: 1,
                given: 0,
                taken: None,
                is_sure: settings.concurrent == Some(true),
                is_over: false,
                is_doubtful: false,
            });
        }
    }

    /// Ends it: nothing is left of what was computed and not written.
    pub(super) fn end_side_by_side(&mut self) {
        if let Some(mut side) = self.side_by_side.take() {
            side.forget_taken();
            side.ahead.stop();
            self.warehouse.add_statements(side.ahead.take_statements());
        }
    }

    /// Notes that a batch could not be made.
    pub(super) fn doubt_side_by_side(&mut self, kind: &ErrorKind) {
        if let Some(side) = &mut self.side_by_side {
            side.is_doubtful |= side.taken.is_some() && *kind == ErrorKind::Sql;
        }
    }

    /// Whether a turn that failed might go well, or fail with a better message, with its batches one after the other.
    pub(super) fn is_doubtful(&self, tried: &Tried) -> bool {
        let is_error = matches!(tried.outcome, StepOutcome::Done(Outcome::Error { .. }));
        is_error && self.side_by_side.as_ref().is_some_and(|it| it.is_doubtful)
    }

    /// The query of a batch, and its rows if they were computed ahead. On the way, batches after it are given away.
    pub(super) fn batch_query(
        &mut self,
        plan: &Batches,
        turn: &Turn,
        index: usize,
    ) -> Result<(Rendered, Option<StagedRows>), Failure> {
        let Some(mut side) = self.side_by_side.take() else {
            let batch = self.render_batch(plan, turn, index)?;
            return Ok((self.use_batch(plan, turn, index, batch), None));
        };
        let found = self.batch_query_beside(&mut side, plan, turn, index);
        self.side_by_side = Some(side);
        found
    }

    fn batch_query_beside(
        &mut self,
        side: &mut SideBySide,
        plan: &Batches,
        turn: &Turn,
        index: usize,
    ) -> Result<(Rendered, Option<StagedRows>), Failure> {
        side.forget_taken();
        let batch = if let Some(batch) = side.rendered.remove(&index) {
            batch
        } else {
            let batch = self.render_batch(plan, turn, index)?;
            side.is_over |= !side.may_go_on_after(&batch);
            batch
        };
        // A new table's first batch decides on its columns, and later templates may ask for them.
        if turn.adds_to_rows(index) {
            self.look_ahead(side, plan, turn, index);
        }
        side.taken = side.ahead.take(index);
        self.warehouse.add_statements(side.ahead.take_statements());
        Ok((self.use_batch(plan, turn, index, batch), side.taken.clone()))
    }

    /// Renders batches after this one, and gives helpers their queries: as many as there are slots free, with one left to the node
    /// after each round.
    fn look_ahead(&mut self, side: &mut SideBySide, plan: &Batches, turn: &Turn, index: usize) {
        side.next = side.next.max(index + 1);
        let mut slot = None;
        while !side.is_over && side.next < turn.batches.len() && !side.ahead.is_over() {
            slot = slot.or_else(|| self.shared.slots.take_idle());
            let helpers = side.ahead.n_helpers() + usize::from(slot.is_some());
            if helpers == 0 || side.next > index + 2 * (helpers + 1) {
                return;
            }
            let logged = self.log.len();
            let Ok(batch) = self.render_batch(plan, turn, side.next) else {
                // It is rendered again when its turn has come. If it was the engine that refused, this transaction is lost.
                self.log.truncate(logged);
                (side.is_over, side.is_doubtful) = (true, true);
                return;
            };
            side.is_over = !side.may_go_on_after(&batch);
            if side.is_over && batch.footing == Footing::Batches {
                return;
            }
            if !side.is_over && side.given < helpers {
                self.warehouse.note_collation(&batch.compiled.sql.text);
                side.ahead.offer(side.next, batch.compiled.sql.text.clone());
                side.given += 1;
                if let Some(slot) = slot.take()
                    && side.ahead.hire(slot, self.shared.around.stop).is_err()
                {
                    side.is_over = true;
                }
            } else {
                side.given = 0;
            }
            side.rendered.insert(side.next, batch);
            side.next += 1;
        }
    }

    fn render_batch(&mut self, plan: &Batches, turn: &Turn, index: usize) -> Result<RenderedBatch, Failure> {
        self.batch = turn.batches.get(index).copied();
        let listening = Arc::new(Listening { connection: self.warehouse.engine(), heard: Mutex::default() });
        let (id, is_incremental) = (self.step.node, turn.shown(plan, index));
        let logged = self.log.len();
        let engine = Arc::clone(&listening);
        let rendered = self.late_asking(engine, |late| late.query(id, is_incremental));
        // What a failing template says stays; what others say belongs to their turn.
        let compiled = rendered?;
        let log = self.log.split_off(logged);
        let footing = match &self.step.relation {
            Some(relation) => listening.footing(&compiled.sql, relation),
            None => Footing::Connection,
        };
        Ok(RenderedBatch { compiled, log, footing })
    }

    /// The turn of a batch that was rendered has come.
    fn use_batch(&mut self, plan: &Batches, turn: &Turn, index: usize, mut batch: RenderedBatch) -> Rendered {
        self.batch = turn.batches.get(index).copied();
        self.is_incremental = turn.shown(plan, index);
        self.log.append(&mut batch.log);
        let sql = batch.compiled.sql.clone();
        self.compiled.insert(self.step.node, batch.compiled);
        sql
    }
}

impl SideBySide {
    /// The batch whose rows were taken is written.
    fn forget_taken(&mut self) {
        if let Some(rows) = self.taken.take() {
            self.ahead.forget(rows);
        }
    }

    /// Whether batches after this one can be rendered before it is made.
    fn may_go_on_after(&self, batch: &RenderedBatch) -> bool {
        match batch.footing {
            Footing::Published => true,
            Footing::Batches => self.is_sure,
            Footing::Connection => false,
        }
    }
}

/// Answers a template's questions, and remembers what they say of its footing.
struct Listening {
    connection: Arc<dyn Engine>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    questions: Vec<String>,
    /// Whether it looked at the whole catalog. From then on the transaction sees no database that is attached already.
    has_looked_around: bool,
}

impl Listening {
    fn hear(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What a query rests on that was rendered with these answers.
    fn footing(&self, sql: &Rendered, relation: &Relation) -> Footing {
        let mut footing = Footing::Published;
        self.hear(|heard| {
            let reads_rows = |it: &str| names_table(it, relation);
            if heard.has_looked_around || !heard.questions.iter().all(|it| only_reads(it)) {
                footing = Footing::Connection;
            } else if reads_rows(&sql.text) || heard.questions.iter().any(|it| reads_rows(it)) {
                footing = Footing::Batches;
            }
        });
        footing
    }
}

impl Engine for Listening {
    fn query(&self, sql: &str) -> Result<Rows, HostError> {
        self.hear(|it| it.questions.push(sql.to_owned()));
        self.connection.query(sql)
    }

    fn describe(&self, sql: &str) -> Result<Vec<Column>, HostError> {
        self.hear(|it| it.questions.push(sql.to_owned()));
        self.connection.describe(sql)
    }

    fn catalog(&self) -> Result<Vec<CatalogEntry>, HostError> {
        self.hear(|it| it.has_looked_around = true);
        self.connection.catalog()
    }
}
