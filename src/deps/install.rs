//! Putting packages into the project's folder for them: all of them or none.
//!
//! They are laid out in a new folder beside it, which then takes its place in one step. Whatever stops the
//! program before leaves the packages as they were.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::faults::{self, Fault};
use super::tree;
use crate::diagnostics::{Diagnostic, Span, Spanned};
use crate::project::disk::PROJECT_FILES;
use crate::project::package_lock::INSTALLED_FILE;

/// Where a package's files are.
pub(super) enum Origin {
    /// A folder of this machine that is linked to.
    Link(PathBuf),
    /// Files that are copied.
    Files(PathBuf),
}

/// What is left by a program that was killed is deleted after so long.
const LEFT_OVER: Duration = Duration::from_hours(1);

/// The folder for packages, sure to lie in the project and to hold nothing of its own.
pub(super) fn folder(
    project: &Path,
    path: &Spanned<String>,
    own: &[String],
    is_given: bool,
) -> Result<PathBuf, Fault> {
    let span = is_given.then_some(path.span);
    let refuse = |why: &str| -> Fault {
        let message = format!("packages cannot be installed into `{}`", path.value);
        Box::new(Diagnostic::error("unsafe-packages-path", message).at_opt(span, "").note(why.to_owned()))
    };
    let mut parts = Vec::new();
    for component in Path::new(&path.value).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refuse("it has to be a folder inside the project"));
            }
        }
    }
    let relative = parts.join("/");
    if relative.is_empty() {
        return Err(refuse("it is the project's own folder"));
    }
    let is_above = |it: &String| {
        let it = it.trim_start_matches("./").trim_end_matches('/');
        it == relative || it.starts_with(&format!("{relative}/")) || relative.starts_with(&format!("{it}/"))
    };
    if own.iter().any(is_above) || parts[0] == ".git" {
        return Err(refuse("the project's own files are there, and would be replaced"));
    }
    let folder = project.join(&relative);
    if PROJECT_FILES.iter().any(|it| folder.join(it).exists()) {
        return Err(refuse("it is a project itself"));
    }
    if fs::symlink_metadata(&folder).is_ok_and(|it| !it.is_dir()) {
        return Err(refuse("it is a link or a file: delete it first"));
    }
    let existing = folder.ancestors().find(|it| it.exists()).and_then(|it| it.canonicalize().ok());
    let is_inside = existing.zip(project.canonicalize().ok()).is_some_and(|it| it.0.starts_with(it.1));
    if !is_inside {
        return Err(refuse("a link leads it out of the project"));
    }
    Ok(folder)
}

/// Installs packages into a folder, which holds nothing else after that.
pub(super) fn install(
    folder: &Path,
    packages: &[(String, Origin)],
    lock: &str,
    is_stopped: &dyn Fn() -> bool,
) -> Result<(), Fault> {
    let failed = |error: io::Error| faults::file("cannot install the packages", &error);
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(failed)?;
    let name = folder.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix = format!(".{name}-new-");
    delete_left_overs(parent, &prefix);
    let staging = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).map_err(failed)?;
    for (name, origin) in packages {
        if is_stopped() {
            return Err(faults::interrupted());
        }
        let place = staging.path().join(name);
        match origin {
            Origin::Link(target) => link(target, &place, folder),
            Origin::Files(files) => tree::copy(files, &place),
        }
        .map_err(failed)?;
    }
    fs::write(staging.path().join(INSTALLED_FILE), lock).map_err(failed)?;
    readable(staging.path()).map_err(failed)?;
    replace(folder, staging).map_err(failed)
}

/// Links to a package, or copies it where no link can be made.
fn link(target: &Path, place: &Path, folder: &Path) -> io::Result<()> {
    let target = target.canonicalize()?;
    tree::symlink(&target, place).or_else(|_| {
        // The package may be around the project: what is installed must not be copied into itself.
        copy_without(&target, place, folder)
    })
}

fn copy_without(from: &Path, to: &Path, left_out: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left_out = entry.path() == left_out || matches!(name.to_str(), Some(".git" | "target"));
        if is_left_out || to.starts_with(entry.path()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_without(&entry.path(), &to.join(name), left_out)?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// Temporary folders are for their maker alone; packages are as readable as other folders.
#[cfg(unix)]
fn readable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Puts the new folder in the place of the old one.
fn replace(folder: &Path, staging: tempfile::TempDir) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(staging.keep(), folder);
    }
    if exchange(staging.path(), folder) {
        // The old packages are where the new ones were; they are deleted with `staging`.
        return Ok(());
    }
    let new = staging.keep();
    let old = new.with_extension("old");
    fs::rename(folder, &old)?;
    if let Err(error) = fs::rename(&new, folder) {
        fs::rename(&old, folder)?;
        return Err(error);
    }
    fs::remove_dir_all(old)
}

/// Exchanges two folders in one step, where the system can.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> bool {
    false
}

fn delete_left_overs(parent: &Path, prefix: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(prefix);
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
        if is_ours && age.is_some_and(|it| it > LEFT_OVER) {
            // What cannot be deleted is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Replaces a file in one step.
pub(super) fn write(path: &Path, text: &str, span: Option<Span>) -> Result<(), Fault> {
    let written = || {
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".tidemill-").tempfile_in(parent)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        readable_file(file.path())?;
        file.persist(path).map(drop).map_err(|it| it.error)
    };
    written().map_err(|error: io::Error| {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let mut fault = faults::file(&format!("cannot write `{name}`"), &error);
        fault.primary = span.map(|span| crate::diagnostics::Label { span, text: String::new() });
        fault
    })
}

#[cfg(unix)]
fn readable_file(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_file(_: &Path) -> io::Result<()> {
    Ok(())
}
