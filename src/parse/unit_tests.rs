//! Unit tests: a model, rows for its inputs, and the rows that it must make of them.
//!
//! Everything is read and checked here, fixture files too; what a `ref` means is for `graph/`. Deliberately
//! absent: running them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::properties::{
    FixtureFormat, FixtureProperties, GivenProperties, Overrides, TestedVersions, UnitTestProperties,
};
use super::{Body, FileProperties, ParsedNode, Parser, files, fqn, models, node_config, sources};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::{Materialization, NodeKind, UniqueId};
use crate::project::{FileKind, ProjectFile};
use crate::template::{RefCall, SourceCall};
use crate::yaml::{Yaml, YamlKind};

/// A unit test, ready to run but for the places of its names.
#[derive(Clone, Debug)]
pub struct UnitTest {
    /// The model as the test names it.
    pub model: Spanned<String>,
    /// The model that is tested, with its version in a versioned model.
    pub tested: RefCall,
    /// What stands in for the model's inputs.
    pub given: Vec<Given>,
    /// The rows that the model must make of them.
    pub expect: Fixture,
    /// What templates are answered instead of the truth.
    pub overrides: Overrides,
    /// Which versions the entry asks for.
    pub versions: Option<TestedVersions>,
}

/// What stands in for one input.
#[derive(Clone, Debug)]
pub struct Given {
    /// The input as written.
    pub text: Spanned<String>,
    /// What that means.
    pub input: Input,
    /// Its rows.
    pub fixture: Fixture,
}

/// An input of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A model, seed or snapshot.
    Ref(RefCall),
    /// A source's table.
    Source(SourceCall),
    /// The table as it is before an incremental model is run.
    This,
}

/// Rows, and how they were written.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// How they were written.
    pub format: FixtureFormat,
    /// The file they are in.
    pub file: Option<String>,
    /// The rows.
    pub rows: Rows,
}

/// Rows of a fixture.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// Values by column; of CSV all are texts or nothing.
    Values(Vec<Map<String, Json>>),
    /// A query.
    Query(String),
    /// Those of the seed that is the input.
    OfSeed,
}

/// Every unit test; of a versioned model, one for each version. `nodes` are the package's models.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
    nodes: &[ParsedNode],
) -> Vec<ParsedNode> {
    let fixtures: BTreeMap<&str, &ProjectFile> =
        files(parser, FileKind::Fixture).map(|it| (it.path.stem(), it)).collect();
    let mut reader = Reader { parser, diags, fixtures };
    let mut tests = Vec::new();
    for (file, properties) in properties {
        for entry in &properties.unit_tests {
            tests.extend(reader.unit_test(file, entry, nodes));
        }
    }
    tests
}

struct Reader<'a, 'p> {
    parser: &'a Parser<'p>,
    diags: &'a mut Diagnostics,
    fixtures: BTreeMap<&'p str, &'p ProjectFile>,
}

impl Reader<'_, '_> {
    fn unit_test(
        &mut self,
        file: &ProjectFile,
        entry: &UnitTestProperties,
        nodes: &[ParsedNode],
    ) -> Vec<ParsedNode> {
        let given: Vec<Given> = entry.given.iter().filter_map(|it| self.given(it)).collect();
        let Some(expect) = self.fixture(&entry.expect, None) else { return Vec::new() };
        let (package, model, name) = (self.parser.package, &entry.model.value, &entry.name.value);
        let mut fqn = fqn(package, &file.path, &file.folder, model);
        fqn.push(name.clone());
        let mut layers = self.parser.tree_layers(|it| &it.unit_tests, &fqn);
        layers.push(models::rendered_layer(self.parser, self.diags, &entry.config));
        let config = node_config::merge(self.diags, &layers.iter().collect::<Vec<_>>(), self.parser.rules());
        let description = self.parser.description(self.diags, entry.description.as_ref());
        let versions = self.versions(entry, nodes);
        let node = |version: Option<String>| {
            let suffix = version.as_ref().map(|it| format!("_v{it}")).unwrap_or_default();
            // `model: orders 2` names a version as dbt takes it.
            let (wanted, own) =
                model.split_once(' ').map_or((model.as_str(), None), |(name, it)| (name, Some(it)));
            let version = version.or_else(|| own.map(str::to_owned));
            let tested = RefCall { package: None, name: wanted.to_owned(), version };
            ParsedNode {
                unique_id: UniqueId(format!("unit_test.{package}.{model}.{name}{suffix}")),
                kind: NodeKind::UnitTest,
                name: name.clone(),
                package: package.to_owned(),
                fqn: fqn.clone(),
                path: file.path.clone(),
                folder: file.folder.clone(),
                span: entry.name.span,
                patch_path: None,
                description: description.clone(),
                described_at: None,
                columns: Vec::new(),
                config: config.clone(),
                refs: vec![Spanned::new(tested.clone(), entry.model.span)],
                sources: Vec::new(),
                functions: Vec::new(),
                macros: Vec::new(),
                relation: None,
                body: Body::UnitTest(Box::new(UnitTest {
                    model: entry.model.clone(),
                    tested,
                    given: given.clone(),
                    expect: expect.clone(),
                    overrides: entry.overrides.clone(),
                    versions: entry.versions.clone(),
                })),
            }
        };
        versions.into_iter().map(node).collect()
    }

    /// The versions that are tested: one without a number for a model that has none.
    fn versions(&mut self, entry: &UnitTestProperties, nodes: &[ParsedNode]) -> Vec<Option<String>> {
        let name = &entry.model.value;
        let of_model: Vec<&ParsedNode> =
            nodes.iter().filter(|it| it.kind == NodeKind::Model && it.name == *name).collect();
        if let [model] | [model, ..] = of_model.as_slice() {
            self.check_incremental(entry, model);
        }
        let known: Vec<&String> = of_model
            .iter()
            .filter_map(|it| match &it.body {
                Body::Model { version: Some(version), .. } => Some(&version.version),
                _ => None,
            })
            .collect();
        if known.is_empty() {
            if entry.versions.is_some() && !of_model.is_empty() {
                self.diags.push(
                    Diagnostic::error(
                        "invalid-unit-test",
                        format!(
                            "the unit test `{}` picks versions of a model that has none",
                            entry.name.value
                        ),
                    )
                    .at(entry.model.span, "this model has no versions"),
                );
            }
            return vec![None];
        }
        let wanted: Vec<Option<String>> = known
            .iter()
            .filter(|it| match &entry.versions {
                None => true,
                Some(TestedVersions::Include(list)) => list.contains(it),
                Some(TestedVersions::Exclude(list)) => !list.contains(it),
            })
            .map(|it| Some((*it).clone()))
            .collect();
        if wanted.is_empty() {
            let known: Vec<&str> = known.iter().map(|it| it.as_str()).collect();
            self.diags.push(
                Diagnostic::error(
                    "unknown-version",
                    format!("the unit test `{}` tests no version of `{name}`", entry.name.value),
                )
                .at(entry.model.span, format!("versions: {}", known.join(", "))),
            );
        }
        wanted
    }

    /// A test of an incremental model must say which of its two queries it means.
    fn check_incremental(&mut self, entry: &UnitTestProperties, model: &ParsedNode) {
        let Body::Model { sql, materialized: Materialization::Incremental, .. } = &model.body else { return };
        if !sql.text.contains("is_incremental()") {
            return;
        }
        let test = &entry.name.value;
        let said = entry.overrides.macros.get("is_incremental").and_then(Json::as_bool);
        let has_this = entry.given.iter().any(|it| it.input.value.trim() == "this");
        match said {
            None => self.diags.push(
                Diagnostic::error(
                    "invalid-unit-test",
                    format!(
                        "the unit test `{test}` does not say which query of an incremental model it tests"
                    ),
                )
                .at(entry.name.span, format!("`{}` asks for `is_incremental()`", model.name))
                .help("add `overrides: {macros: {is_incremental: false}}`, or `true`"),
            ),
            Some(true) if !has_this => self.diags.push(
                Diagnostic::error(
                    "invalid-unit-test",
                    format!("the unit test `{test}` gives no rows for the table as it is"),
                )
                .at(entry.name.span, "it tests the query that adds to a table")
                .help("add `- input: this` with rows under `given:`"),
            ),
            Some(_) => {}
        }
    }

    fn given(&mut self, entry: &GivenProperties) -> Option<Given> {
        let text = &entry.input;
        let input = if text.value.trim() == "this" {
            Input::This
        } else {
            let (mut refs, mut calls) = (Vec::new(), Vec::new());
            let before = self.diags.all().len();
            sources::depends_on(self.parser, self.diags, text, &mut refs, &mut calls);
            match (refs.pop(), calls.pop()) {
                (Some(call), _) => Input::Ref(call.value),
                (None, Some(call)) => Input::Source(call.value),
                (None, None) => {
                    if self.diags.all().len() == before {
                        self.diags.push(
                            Diagnostic::error(
                                "invalid-unit-test",
                                format!("`{}` is not an input of a model", text.value),
                            )
                            .at(text.span, "write `ref('...')`, `source('...', '...')` or `this`"),
                        );
                    }
                    return None;
                }
            }
        };
        let fixture = self.fixture(&entry.fixture, Some(&input))?;
        Some(Given { text: text.clone(), input, fixture })
    }

    fn fixture(&mut self, entry: &FixtureProperties, input: Option<&Input>) -> Option<Fixture> {
        let (text, span) = match (&entry.file, &entry.rows) {
            (Some(name), _) => (Some(self.fixture_file(name, entry.format)?), name.span),
            (None, Some(rows)) => (rows.as_str().map(str::to_owned), rows.span),
            (None, None) => (None, entry.span),
        };
        let rows = match (entry.format, text, &entry.rows) {
            (FixtureFormat::Dict, None, Some(rows)) => Rows::Values(self.rows(rows)?),
            (FixtureFormat::Dict, None, None) if matches!(input, Some(Input::Ref(_))) => Rows::OfSeed,
            (FixtureFormat::Csv, Some(text), _) => Rows::Values(self.csv(&text, span)?),
            (FixtureFormat::Sql, Some(text), _) => Rows::Query(text),
            (format, ..) => {
                let expected = match format {
                    FixtureFormat::Dict => "a list of mappings from columns to values",
                    FixtureFormat::Csv => "a text of lines with values, or the name of a `fixture`",
                    FixtureFormat::Sql => "a query, or the name of a `fixture`",
                };
                self.diags.push(
                    Diagnostic::error(
                        "invalid-fixture",
                        format!("rows of the format `{}` must be {expected}", format.as_str()),
                    )
                    .at(span, "this is not")
                    .help("`format:` can be `dict`, `csv` or `sql`"),
                );
                return None;
            }
        };
        Some(Fixture { format: entry.format, file: entry.file.as_ref().map(|it| it.value.clone()), rows })
    }

    fn fixture_file(&mut self, name: &Spanned<String>, format: FixtureFormat) -> Option<String> {
        let wanted = name.value.trim_end_matches(".csv").trim_end_matches(".sql");
        if let Some(file) = self.fixtures.get(wanted)
            && format != FixtureFormat::Dict
        {
            return Some(file.text.trim().to_owned());
        }
        let diagnostic = if format == FixtureFormat::Dict && self.fixtures.contains_key(wanted) {
            Diagnostic::error("invalid-fixture", "a fixture file holds CSV or a query")
                .at(name.span, "its format is `dict` here")
                .help("add `format: csv` or `format: sql`")
        } else {
            Diagnostic::error("unknown-fixture", format!("there is no fixture `{}`", name.value))
                .at(name.span, "no .csv or .sql file in `tests/fixtures` has this name")
                .help_opt(suggest::did_you_mean(wanted, self.fixtures.keys().copied()))
        };
        self.diags.push(diagnostic);
        None
    }

    fn rows(&mut self, yaml: &Yaml) -> Option<Vec<Map<String, Json>>> {
        let YamlKind::List(items) = &yaml.kind else { return self.not_rows(yaml.span) };
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            match self.parser.settings.render_json(self.diags, &item.to_json(), item.span) {
                Json::Object(row) => rows.push(row),
                _ => return self.not_rows(item.span),
            }
        }
        Some(rows)
    }

    fn not_rows<T>(&mut self, span: Span) -> Option<T> {
        self.diags.push(
            Diagnostic::error(
                "invalid-fixture",
                "rows of the format `dict` must be a list of mappings from columns to values",
            )
            .at(span, "this is not")
            .help("`format:` can be `dict`, `csv` or `sql`"),
        );
        None
    }

    /// Lines of values under a line of names; nothing between two commas is null.
    fn csv(&mut self, text: &str, span: Span) -> Option<Vec<Map<String, Json>>> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::None).from_reader(text.trim().as_bytes());
        let read = |reader: &mut csv::Reader<&[u8]>| -> Result<Vec<Map<String, Json>>, csv::Error> {
            let header = reader.headers()?.clone();
            let mut rows = Vec::new();
            for record in reader.records() {
                let value = |it: &str| if it.is_empty() { Json::Null } else { Json::from(it) };
                let record = record?;
                rows.push(
                    header.iter().zip(&record).map(|(name, it)| (name.to_owned(), value(it))).collect(),
                );
            }
            Ok(rows)
        };
        match read(&mut reader) {
            Ok(rows) => Some(rows),
            Err(error) => {
                self.diags.push(
                    Diagnostic::error("invalid-fixture", "the rows of a fixture are not CSV")
                        .at(span, "read from here")
                        .note(error.to_string()),
                );
                None
            }
        }
    }
}
