//! Old versions of a database file, kept beside it under the time they were published at.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::with_suffix;

/// What is added to the name of the database file; the time follows.
const VERSION: &str = ".version-";

/// An old version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptVersion {
    /// Its name: when it was published, `20260131T120000Z`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// The old versions of a database file, newest first.
pub fn kept_versions(database: &Path) -> Vec<KeptVersion> {
    let database = super::real_path(database);
    let folder = database.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{}{VERSION}", database.file_name().unwrap_or_default().to_string_lossy());
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<KeptVersion> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().strip_prefix(&prefix)?.to_owned();
            let size = entry.metadata().ok().filter(fs::Metadata::is_file)?.len();
            is_name(&name).then(|| KeptVersion { name, size, path: entry.path() })
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions
}

/// `20260131T120000Z`, perhaps with `-2` and so on after it.
fn is_name(name: &str) -> bool {
    let (time, number) = name.split_once('-').unwrap_or((name, "2"));
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    time.len() == 16
        && time.is_ascii()
        && is_digits(&time[..8])
        && &time[8..9] == "T"
        && is_digits(&time[9..15])
        && time.ends_with('Z')
        && is_digits(number)
}

/// Gives the published file a second name, under which it stays when another takes its place.
pub(super) fn keep(published: &Path) -> io::Result<()> {
    let metadata = fs::metadata(published)?;
    if kept_versions(published).iter().any(|it| is_same(&it.path, &metadata)) {
        // A run that was killed came as far as here.
        return Ok(());
    }
    let at = metadata.modified().unwrap_or_else(|_| SystemTime::now());
    let at = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ").to_string();
    let names = std::iter::once(at.clone()).chain((2..100).map(|it| format!("{at}-{it}")));
    for name in names {
        let version = with_suffix(published, &format!("{VERSION}{name}"));
        match fs::hard_link(published, &version) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return copy(published, &version);
            }
            done => return done,
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many versions of one moment"))
}

/// Where files cannot have two names.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let partial = with_suffix(from, ".tidemill-version");
    fs::copy(from, &partial)?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, to)
}

#[cfg(unix)]
fn is_same(path: &Path, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    fs::metadata(path).is_ok_and(|it| (it.dev(), it.ino()) == (other.dev(), other.ino()))
}

#[cfg(not(unix))]
fn is_same(_path: &Path, _other: &fs::Metadata) -> bool {
    false
}

/// Removes all but the newest.
pub(super) fn prune(published: &Path, keep: usize) {
    if keep == 0 {
        return;
    }
    for version in kept_versions(published).iter().skip(keep) {
        // One that cannot be removed now is removed after the next run.
        let _ = fs::remove_file(&version.path);
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn only_names_of_ours_are_versions() {
        assert!(is_name("20260131T120000Z") && is_name("20260131T120000Z-2"));
        for name in
            ["", "old", "20260131T120000", "20260131T120000Z-", "20260131T120000Z-b", "2026-01-31T12:00Z"]
        {
            assert!(!is_name(name), "{name}");
        }
    }
}
