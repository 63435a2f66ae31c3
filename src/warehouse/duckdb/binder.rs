//! A database in memory whose tables have shapes and no rows, for questions about queries.

use std::sync::Arc;

use ::duckdb::Error;

use super::{DuckDb, Shared, failure, opening, scratch};
use crate::node::quote_identifier;
use crate::warehouse::binder::{BindError, Binder};
use crate::warehouse::{Column, ConnectOptions, Rows, Warehouse as _, WarehouseError};

/// Opens a database in memory that reads SQL as the target's does: with its settings and with those of its
/// extensions that are installed. Nothing is attached, fetched or written.
pub fn open_binder(options: &ConnectOptions) -> Result<Box<dyn Binder>, WarehouseError> {
    let memory = scratch::in_memory(options)?;
    let _ = memory.connection.execute_batch(BIND_ONLY);
    Ok(Box::new(EmptyTables(memory)))
}

/// Nothing is run here: neither the profiler's numbers nor the optimizer's plans are of use, and they cost time.
const BIND_ONLY: &str = "pragma disable_profiling; pragma disable_optimizer";

struct EmptyTables(DuckDb);

impl EmptyTables {
    fn run(&self, sql: &str) -> Result<(), BindError> {
        let done = self.0.connection.execute_batch(sql);
        done.map_err(|error| {
            let reason = failure::bind_reason(&error);
            BindError { reason, error: self.0.fail(error, sql) }
        })
    }
}

impl Binder for EmptyTables {
    fn connect(&self) -> Result<Box<dyn Binder>, WarehouseError> {
        let fail = |error: Error| self.0.fail(error, "");
        let connection = self.0.connection.try_clone().map_err(fail)?;
        let clone = DuckDb { connection, shared: Arc::<Shared>::clone(&self.0.shared) };
        clone.run(&opening::set_here("errors_as_json", "true"))?;
        clone.run(BIND_ONLY)?;
        for (name, value) in &self.0.shared.local_settings {
            clone.run(&opening::set_here(name, value))?;
        }
        Ok(Box::new(EmptyTables(clone)))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, BindError> {
        self.0.describe_select(sql).map(|(_, columns)| columns).map_err(|error| {
            let reason = failure::bind_reason(&error);
            BindError { reason, error: self.0.why_not_described(error, sql) }
        })
    }

    fn syntax(&mut self, sql: &str) -> Result<String, WarehouseError> {
        const SERIALIZE: &str = "select json_serialize_sql(?::varchar, skip_null := true, skip_empty := true, skip_default := true)";
        let tree = self.0.connection.query_row(SERIALIZE, [sql], |row| row.get(0));
        tree.map_err(|error| self.0.fail(error, SERIALIZE))
    }

    fn rows(&mut self, sql: &str) -> Result<Rows, WarehouseError> {
        self.0.query(sql, None)
    }

    fn define(&mut self, sql: &str) -> Result<(), BindError> {
        self.run(sql)
    }

    fn search(&mut self, database: &str, schema: &str) -> Result<(), BindError> {
        self.run(&opening::use_schema(database, schema))
    }

    fn attach(&mut self, database: &str) -> Result<(), BindError> {
        self.run(&format!("attach if not exists ':memory:' as {}", quote_identifier(database)))
    }
}
