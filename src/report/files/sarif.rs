//! SARIF 2.1.0 (OASIS), for code scanning: GitHub, Azure, editors.
//!
//! A result for each fault; its rule is the fault's code. Paths are relative to the repository
//! (`%SRCROOT%`), columns count characters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{About, Ending, gitlab};
use crate::diagnostics::Severity;
use crate::report::recording::{Finding, Place, Recording};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn render(recording: &Recording, about: &About) -> String {
    let findings = recording.all_findings();
    let codes: BTreeSet<&str> = findings.iter().map(|(finding, _)| finding.code).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let mut seen = BTreeMap::new();
    let results: Vec<Json> = findings
        .iter()
        .map(|(finding, node)| {
            let subject = node.map_or("", |it| it.unique_id.as_str());
            let path = finding.place.as_ref().map_or("", |it| it.file.as_str());
            let same: &mut u32 = seen.entry((finding.code, path, subject)).or_default();
            *same += 1;
            let fingerprint = gitlab::fingerprint(finding, path, subject, *same);
            let rule = codes.binary_search(&finding.code).unwrap_or_default();
            result(finding, rule, &fingerprint, subject, about)
        })
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tidemill",
                "version": about.tool_version,
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("tidemill/{}/", about.command)},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                "%SRCROOT%": {"description": {"text": "The root of the repository."}},
            },
            "invocations": [{
                "executionSuccessful": about.ending == Ending::Success,
                "startTimeUtc": about.started_at,
            }],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(code: &str) -> Json {
    let words = code.replace('-', " ");
    json!({"id": code, "shortDescription": {"text": words}})
}

fn result(finding: &Finding, rule: usize, fingerprint: &str, subject: &str, about: &About) -> Json {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let location = |place: &Place| {
        let uri = encoded(&about.path_in_repository(place)?);
        Some(json!({"physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {
                "startLine": place.line,
                "startColumn": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column,
            },
        }}))
    };
    let locations: Vec<Json> = finding.place.iter().filter_map(location).collect();
    let related: Vec<Json> = finding
        .related
        .iter()
        .filter_map(|(place, label)| {
            let mut location = location(place)?;
            if !label.is_empty() {
                location["message"] = json!({"text": label});
            }
            Some(location)
        })
        .collect();
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": message(finding)},
        "locations": locations,
        "partialFingerprints": {"tidemill/v1": fingerprint},
    });
    if !related.is_empty() {
        result["relatedLocations"] = Json::Array(related);
    }
    if !subject.is_empty() {
        result["properties"] = json!({"node": subject});
    }
    result
}

/// The headline, then causes and advice, each a paragraph.
fn message(finding: &Finding) -> String {
    let more = finding.notes.iter().chain(&finding.helps);
    std::iter::once(&finding.message).chain(more).cloned().collect::<Vec<_>>().join("\n\n")
}

/// A path as a relative URI (RFC 3986): what is not unreserved is encoded, but for `/`.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
