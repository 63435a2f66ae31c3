//! A worker's database in memory: made once, filled for each test and emptied after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compile::Definition;
use crate::node::{Relation, quote_identifier};
use crate::run::{Clock, Connection};
use crate::warehouse::{Column, Rows, Warehouse, WarehouseError};

/// The database, and what is in it.
pub(super) struct Scratch {
    /// The connection, which templates may ask too.
    pub(super) connection: Connection,
    schemas: BTreeSet<(String, String)>,
    /// Statements that take away what the test at hand has made.
    leftovers: Vec<String>,
}

impl Scratch {
    /// Takes over an empty database, in which names without a schema mean what they mean in the target's.
    pub(super) fn new(
        warehouse: Box<dyn Warehouse>,
        clock: Arc<dyn Clock>,
        (database, schema): (&str, &str),
    ) -> Self {
        let connection = Connection::new(warehouse, clock, false);
        let mut scratch = Self { connection, schemas: BTreeSet::new(), leftovers: Vec::new() };
        scratch.make_schema(database, schema);
        let name = format!("{}.{}", quote_identifier(database), quote_identifier(schema));
        // A name that the engine does not take is not used by the target either.
        let _ = scratch.connection.execute(&format!("use {name}"));
        scratch
    }

    /// Databases and schemas are there for as long as the worker is.
    fn make_schema(&mut self, database: &str, schema: &str) {
        if !self.schemas.insert((database.to_lowercase(), schema.to_lowercase())) {
            return;
        }
        let database = quote_identifier(database);
        // What cannot be made is found out when something is put there.
        let _ = self.connection.execute(&format!("attach if not exists ':memory:' as {database}"));
        let schema = quote_identifier(schema);
        let _ = self.connection.execute(&format!("create schema if not exists {database}.{schema}"));
    }

    /// Makes, or makes anew, a view of a query. Gives how many bytes stand before the query, too.
    pub(super) fn view(&mut self, relation: &Relation, query: &str) -> (usize, Result<(), WarehouseError>) {
        if let (Some(database), Some(schema)) = (&relation.database, &relation.schema) {
            self.make_schema(database, schema);
        }
        let name = relation.render();
        let before = format!("create or replace view {name} as ");
        let made = self.connection.execute(&format!("{before}{query}"));
        if made.is_ok() {
            self.leftovers.push(format!("drop view if exists {name}"));
        }
        (before.len(), made.map(drop))
    }

    /// Makes a table by a statement of ours.
    pub(super) fn table(&mut self, relation: &Relation, statement: &str) -> Result<(), WarehouseError> {
        if let (Some(database), Some(schema)) = (&relation.database, &relation.schema) {
            self.make_schema(database, schema);
        }
        self.connection.execute(statement)?;
        self.leftovers.push(format!("drop table if exists {}", relation.render()));
        Ok(())
    }

    /// Defines something that stays, such as a macro of the engine.
    pub(super) fn define(&mut self, definition: &Definition) {
        if let Some(Relation { database: Some(database), schema: Some(schema), .. }) = &definition.relation {
            self.make_schema(database, schema);
        }
        // A query that calls what could not be defined says so.
        let _ = self.connection.execute(&definition.sql);
    }

    /// The rows of a query.
    pub(super) fn rows(&mut self, query: &str) -> Result<Rows, WarehouseError> {
        Warehouse::query(&mut self.connection, query, None)
    }

    /// The columns of a query.
    pub(super) fn describe(&mut self, query: &str) -> Result<Vec<Column>, WarehouseError> {
        Warehouse::describe(&mut self.connection, query)
    }

    /// Takes away what the test has made.
    pub(super) fn clear(&mut self) {
        let statements = std::mem::take(&mut self.leftovers);
        if !statements.is_empty() {
            // What is not there any more need not be taken away.
            let _ = self.connection.execute(&statements.join("; "));
        }
    }
}
