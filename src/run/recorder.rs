//! A connection that remembers what was sent through it, for `--debug`.

use std::sync::Arc;
use std::time::Duration;

use super::Clock;
use crate::warehouse::{CatalogEntry, Column, Effect, Interrupt, Rows, Value, Warehouse, WarehouseError};

/// A statement and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) elapsed: Duration,
}

/// Passes everything on, and keeps the statements if they are wanted.
pub(super) struct Recorder<'a> {
    inner: &'a mut dyn Warehouse,
    clock: &'a dyn Clock,
    is_wanted: bool,
    statements: Vec<Statement>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(inner: &'a mut dyn Warehouse, clock: &'a dyn Clock, is_wanted: bool) -> Self {
        Self { inner, clock, is_wanted, statements: Vec::new() }
    }

    /// What was sent so far.
    pub(super) fn into_statements(self) -> Vec<Statement> {
        self.statements
    }

    fn timed<T>(&mut self, sql: &str, run: impl FnOnce(&mut dyn Warehouse) -> T) -> T {
        if !self.is_wanted {
            return run(self.inner);
        }
        let started = self.clock.monotonic();
        let result = run(self.inner);
        let elapsed = self.clock.monotonic().saturating_sub(started);
        self.statements.push(Statement { sql: sql.to_owned(), elapsed });
        result
    }
}

impl Warehouse for Recorder<'_> {
    fn connect(&self) -> Result<Box<dyn Warehouse>, WarehouseError> {
        self.inner.connect()
    }

    fn interrupt_handle(&self) -> Arc<dyn Interrupt> {
        self.inner.interrupt_handle()
    }

    fn execute(&mut self, sql: &str) -> Result<Effect, WarehouseError> {
        self.timed(sql, |it| it.execute(sql))
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> Result<Rows, WarehouseError> {
        self.timed(sql, |it| it.query(sql, limit))
    }

    fn scalars(&mut self, sql: &str) -> Result<Vec<Value>, WarehouseError> {
        self.timed(sql, |it| it.scalars(sql))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, WarehouseError> {
        self.inner.describe(sql)
    }

    fn begin(&mut self) -> Result<(), WarehouseError> {
        self.timed("begin", |it| it.begin())
    }

    fn commit(&mut self) -> Result<(), WarehouseError> {
        self.timed("commit", |it| it.commit())
    }

    fn rollback(&mut self) {
        self.timed("rollback", |it| it.rollback());
    }

    fn catalog(&mut self, databases: &[String]) -> Result<Vec<CatalogEntry>, WarehouseError> {
        self.inner.catalog(databases)
    }

    fn database(&self) -> &str {
        self.inner.database()
    }

    fn version(&mut self) -> Result<String, WarehouseError> {
        self.inner.version()
    }
}
