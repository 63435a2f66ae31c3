//! The next version of a folder of files, or of one file: made in a hidden folder beside its place, and
//! exchanged for the present version in one step.
//!
//! For `lake/sales` the hidden folder is `lake/.sales.tidemill-new`:
//!
//! - `run`: locked by the system as long as the process lives. Its text is the journal: nothing, then how far the
//!   exchange is and the note of who publishes. So a later process knows what to do. See [`State`].
//! - `next`: the next version. Files that stay are hard links, so they cost nothing and keep their bytes. All names
//!   end with [`MASK`] until the exchange, because DuckDB's patterns look into hidden folders too.
//! - `scratch`: what the engine is writing.
//! - `old`: the version that was there, until the transaction is committed.
//!
//! Every step is one rename, and after each of them the journal and the names tell what was done.

mod journal;
mod tree;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::journal::{Journal, State, lock};
use self::tree::{copy_masked, has_file, list, mask, number_after, unmask, unmask_any};
use super::moving::{allow_many_files, exchange, names, remove, sync, sync_all};
use crate::warehouse::{ErrorKind, FilesPlace, NextFiles, UnfinishedFiles, WarehouseError};

/// What names of files end with that no pattern is to find.
pub(super) const MASK: &str = ".tidemill-new";

/// A file in a version that is not known to be kept.
const MARK: &str = ".tidemill-run";

/// The paths of one place.
struct Paths {
    place: PathBuf,
    hidden: PathBuf,
    is_folder: bool,
    depth: usize,
    /// What readable files end with.
    ending: String,
}

impl Paths {
    fn new(place: &FilesPlace) -> Self {
        let mut path = PathBuf::from(&place.location);
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), std::env::var_os("HOME")) {
            path = PathBuf::from(home).join(rest);
        }
        // What a link leads to is exchanged, not the link.
        if path.is_symlink()
            && let Ok(real) = path.canonicalize()
        {
            path = real;
        }
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let hidden = path.with_file_name(format!(".{name}{MASK}"));
        let FilesPlace { is_folder, depth, ending, .. } = place.clone();
        Self { place: path, hidden, is_folder, depth, ending }
    }

    fn journal(&self) -> PathBuf {
        self.hidden.join("run")
    }

    fn next(&self) -> PathBuf {
        self.hidden.join(if self.is_folder { "next".to_owned() } else { format!("next{MASK}") })
    }

    fn old(&self) -> PathBuf {
        self.hidden.join(if self.is_folder { "old".to_owned() } else { format!("old{MASK}") })
    }

    fn scratch(&self) -> PathBuf {
        self.hidden.join("scratch")
    }

    fn cannot(&self, what: &str, error: &io::Error) -> WarehouseError {
        failed(what, &self.place.to_string_lossy(), error)
    }

    /// Whether the version in its place is one that is not known to be kept.
    fn is_new_in_place(&self) -> bool {
        if self.is_folder { self.place.join(MARK).exists() } else { !self.next().exists() }
    }

    /// Exchanges the next version and the present one.
    fn put_in_place(&self) -> io::Result<()> {
        let (place, next, old) = (&self.place, self.next(), self.old());
        if !self.is_folder {
            if place.is_dir() {
                fs::rename(place, &old)?;
            } else if place.exists() && fs::hard_link(place, &old).is_err() {
                // The file keeps its name until the new one has it, so that a reader always finds one.
                fs::copy(place, &old)?;
            }
            return fs::rename(next, place).inspect_err(|_| {
                if old.is_dir() {
                    let _ = fs::rename(&old, place);
                }
            });
        }
        fs::write(next.join(MARK), "")?;
        unmask(&next)?;
        sync(&next);
        if !place.exists() {
            return fs::rename(next, place);
        }
        if exchange(&next, place) {
            place.parent().into_iter().for_each(sync);
            fs::rename(&next, &old)?;
        } else {
            fs::rename(place, &old)?;
            fs::rename(&next, place).inspect_err(|_| drop(fs::rename(&old, place)))?;
        }
        if old.is_dir() { mask(&old) } else { Ok(()) }
    }

    /// Brings the old version back into its place, or nothing if there was none; what was in its place is in the
    /// hidden folder then.
    fn bring_back(&self, state: State) -> io::Result<()> {
        let (place, next, old) = (&self.place, self.next(), self.old());
        let refused = self.hidden.join(format!("refused{MASK}"));
        if state == State::First {
            return if place.exists() { fs::rename(place, refused) } else { Ok(()) };
        }
        if !self.is_folder {
            if old.is_dir() && place.exists() {
                fs::rename(place, refused)?;
            }
            // It was brought back already if it is not there.
            return if old.exists() { fs::rename(old, place) } else { Ok(()) };
        }
        if next.exists() {
            // The process ended between the exchange and the name.
            fs::rename(&next, &old)?;
        }
        unmask_any(&old)?;
        if !exchange(&old, place) {
            fs::rename(place, refused)?;
            fs::rename(&old, place)?;
        }
        Ok(())
    }

    /// Removes all but the version in its place. The journal goes last.
    fn clean(&self) -> io::Result<()> {
        for name in names(&self.hidden) {
            if name != "run" {
                remove(&self.hidden.join(name))?;
            }
        }
        remove(&self.place.join(MARK))?;
        remove(&self.hidden)
    }
}

/// Whether files are there.
pub(super) fn is_there(place: &FilesPlace) -> bool {
    let paths = Paths::new(place);
    if paths.is_folder { has_file(&paths.place, &paths.ending) } else { paths.place.is_file() }
}

/// Begins the next version.
pub(super) fn begin(place: &FilesPlace, with_old: bool) -> Result<Box<dyn NextFiles>, WarehouseError> {
    let paths = Paths::new(place);
    allow_many_files();
    let mut journal = lock(&paths)?;
    if journal.read().0 != State::Nothing {
        let message = format!("`{}` was left unfinished by another run", paths.place.to_string_lossy());
        return Err(WarehouseError { kind: ErrorKind::Unavailable, message, position: None });
    }
    let next = Next {
        first_number: number_after(&paths.place),
        paths,
        journal,
        added: Vec::new(),
        state: State::Nothing,
    };
    let begun = (|| {
        for left in [next.paths.next(), next.paths.old(), next.paths.scratch()] {
            remove(&left)?;
        }
        if next.paths.is_folder {
            fs::create_dir_all(next.paths.next())?;
        }
        if with_old && next.paths.place.is_dir() == next.paths.is_folder && next.paths.place.exists() {
            copy_masked(&next.paths.place, &next.paths.next())?;
        }
        Ok(())
    })();
    begun.map_err(|error| next.paths.cannot("written", &error))?;
    Ok(Box::new(next))
}

/// What a process left that ended before its time.
pub(super) fn unfinished(place: &FilesPlace) -> Result<Option<Box<dyn UnfinishedFiles>>, WarehouseError> {
    let paths = Paths::new(place);
    if !paths.hidden.exists() {
        return Ok(None);
    }
    match lock(&paths) {
        Ok(mut journal) => {
            let (state, note) = journal.read();
            Ok(Some(Box::new(Unfinished { paths, state, note, journal })))
        }
        // It is not left: somebody is at work.
        Err(WarehouseError { kind: ErrorKind::Locked { .. }, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

struct Next {
    paths: Paths,
    journal: Journal,
    first_number: u64,
    /// Files that were taken up.
    added: Vec<PathBuf>,
    state: State,
}

impl NextFiles for Next {
    fn is_empty(&self) -> bool {
        let next = self.paths.next();
        if self.paths.is_folder {
            !has_file(&next, &format!("{}{MASK}", self.paths.ending))
        } else {
            !next.exists()
        }
    }

    fn pattern(&self) -> String {
        pattern(&self.paths, &self.paths.next(), MASK)
    }

    fn published_pattern(&self) -> String {
        pattern(&self.paths, &self.paths.place, "")
    }

    fn scratch(&mut self) -> Result<String, WarehouseError> {
        let scratch = self.paths.scratch();
        let made = remove(&scratch).and_then(|()| fs::create_dir_all(&scratch));
        made.map_err(|error| self.paths.cannot("written", &error))?;
        Ok(scratch.to_string_lossy().into_owned())
    }

    fn add_below(&mut self, folders: &[String]) -> Result<Vec<String>, WarehouseError> {
        self.take_up(Some(&folders.iter().collect::<PathBuf>()))
            .map_err(|error| self.paths.cannot("written", &error))
    }

    fn add_as_named(&mut self) -> Result<(), WarehouseError> {
        self.take_up(None).map(drop).map_err(|error| self.paths.cannot("written", &error))
    }

    fn remove(&mut self, files: &[String]) -> Result<(), WarehouseError> {
        let next = self.paths.next();
        for file in files.iter().map(Path::new) {
            let left = if file.starts_with(&next) { fs::remove_file(file) } else { Err(unknown(file)) };
            left.map_err(|error| self.paths.cannot("written", &error))?;
            let folders = file.ancestors().skip(1).take_while(|it| *it != next);
            // One that is not empty stays.
            folders.for_each(|it| drop(fs::remove_dir(it)));
        }
        Ok(())
    }

    fn announce(&mut self, note: &str) -> Result<(), WarehouseError> {
        let announced = (|| {
            remove(&self.paths.scratch())?;
            // What the database is about to say must be true after a power failure too.
            sync_all(&self.added)?;
            if let Some(parent) = self.paths.place.parent().filter(|it| !it.as_os_str().is_empty()) {
                fs::create_dir_all(parent)?;
            }
            let state = if self.paths.place.exists() { State::Replaces } else { State::First };
            self.journal.write(state, note)?;
            self.state = state;
            Ok(())
        })();
        announced.map_err(|error| self.paths.cannot("written", &error))
    }

    fn publish(&mut self) -> Result<(), WarehouseError> {
        let is_announced = matches!(self.state, State::First | State::Replaces);
        let placed =
            if is_announced { self.paths.put_in_place() } else { Err(io::ErrorKind::InvalidInput.into()) };
        placed.map_err(|error| self.paths.cannot("replaced", &error))
    }

    fn keep(mut self: Box<Self>) {
        self.state = State::Kept;
        // What is not removed now is removed when the next run begins.
        let _ = self.journal.write(State::Kept, "").and_then(|()| self.paths.clean());
    }
}

impl Next {
    /// Takes up what was written: below a folder and under numbers, or where it is and under the names it has.
    fn take_up(&mut self, below: Option<&Path>) -> io::Result<Vec<String>> {
        let (scratch, next) = (self.paths.scratch(), self.paths.next());
        let mut written = Vec::new();
        list(&scratch, &mut written)?;
        written.sort();
        let mut added = Vec::new();
        for file in written {
            let inside = file.strip_prefix(&scratch).unwrap_or(&file);
            let mut to = next.clone();
            if self.paths.is_folder {
                to.push(below.unwrap_or(Path::new("")));
                to.push(inside);
                if below.is_some() {
                    to.set_file_name(format!("part-{:06}{}", self.first_number, self.paths.ending));
                    self.first_number += 1;
                }
                to.as_mut_os_string().push(MASK);
                to.parent().map_or(Ok(()), fs::create_dir_all)?;
            }
            fs::rename(&file, &to)?;
            added.push(to.to_string_lossy().into_owned());
            self.added.push(to);
        }
        remove(&scratch)?;
        Ok(added)
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let is_back = match self.state {
            State::Kept => return,
            State::First | State::Replaces if self.paths.is_new_in_place() => {
                self.paths.bring_back(self.state)
            }
            State::Nothing | State::First | State::Replaces => Ok(()),
        };
        // If that failed, the journal says what to do: the next run tries again.
        let _ =
            is_back.and_then(|()| self.journal.write(State::Nothing, "")).and_then(|()| self.paths.clean());
        // Those that somebody else uses by now are not empty, and stay.
        self.journal.made.iter().for_each(|it| drop(fs::remove_dir(it)));
    }
}

struct Unfinished {
    paths: Paths,
    state: State,
    note: String,
    journal: Journal,
}

impl UnfinishedFiles for Unfinished {
    fn note(&self) -> &str {
        &self.note
    }

    fn settle(mut self: Box<Self>, is_published: bool) -> Result<(), WarehouseError> {
        let settled = self.finish(is_published);
        settled.map_err(|error| self.paths.cannot("repaired", &error))
    }
}

impl Unfinished {
    fn finish(&mut self, is_published: bool) -> io::Result<()> {
        let paths = &self.paths;
        let is_begun = matches!(self.state, State::First | State::Replaces);
        if is_begun && !is_published && paths.is_new_in_place() {
            paths.bring_back(self.state)?;
        } else if self.state == State::Replaces && !paths.place.exists() && paths.old().exists() {
            // The process ended between two renames.
            unmask_any(&paths.old())?;
            fs::rename(paths.old(), &paths.place)?;
        }
        let state = if is_published { State::Kept } else { State::Nothing };
        self.journal.write(state, "")?;
        self.paths.clean()
    }
}

fn failed(what: &str, location: &str, error: &io::Error) -> WarehouseError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::Unavailable,
    };
    WarehouseError { kind, message: format!("`{location}` cannot be {what}: {error}"), position: None }
}

fn unknown(file: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} is not one of its files", file.display()))
}

fn pattern(paths: &Paths, root: &Path, mask: &str) -> String {
    let root = root.to_string_lossy();
    if paths.is_folder {
        format!("{root}/{}*{}{mask}", "*/".repeat(paths.depth), paths.ending)
    } else {
        root.into_owned()
    }
}

#[cfg(test)]
mod tests;
