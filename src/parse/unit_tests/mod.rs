//! Unit tests: a model, rows for its inputs, and the rows that it must make of them; or a macro, and what it
//! must come to.
//!
//! Everything is read and checked here, fixture files too; what a `ref` means is for `graph/`. Deliberately
//! absent: running them.

mod fixtures;
mod macro_tests;

use std::fmt::Write as _;

use serde_json::Value as Json;

use self::fixtures::Fixtures;
pub use self::macro_tests::{MacroExpect, MacroTest};
use super::config_layer::ConfigLayer;
use super::properties::{
    FixtureFormat, GivenProperties, Overrides, TestedVersions, UnitTestEntry, UnitTestProperties,
};
use super::{Body, FileProperties, ParsedNode, Parser, files, fqn, models, node_config, sources};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned};
use crate::node::{Materialization, NodeKind, UniqueId};
use crate::project::{FileKind, ProjectFile};
use crate::template::{RefCall, SourceCall, TemplateSource};

/// A unit test, ready to run but for the places of its names.
#[derive(Clone, Debug)]
pub enum UnitTest {
    /// Of a model.
    OfModel(ModelTest),
    /// Of a macro.
    OfMacro(MacroTest),
}

impl UnitTest {
    /// The test of a model, if it is one.
    pub fn of_model(&self) -> Option<&ModelTest> {
        match self {
            UnitTest::OfModel(test) => Some(test),
            UnitTest::OfMacro(_) => None,
        }
    }

    /// The name of what is tested, as written.
    pub fn subject(&self) -> &Spanned<String> {
        match self {
            UnitTest::OfModel(test) => &test.model,
            UnitTest::OfMacro(test) => &test.macro_name,
        }
    }

    /// What templates are answered instead of the truth.
    pub fn overrides(&self) -> &Overrides {
        match self {
            UnitTest::OfModel(test) => &test.overrides,
            UnitTest::OfMacro(test) => &test.overrides,
        }
    }
}

/// A test of a model.
#[derive(Clone, Debug)]
pub struct ModelTest {
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
    /// Where they, or the file's name, are written.
    pub span: Span,
}

/// Rows of a fixture.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Values by column; of CSV all are texts or nothing.
    Values(Vec<FixtureRow>),
    /// A query, which may be a template.
    Query(TemplateSource),
    /// Those of the seed that is the input.
    OfSeed,
}

/// A row as written.
#[derive(Clone, Debug)]
pub struct FixtureRow {
    /// Its values, in the order written.
    pub cells: Vec<FixtureCell>,
    /// Where it is written.
    pub span: Span,
}

/// A value as written.
#[derive(Clone, Debug)]
pub struct FixtureCell {
    /// The column.
    pub column: Spanned<String>,
    /// The value.
    pub value: Json,
    /// Where it is written.
    pub span: Span,
}

impl FixtureCell {
    /// Whether it belongs to a column of this name; the engine does not regard case.
    pub fn is_of(&self, column: &str) -> bool {
        self.column.value.eq_ignore_ascii_case(column)
    }
}

impl FixtureRow {
    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&FixtureCell> {
        self.cells.iter().find(|it| it.is_of(column))
    }

    /// The row as plain data.
    pub fn to_json(&self) -> Json {
        self.cells.iter().map(|it| (it.column.value.clone(), it.value.clone())).collect()
    }
}

/// Every unit test; of a versioned model, one for each version. `nodes` are the package's models.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
    nodes: &[ParsedNode],
) -> Vec<ParsedNode> {
    let fixture_files = files(parser, FileKind::Fixture).map(|it| (it.path.stem(), it)).collect();
    let mut reader = Reader { parser, diags, fixtures: Fixtures { parser, files: fixture_files } };
    let mut tests = Vec::new();
    for (file, properties) in properties {
        for entry in &properties.unit_tests {
            match entry {
                UnitTestEntry::OfModel(entry) => tests.extend(reader.model_test(file, entry, nodes)),
                UnitTestEntry::OfMacro(entry) => tests.extend(reader.macro_test(file, entry)),
            }
        }
        let of_macros = properties.macros.iter().flat_map(|it| &it.unit_tests);
        tests.extend(of_macros.filter_map(|it| reader.macro_test(file, it)));
    }
    tests
}

struct Reader<'a, 'p> {
    parser: &'a Parser<'p>,
    diags: &'a mut Diagnostics,
    fixtures: Fixtures<'a, 'p>,
}

/// What a test is, before it is a node.
struct Entry<'e> {
    file: &'e ProjectFile,
    name: &'e Spanned<String>,
    subject: &'e Spanned<String>,
    description: Option<&'e Spanned<String>>,
    config: &'e ConfigLayer,
}

impl Reader<'_, '_> {
    /// The node of a test, without what it tests.
    fn node(&mut self, entry: &Entry<'_>, test: UnitTest) -> ParsedNode {
        let (package, subject, name) = (self.parser.package, &entry.subject.value, &entry.name.value);
        let mut fqn = fqn(package, &entry.file.path, &entry.file.folder, subject);
        fqn.push(name.clone());
        let mut layers = self.parser.tree_layers(|it| &it.unit_tests, &fqn);
        layers.push(models::rendered_layer(self.parser, self.diags, entry.config));
        let config = node_config::merge(self.diags, &layers.iter().collect::<Vec<_>>(), self.parser.rules());
        ParsedNode {
            unique_id: UniqueId(format!("unit_test.{package}.{subject}.{name}")),
            kind: NodeKind::UnitTest,
            name: name.clone(),
            package: package.to_owned(),
            fqn,
            path: entry.file.path.clone(),
            folder: entry.file.folder.clone(),
            span: entry.name.span,
            patch_path: None,
            description: self.parser.description(self.diags, entry.description),
            described_at: None,
            columns: Vec::new(),
            config,
            refs: Vec::new(),
            sources: Vec::new(),
            functions: Vec::new(),
            macros: Vec::new(),
            relation: None,
            body: Body::UnitTest(Box::new(test)),
        }
    }

    fn model_test(
        &mut self,
        file: &ProjectFile,
        entry: &UnitTestProperties,
        nodes: &[ParsedNode],
    ) -> Vec<ParsedNode> {
        let given: Vec<Given> = entry.given.iter().filter_map(|it| self.given(file, it)).collect();
        let Some(expect) = self.fixtures.read(self.diags, file, &entry.expect, None) else {
            return Vec::new();
        };
        let name = &entry.model.value;
        // `model: orders 2` names a version as dbt takes it.
        let (wanted, own) = name.split_once(' ').map_or((name.as_str(), None), |(name, it)| (name, Some(it)));
        let tested = RefCall { package: None, name: wanted.to_owned(), version: own.map(str::to_owned) };
        let test = ModelTest {
            model: entry.model.clone(),
            tested,
            given,
            expect,
            overrides: entry.overrides.clone(),
            versions: entry.versions.clone(),
        };
        let description = entry.description.as_ref();
        let (name, subject, config) = (&entry.name, &entry.model, &entry.config);
        let head = Entry { file, name, subject, description, config };
        let node = self.node(&head, UnitTest::OfModel(test.clone()));
        let of_version = |version: Option<String>| {
            let mut node = node.clone();
            let mut test = test.clone();
            if let Some(version) = version {
                let _ = write!(node.unique_id.0, "_v{version}");
                test.tested.version = Some(version);
            }
            node.refs = vec![Spanned::new(test.tested.clone(), entry.model.span)];
            node.body = Body::UnitTest(Box::new(UnitTest::OfModel(test)));
            node
        };
        self.versions(entry, nodes).into_iter().map(of_version).collect()
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

    fn given(&mut self, file: &ProjectFile, entry: &GivenProperties) -> Option<Given> {
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
        let fixture = self.fixtures.read(self.diags, file, &entry.fixture, Some(&input))?;
        Some(Given { text: text.clone(), input, fixture })
    }
}
