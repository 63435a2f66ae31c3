//! Files of nodes, from being written to being kept: those of external models, and those that rows are kept in.
//!
//! A node's files take their place in the node's transaction, when its tests have passed. If the run is published as a
//! whole, they wait beside their place, where the node's view reads them, until all of the run went well.

use std::sync::PoisonError;

use super::Shared;
use super::external::{self, place_of};
use super::history::History;
use super::in_files::{self, InFiles};
use super::step::{Failure, StepOutcome, Tried, Worker};
use crate::compile::{Hook, IsIncremental};
use crate::graph::Graph;
use crate::node::Relation;
use crate::plan::Action;
use crate::project::Project;
use crate::run::event::Outcome;
use crate::warehouse::{FilesPlace, Value, Warehouse, WarehouseError};

/// Files of a node that was made.
enum Made {
    External(external::Files),
    Rows(InFiles),
}

/// The same, in a run that is not published yet.
pub(super) struct Waiting {
    files: Made,
    relation: Relation,
    note: String,
    /// Statements behind the one that makes the view anew.
    comments: Vec<String>,
}

/// Files of a run that is published as a whole, which wait for that. Dropped, they go away.
#[derive(Default)]
pub struct WaitingFiles(Vec<Waiting>);

/// Files that have their place, and what was there before. Dropped, it comes back.
#[derive(Default)]
pub struct PlacedFiles(Vec<Waiting>);

impl Made {
    fn is_remote(&self) -> bool {
        matches!(self, Made::External(files) if files.is_remote())
    }

    /// Lets all files reach the disk; [`Made::place`] is next.
    fn announce(&mut self, note: &str) -> Result<(), WarehouseError> {
        match self {
            Made::External(files) => files.announce(note),
            Made::Rows(files) => files.announce(note),
        }
    }

    /// Gives the files their place, and lets the view read them there.
    fn place(&mut self, warehouse: &mut dyn Warehouse, relation: &Relation) -> Result<(), WarehouseError> {
        let view = match self {
            Made::External(files) => {
                files.publish(warehouse, relation)?;
                files.view(relation)
            }
            Made::Rows(files) => {
                files.publish()?;
                files.view(relation)
            }
        };
        warehouse.execute(&view).map(drop)
    }

    /// What was there before is not needed any more.
    fn keep(self) {
        match self {
            Made::External(files) => files.keep(),
            Made::Rows(files) => files.keep(),
        }
    }
}

impl WaitingFiles {
    /// Whether the run has made no files.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives all files their place, and lets their views in this database, which is going to be published, read them
    /// there. After an error all are as they were, but for what cannot be renamed.
    pub fn place(mut self, warehouse: &mut dyn Warehouse) -> Result<PlacedFiles, WarehouseError> {
        // What takes time comes first, and so does what cannot be taken back: while it can fail, nothing else has changed.
        self.0.iter_mut().try_for_each(|it| it.files.announce(&it.note))?;
        self.0.sort_by_key(|it| !it.files.is_remote());
        warehouse.begin()?;
        for Waiting { files, relation, comments, .. } in &mut self.0 {
            files.place(warehouse, relation)?;
            comments.iter().try_for_each(|it| warehouse.execute(it).map(drop))?;
        }
        warehouse.commit()?;
        Ok(PlacedFiles(self.0))
    }
}

impl PlacedFiles {
    /// The run is published: what was there before is not needed any more.
    pub fn keep(self) {
        self.0.into_iter().for_each(|it| it.files.keep());
    }
}

impl Shared<'_> {
    /// The files that wait for the end of the run.
    pub(super) fn take_waiting_files(&self) -> WaitingFiles {
        let mut waiting = self.waiting_files.lock().unwrap_or_else(PoisonError::into_inner);
        WaitingFiles(std::mem::take(&mut *waiting))
    }
}

impl Worker<'_> {
    /// Publishes the files of a version that passed its tests; still in its transaction.
    pub(super) fn publish_files(&mut self, tried: Tried) -> Result<Tried, Failure> {
        // Of a version that failed, rows may still be read.
        if tried.outcome != StepOutcome::Done(Outcome::Success) {
            return Ok(tried);
        }
        let Some(relation) = &self.step.relation else { return Ok(tried) };
        let files = match (self.external.take(), self.in_files.take()) {
            (Some(files), _) => Made::External(files),
            (None, Some(files)) => Made::Rows(files),
            (None, None) => return Ok(tried),
        };
        let note = self.shared.history.note(self.publications()?);
        let mut files = Waiting { files, relation: relation.clone(), note, comments: Vec::new() };
        if self.files_wait() {
            self.let_files_wait(&mut files)?;
        } else {
            let Waiting { files, note, .. } = &mut files;
            let placed = files.announce(note).and_then(|()| files.place(self.warehouse, relation));
            placed.map_err(|error| self.broken_files(&error))?;
            self.comment("view")?;
        }
        let step = self.step;
        for hook in self.hooks_after_files(&step.action) {
            self.hook("post-hook", hook)?;
        }
        self.made_files = Some(files);
        Ok(tried)
    }

    /// Whether files get their place when the run is published. What is made in another database is published now.
    fn files_wait(&self) -> bool {
        self.shared.is_staged && self.is_beside_history()
    }

    /// In a run that is published as a whole: the view goes on reading files beside their place.
    fn let_files_wait(&mut self, files: &mut Waiting) -> Result<(), Failure> {
        if let Made::External(external) = &mut files.files {
            self.take_out_of_table(external)?;
        }
        files.comments = self.comments("view")?;
        Ok(())
    }

    /// How often this run has published the node before this version.
    fn publications(&mut self) -> Result<i64, Failure> {
        let asked = self.shared.history.publications(self.node.unique_id.as_str(), None);
        let found = self.warehouse.scalars(&asked).map_err(|error| self.broken_files(&error))?;
        let count = found.first().and_then(Value::as_i64).unwrap_or(0);
        // The row of this version is there already, unless it is written when its own database has committed.
        Ok(count - i64::from(self.is_beside_history()))
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
        let Some(files) = self.made_files.take() else { return };
        if self.files_wait() {
            self.shared.waiting_files.lock().unwrap_or_else(PoisonError::into_inner).push(files);
        } else {
            files.files.keep();
        }
    }

    /// After a rollback: what was there before is there again.
    pub(super) fn drop_files(&mut self) {
        (self.external, self.in_files, self.made_files) = (None, None, None);
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
