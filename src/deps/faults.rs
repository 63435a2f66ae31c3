//! What can be wrong with packages, and how it is said.

use super::version::Version;
use crate::diagnostics::{Diagnostic, Span, suggest};
use crate::project::package_list::without_credentials;

/// A fault on its way out; boxed, since it is large and rare.
pub(super) type Fault = Box<Diagnostic>;

fn error(code: &'static str, message: String, span: Option<Span>, label: &str) -> Diagnostic {
    Diagnostic::error(code, message).at_opt(span, label)
}

/// The network is needed and must not be used.
pub(super) fn offline(what: &str, span: Option<Span>) -> Fault {
    Box::new(
        error("offline", format!("`{what}` has to be fetched, but the network must not be used"), span, "")
            .note("`--offline` is set, and the package is not in the cache with the content that is locked")
            .help("run `tidemill deps` once without `--offline`; after that it works offline too"),
    )
}

/// A file could not be fetched.
pub(super) fn download_failed(url: &str, problem: &str, span: Option<Span>) -> Fault {
    let message = format!("cannot fetch `{}`", without_credentials(url));
    Box::new(error("download-failed", message, span, "").note(problem))
}

/// The user stopped it.
pub(super) fn interrupted() -> Fault {
    Box::new(
        Diagnostic::error("interrupted", "the packages were not installed: interrupted")
            .note("those that were installed before are still there"),
    )
}

/// A file of the system could not be read or written.
pub(super) fn file(what: &str, problem: &std::io::Error) -> Fault {
    Box::new(Diagnostic::error("unwritable-file", what).note(problem.to_string()))
}

/// The hub does not have the package.
pub(super) fn unknown_package(package: &str, known: &[String], span: Option<Span>) -> Fault {
    let message = format!("the hub has no package `{package}`");
    let near = suggest::did_you_mean(package, known.iter().map(String::as_str));
    Box::new(error("unknown-package", message, span, "").help_opt(near))
}

/// The hub has the package, but not this version.
pub(super) fn unknown_version<'a>(
    package: &str,
    wanted: &str,
    known: impl Iterator<Item = &'a str>,
    span: Option<Span>,
) -> Fault {
    let mut known: Vec<&str> = known.collect();
    known.sort_by(|a, b| match (Version::parse(a), Version::parse(b)) {
        (Some(a), Some(b)) => b.compare(&a),
        _ => b.cmp(a),
    });
    let message = format!("the hub has no version of `{package}` that fits `{wanted}`");
    let shown = known.iter().take(6).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > 6 { ", ..." } else { "" };
    let note =
        if known.is_empty() { "it has none at all".to_owned() } else { format!("it has {shown}{more}") };
    Box::new(error("unknown-package-version", message, span, "").note(note))
}

/// The hub's answer cannot be used.
pub(super) fn bad_hub_answer(package: &str, problem: &str, span: Option<Span>) -> Fault {
    let message = format!("the hub's answer about `{package}` cannot be used");
    Box::new(error("download-failed", message, span, "").note(problem))
}

/// git could not do it.
pub(super) fn git(url: &str, problem: super::git::GitError, span: Option<Span>) -> Fault {
    let shown = without_credentials(url);
    let diagnostic = error("git-failed", format!("cannot fetch the git package `{shown}`"), span, "");
    Box::new(match problem {
        super::git::GitError::NotInstalled => diagnostic
            .note("there is no program `git`")
            .help("install git, or use a `tarball:` of the package"),
        super::git::GitError::Failed(said) => {
            let credentials = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|it| it.0);
            let hidden = credentials.filter(|it| !it.is_empty() && !it.contains('/'));
            let said = hidden.map_or(said.clone(), |it| said.replace(it, "***"));
            said.lines().take(6).fold(diagnostic, |it, line| it.note(format!("git: {line}")))
        }
    })
}

/// An address or a revision that git would not take for one.
pub(super) fn bad_git_text(text: &str, why: &str, span: Option<Span>) -> Fault {
    Box::new(error("invalid-git-package", format!("`{text}` is not given to git"), span, why))
}

/// The repository has no such branch, tag or commit.
pub(super) fn unknown_revision<'a>(
    url: &str,
    revision: &str,
    known: impl IntoIterator<Item = &'a str>,
    span: Option<Span>,
) -> Fault {
    let message = format!("`{}` has no branch, tag or commit `{revision}`", without_credentials(url));
    Box::new(error("unknown-revision", message, span, "").help_opt(suggest::did_you_mean(revision, known)))
}

/// A tag leads to another commit than it did when the lock file was written.
pub(super) fn moved_tag(what: &str, tag: &str, commits: (&str, &str), span: Option<Span>) -> Fault {
    Box::new(
        error("moved-tag", format!("the tag `{tag}` of `{what}` was moved"), span, "")
            .note(format!("package-lock.yml has the commit {}", commits.0))
            .note(format!("now the tag leads to      {}", commits.1))
            .help("ask the package's authors why; `tidemill deps --upgrade` takes the new commit"),
    )
}

/// A package has other content than it had when the lock file was written.
pub(super) fn changed_package(what: &str, hashes: (&str, &str), span: Option<Span>) -> Fault {
    Box::new(
        error("changed-package", format!("`{what}` is not what it was when it was locked"), span, "")
            .note(format!("package-lock.yml has sha256:{}", hashes.0))
            .note(format!("what was fetched is sha256:{}", hashes.1))
            .help("ask the package's authors why; `tidemill deps --upgrade` takes the new content"),
    )
}

/// An archive that does what no package may do, or that is none.
pub(super) fn archive(what: &str, problem: super::archive::ArchiveError, span: Option<Span>) -> Fault {
    let what = without_credentials(what);
    Box::new(match problem {
        super::archive::ArchiveError::Broken(why) => {
            error("broken-archive", format!("`{what}` is not an archive of a package"), span, "").note(why)
        }
        super::archive::ArchiveError::Unsafe { entry, why } => unsafe_entry(&what, &entry, &why, span),
    })
}

/// One file of a package reaches outside of it, or would fill the disk.
pub(super) fn unsafe_entry(what: &str, entry: &str, why: &str, span: Option<Span>) -> Diagnostic {
    error("unsafe-package", format!("`{what}` is not installed: its entry `{entry}` is not safe"), span, "")
        .note(why.to_owned())
}

/// What was found is no package.
pub(super) fn not_a_package(what: &str, span: Option<Span>) -> Fault {
    Box::new(
        error("not-a-package", format!("`{what}` is no package: it has no dbt_project.yml"), span, "")
            .help("for a package in a folder of a repository, give the folder as `subdirectory:`"),
    )
}

/// A project's name that cannot be a folder's.
pub(super) fn bad_name(what: &str, name: &str, span: Option<Span>) -> Fault {
    Box::new(error("invalid-name", format!("`{name}` cannot be the name of the package `{what}`"), span, ""))
}
