//! Unpacking archives that anybody may have made: nothing is written outside of the folder they go to.
//!
//! Entries are written by this module, never by the package that reads them. A link is made only after
//! all files, and has to lead into the package's own folder ([`super::tree::check_links`]); a hard link
//! becomes a copy.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

/// More than any package needs, unpacked.
const MAX_BYTES: u64 = 512 << 20;

/// More files than any package has.
const MAX_ENTRIES: usize = 100_000;

/// Why an archive was not unpacked.
#[derive(Debug)]
pub(super) enum ArchiveError {
    /// It is not a `.tar.gz`, or a broken one.
    Broken(String),
    /// An entry would do what no package may do.
    Unsafe {
        /// The entry.
        entry: String,
        /// What it would do.
        why: String,
    },
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        ArchiveError::Broken(error.to_string())
    }
}

/// A reader that fails when there is more than it may give.
struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| io::Error::other(too_large()))?;
        Ok(n)
    }
}

fn too_large() -> String {
    format!("it would be larger than {} MiB", MAX_BYTES >> 20)
}

/// Unpacks an archive of one folder and gives that folder's path; `into` is empty.
pub(super) fn unpack(bytes: &[u8], into: &Path) -> Result<PathBuf, ArchiveError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(ArchiveError::Broken("it is not compressed with gzip".to_owned()));
    }
    let unpacked = Limited { reader: MultiGzDecoder::new(bytes), left: MAX_BYTES };
    let mut archive = Archive::new(unpacked);
    let mut links = Vec::new();
    let mut total = 0_u64;
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        let shown = entry.path().map_or_else(|_| "?".to_owned(), |it| it.display().to_string());
        let refuse = |why: String| ArchiveError::Unsafe { entry: shown.clone(), why };
        if count >= MAX_ENTRIES {
            return Err(refuse(format!("there are more than {MAX_ENTRIES} entries")));
        }
        total = total.saturating_add(entry.size());
        if total > MAX_BYTES {
            return Err(refuse(too_large()));
        }
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let path = inside(&entry.path()?).map_err(&refuse)?;
        if path.as_os_str().is_empty() {
            continue;
        }
        match kind {
            EntryType::Directory => make_folder(into, &path).map_err(&refuse)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                write(into, &path, &mut entry).map_err(&refuse)?;
            }
            EntryType::Symlink => links.push((path, target(&entry).map_err(&refuse)?, shown)),
            EntryType::Link => {
                let original = inside(&target(&entry).map_err(&refuse)?).map_err(&refuse)?;
                copy(into, &original, &path).map_err(&refuse)?;
            }
            other => {
                return Err(refuse(format!("a package holds files and folders, not {}", describe(other))));
            }
        }
    }
    for (path, target, entry) in links {
        make_link(into, &path, &target).map_err(|why| ArchiveError::Unsafe { entry, why })?;
    }
    only_folder(into)
}

/// The path of an entry, sure to stay inside.
fn inside(path: &Path) -> Result<PathBuf, String> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err("its path leads out of the package with `..`".to_owned()),
            Component::RootDir | Component::Prefix(_) => return Err("its path is absolute".to_owned()),
        }
    }
    Ok(clean)
}

fn target<R: Read>(entry: &Entry<'_, R>) -> Result<PathBuf, String> {
    let target = entry.link_name().map_err(|error| error.to_string())?;
    Ok(target.ok_or("it is a link to nothing")?.into_owned())
}

fn make_folder(into: &Path, path: &Path) -> Result<(), String> {
    fs::create_dir_all(into.join(path)).map_err(|error| error.to_string())
}

fn make_parent(into: &Path, path: &Path) -> Result<(), String> {
    path.parent().map_or(Ok(()), |parent| make_folder(into, parent))
}

fn write<R: Read>(into: &Path, path: &Path, entry: &mut Entry<'_, R>) -> Result<(), String> {
    make_parent(into, path)?;
    let mut file = fs::File::create(into.join(path)).map_err(|error| error.to_string())?;
    io::copy(entry, &mut file).map(drop).map_err(|error| error.to_string())
}

fn copy(into: &Path, from: &Path, to: &Path) -> Result<(), String> {
    let is_file = fs::symlink_metadata(into.join(from)).is_ok_and(|it| it.is_file());
    if !is_file {
        return Err(format!("it is a hard link to `{}`, which is no file of the archive", from.display()));
    }
    make_parent(into, to)?;
    fs::copy(into.join(from), into.join(to)).map(drop).map_err(|error| error.to_string())
}

fn make_link(into: &Path, path: &Path, target: &Path) -> Result<(), String> {
    if target.has_root() || target.is_absolute() {
        return Err(format!("it is a link to `{}`, outside of the package", target.display()));
    }
    make_parent(into, path)?;
    super::tree::symlink(target, &into.join(path)).map_err(|error| error.to_string())
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Char | EntryType::Block => "devices",
        EntryType::Fifo => "pipes",
        _ => "entries of this kind",
    }
}

/// The one folder that the archive has at its top.
fn only_folder(into: &Path) -> Result<PathBuf, ArchiveError> {
    let entries: Vec<_> = fs::read_dir(into)?.collect::<Result<_, _>>()?;
    match entries.as_slice() {
        [entry] if entry.file_type()?.is_dir() => Ok(entry.path()),
        [] => Err(ArchiveError::Broken("it is empty".to_owned())),
        _ => Err(ArchiveError::Broken("it does not consist of one folder with the package in it".to_owned())),
    }
}
