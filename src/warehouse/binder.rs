//! What Tidemill asks of an engine before anything runs: which columns a query has, over tables without rows.
//!
//! [`Binder`] is a connection to a database in memory that nobody else sees. Deliberately absent: rows.

use super::{Column, Rows, WarehouseError};

/// Names and types of queries over tables that have a shape and no rows.
pub trait Binder: Send {
    /// Another connection to the same tables, for another thread.
    fn connect(&self) -> Result<Box<dyn Binder>, WarehouseError>;

    /// Names and types of a query's columns. Nothing is run and nothing is fetched from a network; files of
    /// this machine that the query names are looked into.
    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, BindError>;

    /// A query's syntax tree as the engine writes it in JSON; one that it cannot read says so there.
    fn syntax(&mut self, sql: &str) -> Result<String, WarehouseError>;

    /// Rows of a query that reads no table.
    fn rows(&mut self, sql: &str) -> Result<Rows, WarehouseError>;

    /// Runs statements that make schemas, tables, views and macros.
    fn define(&mut self, sql: &str) -> Result<(), BindError>;

    /// Makes names without a schema resolve to this one, then to `main`, on this connection.
    fn search(&mut self, database: &str, schema: &str) -> Result<(), BindError>;

    /// Makes a database with this name, if there is none.
    fn attach(&mut self, database: &str) -> Result<(), BindError>;
}

/// Why a query cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindError {
    /// What kind of trouble.
    pub reason: BindReason,
    /// What the engine says, and where.
    pub error: WarehouseError,
}

/// What kind of trouble a query has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindReason {
    /// It is no SQL.
    Syntax,
    /// A table or view is not there.
    NoTable(String),
    /// A function, a type, or something else that the catalog holds is not there.
    NotInCatalog(String),
    /// Names are there, but columns or types do not fit.
    Meaning,
    /// It depends on what is outside: a file, a network, an extension.
    Outside,
}
