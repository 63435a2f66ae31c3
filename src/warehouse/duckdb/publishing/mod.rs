//! Publishing a run as a whole: work in a copy of the database file that takes its place by renaming.
//!
//! While a run works, the published file is only read, and held such that others may read it too but not write:
//! what they would write would be lost. All files of ours stand beside it under names that nobody else uses
//! (`shop.duckdb.tidemill-run-...`), so what a killed run left is known and removed by the next one.

mod carry;
mod run_lock;
mod versions;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ::duckdb::{AccessMode, Config, Connection};

use self::run_lock::RunLock;
use super::failure;
use super::opening::remove_spill_files;
use crate::diagnostics::scrub::Scrubber;
use crate::node::Relation;
use crate::warehouse::{ConnectOptions, ErrorKind, Warehouse, WarehouseError};

pub use self::versions::{KeptVersion, kept_versions};

/// What is added to the name of a database file for the copy that a run works in; its id follows.
const RUN: &str = ".tidemill-run-";

/// What is added to the name of a copy that is kept after a run that failed.
const FAILED: &str = ".tidemill-failed";

/// Files that the engine has beside a database file.
const BESIDE: [&str; 3] = [".wal", ".wal.checkpoint", ".wal.recovery"];

/// Pause between two looks at a file that another process holds.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes that are copied between two looks at whether to go on.
const PIECE: u64 = 256 * 1024 * 1024;

/// Room that must be left besides that for the copy.
const SPARE: u64 = 16 * 1024 * 1024;

/// How to wait for others: called before each pause with the error that names them; says whether to go on.
pub type OnWait<'a> = &'a mut dyn FnMut(&WarehouseError) -> bool;

/// A copy of a database file that will take its place, or be dropped.
pub struct Scratch {
    published: PathBuf,
    file: PathBuf,
    options: ConnectOptions,
    /// Nothing if there is no published file yet.
    guard: Option<Guard>,
    _lock: RunLock,
}

/// Keeps others from writing to the published file. Where locks belong to processes, closing any handle of a
/// file gives up all locks on it: so the one that it is copied by stays open as long as the engine's.
struct Guard {
    connection: Connection,
    file: File,
}

impl Scratch {
    /// Makes the copy. `id` is the run's; `go_on` is asked now and then while the file is copied.
    pub fn begin(
        options: &ConnectOptions,
        id: &str,
        on_wait: OnWait<'_>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Self, WarehouseError> {
        let scratch = Self::start(options, id, on_wait)?;
        if let Some(guard) = &scratch.guard {
            copy(&guard.file, &scratch.published, &scratch.file, go_on)?;
        }
        Ok(scratch)
    }

    /// The same with a copy of another file, an old version.
    pub fn of_version(
        options: &ConnectOptions,
        id: &str,
        on_wait: OnWait<'_>,
        version: &Path,
    ) -> Result<Self, WarehouseError> {
        let scratch = Self::start(options, id, on_wait)?;
        let source = File::open(version).map_err(|error| trouble("read", version, &error))?;
        copy(&source, version, &scratch.file, &|| true)?;
        Ok(scratch)
    }

    /// Takes hold of the published file, and copies nothing yet.
    fn start(options: &ConnectOptions, id: &str, on_wait: OnWait<'_>) -> Result<Self, WarehouseError> {
        let given = options.path.clone().unwrap_or_default();
        let published = real_path(&given);
        let lock = RunLock::take(&published, options.wait, on_wait)?;
        // The engine names a database after its file's name up to the first dot, which stays as it is.
        let name = given.file_name().unwrap_or_default().to_os_string();
        let file = with_suffix(&published.with_file_name(name), &format!("{RUN}{}", id.replace('-', "")));
        remove_leftovers(&published, &file);
        let guard = hold(&published, options.wait, on_wait)?;
        let options = ConnectOptions { path: Some(file.clone()), ..options.clone() };
        Ok(Self { published, file, options, guard, _lock: lock })
    }

    /// How to open the copy.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Opens the copy, to write to it.
    pub fn open(&self) -> Result<Box<dyn Warehouse>, WarehouseError> {
        super::open(&self.options)
    }

    /// Whether a version is published already.
    pub fn has_published(&self) -> bool {
        self.guard.is_some()
    }

    /// Whether the copy opens cleanly, and which of these views cannot be read in it but can in what is published; if nothing
    /// is, which of those that are there. Nobody may have it open.
    pub fn check(&self, views: &[Relation]) -> Result<Vec<(Relation, String)>, WarehouseError> {
        self.empty_log()?;
        let mut warehouse = super::open(&ConnectOptions { read_only: true, ..self.options.clone() })?;
        let name = |it: &Relation| it.render().to_lowercase();
        let there: BTreeSet<String> = warehouse.catalog(&[])?.iter().map(|it| name(&it.relation)).collect();
        let mut broken = Vec::new();
        for view in views {
            let sql = format!("select * from {}", view.render());
            let is_expected = || match &self.guard {
                Some(guard) => guard.connection.prepare(&sql).is_ok(),
                None => there.contains(&name(view)),
            };
            if let Err(error) = warehouse.describe(&sql)
                && is_expected()
            {
                broken.push((view.clone(), error.message));
            }
        }
        drop(warehouse);
        self.refuse_log()?;
        Ok(broken)
    }

    /// Puts what the log has into the file; closing it should have been enough, and what stands in the way is said here.
    fn empty_log(&self) -> Result<(), WarehouseError> {
        if has_log(&self.file) {
            let connection = connect(&self.file, AccessMode::ReadWrite)?;
            run(&connection, "checkpoint")?;
        }
        self.refuse_log()
    }

    fn refuse_log(&self) -> Result<(), WarehouseError> {
        match BESIDE.iter().map(|it| with_suffix(&self.file, it)).find(|it| it.exists()) {
            None => Ok(()),
            Some(log) => Err(WarehouseError {
                kind: ErrorKind::Unavailable,
                message: format!("it still has a write-ahead log: {}", log.display()),
                position: None,
            }),
        }
    }

    /// Puts the copy into the place of the published file, which is kept under another name if `keep` is not 0;
    /// of such versions the newest `keep` stay.
    pub fn publish(self, keep: usize) -> Result<(), WarehouseError> {
        self.replace(keep > 0)?;
        versions::prune(&self.published, keep);
        Ok(())
    }

    /// The same, with the published file and all old versions kept.
    pub fn publish_keeping_all(self) -> Result<(), WarehouseError> {
        self.replace(true)
    }

    fn replace(&self, keep: bool) -> Result<(), WarehouseError> {
        let cannot = |error: &io::Error| trouble("replaced", &self.published, error);
        if self.guard.is_none() && self.published.exists() {
            return Err(WarehouseError {
                kind: ErrorKind::Unavailable,
                message: format!("another program made {} during the run", self.published.display()),
                position: None,
            });
        }
        self.empty_log()?;
        File::open(&self.file).and_then(|it| it.sync_all()).map_err(|error| cannot(&error))?;
        if keep && self.guard.is_some() {
            versions::keep(&self.published).map_err(|error| cannot(&error))?;
        }
        fs::rename(&self.file, &self.published).map_err(|error| cannot(&error))?;
        sync_folder(&self.published);
        Ok(())
    }

    /// Drops the copy, or keeps it under a name of its own; gives that.
    pub fn give_up(self, keep: bool) -> Option<PathBuf> {
        self.put_away(keep)
    }

    fn put_away(&self, keep: bool) -> Option<PathBuf> {
        let failed = with_suffix(&self.published, FAILED);
        if keep && self.file.exists() {
            remove_copy(&failed);
            for suffix in BESIDE {
                let _ = fs::rename(with_suffix(&self.file, suffix), with_suffix(&failed, suffix));
            }
            if fs::rename(&self.file, &failed).is_ok() {
                return Some(failed);
            }
        }
        remove_copy(&self.file);
        None
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What was published or put away is not there any more.
        remove_database(&self.file);
    }
}

/// Takes hold of the published file for reading; what its log has is put into it first.
fn hold(path: &Path, wait: Duration, on_wait: OnWait<'_>) -> Result<Option<Guard>, WarehouseError> {
    let start = Instant::now();
    loop {
        if !path.exists() {
            return Ok(None);
        }
        match try_hold(path) {
            Ok(Some(guard)) => return Ok(Some(guard)),
            // Somebody wrote in between.
            Ok(None) => {}
            Err(error) if matches!(error.kind, ErrorKind::Locked { .. }) => {
                if start.elapsed() >= wait || !on_wait(&error) {
                    return Err(error);
                }
                thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

fn try_hold(path: &Path) -> Result<Option<Guard>, WarehouseError> {
    if has_log(path) {
        let connection = connect(path, AccessMode::ReadWrite)?;
        run(&connection, "checkpoint")?;
        connection.close().map_err(|(_, error)| failure::from_opening(error, &Scrubber::default()))?;
    }
    let connection = connect(path, AccessMode::ReadOnly)?;
    let file = File::open(path).map_err(|error| trouble("read", path, &error))?;
    Ok((!has_log(path)).then_some(Guard { connection, file }))
}

fn has_log(path: &Path) -> bool {
    BESIDE.iter().any(|it| with_suffix(path, it).exists())
}

/// A connection for upkeep: no settings of the target, no attached databases.
fn connect(path: &Path, mode: AccessMode) -> Result<Connection, WarehouseError> {
    let open = || {
        let config = Config::default().access_mode(mode)?.with("threads", "2")?;
        Connection::open_with_flags(path, config.with("autoinstall_known_extensions", "false")?)
    };
    open().map_err(|error| failure::from_opening(error, &Scrubber::default()))
}

fn run(connection: &Connection, sql: &str) -> Result<(), WarehouseError> {
    connection.execute_batch(sql).map_err(|error| failure::from_opening(error, &Scrubber::default()))
}

/// Copies the published file, if there is room for the copy.
fn copy(file: &File, from: &Path, to: &Path, go_on: &dyn Fn() -> bool) -> Result<(), WarehouseError> {
    let cannot = |error: &io::Error| trouble("copied", from, error);
    let size = file.metadata().map_err(|error| cannot(&error))?.len();
    if let Some(free) = free_room(from)
        && let Some(message) = lack_of_room(size, free)
    {
        return Err(WarehouseError { kind: ErrorKind::DiskFull, message, position: None });
    }
    let copied = || -> io::Result<bool> {
        let mut source = file;
        source.rewind()?;
        let mut target = File::create_new(to)?;
        target.set_permissions(file.metadata()?.permissions())?;
        while go_on() {
            if io::copy(&mut source.take(PIECE), &mut target)? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match copied() {
        Ok(true) => Ok(()),
        Ok(false) => Err(WarehouseError {
            kind: ErrorKind::Interrupted,
            message: "interrupted".to_owned(),
            position: None,
        }),
        Err(error) => Err(cannot(&error)),
    }
}

/// What to say if a copy of so many bytes, and what is made in it, does not fit.
fn lack_of_room(size: u64, free: u64) -> Option<String> {
    let needed = size + size / 10 + SPARE;
    (free < needed).then(|| {
        format!(
            "a run that is published as a whole works in a copy of the database: it needs {}, and {} are free",
            bytes(needed),
            bytes(free)
        )
    })
}

/// A number of bytes for people.
pub fn bytes(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let n = n as f64;
    let (unit, name) =
        [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")].into_iter().find(|it| n >= it.0).unwrap_or((1.0, "B"));
    format!("{:.1} {name}", n / unit)
}

#[cfg(unix)]
fn free_room(path: &Path) -> Option<u64> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_room(_path: &Path) -> Option<u64> {
    None
}

/// A renamed file is where it is after a loss of power only if its folder was written.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Not every system opens folders.
    let _ = File::open(folder).and_then(|it| it.sync_all());
}

/// The file itself where the path leads through links: renaming must not replace a link.
fn real_path(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A copy, with all that is beside it.
fn remove_database(file: &Path) {
    remove_copy(file);
    remove_copy(&with_suffix(file, carry::NOTES));
    remove_copy(&with_suffix(file, carry::OTHER));
}

fn remove_copy(file: &Path) {
    // What is not there need not be removed; what cannot be is removed by the next run.
    let _ = fs::remove_file(file);
    for suffix in BESIDE {
        let _ = fs::remove_file(with_suffix(file, suffix));
    }
    remove_spill_files(&with_suffix(file, ".tmp"));
}

/// Removes what runs left that were killed: nobody works on them, since the lock is ours.
fn remove_leftovers(published: &Path, file: &Path) {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    let names = [published, file].map(|it| {
        let name = it.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split_once(RUN).map_or(name.clone(), |it| it.0.to_owned())
    });
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((of, id)) = name.split_once(RUN) else { continue };
        let id = id.split('.').next().unwrap_or_default();
        let is_ours = id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit());
        if is_ours && names.iter().any(|it| it == of) {
            remove_database(&folder.join(format!("{of}{RUN}{id}")));
        }
    }
}

fn trouble(what: &str, path: &Path, error: &io::Error) -> WarehouseError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::Unavailable,
    };
    let message = format!("{} cannot be {what}: {error}", path.display());
    WarehouseError { kind, message, position: None }
}

#[cfg(test)]
mod tests;
