//! External models: the query's rows become files, and a view reads them.
//!
//! Files of this machine are written beside their place, as the next version of what is there. The view reads them
//! there while the tests run; then they take their place, and the view is pointed at it (`run::files`). So a failing
//! test leaves the old files as they were. Elsewhere (`s3://...`) nothing can be renamed: there, and where a
//! contract holds the rows to constraints, the tests read a table, which is copied out when they have passed.

mod place;

use self::place::Place;
pub(super) use self::place::{literal, place_of};
use super::step::{Failure, Worker};
use crate::compile::IsIncremental;
use crate::node::{Relation, RelationKind, quote_identifier, quote_literal};
use crate::plan::Query;
use crate::template::Rendered;
use crate::warehouse::{Column, Effect, NextFiles, Warehouse, WarehouseError};

/// Files between being written and being published.
pub(super) struct Files {
    place: Place,
    /// The next version of the files; none while the rows are in a table, to be copied.
    next: Option<Box<dyn NextFiles>>,
    /// What the columns are, if there are no rows to tell it.
    columns: Vec<Column>,
    is_empty: bool,
    is_published: bool,
}

impl Files {
    /// Lets all files reach the disk; [`Files::publish`] is next.
    pub(super) fn announce(&mut self, note: &str) -> Result<(), WarehouseError> {
        self.next.as_mut().map_or(Ok(()), |it| it.announce(note))
    }

    /// Gives the files their place. Rows of a table that are to be where nothing can be renamed are written there.
    pub(super) fn publish(
        &mut self,
        warehouse: &mut dyn Warehouse,
        relation: &Relation,
    ) -> Result<(), WarehouseError> {
        match &mut self.next {
            Some(next) => next.publish()?,
            None => self.copy_out(warehouse, relation)?,
        }
        self.is_published = true;
        Ok(())
    }

    fn copy_out(&mut self, warehouse: &mut dyn Warehouse, relation: &Relation) -> Result<(), WarehouseError> {
        let (name, location) = (relation.render(), self.place.location.clone());
        let (to, options) = (quote_literal(&location), self.place.copy_options());
        let effect = warehouse.execute(&format!("copy {name} to {to} ({options})"))?;
        if effect.rows_written == Some(0) {
            self.is_empty = true;
            self.columns = warehouse.describe(&format!("select * from {name}"))?;
            self.write_nulls(warehouse, &location)?;
        }
        warehouse.execute(&format!("drop table {name}")).map(drop)
    }

    /// A file without rows does not tell its columns: one row of nulls does, which the view leaves out.
    fn write_nulls(&self, warehouse: &mut dyn Warehouse, to: &str) -> Result<(), WarehouseError> {
        let null = |it: &Column| format!("null::{} as {}", it.data_type, quote_identifier(&it.name));
        let nulls = self.columns.iter().map(null).collect::<Vec<_>>().join(", ");
        let (to, options) = (quote_literal(to), self.place.copy_options());
        warehouse.execute(&format!("copy (select {nulls}) to {to} ({options})")).map(drop)
    }

    /// The statement that lets the model's view read the files where they are now.
    pub(super) fn view(&self, relation: &Relation) -> String {
        format!("create or replace view {} as ({})", relation.render(), self.read())
    }

    /// The transaction is committed.
    pub(super) fn keep(self) {
        if let Some(next) = self.next {
            next.keep();
        }
    }

    /// Whether they are on a file system that only the engine reaches.
    pub(super) fn is_remote(&self) -> bool {
        self.place.is_remote()
    }

    /// The query that reads them where they are now.
    fn read(&self) -> String {
        let call = match &self.next {
            Some(next) if !self.is_published => self.place.read_path(&next.pattern()),
            _ => self.place.read(&self.place.location),
        };
        if !self.is_empty {
            return format!("select * from {call}");
        }
        let is_there = |it: &Column| format!("{} is not null", quote_identifier(&it.name));
        let condition = self.columns.iter().map(is_there).collect::<Vec<_>>().join(" and ");
        format!("select * from {call} where {condition}")
    }
}

impl Worker<'_> {
    /// Writes the files of an external model, and makes its relation such that tests read them.
    pub(super) fn write_files(&mut self, query: &Query) -> Result<Effect, Failure> {
        let sql = self.query_text(&query.sql, IsIncremental::No)?;
        for hook in &query.pre_hooks {
            self.hook("pre-hook", hook)?;
        }
        let Some(relation) = &self.step.relation else { return Ok(Effect::default()) };
        self.drop_files();
        let root = &self.shared.around.project.target.external_root;
        let place = Place::new(&self.node.config.duckdb.external, root, &relation.identifier);
        let mut files =
            Files { place, next: None, columns: Vec::new(), is_empty: false, is_published: false };
        if files.is_remote() || self.contract().is_some() {
            self.drop_other_kind(&relation.render(), RelationKind::Table)?;
            let effect = self.make_relation(relation, &sql, RelationKind::Table)?;
            self.external = Some(files);
            return Ok(effect);
        }
        self.header()?;
        self.drop_other_kind(&relation.render(), RelationKind::View)?;
        let effect = self.write_next(&mut files, &sql)?;
        self.point_view_at(relation, &files)?;
        self.external = Some(files);
        Ok(effect)
    }

    /// Writes the rows of a query to the next version of the files.
    fn write_next(&mut self, files: &mut Files, rows: &Rendered) -> Result<Effect, Failure> {
        let next = self.warehouse.next_files(&files.place.files(), files.place.keeps_old());
        let mut next = next.map_err(|error| self.broken_files(&error))?;
        let to = self.scratch(&files.place, next.as_mut())?;
        let after = format!(") to {} ({})", quote_literal(&to), files.place.copy_options());
        let effect = self.execute_around("copy (", rows, &after)?;
        if effect.rows_written == Some(0) && next.is_empty() {
            (files.is_empty, files.columns) = (true, self.describe(&rows.text)?);
            let to = self.scratch(&files.place, next.as_mut())?;
            let nulls = files.write_nulls(self.warehouse, &to);
            nulls.map_err(|error| self.broken_files(&error))?;
        }
        next.add_as_named().map_err(|error| self.broken_files(&error))?;
        files.next = Some(next);
        Ok(effect)
    }

    /// An empty place for what the engine writes: a folder, or a file in it.
    fn scratch(&mut self, place: &Place, next: &mut dyn NextFiles) -> Result<String, Failure> {
        let folder = next.scratch().map_err(|error| self.broken_files(&error))?;
        Ok(if place.is_folder() { folder } else { format!("{folder}/{}", place.scratch_name()) })
    }

    /// Takes the rows out of the table that they were held to a contract in, if they are to be files of this machine.
    pub(super) fn take_out_of_table(&mut self, files: &mut Files) -> Result<(), Failure> {
        let is_in_table = files.next.is_none() && !files.is_remote();
        let Some(relation) = self.step.relation.as_ref().filter(|_| is_in_table) else { return Ok(()) };
        let name = relation.render();
        let rows = Rendered { text: format!("select * from {name}"), ..Rendered::default() };
        self.write_next(files, &rows)?;
        self.execute(&format!("drop table {name}"))?;
        self.point_view_at(relation, files)
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, Failure> {
        self.warehouse.describe(sql).map_err(|error| self.broken_files(&error))
    }

    pub(super) fn broken_files(&self, error: &WarehouseError) -> Failure {
        self.failure(&Rendered::default(), 0, error)
    }

    fn point_view_at(&mut self, relation: &Relation, files: &Files) -> Result<(), Failure> {
        self.execute(&files.view(relation)).map(drop)
    }
}
