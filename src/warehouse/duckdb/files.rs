//! Files that statements write: they are written beside their place, and take it by renaming.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::moving::{exchange, remove};
use crate::warehouse::{ErrorKind, Replacement, WarehouseError};

/// What is added to the name of a file that is not published yet.
const STAGED: &str = ".tidemill-new";

/// What is added to the name of a version that is being replaced.
const REPLACED: &str = ".tidemill-old";

/// A free place beside `location`, with its folder; with `with_old` it begins as a copy of what is there.
pub(super) fn stage(location: &str, with_old: bool) -> Result<String, WarehouseError> {
    let place = Path::new(location);
    let cannot = |error: &io::Error| failed("written", location, error);
    if let Some(folder) = place.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
    }
    let (staged, replaced) = (beside(place, STAGED), beside(place, REPLACED));
    // A process that was killed between the two renames has left the old version under its other name.
    if !place.exists() && replaced.exists() {
        fs::rename(&replaced, place).map_err(|error| cannot(&error))?;
    }
    remove(&replaced).and_then(|()| remove(&staged)).map_err(|error| cannot(&error))?;
    if with_old && place.exists() {
        copy(place, &staged).map_err(|error| cannot(&error))?;
    }
    Ok(staged.to_string_lossy().into_owned())
}

/// Removes what was staged.
pub(super) fn discard(staged: &str) {
    // What cannot be removed now is removed before the next attempt.
    let _ = remove(Path::new(staged));
}

/// Gives staged files their place; what was there can be brought back.
pub(super) fn replace(staged: &str, location: &str) -> Result<Box<dyn Replacement>, WarehouseError> {
    let place = PathBuf::from(location);
    let replaced = beside(&place, REPLACED);
    let cannot = |error: &io::Error| failed("replaced", location, error);
    let had_old = place.exists();
    if place.is_dir() && exchange(Path::new(staged), &place) {
        fs::rename(staged, &replaced).map_err(|error| cannot(&error))?;
        return Ok(Box::new(Replaced { place, replaced: Some(replaced) }));
    }
    if had_old {
        // A file keeps its name until the new one has it, so that a reader always finds one.
        let is_linked = place.is_file() && fs::hard_link(&place, &replaced).is_ok();
        if !is_linked {
            fs::rename(&place, &replaced).map_err(|error| cannot(&error))?;
        }
    }
    if let Err(error) = fs::rename(staged, &place) {
        if had_old && !place.exists() {
            let _ = fs::rename(&replaced, &place);
        }
        return Err(cannot(&error));
    }
    Ok(Box::new(Replaced { place, replaced: had_old.then_some(replaced) }))
}

struct Replaced {
    place: PathBuf,
    replaced: Option<PathBuf>,
}

impl Replacement for Replaced {
    fn keep(self: Box<Self>) {
        if let Some(replaced) = &self.replaced {
            // It is removed before the next attempt otherwise.
            let _ = remove(replaced);
        }
    }

    fn undo(self: Box<Self>) {
        if let Some(replaced) = self.replaced.as_ref().filter(|it| it.is_dir() && exchange(it, &self.place)) {
            let _ = remove(replaced);
            return;
        }
        let removed = if self.place.is_dir() { fs::remove_dir_all(&self.place) } else { Ok(()) };
        match (&self.replaced, removed) {
            (Some(replaced), Ok(())) => drop(fs::rename(replaced, &self.place)),
            (None, _) => drop(remove(&self.place)),
            (Some(_), Err(_)) => {}
        }
    }
}

fn beside(place: &Path, suffix: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

pub(super) fn failed(what: &str, location: &str, error: &io::Error) -> WarehouseError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::DiskFull,
        _ => ErrorKind::Unavailable,
    };
    WarehouseError { kind, message: format!("`{location}` cannot be {what}: {error}"), position: None }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{discard, replace, stage};

    #[test]
    fn a_file_is_replaced_and_brought_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("sub/a.csv");
        let location = place.to_str().expect("a path");
        let write = |text: &str| {
            let staged = stage(location, false).expect("a place");
            fs::write(&staged, text).expect("written");
            replace(&staged, location).expect("replaced")
        };
        let read = || fs::read_to_string(&place).ok();
        write("1").undo();
        assert_eq!(read(), None);
        write("1").keep();
        write("2").undo();
        assert_eq!(read().as_deref(), Some("1"));
        write("2").keep();
        discard(&stage(location, true).expect("a place"));
        assert_eq!(read().as_deref(), Some("2"));
        assert_eq!(fs::read_dir(place.parent().expect("a folder")).expect("listed").count(), 1);
    }

    #[test]
    fn a_folder_is_replaced_and_brought_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("parts");
        let location = place.to_str().expect("a path");
        let write = |name: &str, with_old: bool| {
            let staged = stage(location, with_old).expect("a place");
            fs::create_dir_all(&staged).expect("made");
            fs::write(format!("{staged}/{name}"), name).expect("written");
            replace(&staged, location).expect("replaced")
        };
        write("a", false).keep();
        write("b", false).undo();
        assert!(place.join("a").exists() && !place.join("b").exists());
        write("b", true).keep();
        assert!(place.join("a").exists() && place.join("b").exists());
        write("c", false).keep();
        assert!(!place.join("a").exists() && place.join("c").exists());
    }
}
