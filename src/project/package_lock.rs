//! The lock file `package-lock.yml` to [`PackageLock`].
//!
//! It is dbt's, which takes no keys but its own. What else is known of the packages stands in comments.

use std::collections::BTreeMap;

use super::files::{Files, ProjectPath};
use super::package_list::{self, PackageSpec};
use super::reading;
use super::settings::Settings;
use crate::diagnostics::{Diagnostics, Sources};
use crate::yaml;

/// The name of the lock file.
pub const LOCK_FILE: &str = "package-lock.yml";

/// A copy of the lock file that the packages were installed from, in the folder of the packages.
pub const INSTALLED_FILE: &str = ".package-lock.yml";

/// The beginning of a comment with what is known of a package.
pub const CONTENT_MARK: &str = "#   ";

/// What the lock file says.
#[derive(Clone, Debug, Default)]
pub struct PackageLock {
    /// All packages, also those that packages ask for, each with one version.
    pub specs: Vec<PackageSpec>,
    /// The hash of the list that the lock was made from.
    pub list_hash: Option<String>,
    /// What the packages contain, by name.
    pub contents: BTreeMap<String, LockedContent>,
}

/// What a package contained when it was locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedContent {
    /// The hash of its files.
    pub sha256: String,
    /// The tag that led to its commit.
    pub tag: Option<String>,
}

/// Reads a lock file; `None` if there is none.
pub fn read(
    diags: &mut Diagnostics,
    sources: &mut Sources,
    files: &dyn Files,
    path: &str,
    settings: &Settings,
) -> Option<PackageLock> {
    let path = ProjectPath::new(path);
    if !files.exists(&path) {
        return None;
    }
    let (file, text) = reading::read_text(diags, sources, files, &path)?;
    let tree = yaml::parse(diags, file, &text)?;
    let rendered = settings.render_tree(diags, &tree, &[]);
    let specs = package_list::specs(diags, &tree, &rendered, &["sha1_hash"]);
    let list_hash = tree.get("sha1_hash").and_then(yaml::fields::scalar_text);
    Some(PackageLock { specs, list_hash, contents: text.lines().filter_map(content).collect() })
}

/// `#   name: sha256:<hash> tag <tag>`.
fn content(line: &str) -> Option<(String, LockedContent)> {
    let (name, rest) = line.strip_prefix(CONTENT_MARK)?.split_once(": sha256:")?;
    let (sha256, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let tag = rest.strip_prefix("tag ").map(str::to_owned);
    Some((name.to_owned(), LockedContent { sha256: sha256.trim().to_owned(), tag }))
}
