//! GitLab's code quality report: a JSON array, as GitLab's documentation of the format describes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::About;
use crate::diagnostics::Severity;
use crate::report::recording::{Finding, Recording};

/// An entry for each fault that has a place in the repository; the format has no others.
pub(super) fn render(recording: &Recording, about: &About) -> String {
    let mut seen = BTreeMap::new();
    let entries: Vec<_> = recording
        .all_findings()
        .into_iter()
        .filter_map(|(finding, node)| {
            let place = finding.place.as_ref()?;
            let path = about.path_in_repository(place)?;
            let subject = node.map_or("", |it| it.unique_id.as_str());
            let same: &mut u32 = seen.entry((finding.code, path.clone(), subject.to_owned())).or_default();
            *same += 1;
            let fingerprint = fingerprint(&finding, &path, subject, *same);
            Some(json!({
                "description": finding.message,
                "check_name": finding.code,
                "fingerprint": fingerprint,
                "severity": match finding.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                },
                "location": {"path": path, "lines": {"begin": place.line, "end": place.end_line}},
            }))
        })
        .collect();
    format!("{:#}\n", json!(entries))
}

/// The same for the same fault in later runs, whatever its line and its numbers: the code, the file, the
/// node, and which one of several it is.
pub(super) fn fingerprint(finding: &Finding, path: &str, subject: &str, number: u32) -> String {
    let mut hash = Sha256::new();
    for part in [finding.code, path, subject, &number.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
