//! Properties files: what YAML says about models, seeds, sources, macros and exposures.
//!
//! In: one file's tree. Out: [`Properties`] as written, with places; nothing is looked up or merged here.

mod columns;
mod data_tests;
mod exposures;
pub mod freshness;
mod macros;
mod nodes;
mod sources;

use serde_json::Value as Json;

pub use self::columns::ColumnProperties;
pub use self::data_tests::{SingularTestProperties, TestEntry};
pub use self::exposures::ExposureProperties;
pub use self::freshness::{Age, FreshnessRule, age};
pub use self::macros::MacroProperties;
pub use self::nodes::{NodeProperties, VersionProperties};
pub use self::sources::SourceProperties;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned};
use crate::yaml::Yaml;
use crate::yaml::fields::Fields;

/// Everything that one properties file says.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    /// Entries of `models:`, `seeds:`, `snapshots:` and `analyses:`.
    pub nodes: Vec<NodeProperties>,
    /// Tables of `sources:`.
    pub sources: Vec<SourceProperties>,
    /// Entries of `macros:`.
    pub macros: Vec<MacroProperties>,
    /// Entries of `exposures:`.
    pub exposures: Vec<ExposureProperties>,
    /// Entries of `data_tests:` at the top of a file: singular tests.
    pub singular_tests: Vec<SingularTestProperties>,
}

/// Which list of the file an entry is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `models:`
    Models,
    /// `seeds:`
    Seeds,
    /// `snapshots:`
    Snapshots,
    /// `analyses:`
    Analyses,
}

impl Section {
    /// The word for one entry, for messages.
    pub fn singular(self) -> &'static str {
        match self {
            Section::Models => "model",
            Section::Seeds => "seed",
            Section::Snapshots => "snapshot",
            Section::Analyses => "analysis",
        }
    }
}

/// Reads one file's tree.
pub fn read(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Properties {
    let mut properties = Properties::default();
    let Some(mut fields) = Fields::new(diags, yaml, "a properties file") else { return properties };
    let mut reader = Reader { diags, unknown };
    for (key, section) in [
        ("models", Section::Models),
        ("seeds", Section::Seeds),
        ("snapshots", Section::Snapshots),
        ("analyses", Section::Analyses),
    ] {
        let entries = fields.list(reader.diags, key);
        properties.nodes.extend(entries.iter().filter_map(|it| reader.node(it, section)));
    }
    for source in fields.list(reader.diags, "sources") {
        reader.source(source, &mut properties.sources);
    }
    let macros = fields.list(reader.diags, "macros");
    properties.macros.extend(macros.iter().filter_map(|it| reader.macro_(it)));
    let exposures = fields.list(reader.diags, "exposures");
    properties.exposures.extend(exposures.iter().filter_map(|it| reader.exposure(it)));
    let tests = fields.list(reader.diags, "data_tests");
    properties.singular_tests.extend(tests.iter().filter_map(|it| reader.singular_test(it)));
    for key in ["unit_tests", "metrics", "semantic_models", "saved_queries", "functions"] {
        if let Some(yaml) = fields.get(key) {
            reader.diags.push(left_out(key, fields.key(key).map_or(yaml.span, |it| it.span)));
        }
    }
    fields.accept(&["version", "groups", "anchors"]);
    fields.finish(diags, unknown);
    properties
}

fn left_out(key: &str, span: Span) -> Diagnostic {
    Diagnostic::warning("not-supported-yet", format!("`{key}:` is not supported yet and was left out"))
        .at(span, "nothing here is run")
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    unknown: Severity,
}

impl Reader<'_> {
    fn name(&mut self, fields: &mut Fields<'_>, yaml: &Yaml, what: &str) -> Option<Spanned<String>> {
        let name = fields.string(self.diags, "name");
        if name.is_none() {
            let diagnostic = Diagnostic::error("missing-key", format!("{what} has no `name`"));
            self.diags.push(match fields.near("name") {
                Some(key) => diagnostic.at(key.span, "write `name`"),
                None => diagnostic.at(Span { end: yaml.span.start, ..yaml.span }, "this entry"),
            });
        }
        name
    }
}

/// A text or a list of texts as a list.
pub fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    }
}
