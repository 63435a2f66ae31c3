//! Writing `package-lock.yml`: dbt's own form, and in comments what the packages contain.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;
use sha1::{Digest as _, Sha1};

use super::pinned::{Pinned, PinnedSource};
use super::tree::hex;
use crate::diagnostics::scrub::Scrubber;
use crate::project::package_list::PackageSpec;
use crate::project::package_lock::CONTENT_MARK;

/// The hash of a list, by which dbt and Tidemill see that it has changed.
pub(super) fn list_hash(specs: &[PackageSpec]) -> String {
    let mut texts: Vec<String> = specs.iter().map(|it| python_json(&it.contract)).collect();
    texts.sort();
    hex(&Sha1::digest(texts.join("\n").as_bytes()))
}

/// A value as Python's `json.dumps(value, sort_keys=True)` writes it.
fn python_json(value: &Json) -> String {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
        Json::String(text) => python_text(text),
        Json::Array(items) => format!("[{}]", items.iter().map(python_json).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let sorted: BTreeMap<&String, &Json> = entries.iter().collect();
            let entry =
                |(key, value): (&String, &Json)| format!("{}: {}", python_text(key), python_json(value));
            format!("{{{}}}", sorted.into_iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn python_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for it in text.chars() {
        match it {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(it),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(quoted, "\\u{unit:04x}");
                }
            }
        }
    }
    quoted + "\""
}

/// The text of the lock file. `hashes` are those of the packages' contents, by name.
pub(super) fn text(
    packages: &[Pinned],
    list_hash: &str,
    hashes: &BTreeMap<String, String>,
    scrubber: &Scrubber,
) -> String {
    let mut text = String::from("packages:\n");
    for package in packages {
        let mut start = "  - ";
        for (key, value) in entry(package, scrubber) {
            let _ = writeln!(text, "{start}{key}: {}", scalar(&value));
            start = "    ";
        }
    }
    let _ = writeln!(text, "sha1_hash: {}", scalar(list_hash));
    if !hashes.is_empty() {
        text.push_str("# What the packages contain; `tidemill deps` installs nothing else.\n");
    }
    for package in packages {
        let Some(hash) = hashes.get(&package.name) else { continue };
        let _ = write!(text, "{CONTENT_MARK}{}: sha256:{hash}", package.name);
        if let PinnedSource::Git { tag: Some(tag), .. } = &package.source {
            let _ = write!(text, " tag {tag}");
        }
        text.push('\n');
    }
    text
}

/// An entry's keys, sorted as dbt sorts them.
fn entry(package: &Pinned, scrubber: &Scrubber) -> BTreeMap<&'static str, String> {
    let mut entry = BTreeMap::from([("name", package.name.clone())]);
    match &package.source {
        PinnedSource::Local { path } => {
            entry.insert("local", path.clone());
        }
        PinnedSource::Git { written, commit, subdirectory, .. } => {
            entry.insert("git", scrubber.hide(written));
            entry.insert("revision", commit.clone());
            entry.extend(subdirectory.clone().map(|it| ("subdirectory", it)));
        }
        PinnedSource::Tarball { written, .. } => {
            entry.insert("tarball", scrubber.hide(written));
        }
        PinnedSource::Hub { package, version } => {
            entry.insert("package", package.clone());
            entry.insert("version", version.clone());
        }
    }
    entry
}

/// A text as YAML: plain where it can only be read as the same text, else in single quotes.
pub(super) fn scalar(text: &str) -> String {
    let is_number = text.chars().all(|it| it.is_ascii_digit() || "+-._eExXo".contains(it))
        && text.starts_with(|it: char| it.is_ascii_digit() || "+-.".contains(it))
        && (text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o"));
    let words = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.contains(&text.to_lowercase().as_str());
    let has_mark =
        text.starts_with(|it: char| "-?:,[]{}#&*!|>'\"%@`= ".contains(it)) && !text.starts_with("./");
    let is_broken = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    if is_number || is_word || has_mark || is_broken {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests;
