//! Getting packages: from the cache, the network, git or a folder, each once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::Surroundings;
use super::archive;
use super::cache::Cache;
use super::faults::{self, Fault};
use super::git::{self, Git, Reference, Revision};
use super::http::{Http, HttpError};
use super::hub::{self, HubPackage, HubVersion};
use super::pinned::{Pinned, PinnedSource};
use super::tree::{self, Tree};
use super::version::Version;
use crate::diagnostics::Span;
use crate::project::package_list::without_credentials;

/// What is fetched, exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// A commit, or a folder in it.
    Commit {
        /// The repository.
        url: String,
        /// The commit.
        commit: String,
        /// The folder.
        subdirectory: Option<String>,
    },
    /// An archive.
    Archive {
        /// Its address, or a path from the project.
        url: String,
    },
    /// A version of a package of the hub.
    Release {
        /// The package.
        package: String,
        /// The version.
        version: String,
    },
}

/// What the lock file says that would be found.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Hashes of contents.
    pub(super) contents: BTreeMap<Wanted, String>,
    /// Commits of tags, by repository and tag.
    pub(super) tags: BTreeMap<(String, String), String>,
}

/// What was fetched so far, and the way to the rest.
pub(super) struct Store<'a> {
    around: &'a Surroundings<'a>,
    known: Known,
    cache: Cache,
    http: Option<Http>,
    workspace: TempDir,
    hub_packages: BTreeMap<String, HubPackage>,
    repositories: BTreeMap<String, Vec<Reference>>,
    trees: BTreeMap<Wanted, Tree>,
}

impl<'a> Store<'a> {
    pub(super) fn new(around: &'a Surroundings<'a>, known: Known) -> Result<Self, Fault> {
        let workspace = tempfile::Builder::new().prefix("tidemill-deps-").tempdir();
        let workspace = workspace.map_err(|it| faults::file("cannot make a temporary folder", &it))?;
        Ok(Self {
            around,
            known,
            cache: Cache::new(around.cache.clone()),
            http: None,
            workspace,
            hub_packages: BTreeMap::new(),
            repositories: BTreeMap::new(),
            trees: BTreeMap::new(),
        })
    }

    /// What the hub says about a package.
    pub(super) fn hub_package(&mut self, package: &str, span: Option<Span>) -> Result<&HubPackage, Fault> {
        if !self.hub_packages.contains_key(package) {
            let url = format!("{}api/v1/{package}.json", self.around.hub);
            let found = match self.get(&url, package, span)? {
                Some(bytes) => hub::read(package, &bytes, self.around.checks_versions),
                None => return Err(faults::unknown_package(package, &self.hub_index(), span)),
            };
            let found = found.map_err(|problem| faults::bad_hub_answer(package, &problem, span))?;
            self.hub_packages.insert(package.to_owned(), found);
        }
        Ok(&self.hub_packages[package])
    }

    /// A version that is newer than a package's, if the hub was asked about it at all.
    pub(super) fn newer_than(&self, package: &Pinned) -> Option<String> {
        let PinnedSource::Hub { package, version } = &package.source else { return None };
        let versions = self.hub_packages.get(package)?.versions.iter().filter(|it| it.1.is_compatible);
        let mut versions: Vec<(&String, Version)> = versions
            .filter_map(|(text, _)| Some((text, Version::parse(text)?)))
            .filter(|it| !it.1.is_prerelease())
            .collect();
        versions.sort_by(|a, b| a.1.compare(&b.1));
        let (text, newest) = versions.pop()?;
        let current = Version::parse(version)?;
        newest.compare(&current).is_gt().then(|| text.clone())
    }

    /// Names of all packages of the hub, for suggestions; none if they cannot be had.
    fn hub_index(&mut self) -> Vec<String> {
        let url = format!("{}api/v1/index.json", self.around.hub);
        let bytes = self.get(&url, "", None).ok().flatten().unwrap_or_default();
        let index: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        let names = index.as_array().into_iter().flatten();
        names.filter_map(Json::as_str).map(str::to_owned).collect()
    }

    /// The commit that a revision means now.
    pub(super) fn revision(
        &mut self,
        url: &str,
        revision: &str,
        span: Option<Span>,
    ) -> Result<Revision, Fault> {
        for text in [url, revision] {
            if let Some(why) = git::refusal(text) {
                return Err(faults::bad_git_text(text, why, span));
            }
        }
        if git::is_commit(revision) {
            return Ok(Revision { commit: revision.to_owned(), is_tag: false });
        }
        let git = self.git(url, span)?;
        if !self.repositories.contains_key(url) {
            let references = git.references(url).map_err(|it| self.git_fault(url, it, span))?;
            self.repositories.insert(url.to_owned(), references);
        }
        let references = &self.repositories[url];
        if let Some(found) = git::resolve(references, revision) {
            let key = (url.to_owned(), revision.to_owned());
            return match self.known.tags.get(&key).filter(|it| found.is_tag && **it != found.commit) {
                Some(locked) => {
                    let what = without_credentials(url);
                    Err(faults::moved_tag(&what, revision, (locked, &found.commit), span))
                }
                None => Ok(found),
            };
        }
        // The beginning of a commit's hash can only be found with all commits at hand.
        let is_short = revision.len() >= 7 && revision.chars().all(|it| it.is_ascii_hexdigit());
        let unknown = || faults::unknown_revision(url, revision, git::names(references), span);
        if !is_short {
            return Err(unknown());
        }
        let folder = self.folder()?;
        let commit = git.fetch(url, revision, &folder).map_err(|_| unknown())?;
        Ok(Revision { commit, is_tag: false })
    }

    fn git(&self, url: &str, span: Option<Span>) -> Result<Git<'a>, Fault> {
        if self.around.is_offline && !git::is_local(url) {
            return Err(faults::offline(&without_credentials(url), span));
        }
        Ok(Git { dir: self.around.dir, is_offline: self.around.is_offline })
    }

    /// git ends with the signal that stops us too.
    fn git_fault(&self, url: &str, problem: git::GitError, span: Option<Span>) -> Fault {
        if (self.around.is_stopped)() { faults::interrupted() } else { faults::git(url, problem, span) }
    }

    /// A package's files. If it is known what they are to be, the cache is asked first, and nothing else will do.
    pub(super) fn tree(&mut self, wanted: &Wanted, place: Span) -> Result<Tree, Fault> {
        let span = Some(place);
        if let Some(tree) = self.trees.get(wanted) {
            return Ok(tree.clone());
        }
        if (self.around.is_stopped)() {
            return Err(faults::interrupted());
        }
        let known = self.known.contents.get(wanted).cloned();
        if let Some(tree) = known.as_ref().and_then(|it| self.cache.find(it)) {
            self.trees.insert(wanted.clone(), tree.clone());
            return Ok(tree);
        }
        let (dir, what) = match wanted {
            Wanted::Commit { url, commit, subdirectory } => {
                (self.checkout(url, commit, subdirectory.as_deref(), span)?, without_credentials(url))
            }
            Wanted::Archive { url } => (self.unpack(url, span)?, without_credentials(url)),
            Wanted::Release { package, version } => {
                let url = self.release(package, version, place)?.tarball.clone();
                (self.unpack(&url, span)?, format!("{package} {version}"))
            }
        };
        let unreadable = |error| faults::file(&format!("cannot read the package `{what}`"), &error);
        if let Some((entry, target)) = tree::check_links(&dir).map_err(unreadable)? {
            let why = format!("it is a link to `{target}`, which is not in the package");
            return Err(Box::new(faults::unsafe_entry(&what, &entry, &why, span)));
        }
        let tree = Tree { sha256: tree::hash(&dir).map_err(unreadable)?, dir };
        if let Some(known) = known.filter(|it| *it != tree.sha256) {
            return Err(faults::changed_package(&what, (&known, &tree.sha256), span));
        }
        self.cache.keep(&tree);
        self.trees.insert(wanted.clone(), tree.clone());
        Ok(tree)
    }

    /// What the hub says about a version.
    pub(super) fn release(&mut self, package: &str, version: &str, span: Span) -> Result<&HubVersion, Fault> {
        let found = self.hub_package(package, Some(span))?;
        let known = || found.versions.keys().map(String::as_str);
        let release = found.versions.get(version);
        release.ok_or_else(|| faults::unknown_version(package, version, known(), Some(span)))
    }

    fn folder(&self) -> Result<PathBuf, Fault> {
        let folder = tempfile::Builder::new().prefix("p").tempdir_in(self.workspace.path());
        folder.map(TempDir::keep).map_err(|it| faults::file("cannot make a temporary folder", &it))
    }

    fn checkout(
        &self,
        url: &str,
        commit: &str,
        subdirectory: Option<&str>,
        span: Option<Span>,
    ) -> Result<PathBuf, Fault> {
        if let Some((text, why)) = [url, commit].iter().find_map(|it| Some((it, git::refusal(it)?))) {
            return Err(faults::bad_git_text(text, why, span));
        }
        let folder = self.folder()?;
        let git = self.git(url, span)?;
        git.fetch(url, commit, &folder).map_err(|it| self.git_fault(url, it, span))?;
        let Some(subdirectory) = subdirectory else { return Ok(folder) };
        let inner = folder.join(subdirectory);
        let is_inside = Path::new(subdirectory).is_relative()
            && !subdirectory.split(['/', '\\']).any(|it| it == "..")
            && inner
                .canonicalize()
                .ok()
                .zip(folder.canonicalize().ok())
                .is_some_and(|it| it.0.starts_with(it.1));
        if !is_inside || !inner.is_dir() {
            return Err(faults::not_a_package(&format!("{url}/{subdirectory}"), span));
        }
        Ok(inner)
    }

    fn unpack(&mut self, url: &str, span: Option<Span>) -> Result<PathBuf, Fault> {
        let bytes = match local_archive(self.around.dir, url) {
            Some(path) => {
                fs::read(&path).map_err(|error| faults::download_failed(url, &error.to_string(), span))?
            }
            None => self
                .get(url, url, span)?
                .ok_or_else(|| faults::download_failed(url, "the server has no such file", span))?,
        };
        let folder = self.folder()?;
        archive::unpack(&bytes, &folder).map_err(|problem| faults::archive(url, problem, span))
    }

    /// A file of a server; `None` if it has none.
    fn get(&mut self, url: &str, what: &str, span: Option<Span>) -> Result<Option<Vec<u8>>, Fault> {
        if self.around.is_offline {
            return Err(faults::offline(&without_credentials(what), span));
        }
        let http = match self.http.take() {
            Some(http) => http,
            None => {
                Http::new(self.around.env).map_err(|problem| faults::download_failed(url, &problem, span))?
            }
        };
        let answer = self.http.insert(http).get(url, self.around.is_stopped);
        match answer {
            Ok(bytes) => Ok(Some(bytes)),
            Err(HttpError::NotFound) => Ok(None),
            Err(HttpError::Stopped) => Err(faults::interrupted()),
            Err(HttpError::Failed(problem)) => Err(faults::download_failed(url, &problem, span)),
        }
    }
}

/// The path of an archive that is a file of this machine.
fn local_archive(project: &Path, url: &str) -> Option<PathBuf> {
    match url.split_once("://") {
        Some(("file", path)) => Some(PathBuf::from(path)),
        Some(_) => None,
        None => Some(project.join(url)),
    }
}
