//! Packages in git repositories, through the system's `git`.
//!
//! No text of the user becomes a flag: addresses and revisions that begin with `-` are refused, and `--`
//! stands before them. Only plain protocols are allowed, so an address can run no program.

use std::path::Path;
use std::process::{Command, Stdio};

/// Why git could not do it, for people.
#[derive(Debug)]
pub(super) enum GitError {
    /// There is no `git`.
    NotInstalled,
    /// What git says.
    Failed(String),
}

/// Where a name of a repository points to.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    name: String,
    commit: String,
}

/// What a revision means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revision {
    /// The commit.
    pub(super) commit: String,
    /// Whether a tag led to it, which is not supposed to move.
    pub(super) is_tag: bool,
}

/// Whether an address is one of this machine.
pub(super) fn is_local(url: &str) -> bool {
    url.starts_with("file://") || !(url.contains("://") || is_scp(url))
}

/// `host:path`, as git takes it for ssh.
fn is_scp(url: &str) -> bool {
    url.find(':').is_some_and(|colon| colon > 1 && !url[..colon].contains('/'))
}

/// Whether a revision names a commit by its whole hash.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.chars().all(|it| matches!(it, '0'..='9' | 'a'..='f'))
}

/// Why an address or a revision is not given to git.
pub(super) fn refusal(text: &str) -> Option<&'static str> {
    if text.starts_with('-') {
        return Some("git would take it for a flag");
    }
    if text.chars().any(char::is_control) {
        return Some("it has a character that cannot be seen");
    }
    text.contains("::").then_some("git would take its beginning for the name of a program")
}

/// `git` in a folder.
pub(super) struct Git<'a> {
    /// Where relative addresses begin.
    pub(super) dir: &'a Path,
    /// Whether it may use the network.
    pub(super) is_offline: bool,
}

impl Git<'_> {
    fn run(&self, dir: &Path, arguments: &[&str]) -> Result<String, GitError> {
        let protocols = if self.is_offline { "file" } else { "file:git:http:https:ssh" };
        let output = Command::new("git")
            .args([
                "-c",
                "core.autocrlf=false",
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "submodule.recurse=false",
                "-c",
                "advice.detachedHead=false",
            ])
            .args(arguments)
            .current_dir(dir)
            // A command that a hook of another repository runs must not work on that one.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_OBJECT_DIRECTORY")
            .env("GIT_ALLOW_PROTOCOL", protocols)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && dir.is_dir() => {
                return Err(GitError::NotInstalled);
            }
            Err(error) => return Err(GitError::Failed(error.to_string())),
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
        Err(GitError::Failed(if said.is_empty() { "git failed".to_owned() } else { said.join("\n") }))
    }

    /// All branches and tags of a repository, and its `HEAD`.
    pub(super) fn references(&self, url: &str) -> Result<Vec<Reference>, GitError> {
        let listed = self.run(self.dir, &["ls-remote", "--", url])?;
        Ok(listed
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(commit, name)| Reference { name: name.to_owned(), commit: commit.to_owned() })
            .collect())
    }

    /// Fetches one commit, without its history where the server gives it alone, and checks it out into a new
    /// folder. The commit may be given by the beginning of its hash; the whole hash comes back.
    pub(super) fn fetch(&self, url: &str, commit: &str, into: &Path) -> Result<String, GitError> {
        let target = into.to_string_lossy();
        self.run(self.dir, &["init", "--quiet", "--template=", "--", &target])?;
        let url = if is_local(url) { self.absolute(url) } else { url.to_owned() };
        let fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
        let alone = [&fetch[..], &["--depth=1", "--", &url, commit]].concat();
        if !is_commit(commit) || self.run(into, &alone).is_err() {
            let all = ["--", &url, "+refs/heads/*:refs/remotes/all/*", "+refs/tags/*:refs/tags/*"];
            self.run(into, &[&fetch[..], &all].concat())?;
        }
        let wanted = format!("{commit}^{{commit}}");
        let commit = self.run(into, &["rev-parse", "--quiet", "--verify", "--end-of-options", &wanted])?;
        let commit = commit.trim().to_owned();
        self.run(into, &["checkout", "--quiet", "--detach", &commit])?;
        Ok(commit)
    }

    /// A path as git finds it from another folder.
    fn absolute(&self, url: &str) -> String {
        if url.starts_with("file://") || Path::new(url).is_absolute() {
            return url.to_owned();
        }
        let path = self.dir.join(url);
        path.canonicalize().unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// What a revision means in a repository: a tag before a branch, as dbt takes it.
pub(super) fn resolve(references: &[Reference], revision: &str) -> Option<Revision> {
    let find = |name: &str| references.iter().find(|it| it.name == name).map(|it| it.commit.clone());
    if revision == "HEAD" {
        return find("HEAD").map(|commit| Revision { commit, is_tag: false });
    }
    if is_commit(revision) {
        return Some(Revision { commit: revision.to_owned(), is_tag: false });
    }
    // A tag with a message is an object of its own, which leads to the commit.
    let tag = find(&format!("refs/tags/{revision}^{{}}")).or_else(|| find(&format!("refs/tags/{revision}")));
    let tag = tag.map(|commit| Revision { commit, is_tag: true });
    tag.or_else(|| find(&format!("refs/heads/{revision}")).map(|commit| Revision { commit, is_tag: false }))
}

/// Names of branches and tags.
pub(super) fn names(references: &[Reference]) -> impl Iterator<Item = &str> {
    references
        .iter()
        .filter_map(|it| it.name.strip_prefix("refs/heads/").or_else(|| it.name.strip_prefix("refs/tags/")))
}
