//! The project's folder as the middle of the program sees it: a list of paths and their bytes.

use std::collections::BTreeMap;
use std::io;

/// A path inside the project, with `/` on every system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectPath(String);

impl ProjectPath {
    /// A path from its text; `\` becomes `/`, a leading `./` goes.
    pub fn new(path: &str) -> Self {
        let path = path.replace('\\', "/");
        Self(path.trim_start_matches("./").trim_end_matches('/').to_owned())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part, without its extension.
    pub fn stem(&self) -> &str {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The extension in lower case, without the dot.
    pub fn extension(&self) -> String {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default()
    }

    /// The path relative to a folder, if it is inside it.
    pub fn inside(&self, folder: &str) -> Option<&str> {
        let folder = folder.trim_end_matches('/');
        if folder.is_empty() || folder == "." {
            return Some(&self.0);
        }
        self.0.strip_prefix(folder)?.strip_prefix('/')
    }
}

/// The project's folder: the disk for users, a map for tests.
pub trait Files: Sync {
    /// All files under a folder (empty for the project's own), sorted; folders with a project file of
    /// their own and hidden folders are left out. A folder that does not exist has no files.
    fn list(&self, under: &str) -> Vec<Listed>;

    /// Names of the folders directly under a folder.
    fn folders(&self, under: &str) -> Vec<String>;

    /// A file's bytes.
    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>>;

    /// Whether a file is there.
    fn exists(&self, path: &ProjectPath) -> bool;

    /// A file's bytes from its begin on, for files that may be large.
    fn open(&self, path: &ProjectPath) -> io::Result<Box<dyn io::Read>>;

    /// Where the engine finds a file.
    fn locate(&self, path: &ProjectPath) -> String;
}

/// One entry of a listing.
#[derive(Debug)]
pub enum Listed {
    /// A file.
    File(ProjectPath),
    /// A folder that could not be read.
    Unreadable {
        /// The folder.
        path: ProjectPath,
        /// What the system says.
        error: io::Error,
    },
}

/// Files in memory, for tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<ProjectPath, Vec<u8>>,
}

impl MemoryFiles {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(ProjectPath::new(path), bytes.into());
    }
}

impl Files for MemoryFiles {
    fn list(&self, under: &str) -> Vec<Listed> {
        self.files.keys().filter(|it| it.inside(under).is_some()).cloned().map(Listed::File).collect()
    }

    fn folders(&self, under: &str) -> Vec<String> {
        super::packages::folders_of(&self.list(under), under)
    }

    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn exists(&self, path: &ProjectPath) -> bool {
        self.files.contains_key(path)
    }

    fn open(&self, path: &ProjectPath) -> io::Result<Box<dyn io::Read>> {
        Ok(Box::new(io::Cursor::new(self.read(path)?)))
    }

    fn locate(&self, path: &ProjectPath) -> String {
        path.as_str().to_owned()
    }
}
