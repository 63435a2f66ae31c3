//! What moving files asks of the system.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// Exchanges two paths in one step, where the system can.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) fn exchange(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn exchange(_: &Path, _: &Path) -> bool {
    false
}

/// Whether a path still leads to this file.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let key = |it: &fs::Metadata| (it.dev(), it.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if key(&a) == key(&b))
}

#[cfg(not(unix))]
pub(super) fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Lets the process have as many files open as the system allows it: every place that is being written is one.
#[cfg(unix)]
pub(super) fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // With fewer, who needs more is told so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    });
}

#[cfg(not(unix))]
pub(super) fn allow_many_files() {}

/// Removes a file or a folder, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let is_folder = path.is_dir() && !path.is_symlink();
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        // Below a file there is nothing.
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// The names in a folder.
pub(super) fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.file_name()).collect()
}

/// Lets the names in a folder reach the disk, where the system can.
pub(super) fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|it| it.sync_all());
}

/// How many files are waited for at a time: the system writes what is asked for together in one go.
const SYNCED_TOGETHER: usize = 16;

/// Lets files reach the disk. Those that are not there any more do not matter.
pub(super) fn sync_all(files: &[PathBuf]) -> io::Result<()> {
    let sync = |file: &PathBuf| match File::open(file).and_then(|it| it.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let part = files.len().div_ceil(SYNCED_TOGETHER).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> =
            files.chunks(part).map(|it| scope.spawn(move || it.iter().try_for_each(sync))).collect();
        parts
            .into_iter()
            .try_for_each(|it| it.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended"))))
    })
}
