//! The project's folder on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::files::{Files, Listed, ProjectPath};

/// The names a project file may have, the preferred one first.
pub const PROJECT_FILES: [&str; 2] = ["project.yml", "dbt_project.yml"];

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The project in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn on_disk(&self, path: &ProjectPath) -> PathBuf {
        self.root.join(path.as_str())
    }

    fn relative(&self, path: &Path) -> ProjectPath {
        ProjectPath::new(&path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy())
    }
}

/// Whether a folder may hold files of the project it is found in, and whether a file may be one.
fn belongs(entry: &DirEntry) -> bool {
    if entry.depth() == 0 {
        return true;
    }
    if !entry.file_type().is_dir() {
        return !is_temporary(entry.path());
    }
    let hidden = entry.file_name().to_string_lossy().starts_with('.');
    !hidden && !PROJECT_FILES.iter().any(|name| entry.path().join(name).is_file())
}

/// Whether it is a file that editors and systems leave beside the real ones, by dbt's rule.
fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '#', '~']))
}

impl Files for Disk {
    fn list(&self, under: &str) -> Vec<Listed> {
        let folder = self.root.join(under);
        if !folder.exists() {
            return Vec::new();
        }
        WalkDir::new(folder)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(belongs)
            .filter_map(|entry| match entry {
                Ok(entry) if entry.file_type().is_file() => Some(Listed::File(self.relative(entry.path()))),
                Ok(_) => None,
                // An editor's lock may be a link that leads nowhere.
                Err(error) if error.path().is_some_and(is_temporary) => None,
                Err(error) => {
                    let path = self.relative(error.path().unwrap_or(&self.root));
                    let error = error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links"));
                    Some(Listed::Unreadable { path, error })
                }
            })
            .collect()
    }

    fn folders(&self, under: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(under)).into_iter().flatten().filter_map(Result::ok);
        let mut names: Vec<String> = entries
            .filter(|it| it.path().is_dir())
            .map(|it| it.file_name().to_string_lossy().into_owned())
            .filter(|it| !it.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>> {
        fs::read(self.on_disk(path))
    }

    fn exists(&self, path: &ProjectPath) -> bool {
        self.on_disk(path).is_file()
    }

    fn open(&self, path: &ProjectPath) -> io::Result<Box<dyn io::Read>> {
        Ok(Box::new(io::BufReader::new(fs::File::open(self.on_disk(path))?)))
    }

    fn locate(&self, path: &ProjectPath) -> String {
        self.on_disk(path).to_string_lossy().into_owned()
    }
}
