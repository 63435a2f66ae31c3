//! `sources.lock.yml`: the columns and types of sources as they were accepted.
//!
//! In: the file's text. Out: a [`SourcesLock`], and from one its text again: sorted, the same bytes every time.
//! Deliberately absent: what is in the warehouse now, and what a difference means (that is `run/`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::files::{Files, ProjectPath};
use super::reading;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Sources, Span};
use crate::yaml::fields::{Fields, scalar_text, wrong_type};
use crate::yaml::{self, Yaml};

/// The name of the lock file, which lies beside the project file.
pub const SOURCES_LOCK_FILE: &str = "sources.lock.yml";

/// The version of the file that is read and written.
const VERSION: &str = "1";

/// What stands at the top of the file, for who opens it.
const HEADING: &str = "\
# The columns and types of the sources, as they were accepted. Commit this file.
# Before a run, every source that is read is compared with it: see `tidemill source accept --help`.
";

/// The shapes of sources, by unique id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcesLock {
    /// `source.<package>.<source>.<table>` to its shape.
    pub sources: BTreeMap<String, LockedSource>,
}

/// A source's shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedSource {
    /// Columns in the order of the table.
    pub columns: Vec<LockedColumn>,
    /// Where the file says it; `None` for one that was not read from a file.
    pub span: Option<Span>,
}

/// A column of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedColumn {
    /// Name as the engine spells it; the engine compares names without regard to case.
    pub name: String,
    /// Type as the engine spells it, such as `DECIMAL(18,3)`.
    pub data_type: String,
    /// Where the file says it; `None` for one that was not read from a file.
    pub span: Option<Span>,
}

impl SourcesLock {
    /// The columns of a source by its unique id, in the order of the table; `None` if it was never accepted.
    pub fn columns(&self, unique_id: &str) -> Option<&[LockedColumn]> {
        self.sources.get(unique_id).map(|it| it.columns.as_slice())
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = format!("{HEADING}version: {VERSION}\nsources:");
        if self.sources.is_empty() {
            text.push_str(" {}");
        }
        text.push('\n');
        for (id, source) in &self.sources {
            let _ = writeln!(text, "  {}:", scalar(id));
            for column in &source.columns {
                let _ = writeln!(text, "    {}: {}", scalar(&column.name), scalar(&column.data_type));
            }
            if source.columns.is_empty() {
                // Nothing behind the key would read as no entry.
                let end = text.trim_end().len();
                text.replace_range(end.., " {}\n");
            }
        }
        text
    }
}

impl LockedColumn {
    /// A column that is not read from a file.
    pub fn new(name: impl Into<String>, data_type: impl Into<String>) -> Self {
        Self { name: name.into(), data_type: data_type.into(), span: None }
    }
}

/// A text as a plain scalar where YAML 1.1 and 1.2 both read it back as that text, else in quotes.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let begins_as_name = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    let is_plain = text.chars().all(|it| it.is_ascii_alphanumeric() || "_.(),[] ".contains(it));
    let is_word = WORDS.iter().any(|it| it.eq_ignore_ascii_case(text));
    if begins_as_name && is_plain && !is_word && !text.ends_with(' ') {
        text.to_owned()
    } else {
        // A text in JSON is one in YAML.
        serde_json::Value::from(text).to_string()
    }
}

/// Reads the lock file; `None` if there is none, or if it cannot be read, which is then in `diags`.
pub fn read(diags: &mut Diagnostics, sources: &mut Sources, files: &dyn Files) -> Option<SourcesLock> {
    let path = ProjectPath::new(SOURCES_LOCK_FILE);
    if !files.exists(&path) {
        return None;
    }
    let (file, text) = reading::read_text(diags, sources, files, &path)?;
    let tree = yaml::parse(diags, file, &text)?;
    from_tree(diags, &tree)
}

fn from_tree(diags: &mut Diagnostics, tree: &Yaml) -> Option<SourcesLock> {
    let mut fields = Fields::new(diags, tree, SOURCES_LOCK_FILE)?;
    let version = fields.string(diags, "version");
    if let Some(version) = version.filter(|it| it.value != VERSION) {
        diags.push(
            Diagnostic::error(
                "unknown-lock-version",
                format!(
                    "`{SOURCES_LOCK_FILE}` has version {}, and this program reads {VERSION}",
                    version.value
                ),
            )
            .at(version.span, "")
            .help("it was written by a newer Tidemill: use that one"),
        );
        return None;
    }
    let listed = fields.get("sources");
    fields.finish(diags, Severity::Error);
    let mut lock = SourcesLock::default();
    let Some(listed) = listed else { return Some(lock) };
    let Some(entries) = listed.as_map() else {
        diags.push(wrong_type(listed, "sources", "a mapping of sources to their columns"));
        return None;
    };
    for (id, columns) in entries {
        let source = locked_source(diags, columns, id.span)?;
        lock.sources.insert(id.value.clone(), source);
    }
    Some(lock)
}

fn locked_source(diags: &mut Diagnostics, yaml: &Yaml, span: Span) -> Option<LockedSource> {
    let Some(entries) = yaml.as_map() else {
        diags.push(wrong_type(yaml, "a source", "a mapping of columns to types"));
        return None;
    };
    let mut columns = Vec::new();
    for (name, data_type) in entries {
        let Some(text) = scalar_text(data_type) else {
            diags.push(wrong_type(data_type, &name.value, "a type such as `VARCHAR`"));
            return None;
        };
        columns.push(LockedColumn { name: name.value.clone(), data_type: text, span: Some(name.span) });
    }
    Some(LockedSource { columns, span: Some(span) })
}
