//! The DuckDB wall: these files are the only ones that know the engine's crate.
//!
//! [`open`] turns connection options into a [`Warehouse`]; `opening` prepares the database, `failure`
//! reads the engine's errors, `values` brings results over, `limits` asks the machine, `publishing` keeps a run in a
//! copy of the file. Deliberately
//! absent: any SQL that models or materializations are made of.

mod binder;
mod catalog;
mod explain;
mod failure;
mod limits;
mod moving;
mod next_files;
mod opening;
mod profile;
pub mod publishing;
mod scratch;
mod shapes;
mod stash;
mod statements;
mod values;

use std::sync::Arc;

use ::duckdb::{Connection, InterruptHandle};

use crate::node::Relation;
use crate::warehouse::profile::Profile;
use crate::warehouse::{
    CatalogEntry, Column, ConnectOptions, Effect, FilesPlace, Interrupt, NextFiles, RelationShape, Rows,
    Stash, UnfinishedFiles, Value, Warehouse, WarehouseError,
};
use opening::SpillFolder;

pub use self::binder::open_binder;

/// Opens the database and prepares it: settings, extensions, attached databases, default schema.
///
/// While another process holds the file this tries again for as long as `options.wait` says, and fails
/// with [`Locked`](crate::warehouse::ErrorKind::Locked) after that.
pub fn open(options: &ConnectOptions) -> Result<Box<dyn Warehouse>, WarehouseError> {
    open_with(options, &mut |_| true)
}

/// As [`open`]; `on_wait` is called before each pause, with the error that names the holder, and says
/// whether to go on waiting.
pub fn open_with(
    options: &ConnectOptions,
    on_wait: &mut dyn FnMut(&WarehouseError) -> bool,
) -> Result<Box<dyn Warehouse>, WarehouseError> {
    let (connection, shared) = opening::open(options, on_wait)?;
    Ok(Box::new(DuckDb { connection, shared: Arc::new(shared) }))
}

pub use self::scratch::open_scratch;

/// What all connections to one database have in common.
struct Shared {
    /// The database that unqualified names resolve to.
    database: String,
    /// The schema that unqualified names resolve to, if it exists.
    schema: Option<String>,
    /// Settings that the engine keeps for each connection.
    local_settings: Vec<(String, String)>,
    /// What a transaction that writes to the target's file begins with, so that no checkpoint is taken meanwhile.
    hold_checkpoints: Option<String>,
    manner: failure::Manner,
    /// Held so that it is cleaned up after the last connection.
    _spill: SpillFolder,
}

/// One connection. The connection goes before what it shares with others: a field is dropped in this order.
struct DuckDb {
    connection: Connection,
    shared: Arc<Shared>,
}

impl DuckDb {
    fn fail(&self, error: ::duckdb::Error, sql: &str) -> WarehouseError {
        failure::from_engine(error, sql, &self.shared.manner)
    }

    fn run(&self, sql: &str) -> Result<(), WarehouseError> {
        self.connection.execute_batch(sql).map_err(|error| self.fail(error, sql))
    }

    fn roll_back(&self) {
        // It fails only when no transaction is open, and then there is nothing to undo.
        let _ = self.connection.execute_batch("rollback");
    }
}

impl Warehouse for DuckDb {
    fn connect(&self) -> Result<Box<dyn Warehouse>, WarehouseError> {
        let connection = self.connection.try_clone().map_err(|error| self.fail(error, ""))?;
        let clone = DuckDb { connection, shared: Arc::clone(&self.shared) };
        // Exact places of errors are a setting of each connection.
        clone.run(&opening::set_here("errors_as_json", "true"))?;
        for (name, value) in &self.shared.local_settings {
            clone.run(&opening::set_here(name, value))?;
        }
        if let Some(schema) = &self.shared.schema {
            clone.run(&opening::use_schema(&self.shared.database, schema))?;
        }
        profile::enable(&clone.connection).map_err(|error| clone.fail(error, ""))?;
        Ok(Box::new(clone))
    }

    fn interrupt_handle(&self) -> Arc<dyn Interrupt> {
        Arc::new(Handle(self.connection.interrupt_handle()))
    }

    fn execute(&mut self, sql: &str) -> Result<Effect, WarehouseError> {
        let mut statement = match self.connection.prepare(sql) {
            Ok(statement) => statement,
            Err(error) if failure::is_no_statement(&error) => return Ok(Effect::default()),
            Err(error) => return Err(self.fail(error, sql)),
        };
        let rows_written = values::rows_written(&mut statement).map_err(|error| self.fail(error, sql))?;
        drop(statement);
        Ok(Effect { rows_written, rows_scanned: profile::rows_scanned(&self.connection) })
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> Result<Rows, WarehouseError> {
        if !values::begins_as_query(sql) {
            return self.select_bare(sql, limit);
        }
        match self.describe_select(sql) {
            Ok((sql, columns)) => self.select(sql, columns, limit),
            // A `with` that writes, or not SQL: only the engine's own reading of the bare text can tell.
            Err(error) if failure::is_parser_error(&error) => self.select_bare(sql, limit),
            Err(error) => Err(self.fail_describe(error, sql)),
        }
    }

    fn scalars(&mut self, sql: &str) -> Result<Vec<Value>, WarehouseError> {
        self.first_row(sql).map_err(|error| self.fail(error, sql))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, WarehouseError> {
        match self.describe_select(sql) {
            Ok((_, columns)) => Ok(columns),
            Err(error) => Err(self.why_not_described(error, sql)),
        }
    }

    fn profile(&mut self, sql: &str) -> Result<Option<Profile>, WarehouseError> {
        explain::profile(self, sql)
    }

    fn begin(&mut self) -> Result<(), WarehouseError> {
        self.run("begin")
    }

    fn hold_checkpoints(&mut self) -> Result<(), WarehouseError> {
        self.shared.hold_checkpoints.as_ref().map_or(Ok(()), |hold| self.run(hold))
    }

    fn commit(&mut self) -> Result<(), WarehouseError> {
        self.run("commit")
    }

    fn rollback(&mut self) {
        self.roll_back();
    }

    fn catalog(&mut self, databases: &[String]) -> Result<Vec<CatalogEntry>, WarehouseError> {
        catalog::entries(&self.connection, databases).map_err(|error| self.fail(error, ""))
    }

    fn tables_named(
        &mut self,
        identifiers: &[String],
    ) -> Result<Vec<(Relation, Vec<Column>)>, WarehouseError> {
        catalog::tables_named(&self.connection, identifiers).map_err(|error| self.fail(error, ""))
    }

    fn has_collations(&mut self) -> Result<bool, WarehouseError> {
        catalog::has_collations(&self.connection).map_err(|error| self.fail(error, ""))
    }

    fn definitions(&mut self) -> Result<Vec<String>, WarehouseError> {
        catalog::definitions(&self.connection).map_err(|error| self.fail(error, ""))
    }

    fn views(&mut self) -> Result<Vec<(Relation, String)>, WarehouseError> {
        catalog::views(&self.connection).map_err(|error| self.fail(error, ""))
    }

    fn shapes(&mut self, database: &str) -> Result<Vec<RelationShape>, WarehouseError> {
        let sql = shapes::sql(database);
        shapes::read(&self.connection, &sql).map_err(|error| self.fail(error, &sql))
    }

    fn stash(&mut self, sql: &str) -> Result<Stash, WarehouseError> {
        stash::write(self, sql)
    }

    fn unstash(&mut self, stash: &Stash, relation: &Relation) -> Result<(), WarehouseError> {
        stash::read(self, stash, relation)
    }

    fn has_files(&self, place: &FilesPlace) -> bool {
        next_files::is_there(place)
    }

    fn next_files(
        &mut self,
        place: &FilesPlace,
        with_old: bool,
    ) -> Result<Box<dyn NextFiles>, WarehouseError> {
        next_files::begin(place, with_old)
    }

    fn unfinished_files(
        &mut self,
        place: &FilesPlace,
    ) -> Result<Option<Box<dyn UnfinishedFiles>>, WarehouseError> {
        next_files::unfinished(place)
    }

    fn database(&self) -> &str {
        &self.shared.database
    }

    fn missing_column(&self, error: &WarehouseError) -> Option<String> {
        failure::missing_column(&error.message)
    }

    fn version(&mut self) -> Result<String, WarehouseError> {
        let sql = "select version()";
        let version: Result<String, _> = self.connection.query_row(sql, [], |row| row.get(0));
        version.map(|it| format!("DuckDB {it}")).map_err(|error| self.fail(error, sql))
    }
}

struct Handle(Arc<InterruptHandle>);

impl Interrupt for Handle {
    fn interrupt(&self) {
        self.0.interrupt();
    }
}
