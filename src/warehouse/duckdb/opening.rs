//! Opens a database and prepares what all its connections share.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ::duckdb::{AccessMode, Config, Connection};
use uuid::Uuid;

use super::failure::Manner;
use super::{Shared, failure, limits, profile, statements};
use crate::diagnostics::scrub::Scrubber;
use crate::node::{quote_identifier, quote_literal};
use crate::warehouse::{ConnectOptions, ErrorKind, WarehouseError};

/// Pause between two attempts to open a file that another process holds.
const RETRY: Duration = Duration::from_millis(200);

/// Settings that the engine takes only while it opens.
const AT_OPENING: &[&str] = &[
    "allow_community_extensions",
    "allow_unsigned_extensions",
    "custom_user_agent",
    "disable_database_invalidation",
    "duckdb_api",
    "enable_external_access",
    "vacuum_rebuild_indexes",
];

/// Files that the engine leaves in a spill folder begin with this.
const SPILL_FILE: &str = "duckdb_temp_";

/// Opens the database, waiting for another process if the options say so.
pub(super) fn open(
    options: &ConnectOptions,
    on_wait: &mut dyn FnMut(&WarehouseError) -> bool,
) -> Result<(Connection, Shared), WarehouseError> {
    let start = Instant::now();
    loop {
        let error = match attempt(options) {
            Err(error) if matches!(error.kind, ErrorKind::Locked { .. }) => error,
            done => return done,
        };
        let left = options.wait.saturating_sub(start.elapsed());
        if left.is_zero() || !on_wait(&error) {
            return Err(error);
        }
        thread::sleep(RETRY.min(left));
    }
}

fn attempt(options: &ConnectOptions) -> Result<(Connection, Shared), WarehouseError> {
    let manner = Manner { scrubber: Scrubber::new(&options.secrets), retryable: options.retryable.clone() };
    let scrubber = &manner.scrubber;
    let path = options.path.as_deref();
    if let Some(path) = path.filter(|it| it.is_dir()) {
        return Err(unavailable(format!("{} is a folder, not a database file", path.display())));
    }
    let spill = spill_path(options);
    let config = config(options, &spill).map_err(|error| failure::from_opening(error, scrubber))?;
    let connection = Connection::open_with_flags(path.unwrap_or(Path::new(":memory:")), config)
        .map_err(|error| failure::from_opening(error, scrubber))?;
    // Only now: the folder of a file that could not be opened belongs to the process that holds it.
    let spill = SpillFolder::new(spill);
    let preparing = Preparing { connection: &connection, options, scrubber };
    let mut local_settings = Vec::new();
    let later = preparing.settings(&mut local_settings)?;
    preparing.extensions()?;
    preparing.late_settings(&later, &mut local_settings)?;
    preparing.stay_offline()?;
    preparing.secrets()?;
    preparing.attach()?;
    let (database, schema) = preparing.schema()?;
    let hold_checkpoints = holds_checkpoints(options, &database);
    profile::enable(&connection).map_err(|error| failure::from_opening(error, scrubber))?;
    let shared = Shared { database, schema, local_settings, hold_checkpoints, manner, _spill: spill };
    Ok((connection, shared))
}

/// Where the engine takes a checkpoint while another connection inserts rows, it gives that one blocks that the header
/// on disk still points at (duckdb/duckdb#25106, mended after 1.5.5): a process that is killed at that moment leaves a
/// file that cannot be opened. Transactions that only insert are the ones that let it; one that may change the
/// catalog, even if it changes nothing, does not.
fn holds_checkpoints(options: &ConnectOptions, database: &str) -> Option<String> {
    let is_file = options.path.is_some() && options.main.is_none() && !options.read_only;
    is_file.then(|| format!("create schema if not exists {}.main", quote_identifier(database)))
}

/// What must be known before the file is opened: replaying a log already needs memory.
fn config(options: &ConnectOptions, spill: &Path) -> ::duckdb::Result<Config> {
    let given = || options.config_options.iter().chain(&options.settings);
    let is_set = |names: &[&str]| given().any(|(name, _)| is_one_of(name, names));
    let mut config = Config::default();
    if options.read_only {
        config = config.access_mode(AccessMode::ReadOnly)?;
    }
    if !is_set(&["threads", "worker_threads"]) {
        config = config.with("threads", limits::threads().to_string())?;
    }
    if !is_set(&["memory_limit", "max_memory"])
        && let Some(bytes) = limits::memory_limit()
    {
        config = config.with("memory_limit", format!("{bytes}B"))?;
    }
    if !is_set(&["temp_directory"]) {
        config = config.with("temp_directory", spill.to_string_lossy())?;
    }
    if !is_set(&["autoinstall_known_extensions"]) {
        config = config.with("autoinstall_known_extensions", "false")?;
    }
    for (name, value) in given() {
        if is_one_of(name, AT_OPENING) {
            config = config.with(name.to_ascii_lowercase(), value)?;
        }
    }
    Ok(config)
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// A setting of the database as a statement.
fn set(name: &str, value: &str) -> String {
    format!("set {} = {}", quote_identifier(name), quote_literal(value))
}

/// A setting of one connection as a statement.
pub(super) fn set_here(name: &str, value: &str) -> String {
    format!("set session {} = {}", quote_identifier(name), quote_literal(value))
}

/// Makes unqualified names resolve to a schema, then to `main`.
pub(super) fn use_schema(database: &str, schema: &str) -> String {
    let mut path = format!("{}.{}", quote_identifier(database), quote_identifier(schema));
    if schema != "main" {
        path = format!("{path},{}.main", quote_identifier(database));
    }
    set_here("search_path", &path)
}

fn unavailable(message: String) -> WarehouseError {
    WarehouseError { kind: ErrorKind::Unavailable, message, position: None }
}

/// Name and value.
type Setting = (String, String);

/// The steps on the first connection.
struct Preparing<'a> {
    connection: &'a Connection,
    options: &'a ConnectOptions,
    scrubber: &'a Scrubber,
}

impl Preparing<'_> {
    fn run(&self, sql: &str) -> Result<(), WarehouseError> {
        self.connection.execute_batch(sql).map_err(|error| failure::from_opening(error, self.scrubber))
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>, WarehouseError> {
        let read = || -> ::duckdb::Result<Vec<String>> {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        read().map_err(|error| failure::from_opening(error, self.scrubber))
    }

    /// Applies the settings, and notes those that each further connection needs again. Gives those that the
    /// engine does not know yet: an extension may bring them.
    fn settings(&self, local: &mut Vec<Setting>) -> Result<Vec<Setting>, WarehouseError> {
        self.run(&set("errors_as_json", "true"))?;
        let all = self.options.config_options.iter().chain(&self.options.settings);
        let mut later = Vec::new();
        for (name, value) in all.filter(|it| !is_one_of(&it.0, AT_OPENING)) {
            match self.setting(name, value, local) {
                Err(error) if error.message.contains("unrecognized configuration parameter") => {
                    later.push((name.clone(), value.clone()));
                }
                done => done?,
            }
        }
        Ok(later)
    }

    fn late_settings(&self, later: &[Setting], local: &mut Vec<Setting>) -> Result<(), WarehouseError> {
        later.iter().try_for_each(|(name, value)| self.setting(name, value, local))
    }

    fn setting(&self, name: &str, value: &str, local: &mut Vec<Setting>) -> Result<(), WarehouseError> {
        if self.run(&set_here(name, value)).is_ok() {
            local.push((name.to_owned(), value.to_owned()));
            return Ok(());
        }
        // What cannot be set for one connection is set for the database; a bad value fails again.
        self.run(&set(name, value)).map_err(|error| WarehouseError {
            message: format!("setting `{name}`: {}", error.message),
            ..error
        })
    }

    fn extensions(&self) -> Result<(), WarehouseError> {
        for extension in &self.options.extensions {
            let load = statements::load(extension);
            let Err(error) = self.run(&load) else { continue };
            if extension.name.ends_with(".duckdb_extension") {
                return Err(unavailable(format!("the extension cannot be loaded: {}", error.message)));
            }
            if self.options.is_offline {
                let name = &extension.name;
                let message =
                    format!("extension `{name}` is not installed, and `--offline` forbids to fetch it");
                return Err(unavailable(message));
            }
            let install = format!("{}; {load}", statements::install(extension));
            self.run(&install).map_err(|error| {
                let cause = error.message.lines().next().unwrap_or_default();
                unavailable(format!(
                    "extension `{}` is not installed and could not be fetched: {cause}\n\
                     Install it once where there is a network, or name the path of its .duckdb_extension file",
                    extension.name
                ))
            })?;
        }
        Ok(())
    }

    /// Without network the engine reads no remote files either; this holds until the database is closed.
    fn stay_offline(&self) -> Result<(), WarehouseError> {
        const REMOTE: &str = "HTTPFileSystem,S3FileSystem,HuggingFaceFileSystem";
        const SETTING: &str = "disabled_filesystems";
        if !self.options.is_offline {
            return Ok(());
        }
        let all = self.options.config_options.iter().chain(&self.options.settings);
        let given = all.filter(|it| it.0.eq_ignore_ascii_case(SETTING) && !it.1.is_empty());
        let names: Vec<&str> = given.map(|it| it.1.as_str()).chain([REMOTE]).collect();
        self.run(&set(SETTING, &names.join(",")))
    }

    fn secrets(&self) -> Result<(), WarehouseError> {
        for secret in &self.options.create_secrets {
            self.run(&statements::create_secret(secret)).map_err(|error| WarehouseError {
                message: format!("the secret `{}` cannot be made: {}", secret.name, error.message),
                ..error
            })?;
        }
        Ok(())
    }

    fn attach(&self) -> Result<(), WarehouseError> {
        for attachment in self.options.main.iter().chain(&self.options.attach) {
            self.run(&statements::attach(attachment)).map_err(|error| {
                let name = attachment.alias.as_deref().unwrap_or(&attachment.path);
                let message = format!("database `{name}` cannot be attached: {}", error.message);
                WarehouseError { message: self.scrubber.scrub(&message), ..error }
            })?;
        }
        Ok(())
    }

    /// The default database, and the default schema if it exists or can be made.
    fn schema(&self) -> Result<(String, Option<String>), WarehouseError> {
        let main = self.options.main.as_ref().and_then(|it| it.alias.clone());
        let database = match main {
            Some(name) => name,
            None => self.texts("select current_database()")?.into_iter().next().unwrap_or_default(),
        };
        let schema = &self.options.schema;
        if !self.options.read_only {
            let name = format!("{}.{}", quote_identifier(&database), quote_identifier(schema));
            self.run(&format!("create schema if not exists {name}"))?;
        } else if !self.has_schema(&database)? {
            return Ok((database, None));
        }
        self.run(&use_schema(&database, schema))?;
        Ok((database, Some(schema.clone())))
    }

    fn has_schema(&self, database: &str) -> Result<bool, WarehouseError> {
        let found = self.texts(&format!(
            "select schema_name from duckdb_schemas() where database_name = {} and schema_name = {}",
            quote_literal(database),
            quote_literal(&self.options.schema),
        ))?;
        Ok(!found.is_empty())
    }
}

/// Where the engine puts what does not fit into memory: beside the database file, or in the system's
/// temporary folder for a database in memory. The engine makes the folder when it needs it.
fn spill_path(options: &ConnectOptions) -> PathBuf {
    let unique = Uuid::new_v4().simple();
    let Some(path) = &options.path else {
        return tempfile::env::temp_dir().join(format!("tidemill-{unique}.tmp"));
    };
    let mut name = path.clone().into_os_string();
    // Several readers may be at work at once, and the engine's file names would collide.
    if options.read_only {
        name.push(format!(".{unique}"));
    }
    name.push(".tmp");
    name.into()
}

/// A spill folder that only this process uses: its name is unique, or the database file is held.
pub(super) struct SpillFolder(PathBuf);

impl SpillFolder {
    /// Takes the folder over, without what a process that was killed may have left in it.
    fn new(path: PathBuf) -> Self {
        remove_spill_files(&path);
        Self(path)
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        remove_spill_files(&self.0);
    }
}

/// Removes the engine's files from a folder, and the folder if nothing else is in it.
pub(super) fn remove_spill_files(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(SPILL_FILE) {
            // What cannot be removed is only in the way of the folder's removal.
            let _ = fs::remove_file(entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}
