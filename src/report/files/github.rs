//! Annotations of GitHub Actions: lines on standard output that GitHub shows at lines of files.
//!
//! The form is that of GitHub's "workflow commands": `::error file=F,line=L,...::message`.

use std::fmt::Write as _;

use super::About;
use crate::diagnostics::Severity;
use crate::report::recording::{Finding, Recording};

/// A line for each fault, errors first; GitHub shows the first ten of each kind.
pub fn annotations(recording: &Recording, about: &About) -> String {
    let mut text = String::new();
    for (finding, _) in recording.all_findings() {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = properties(&finding, about);
        let title = property(&format!("tidemill: {}", finding.code));
        let _ = writeln!(text, "::{kind} {place}title={title}::{}", data(&body(&finding)));
    }
    text
}

/// The place, if it is in the repository. GitHub takes columns only within one line.
fn properties(finding: &Finding, about: &About) -> String {
    let Some(place) = &finding.place else { return String::new() };
    let Some(path) = about.path_in_repository(place) else { return String::new() };
    let mut text = format!("file={},line={},endLine={},", property(&path), place.line, place.end_line);
    if place.line == place.end_line {
        let _ = write!(text, "col={},endColumn={},", place.column, place.end_column);
    }
    text
}

/// The headline, then causes and advice.
fn body(finding: &Finding) -> String {
    let notes = finding.notes.iter().map(|it| format!("note: {it}"));
    let helps = finding.helps.iter().map(|it| format!("help: {it}"));
    std::iter::once(finding.message.clone()).chain(notes).chain(helps).collect::<Vec<_>>().join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
