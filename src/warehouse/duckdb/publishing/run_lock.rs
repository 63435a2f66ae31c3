//! One run at a time: a file beside the database, locked by the system as long as the run's process lives.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::super::moving::is_at;
use super::{OnWait, PAUSE, trouble, with_suffix};
use crate::warehouse::{ErrorKind, WarehouseError};

/// What is added to the name of the database file.
const LOCK: &str = ".tidemill-lock";

/// The lock; it goes away with the value, and with the process.
pub(super) struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// Takes the lock, waiting for another run if there is time.
    pub(super) fn take(database: &Path, wait: Duration, on_wait: OnWait<'_>) -> Result<Self, WarehouseError> {
        let path = with_suffix(database, LOCK);
        let start = Instant::now();
        loop {
            let error = match Self::attempt(&path)? {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => continue,
                Err(error) => error,
            };
            if start.elapsed() >= wait || !on_wait(&error) {
                return Err(error);
            }
            thread::sleep(PAUSE);
        }
    }

    /// The lock, or nothing if the file went away meanwhile; the inner error says who has it.
    fn attempt(path: &Path) -> Result<Result<Option<Self>, WarehouseError>, WarehouseError> {
        let cannot = |error| trouble("locked", path, &error);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(held(&mut file))),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        if !is_at(&file, path) {
            return Ok(Ok(None));
        }
        // Who holds it is only for people.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = file.write_all(std::process::id().to_string().as_bytes());
        Ok(Ok(Some(Self { path: path.to_path_buf(), _file: file })))
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Still locked: who waits for this file finds that it is not there any more, and makes a new one.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn held(file: &mut File) -> WarehouseError {
    let mut process = String::new();
    let _ = file.read_to_string(&mut process);
    let is_known = !process.is_empty() && process.bytes().all(|it| it.is_ascii_digit());
    let holder = is_known.then(|| format!("tidemill (process {process})"));
    let message = "another run of tidemill works on it".to_owned();
    WarehouseError { kind: ErrorKind::Locked { holder }, message, position: None }
}
