//! A connection that templates can ask too, and that remembers what was sent through it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Clock;
use crate::compile::Comment;
use crate::node::Relation;
use crate::sql::transaction_statement;
use crate::template::{Engine, HostError};
use crate::warehouse::profile::Profile;
use crate::warehouse::{
    CatalogEntry, Column, Effect, ErrorKind, FilesPlace, Interrupt, NextFiles, RelationShape, Rows, Stash,
    UnfinishedFiles, Value, Warehouse, WarehouseError,
};

/// A statement and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) elapsed: Duration,
}

/// A handle of one connection. Its clones are the same connection, so that what a template asks is part
/// of the transaction that its node is made in.
#[derive(Clone)]
pub struct Connection {
    database: Arc<str>,
    wants_statements: bool,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    warehouse: Box<dyn Warehouse>,
    clock: Arc<dyn Clock>,
    statements: Vec<Statement>,
    /// What is to stand beside every statement.
    comment: Option<Comment>,
    /// Whether a node is being made: then its transaction is not for others to end.
    is_guarded: bool,
    /// Whether a statement said something about collations.
    names_collation: bool,
    /// What went wrong last while a template asked, and with which statement.
    error: Option<(WarehouseError, String)>,
}

impl Connection {
    /// Takes over a connection; with `wants_statements` it remembers what it is sent.
    pub fn new(warehouse: Box<dyn Warehouse>, clock: Arc<dyn Clock>, wants_statements: bool) -> Self {
        let database = Arc::from(warehouse.database());
        let inner = Inner {
            warehouse,
            clock,
            statements: Vec::new(),
            comment: None,
            is_guarded: false,
            names_collation: false,
            error: None,
        };
        Self { database, wants_statements, inner: Arc::new(Mutex::new(inner)) }
    }

    /// The connection as templates ask it.
    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.clone())
    }

    /// From now on, this stands beside every statement.
    pub fn set_comment(&self, comment: Option<Comment>) {
        self.lock().comment = comment;
    }

    /// Another connection to the same database, which remembers statements as this one does.
    pub(super) fn another(&self) -> Result<Self, WarehouseError> {
        let inner = self.lock();
        let warehouse = inner.warehouse.connect()?;
        Ok(Self::new(warehouse, Arc::clone(&inner.clock), self.wants_statements))
    }

    /// From now on, what stands beside the statements of another connection stands beside this one's.
    pub(super) fn set_comment_of(&self, other: &Self) {
        let comment = other.lock().comment.clone();
        self.set_comment(comment);
    }

    /// Remembers what another connection was sent for the same node.
    pub(super) fn add_statements(&self, statements: Vec<Statement>) {
        self.lock().statements.extend(statements);
    }

    /// Remembers what a statement says about collations that another connection is sent for the same node.
    pub(super) fn note_collation(&self, sql: &str) {
        if names_collation(sql) {
            self.lock().names_collation = true;
        }
    }

    /// Begins a transaction that only [`Warehouse::commit`] and [`Warehouse::rollback`] end.
    pub(super) fn begin_guarded(&mut self) -> Result<(), WarehouseError> {
        self.begin()?;
        self.lock().is_guarded = true;
        Ok(())
    }

    /// Whether a statement sent said something about collations.
    pub(super) fn names_collation(&self) -> bool {
        self.lock().names_collation
    }

    /// What was sent since the last call.
    pub(super) fn take_statements(&self) -> Vec<Statement> {
        std::mem::take(&mut self.lock().statements)
    }

    /// The error behind the last refusal of a template's question, if it was an error of the engine.
    pub(super) fn take_error(&self) -> Option<WarehouseError> {
        self.take_failed().map(|it| it.0)
    }

    fn take_failed(&self) -> Option<(WarehouseError, String)> {
        self.lock().error.take()
    }

    /// The same with its statement; it can be taken still.
    pub(super) fn failed(&self) -> Option<(WarehouseError, String)> {
        self.lock().error.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timed<T>(&self, sql: &str, run: impl FnOnce(&mut dyn Warehouse) -> T) -> T {
        let mut inner = self.lock();
        if !self.wants_statements {
            return run(inner.warehouse.as_mut());
        }
        let started = inner.clock.monotonic();
        let result = run(inner.warehouse.as_mut());
        let elapsed = inner.clock.monotonic().saturating_sub(started);
        inner.statements.push(Statement { sql: sql.to_owned(), elapsed });
        result
    }

    /// Sends a statement with the comment that belongs beside it; an error is placed in the statement.
    fn send<T>(
        &self,
        sql: &str,
        run: impl FnOnce(&mut dyn Warehouse, &str) -> Result<T, WarehouseError>,
    ) -> Result<T, WarehouseError> {
        self.note_collation(sql);
        if self.lock().is_guarded
            && let Some((word, position)) = transaction_statement(sql)
        {
            return Err(ends_transaction(&word, position));
        }
        let Some(comment) = self.lock().comment.clone() else { return self.timed(sql, |it| run(it, sql)) };
        let (commented, before) = comment.beside(sql);
        self.timed(&commented, |it| run(it, &commented)).map_err(|mut error| {
            let position = error.position.and_then(|it| it.checked_sub(before));
            error.position = position.filter(|it| *it <= sql.len());
            error
        })
    }

    pub(super) fn refuse(&self, error: WarehouseError, sql: &str) -> HostError {
        let refusal = HostError { code: "sql-error", message: error.message.clone(), help: None };
        self.lock().error = Some((error, sql.to_owned()));
        refusal
    }
}

/// Whether `collate` or `collation` stands in a text.
fn names_collation(sql: &str) -> bool {
    sql.as_bytes().windows(6).any(|it| it.eq_ignore_ascii_case(b"collat"))
}

/// A hook or a macro wants to begin or end a transaction in the middle of another.
fn ends_transaction(word: &str, position: usize) -> WarehouseError {
    WarehouseError {
        kind: ErrorKind::Sql,
        message: format!(
            "`{word}` cannot be run while a node is made: the node, its hooks and its tests are one transaction, \
             so that nothing untested is published (a hook with `transaction: false` runs outside of it)"
        ),
        position: Some(position),
    }
}

impl Warehouse for Connection {
    fn connect(&self) -> Result<Box<dyn Warehouse>, WarehouseError> {
        self.lock().warehouse.connect()
    }

    fn interrupt_handle(&self) -> Arc<dyn Interrupt> {
        self.lock().warehouse.interrupt_handle()
    }

    fn execute(&mut self, sql: &str) -> Result<Effect, WarehouseError> {
        self.send(sql, |it, sql| it.execute(sql))
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> Result<Rows, WarehouseError> {
        self.send(sql, |it, sql| it.query(sql, limit))
    }

    fn scalars(&mut self, sql: &str) -> Result<Vec<Value>, WarehouseError> {
        self.send(sql, |it, sql| it.scalars(sql))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, WarehouseError> {
        self.lock().warehouse.describe(sql)
    }

    fn profile(&mut self, sql: &str) -> Result<Option<Profile>, WarehouseError> {
        self.lock().warehouse.profile(sql)
    }

    fn begin(&mut self) -> Result<(), WarehouseError> {
        self.timed("begin", |it| it.begin())
    }

    fn hold_checkpoints(&mut self) -> Result<(), WarehouseError> {
        self.lock().warehouse.hold_checkpoints()
    }

    fn commit(&mut self) -> Result<(), WarehouseError> {
        self.lock().is_guarded = false;
        self.timed("commit", |it| it.commit())
    }

    fn rollback(&mut self) {
        self.lock().is_guarded = false;
        self.timed("rollback", |it| it.rollback());
    }

    fn catalog(&mut self, databases: &[String]) -> Result<Vec<CatalogEntry>, WarehouseError> {
        self.lock().warehouse.catalog(databases)
    }

    fn shapes(&mut self, database: &str) -> Result<Vec<RelationShape>, WarehouseError> {
        self.lock().warehouse.shapes(database)
    }

    fn tables_named(
        &mut self,
        identifiers: &[String],
    ) -> Result<Vec<(Relation, Vec<Column>)>, WarehouseError> {
        self.lock().warehouse.tables_named(identifiers)
    }

    fn has_collations(&mut self) -> Result<bool, WarehouseError> {
        self.lock().warehouse.has_collations()
    }

    fn definitions(&mut self) -> Result<Vec<String>, WarehouseError> {
        self.lock().warehouse.definitions()
    }

    fn views(&mut self) -> Result<Vec<(Relation, String)>, WarehouseError> {
        self.lock().warehouse.views()
    }

    fn stash(&mut self, sql: &str) -> Result<Stash, WarehouseError> {
        self.send(sql, |it, sql| it.stash(sql))
    }

    fn unstash(&mut self, stash: &Stash, relation: &Relation) -> Result<(), WarehouseError> {
        self.lock().warehouse.unstash(stash, relation)
    }

    fn has_files(&self, place: &FilesPlace) -> bool {
        self.lock().warehouse.has_files(place)
    }

    fn next_files(
        &mut self,
        place: &FilesPlace,
        with_old: bool,
    ) -> Result<Box<dyn NextFiles>, WarehouseError> {
        self.lock().warehouse.next_files(place, with_old)
    }

    fn unfinished_files(
        &mut self,
        place: &FilesPlace,
    ) -> Result<Option<Box<dyn UnfinishedFiles>>, WarehouseError> {
        self.lock().warehouse.unfinished_files(place)
    }

    fn database(&self) -> &str {
        &self.database
    }

    fn missing_column(&self, error: &WarehouseError) -> Option<String> {
        self.lock().warehouse.missing_column(error)
    }

    fn version(&mut self) -> Result<String, WarehouseError> {
        self.lock().warehouse.version()
    }
}

impl Engine for Connection {
    fn query(&self, sql: &str) -> Result<Rows, HostError> {
        self.send(sql, |it, sql| it.query(sql, None)).map_err(|error| self.refuse(error, sql))
    }

    fn describe(&self, sql: &str) -> Result<Vec<Column>, HostError> {
        let result = self.lock().warehouse.describe(sql);
        result.map_err(|error| self.refuse(error, sql))
    }

    fn catalog(&self) -> Result<Vec<CatalogEntry>, HostError> {
        let result = self.lock().warehouse.catalog(&[]);
        result.map_err(|error| self.refuse(error, ""))
    }
}
