//! A package with everything decided: what the lock file lists.

use super::faults::{self, Fault};
use super::store::Wanted;
use crate::diagnostics::Span;
use crate::project::package_list::without_credentials;

/// A package of which it is known exactly what to install.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    /// Where it is.
    pub(super) source: PinnedSource,
    /// The name of its project, and of its folder.
    pub(super) name: String,
    /// Where it is asked for first.
    pub(super) span: Span,
}

/// Where a package is, exactly.
#[derive(Clone, Debug)]
pub(super) enum PinnedSource {
    /// A folder.
    Local {
        /// Its path from the project.
        path: String,
    },
    /// A commit.
    Git {
        /// The repository.
        url: String,
        /// The repository as it is written in the list.
        written: String,
        /// The commit.
        commit: String,
        /// The folder in it.
        subdirectory: Option<String>,
        /// The tag that led to the commit.
        tag: Option<String>,
    },
    /// An archive.
    Tarball {
        /// Its address.
        url: String,
        /// Its address as it is written in the list.
        written: String,
    },
    /// A version of a package of the hub.
    Hub {
        /// The package.
        package: String,
        /// The version.
        version: String,
    },
}

impl Pinned {
    /// The package for people.
    pub(super) fn shown(&self) -> String {
        match &self.source {
            PinnedSource::Local { path } => path.clone(),
            PinnedSource::Git { url, subdirectory, .. } => {
                let folder = subdirectory.as_ref().map(|it| format!("/{it}")).unwrap_or_default();
                format!("{}{folder}", without_credentials(url))
            }
            PinnedSource::Tarball { url, .. } => without_credentials(url),
            PinnedSource::Hub { package, .. } => package.clone(),
        }
    }

    /// Its version for people.
    pub(super) fn version(&self) -> String {
        match &self.source {
            PinnedSource::Local { .. } => "local folder".to_owned(),
            PinnedSource::Git { commit, tag: None, .. } => commit.clone(),
            PinnedSource::Git { commit, tag: Some(tag), .. } => format!("{tag}, {commit}"),
            PinnedSource::Tarball { .. } => "archive".to_owned(),
            PinnedSource::Hub { version, .. } => version.clone(),
        }
    }

    /// What has to be fetched for it; nothing for a folder.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        match &self.source {
            PinnedSource::Local { .. } => None,
            PinnedSource::Git { url, commit, subdirectory, .. } => Some(Wanted::Commit {
                url: url.clone(),
                commit: commit.clone(),
                subdirectory: subdirectory.clone(),
            }),
            PinnedSource::Tarball { url, .. } => Some(Wanted::Archive { url: url.clone() }),
            PinnedSource::Hub { package, version } => {
                Some(Wanted::Release { package: package.clone(), version: version.clone() })
            }
        }
    }

    /// A text that only this version of this package has.
    pub(super) fn identity(&self) -> String {
        format!("{} {}", self.shown(), self.version())
    }
}

/// A package's name becomes a folder's: it must not be a path.
pub(super) fn check_name(pinned: &Pinned) -> Result<(), Fault> {
    let name = &pinned.name;
    let is_word = name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '-'));
    if is_word && !name.is_empty() {
        return Ok(());
    }
    Err(faults::bad_name(&pinned.shown(), name, Some(pinned.span)))
}
