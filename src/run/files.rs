//! Files of nodes, from being written to being kept: those of external models, and those that rows are kept in.
//!
//! A node's files take their place in the node's transaction, when its tests have passed. If the run is published as a
//! whole, they wait beside their place, where the node's view reads them, until all of the run went well.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::external::{self, place_of};
use super::history::History;
use super::in_files::{self, InFiles};
use super::step::{Failure, StepOutcome, Tried, Worker};
use super::{Connection, Shared};
use crate::compile::{Hook, IsIncremental};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::plan::Action;
use crate::project::Project;
use crate::run::event::Outcome;
use crate::warehouse::{FilesPlace, Value, Warehouse, WarehouseError};

/// Files of a node that was made, in a run that is not published yet.
pub(super) struct Waiting {
    node: NodeId,
    external: Option<external::Files>,
    rows: Option<InFiles>,
}

/// Files that have their place, and what was there before. Dropped, it comes back.
#[derive(Default)]
pub struct PlacedFiles(Vec<Waiting>);

impl PlacedFiles {
    /// The run is published: what was there before is not needed any more.
    pub fn keep(self) {
        for Waiting { external, rows, .. } in self.0 {
            external.into_iter().for_each(external::Files::keep);
            rows.into_iter().for_each(InFiles::keep);
        }
    }
}

impl Worker<'_> {
    /// Publishes the files of a version that passed its tests; still in its transaction.
    pub(super) fn publish_files(&mut self, tried: Tried) -> Result<Tried, Failure> {
        let has_files = self.external.is_some() || self.in_files.is_some();
        if !has_files || tried.outcome != StepOutcome::Done(Outcome::Success) {
            return Ok(tried);
        }
        if self.files_wait() {
            self.let_files_wait()?;
        } else {
            let before = self.publications()?;
            self.place_files(before)?;
        }
        let step = self.step;
        for hook in self.hooks_after_files(&step.action) {
            self.hook("post-hook", hook)?;
        }
        Ok(tried)
    }

    /// Whether files get their place when the run is published. What is made in another database is published now.
    fn files_wait(&self) -> bool {
        self.shared.is_staged && self.is_beside_history()
    }

    /// In a run that is published as a whole: the view goes on reading files beside their place.
    fn let_files_wait(&mut self) -> Result<(), Failure> {
        let Some(mut files) = self.external.take() else { return Ok(()) };
        let waits = if files.is_remote() { Ok(()) } else { self.take_out_of_table(&mut files) };
        let kind = if files.is_remote() { "table" } else { "view" };
        self.external = Some(files);
        waits.and_then(|()| self.comment(kind))
    }

    /// Gives the files their place. `before` says how often this run had published the node before this version.
    fn place_files(&mut self, before: i64) -> Result<(), Failure> {
        let note = self.shared.history.note(before);
        if let Some(mut files) = self.external.take() {
            let placed = self.place_external(&mut files, &note);
            self.external = Some(files);
            placed?;
        }
        if let (Some(relation), Some(files)) = (&self.step.relation, &mut self.in_files) {
            files.publish(&note).map_err(|error| self.broken_files(&error))?;
            self.read_files(relation)?;
            self.comment("view")?;
        }
        Ok(())
    }

    /// How often this run has published the node.
    fn publications(&mut self) -> Result<i64, Failure> {
        let asked = self.shared.history.publications(self.node.unique_id.as_str(), None);
        let found = self.warehouse.scalars(&asked).map_err(|error| self.broken_files(&error))?;
        Ok(found.first().and_then(Value::as_i64).unwrap_or(0))
    }

    /// Hooks that see the files in their place. Those of batches have run with the last batch.
    fn hooks_after_files<'s>(&self, action: &'s Action) -> &'s [Hook] {
        match action {
            Action::UpdateTable { update, .. } if self.is_incremental == IsIncremental::Yes => {
                &update.post_hooks
            }
            Action::UpdateTable { whole, .. } => &whole.post_hooks,
            Action::TakeSnapshot(query) | Action::WriteFiles(query) => &query.post_hooks,
            _ => &[],
        }
    }

    /// After the commit: what was there before is not needed any more, unless the run may still fail.
    pub(super) fn keep_files(&mut self) {
        let files =
            Waiting { node: self.step.node, external: self.external.take(), rows: self.in_files.take() };
        if files.external.is_none() && files.rows.is_none() {
            return;
        }
        if self.files_wait() {
            self.shared.waiting_files.lock().unwrap_or_else(PoisonError::into_inner).push(files);
        } else {
            PlacedFiles(vec![files]).keep();
        }
    }

    /// After a rollback: what was there before is there again.
    pub(super) fn drop_files(&mut self) {
        (self.external, self.in_files) = (None, None);
    }
}

/// Gives all files of a run their place that waited for its end, and lets their views read them there.
pub(super) fn place_all(shared: &Shared<'_>, warehouse: &mut Connection) -> Result<PlacedFiles, Diagnostic> {
    let mut waiting =
        std::mem::take(&mut *shared.waiting_files.lock().unwrap_or_else(PoisonError::into_inner));
    if waiting.is_empty() {
        return Ok(PlacedFiles::default());
    }
    // What is not on the disk yet would have to go there between the exchange of the files and that of the database.
    // Nothing is lost if the engine cannot do it now.
    let _ = warehouse.execute("checkpoint");
    // What cannot be taken back comes first: while it can fail, nothing else has changed.
    waiting.sort_by_key(|it| !it.external.as_ref().is_some_and(external::Files::is_remote));
    let begun = warehouse.begin();
    let placed = begun.map_err(|error| super::cannot_prepare(&error)).and_then(|()| {
        waiting.iter_mut().try_for_each(|it| it.place(shared, warehouse).map_err(|it| it.fault))?;
        warehouse.commit().map_err(|error| super::cannot_prepare(&error))
    });
    warehouse.set_comment(None);
    if placed.is_err() {
        warehouse.rollback();
    }
    placed.map(|()| PlacedFiles(waiting))
}

impl Waiting {
    fn place(&mut self, shared: &Shared<'_>, warehouse: &mut Connection) -> Result<(), Failure> {
        let Some(step) = shared.plan.steps.iter().find(|it| it.node == self.node) else { return Ok(()) };
        let (mut compiled, mut log) = (BTreeMap::new(), Vec::new());
        let mut worker = Worker::new(shared, warehouse, step, &mut compiled, &mut log);
        (worker.external, worker.in_files) = (self.external.take(), self.rows.take());
        // The version that waits is the last of those counted.
        let placed = worker.publications().and_then(|count| worker.place_files(count - 1));
        (self.external, self.rows) = (worker.external.take(), worker.in_files.take());
        placed
    }
}

/// Finishes or undoes what runs that were killed left of nodes' files.
pub(super) fn repair(
    graph: &Graph,
    project: &Project,
    history: &History,
    warehouse: &mut dyn Warehouse,
) -> Result<(), WarehouseError> {
    for (_, node) in graph.nodes() {
        let rows = node.config.duckdb.files.as_ref().map(in_files::place);
        let place: Option<FilesPlace> = rows.or_else(|| place_of(node, &project.target.external_root));
        let Some(unfinished) = place.map(|it| warehouse.unfinished_files(&it)).transpose()?.flatten() else {
            continue;
        };
        let is_published = match history.was_published(node.unique_id.as_str(), unfinished.note()) {
            Some(sql) => warehouse.scalars(&sql)?.first() == Some(&Value::Bool(true)),
            None => false,
        };
        unfinished.settle(is_published)?;
    }
    Ok(())
}
