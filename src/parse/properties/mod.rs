//! Properties files: what YAML says about models, seeds, sources, macros and exposures.
//!
//! In: one file's tree. Out: [`Properties`] as written, with places; nothing is looked up or merged here.

pub mod columns;
mod constraints;
mod data_tests;
mod exposures;
pub mod freshness;
mod functions;
mod groups;
mod macros;
mod nodes;
mod sources;
mod unit_tests;

use serde_json::Value as Json;

pub use self::columns::ColumnProperties;
pub use self::constraints::{Constraint, ConstraintKind};
pub use self::data_tests::{SingularTestProperties, TestEntry};
pub use self::exposures::ExposureProperties;
pub use self::freshness::{Age, Freshness, FreshnessRule, age, freshness};
pub use self::functions::{FunctionArgument, FunctionProperties, FunctionReturns};
pub use self::groups::{GroupProperties, Owner};
pub use self::macros::{ArgumentProperties, MacroProperties};
pub use self::nodes::{NodeProperties, TimeSpine, VersionProperties};
pub use self::sources::{SourceProperties, SourceQuoting};
pub use self::unit_tests::{
    FixtureFormat, FixtureProperties, GivenProperties, MacroExpectProperties, MacroTestProperties, Overrides,
    TestedVersions, UnitTestEntry, UnitTestProperties,
};
use super::semantic::SemanticProperties;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::node::NodeKind;
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
    /// Entries of `functions:`.
    pub functions: Vec<FunctionProperties>,
    /// Entries of `unit_tests:`.
    pub unit_tests: Vec<UnitTestEntry>,
    /// Entries of `semantic_models:`, `metrics:` and `saved_queries:`.
    pub semantic: Vec<SemanticProperties>,
    /// Entries of `groups:`.
    pub groups: Vec<GroupProperties>,
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

    /// The same with its article.
    fn one(self) -> &'static str {
        match self {
            Section::Models => "a model",
            Section::Seeds => "a seed",
            Section::Snapshots => "a snapshot",
            Section::Analyses => "an analysis",
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
    let functions = fields.list(reader.diags, "functions");
    properties.functions.extend(functions.iter().filter_map(|it| reader.function(it)));
    let groups = fields.list(reader.diags, "groups");
    properties.groups.extend(groups.iter().filter_map(|it| reader.group(it)));
    let tests = fields.list(reader.diags, "data_tests");
    properties.singular_tests.extend(tests.iter().filter_map(|it| reader.singular_test(it)));
    let unit_tests = fields.list(reader.diags, "unit_tests");
    properties.unit_tests.extend(unit_tests.iter().filter_map(|it| reader.unit_test(it)));
    for (key, kind) in [
        ("semantic_models", NodeKind::SemanticModel),
        ("metrics", NodeKind::Metric),
        ("saved_queries", NodeKind::SavedQuery),
    ] {
        let entries = fields.list(reader.diags, key).iter();
        properties.semantic.extend(entries.map(|it| SemanticProperties { kind, yaml: it.clone() }));
    }
    fields.accept(&["version", "anchors"]);
    fields.finish(diags, unknown);
    properties
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

    /// A text that must be one of some words.
    fn word(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        known: &[&'static str],
    ) -> Option<Spanned<String>> {
        let word = fields.string(self.diags, key)?;
        if known.contains(&word.value.as_str()) {
            return Some(word);
        }
        self.diags.push(unknown_word(&word, key, known));
        None
    }
}

/// A text that is none of the words that are allowed at its place.
pub(in crate::parse) fn unknown_word(
    word: &Spanned<String>,
    key: &str,
    known: &[&'static str],
) -> Diagnostic {
    Diagnostic::error("invalid-value", format!("`{}` is not allowed as `{key}`", word.value))
        .at(word.span, format!("write one of {}", known.join(", ")))
        .help_opt(suggest::did_you_mean(&word.value, known.iter().copied()))
}

/// A text or a list of texts as a list.
pub fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    }
}
