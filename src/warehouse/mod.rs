//! What Tidemill asks of an engine, in Tidemill's words.
//!
//! [`Warehouse`] is one connection. `duckdb/` is the only implementation and the only folder that knows
//! the engine's crate; a second engine is a second implementation of the same trait. `seed` finds the
//! types of CSV files.

pub mod binder;
pub mod duckdb;
pub mod profile;
pub mod seed;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use self::profile::Profile;
use crate::node::{Relation, RelationKind};

/// Names of databases in memory begin with this that hold rows for a moment, while a node is made. No look at the catalog shows them.
pub const AHEAD: &str = "tidemill_ahead_";

/// How to open the engine; made from a target by `cli`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Database file; `None` for a database in memory.
    pub path: Option<PathBuf>,
    /// An attached database that stands in for the one at `path`: a DuckLake.
    pub main: Option<Attachment>,
    /// Only read: fails if the file does not exist, and any number of readers may share the file.
    pub read_only: bool,
    /// The schema that unqualified names resolve to.
    pub schema: String,
    /// Number of models built at the same time; the engine's own threads are not this.
    pub workers: usize,
    /// Engine settings of the target, in the order given (`memory_limit`, `threads`, ...).
    pub settings: Vec<(String, String)>,
    /// Engine settings for the moment of opening.
    pub config_options: Vec<(String, String)>,
    /// Extensions to load.
    pub extensions: Vec<Extension>,
    /// Secrets to make.
    pub create_secrets: Vec<Secret>,
    /// Further databases.
    pub attach: Vec<Attachment>,
    /// Whether the engine must not use the network for extensions and remote files.
    pub is_offline: bool,
    /// How long to wait for a file that another process holds.
    pub wait: Duration,
    /// Classes of the engine's errors that pass by, as dbt-duckdb names them (`IOException`).
    pub retryable: Vec<String>,
    /// Texts that must never appear in an error message.
    pub secrets: Vec<String>,
}

/// A further database to attach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Path or connection text.
    pub path: String,
    /// Name in SQL; the engine's default if absent.
    pub alias: Option<String>,
    /// Kind of database (`sqlite`, `postgres`, ...); a DuckDB file if absent.
    pub kind: Option<String>,
    /// Name of the secret to open it with.
    pub secret: Option<String>,
    /// Whether it may only be read.
    pub read_only: bool,
    /// Options of the kind of database.
    pub options: Vec<(String, Json)>,
    /// Whether it is a DuckLake.
    pub is_lake: bool,
}

/// An extension of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its name, or the path of its file.
    pub name: String,
    /// Where it is fetched from if it is not installed; the engine's own repository if absent.
    pub repository: Option<String>,
}

/// Credentials that the engine keeps and uses by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name in the engine.
    pub name: String,
    /// What it opens: `s3`, `postgres`, ...
    pub kind: String,
    /// Where the engine gets the values from, such as `credential_chain`.
    pub provider: Option<String>,
    /// Whether the engine keeps it on disk.
    pub is_persistent: bool,
    /// Prefixes of the paths that it is for; all if empty.
    pub scope: Vec<String>,
    /// The other parameters: texts, lists and mappings of texts.
    pub parameters: Vec<(String, Json)>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A value that came out of the engine, reduced to what reports and artifacts need.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A floating point number.
    Float(f64),
    /// Anything else, as the engine writes it (dates, decimals, lists, ...).
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Bool(it) => write!(f, "{it}"),
            Value::Int(it) => write!(f, "{it}"),
            Value::Float(it) => write!(f, "{it:?}"),
            Value::Text(it) => f.write_str(it),
        }
    }
}

impl Value {
    /// The value as a whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(it) => i64::try_from(*it).ok(),
            Value::Null | Value::Bool(_) | Value::Float(_) | Value::Text(_) => None,
        }
    }
}

/// The rows of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Column names and types, in order.
    pub columns: Vec<Column>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

/// A column's name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name as the engine spells it.
    pub name: String,
    /// Type as the engine spells it, such as `DECIMAL(18,3)`.
    pub data_type: String,
}

/// What one statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Rows that were written, where the statement writes rows.
    pub rows_written: Option<u64>,
    /// Rows read, over all scans of the statement, where the engine can tell. Of tables: the rows looked
    /// at, before filters. Of files and other databases: the rows left after filters that the scan applies.
    pub rows_scanned: Option<u64>,
}

/// A relation found in the warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// Its name.
    pub relation: Relation,
    /// Table or view.
    pub kind: RelationKind,
    /// Row count as the engine keeps it (an estimate after deletes); `None` for views.
    pub estimated_rows: Option<u64>,
}

/// A relation found in the warehouse, with its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationShape {
    /// Its name.
    pub relation: Relation,
    /// Table or view.
    pub kind: RelationKind,
    /// Its comment.
    pub comment: Option<String>,
    /// Its columns in order, each with its comment.
    pub columns: Vec<(Column, Option<String>)>,
}

/// Rows outside of any transaction, in a file that goes away with this value.
#[derive(Debug)]
pub struct Stash {
    /// Names and types of their columns.
    pub columns: Vec<Column>,
    /// The file, in the engine's own form.
    pub file: tempfile::TempPath,
}

/// Rows that are carried from one file of a database to another.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The table, which has the same name in both.
    pub table: Relation,
    /// How to make it, if it is not there; without this, it is replaced.
    pub set_up: Option<String>,
    /// A column: rows whose value is there already are not carried.
    pub key: Option<String>,
    /// Columns that are not carried as they are: what stands in `select * replace (...)`.
    pub replaced: Option<String>,
    /// Which rows; all if absent.
    pub where_: Option<String>,
}

/// What stands in the way of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The engine rejects the statement or it failed while running.
    Sql,
    /// Another process holds the database file.
    Locked {
        /// Who, as far as the engine says: program and process id.
        holder: Option<String>,
    },
    /// [`Interrupt::interrupt`] was called.
    Interrupted,
    /// Memory (or the spill folder) ran out.
    OutOfMemory,
    /// The disk is full.
    DiskFull,
    /// The file is not a database of this engine, or is damaged.
    Corrupt,
    /// The file does not exist, or may not be read or written.
    Unavailable,
    /// Two transactions changed the same thing; trying again may help.
    Conflict,
    /// An error of a class that the target wants to be tried again.
    Transient,
}

/// A statement or a connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseError {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// The engine's message in one or few lines, without its excerpt of the statement, secrets removed.
    pub message: String,
    /// Byte offset in the statement that was given, where the engine says one. An error inside a view is
    /// placed by the engine in the view's text; such an offset is left out where it can be told.
    pub position: Option<usize>,
}

impl fmt::Display for WarehouseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WarehouseError {}

/// Stops the statement that a connection is running; may be called from any thread.
pub trait Interrupt: Send + Sync {
    /// Makes the running statement fail with [`ErrorKind::Interrupted`]; does nothing when idle.
    fn interrupt(&self);
}

/// Where the files of a node are: a folder, or one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesPlace {
    /// The path of the folder or the file.
    pub location: String,
    /// Whether it is a folder of files.
    pub is_folder: bool,
    /// How many folders are between it and its files.
    pub depth: usize,
    /// What the names of its files end with, such as `.parquet`; what else is in the folder is not read.
    pub ending: String,
}

/// The next version of a node's files, beside the one that readers see. It has other names, so that no pattern
/// of readers finds it. Dropped, it goes away.
pub trait NextFiles: Send {
    /// Whether no file is in it.
    fn is_empty(&self) -> bool;

    /// The path or pattern by which its files are read.
    fn pattern(&self) -> String;

    /// The path or pattern by which they will be read when they have their place.
    fn published_pattern(&self) -> String;

    /// An empty folder to write files into, which [`NextFiles::add`] takes up.
    fn scratch(&mut self) -> Result<String, WarehouseError>;

    /// Takes up the files that were written: gives each a name of its own, and its path.
    fn add(&mut self) -> Result<Vec<String>, WarehouseError> {
        self.add_below(&[])
    }

    /// The same, below these folders.
    fn add_below(&mut self, folders: &[String]) -> Result<Vec<String>, WarehouseError>;

    /// Takes up the files that were written, in the folders and under the names that they have. They stand in for
    /// those of the same name.
    fn add_as_named(&mut self) -> Result<(), WarehouseError>;

    /// Leaves out files, by the paths that [`NextFiles::pattern`] gives.
    fn remove(&mut self, files: &[String]) -> Result<(), WarehouseError>;

    /// Lets all that was written reach the disk, with a note for who finds it if the process ends early
    /// ([`Warehouse::unfinished_files`]). Nothing is to be written after that.
    fn announce(&mut self, note: &str) -> Result<(), WarehouseError>;

    /// Gives the files their place in one step, where the system can. They must have been announced.
    fn publish(&mut self) -> Result<(), WarehouseError>;

    /// What was there before is not needed any more. Without this, it comes back when the value is dropped.
    fn keep(self: Box<Self>);
}

/// What a process left that ended while files got their place.
pub trait UnfinishedFiles {
    /// What was given to [`NextFiles::publish`]; empty if it was not called.
    fn note(&self) -> &str;

    /// Finishes it, or brings back what was there before.
    fn settle(self: Box<Self>, is_published: bool) -> Result<(), WarehouseError>;
}

/// One connection to an engine. Dropping it inside a transaction rolls back.
pub trait Warehouse: Send {
    /// Another connection to the same database, for another thread.
    fn connect(&self) -> Result<Box<dyn Warehouse>, WarehouseError>;

    /// A handle that stops what this connection is doing.
    fn interrupt_handle(&self) -> Arc<dyn Interrupt>;

    /// Runs one or more statements for their effect. The effect is that of the last one.
    fn execute(&mut self, sql: &str) -> Result<Effect, WarehouseError>;

    /// Runs one query and gives at most `limit` rows (all for `None`).
    fn query(&mut self, sql: &str, limit: Option<usize>) -> Result<Rows, WarehouseError>;

    /// The first row of a query of ours, whose columns are numbers, truth values or texts. It costs the
    /// engine half of what [`Warehouse::query`] does, which has to ask for the types first.
    fn scalars(&mut self, sql: &str) -> Result<Vec<Value>, WarehouseError>;

    /// Names and types of a query's columns without running it.
    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, WarehouseError>;

    /// Runs one query to its end, drops its rows, and gives what was measured; `None` for a statement that the engine
    /// does not measure. Peaks are those of the connection, so each query wants a new one.
    fn profile(&mut self, sql: &str) -> Result<Option<Profile>, WarehouseError>;

    /// `begin`.
    fn begin(&mut self) -> Result<(), WarehouseError>;

    /// In a transaction that is going to write to the target's own database and to no other: keeps the engine from
    /// rearranging its file until the transaction ends, if a process that is killed then would leave it broken.
    fn hold_checkpoints(&mut self) -> Result<(), WarehouseError>;

    /// `commit`; after an error the transaction is gone.
    fn commit(&mut self) -> Result<(), WarehouseError>;

    /// `rollback`; never fails in a way that matters, since a lost connection has rolled back too.
    fn rollback(&mut self);

    /// All tables and views of these databases in one query (of all attached ones if empty), sorted by name.
    fn catalog(&mut self, databases: &[String]) -> Result<Vec<CatalogEntry>, WarehouseError>;

    /// All tables and views of a database with their columns and comments, sorted by name.
    fn shapes(&mut self, database: &str) -> Result<Vec<RelationShape>, WarehouseError>;

    /// Tables and views with one of these names, in any schema of any database, with their columns. The case
    /// of letters does not count.
    fn tables_named(
        &mut self,
        identifiers: &[String],
    ) -> Result<Vec<(Relation, Vec<Column>)>, WarehouseError>;

    /// Whether a column that is there, or every text by default, may have a collation, by which texts that differ
    /// are equal.
    fn has_collations(&mut self) -> Result<bool, WarehouseError>;

    /// Names of macros and types that users made.
    fn definitions(&mut self) -> Result<Vec<String>, WarehouseError>;

    /// All views that users made, with the statement that makes each, in lower case; sorted by name.
    fn views(&mut self) -> Result<Vec<(Relation, String)>, WarehouseError>;

    /// Keeps the rows of a query where a rollback does not reach them.
    fn stash(&mut self, sql: &str) -> Result<Stash, WarehouseError>;

    /// Makes a table of the rows that were kept, in place of the table of that name.
    fn unstash(&mut self, stash: &Stash, relation: &Relation) -> Result<(), WarehouseError>;

    /// Whether files are there.
    fn has_files(&self, place: &FilesPlace) -> bool;

    /// Begins the next version of files: with those that are there, or without any. An error of the kind `Locked`
    /// says that somebody else has begun one.
    fn next_files(
        &mut self,
        place: &FilesPlace,
        with_old: bool,
    ) -> Result<Box<dyn NextFiles>, WarehouseError>;

    /// What a process left there that ended before its time.
    fn unfinished_files(
        &mut self,
        place: &FilesPlace,
    ) -> Result<Option<Box<dyn UnfinishedFiles>>, WarehouseError>;

    /// The name of the database that unqualified names resolve to.
    fn database(&self) -> &str;

    /// The column that a query asks for and that is not there, if that is what an error says.
    fn missing_column(&self, error: &WarehouseError) -> Option<String>;

    /// Engine name and version, such as `DuckDB v1.5.5`.
    fn version(&mut self) -> Result<String, WarehouseError>;
}
