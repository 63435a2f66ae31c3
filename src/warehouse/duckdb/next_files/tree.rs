//! All files of a version: names that no pattern finds, links to what stays, numbers of new files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{MARK, MASK};

pub(super) fn unmask_any(path: &Path) -> io::Result<()> {
    if path.is_dir() { unmask(path) } else { Ok(()) }
}

/// Copies a version with masked names: by links where the file system has them.
pub(super) fn copy_masked(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop));
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, name) = entry.map(|it| (it.path(), it.file_name()))?;
        if name == MARK {
            continue;
        }
        let mut inside = to.join(&name);
        if !is_real_folder(&entry) {
            inside.as_mut_os_string().push(MASK);
        }
        if is_real_folder(&entry) {
            copy_masked(&entry, &inside)?;
        } else {
            fs::hard_link(&entry, &inside).or_else(|_| fs::copy(&entry, &inside).map(drop))?;
        }
    }
    Ok(())
}

fn is_real_folder(path: &Path) -> bool {
    path.is_dir() && !path.is_symlink()
}

pub(super) fn mask(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    for file in files.iter().filter(|it| !it.to_string_lossy().ends_with(MASK)) {
        let mut to = file.clone();
        to.as_mut_os_string().push(MASK);
        fs::rename(file, to)?;
    }
    Ok(())
}

pub(super) fn unmask(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    for file in files {
        let name = file.file_name().and_then(|it| it.to_str()).and_then(|it| it.strip_suffix(MASK));
        if let Some(name) = name {
            fs::rename(&file, file.with_file_name(name))?;
        }
    }
    Ok(())
}

/// All files below a folder.
pub(super) fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_real_folder(&path) {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

pub(super) fn has_file(folder: &Path, ending: &str) -> bool {
    let mut files = Vec::new();
    // A folder that is not there has none.
    let _ = list(folder, &mut files);
    files.iter().any(|it| it.to_string_lossy().ends_with(ending))
}

/// A number that no file of ours has yet: a name never comes to mean another file between two versions.
pub(super) fn number_after(folder: &Path) -> u64 {
    let mut files = Vec::new();
    let _ = list(folder, &mut files);
    let number = |it: &PathBuf| {
        let name = it.file_name()?.to_str()?.strip_prefix("part-")?;
        name.split(|it: char| !it.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    files.iter().filter_map(number).max().map_or(1, |it| it.saturating_add(1))
}
