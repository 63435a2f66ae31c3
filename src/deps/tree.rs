//! Folders of packages: their contents' hash, copies of them, and the links in them.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

/// A package's files.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The folder they are in.
    pub(super) dir: PathBuf,
    /// The hash of their paths and contents.
    pub(super) sha256: String,
}

/// What is at a path.
enum Item {
    Folder,
    File,
    Link(PathBuf),
}

/// Everything in a folder, sorted, with paths relative to it; git's own files are left out.
fn items(dir: &Path) -> io::Result<Vec<(PathBuf, Item)>> {
    let walk = WalkDir::new(dir).min_depth(1).sort_by_file_name().into_iter();
    let walk = walk.filter_entry(|it| it.file_name() != ".git");
    walk.map(|entry| {
        let entry = entry?;
        let kind = entry.file_type();
        let item = if kind.is_dir() {
            Item::Folder
        } else if kind.is_symlink() {
            Item::Link(fs::read_link(entry.path())?)
        } else if kind.is_file() {
            Item::File
        } else {
            let message = format!("`{}` is neither file nor folder", entry.path().display());
            return Err(io::Error::other(message));
        };
        Ok((entry.path().strip_prefix(dir).unwrap_or(entry.path()).to_path_buf(), item))
    })
    .collect()
}

fn slashed(path: &Path) -> String {
    path.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The hash of all paths and contents.
pub(super) fn hash(dir: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    for (path, item) in items(dir)? {
        let mut record = |kind: u8, length: u64| {
            let path = slashed(&path);
            hasher.update([kind]);
            hasher.update((path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(length.to_le_bytes());
        };
        match item {
            // Archives need not list their folders, and git knows none.
            Item::Folder => {}
            Item::Link(target) => {
                let target = slashed(&target);
                record(b'l', target.len() as u64);
                hasher.update(target.as_bytes());
            }
            Item::File => {
                let mut file = fs::File::open(dir.join(&path))?;
                record(b'f', file.metadata()?.len());
                let mut buffer = vec![0; 64 << 10];
                loop {
                    match file.read(&mut buffer)? {
                        0 => break,
                        n => hasher.update(&buffer[..n]),
                    }
                }
            }
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        hex
    })
}

/// Copies a folder to a place where there is none yet.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for (path, item) in items(from)? {
        match item {
            Item::Folder => fs::create_dir_all(to.join(&path))?,
            Item::File => fs::copy(from.join(&path), to.join(&path)).map(drop)?,
            Item::Link(target) => symlink(&target, &to.join(&path))?,
        }
    }
    Ok(())
}

/// The first link that leads out of the folder, or nowhere, and where it leads.
pub(super) fn check_links(dir: &Path) -> io::Result<Option<(String, String)>> {
    let root = dir.canonicalize()?;
    for (path, item) in items(dir)? {
        if let Item::Link(target) = item {
            let found = dir.join(&path).canonicalize();
            if !found.is_ok_and(|it| it.starts_with(&root)) {
                return Ok(Some((slashed(&path), slashed(&target))));
            }
        }
    }
    Ok(None)
}

/// Makes a symbolic link.
#[cfg(unix)]
pub(super) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Makes a symbolic link.
#[cfg(windows)]
pub(super) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    let target_on_disk = link.parent().unwrap_or(link).join(target);
    if target_on_disk.is_dir() {
        std::os::windows::fs::symlink_dir(target, link)
    } else {
        std::os::windows::fs::symlink_file(target, link)
    }
}
