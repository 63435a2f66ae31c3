//! Packages that were fetched before, in the user's cache folder by the hash of their contents.

use std::fs;
use std::path::PathBuf;

use super::tree::{self, Tree};

/// The folder with what was fetched; without one nothing is kept.
pub(super) struct Cache {
    dir: Option<PathBuf>,
}

impl Cache {
    pub(super) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    fn place(&self, sha256: &str) -> Option<PathBuf> {
        let is_hash = sha256.len() == 64 && sha256.chars().all(|it| it.is_ascii_hexdigit());
        self.dir.as_ref().filter(|_| is_hash).map(|it| it.join(sha256))
    }

    /// The package with this content. A copy that is not what its name says is thrown away.
    pub(super) fn find(&self, sha256: &str) -> Option<Tree> {
        let dir = self.place(sha256)?;
        if !dir.is_dir() {
            return None;
        }
        if tree::hash(&dir).is_ok_and(|it| it == sha256) {
            return Some(Tree { dir, sha256: sha256.to_owned() });
        }
        // What cannot be deleted is found broken again.
        let _ = fs::remove_dir_all(&dir);
        None
    }

    /// Keeps a package. A cache that cannot be written costs time later, nothing else.
    pub(super) fn keep(&self, tree: &Tree) {
        let Some(place) = self.place(&tree.sha256).filter(|it| !it.exists()) else { return };
        let Some(parent) = place.parent() else { return };
        let _ = fs::create_dir_all(parent).and_then(|()| {
            let staging = tempfile::Builder::new().prefix("new-").tempdir_in(parent)?;
            let copy = staging.path().join("package");
            tree::copy(&tree.dir, &copy)?;
            fs::rename(copy, &place)
        });
    }
}
