//! The lock and the journal of a place: who is at work there, and how far an exchange is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::Paths;
use crate::warehouse::duckdb::moving::is_at;
use crate::warehouse::{ErrorKind, WarehouseError};

/// How far an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has been exchanged, or all is as it was again.
    Nothing,
    /// The first version is getting its place.
    First,
    /// A version is taking the place of another.
    Replaces,
    /// The old version is not needed any more.
    Kept,
}

const STATES: [(&str, State); 3] =
    [("first", State::First), ("replaces", State::Replaces), ("kept", State::Kept)];

/// The lock and the journal of a place.
pub(super) struct Journal {
    file: File,
    /// Folders that were made for it, the innermost first.
    pub(super) made: Vec<PathBuf>,
}

impl Journal {
    pub(super) fn write(&mut self, state: State, note: &str) -> io::Result<()> {
        let word = STATES.iter().find(|it| it.1 == state).map(|it| it.0);
        self.file.set_len(0)?;
        self.file.rewind()?;
        if let Some(word) = word {
            self.file.write_all(format!("{word} {note}\n").as_bytes())?;
        }
        self.file.sync_all()
    }

    /// What is not written to its end says nothing: then nothing was exchanged yet, or nothing is to be undone.
    pub(super) fn read(&mut self) -> (State, String) {
        let mut text = String::new();
        let _ = self.file.rewind().and_then(|()| self.file.read_to_string(&mut text));
        let line = text.strip_suffix('\n').and_then(|it| it.split_once(' '));
        let state = |word: &str| STATES.iter().find(|it| it.0 == word).map(|it| it.1);
        match line.and_then(|(word, note)| Some((state(word)?, note))) {
            Some((state, note)) => (state, note.to_owned()),
            None => (State::Nothing, String::new()),
        }
    }
}

/// Takes the lock of a place.
pub(super) fn lock(paths: &Paths) -> Result<Journal, WarehouseError> {
    let is_missing = |it: &&Path| !it.as_os_str().is_empty() && !it.exists();
    let made: Vec<PathBuf> =
        paths.hidden.ancestors().skip(1).take_while(is_missing).map(Path::to_path_buf).collect();
    loop {
        fs::create_dir_all(&paths.hidden).map_err(|it| paths.cannot("written", &it))?;
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(paths.journal());
        let file = match opened {
            Ok(file) => file,
            // Another process has just ended, and removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(paths.cannot("locked", &error)),
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &paths.journal()) => return Ok(Journal { file, made }),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let place = paths.place.to_string_lossy();
                let message =
                    format!("`{place}` is being written by another node or another run of tidemill");
                let kind = ErrorKind::Locked { holder: None };
                return Err(WarehouseError { kind, message, position: None });
            }
            Err(TryLockError::Error(error)) => return Err(paths.cannot("locked", &error)),
        }
    }
}
