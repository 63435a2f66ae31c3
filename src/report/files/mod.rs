//! Reports as files, for CI systems and for people who read them there.
//!
//! In: a [`Recording`] and what is known [`About`] the command. Out: the text of a file. The same input gives
//! the same bytes. Deliberately absent: writing the files, which `cli/` does.

mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod sarif;

use crate::report::recording::{Place, Recording};

pub use self::github::annotations;

/// A format of report files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportFormat {
    /// `JUnit`'s XML, which every CI system reads.
    Junit,
    /// One document with all that the JSON lines say of nodes, tests and faults.
    Json,
    /// For people: GitHub's summaries, merge requests, mails.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitLab's code quality report.
    Gitlab,
}

impl ReportFormat {
    /// All formats, by the names that users type.
    pub const ALL: [(&'static str, ReportFormat); 5] = [
        ("junit", ReportFormat::Junit),
        ("json", ReportFormat::Json),
        ("markdown", ReportFormat::Markdown),
        ("sarif", ReportFormat::Sarif),
        ("gitlab", ReportFormat::Gitlab),
    ];

    /// The text of the file; ends with a line break.
    pub fn render(self, recording: &Recording, about: &About) -> String {
        match self {
            ReportFormat::Junit => junit::render(recording, about),
            ReportFormat::Json => json::render(recording, about),
            ReportFormat::Markdown => markdown::render(recording, about),
            ReportFormat::Sarif => sarif::render(recording, about),
            ReportFormat::Gitlab => gitlab::render(recording, about),
        }
    }
}

/// What a report says about the command as a whole.
#[derive(Clone, Debug)]
pub struct About {
    /// The command's name: `build`.
    pub command: String,
    /// The program's version: `0.1.0`.
    pub tool_version: &'static str,
    /// The id in history and artifacts.
    pub invocation_id: String,
    /// When it began, as RFC 3339 in UTC.
    pub started_at: String,
    /// How it ended.
    pub ending: Ending,
    /// The project's folder in its repository, with `/` at the end; empty if it is the repository.
    pub prefix: String,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All went well.
    Success,
    /// A node or a test failed.
    Failure,
    /// It could not run.
    Error,
    /// The user stopped it.
    Interrupted,
}

impl Ending {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Success => "success",
            Ending::Failure => "failure",
            Ending::Error => "error",
            Ending::Interrupted => "interrupted",
        }
    }
}

impl About {
    /// The path of a file in the repository; `None` for a file that is not in it, as those of the built-in
    /// macros.
    fn path_in_repository(&self, place: &Place) -> Option<String> {
        let is_outside = place.file.starts_with("builtin/") || place.file.starts_with('/');
        (!is_outside && !place.file.is_empty()).then(|| format!("{}{}", self.prefix, place.file))
    }
}
