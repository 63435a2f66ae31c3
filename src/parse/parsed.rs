//! The nodes of a project by themselves: what this phase gives to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::check::Check;
use super::functions::FunctionBody;
use super::model_details::ModelDetails;
use super::node_config::NodeConfig;
use super::properties::{self, ColumnProperties, FreshnessRule};
use super::run_hooks::RunHook;
use super::semantic::Semantic;
use super::snapshots::SnapshotBody;
use super::unit_tests::UnitTest;
use crate::diagnostics::{Span, Spanned};
use crate::node::{Materialization, NodeKind, Relation, UniqueId};
use crate::project::files::ProjectPath;
use crate::template::{FunctionCall, RefCall, SourceCall, TemplateSource, Templates};

/// A project's nodes by themselves.
pub struct Parsed {
    /// Nodes that take part, sorted by unique id.
    pub nodes: Vec<ParsedNode>,
    /// Nodes with `enabled: false`.
    pub disabled: Vec<ParsedNode>,
    /// All macros, ready to render.
    pub templates: Arc<Templates>,
    /// Docs blocks.
    pub docs: Vec<Doc>,
    /// What YAML says about macros.
    pub macro_properties: Vec<properties::MacroProperties>,
    /// The hooks of runs: those of packages by the packages' names, then the project's own.
    pub run_hooks: Vec<RunHook>,
    /// Macros that make or judge nodes other than models.
    pub node_macros: NodeMacros,
    /// The project's own package.
    pub root_package: String,
    /// Groups, those of packages too.
    pub groups: Vec<Group>,
    /// Packages whose protected models are for themselves alone.
    pub restricted: BTreeSet<String>,
}

/// Macros that do what the program does by itself otherwise, by unique ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeMacros {
    /// What loads seeds, for each package.
    pub seeds: BTreeMap<String, String>,
    /// What judges tests.
    pub tests: Option<String>,
}

/// A group of nodes with an owner.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its package.
    pub package: String,
    /// Name.
    pub name: Spanned<String>,
    /// Description.
    pub description: Option<String>,
    /// Who to ask.
    pub owner: properties::Owner,
    /// Free-form data.
    pub meta: Json,
    /// The properties file it is in.
    pub path: ProjectPath,
    /// The folder of the project's paths the file was found in.
    pub folder: String,
}

/// A node with the names it refers to.
#[derive(Clone, Debug)]
pub struct ParsedNode {
    /// Its id.
    pub unique_id: UniqueId,
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// Its package.
    pub package: String,
    /// Package, folders and name.
    pub fqn: Vec<String>,
    /// The file it is defined in.
    pub path: ProjectPath,
    /// The folder of the project's paths the file was found in.
    pub folder: String,
    /// Where it is defined.
    pub span: Span,
    /// The properties file that describes it.
    pub patch_path: Option<ProjectPath>,
    /// Description, with `doc()` replaced.
    pub description: String,
    /// Where the description is written.
    pub described_at: Option<Span>,
    /// Columns as described.
    pub columns: Vec<ColumnProperties>,
    /// Merged config.
    pub config: NodeConfig,
    /// Calls of `ref()`.
    pub refs: Vec<Spanned<RefCall>>,
    /// Calls of `source()`.
    pub sources: Vec<Spanned<SourceCall>>,
    /// Calls of `function()`.
    pub functions: Vec<Spanned<FunctionCall>>,
    /// Macros that were called, by unique id.
    pub macros: Vec<String>,
    /// Its name in the warehouse, for nodes that are there.
    pub relation: Option<Relation>,
    /// What is special about its kind.
    pub body: Body,
}

impl ParsedNode {
    /// The word in `materialized` of a model, a custom one too.
    pub fn made_as(&self) -> &str {
        match &self.body {
            Body::Model { materialized: Materialization::Custom, .. } => {
                self.config.values.get("materialized").and_then(|it| it.value.as_str()).unwrap_or_default()
            }
            Body::Model { materialized, .. } => materialized.as_str(),
            _ => "",
        }
    }

    /// Whether it is called and not read: a function, or a model that is made as one.
    pub fn is_called(&self) -> bool {
        let is_table_function =
            matches!(self.body, Body::Model { materialized: Materialization::TableFunction, .. });
        is_table_function || self.kind == NodeKind::Function
    }

    /// The group that it says it is in.
    pub fn group(&self) -> Option<&str> {
        self.config.values.get("group").and_then(|it| it.value.as_str())
    }
}

/// What is special about a kind of node.
#[derive(Clone, Debug)]
pub enum Body {
    /// A model.
    Model {
        /// Its SQL.
        sql: TemplateSource,
        /// How it is built.
        materialized: Materialization,
        /// The macro that builds it, by unique id, if the program does not.
        by_macro: Option<String>,
        /// Its version, in a versioned model.
        version: Option<Version>,
        /// Who may read it, its contract, when it will be gone.
        details: Box<ModelDetails>,
    },
    /// A seed; its file is at [`ParsedNode::path`].
    Seed,
    /// A snapshot.
    Snapshot(SnapshotBody),
    /// A SQL function.
    Function(FunctionBody),
    /// A source's table.
    Source(SourceBody),
    /// A data test.
    Test(DataTest),
    /// An analysis.
    Analysis {
        /// Its SQL.
        sql: TemplateSource,
    },
    /// An exposure.
    Exposure(ExposureBody),
    /// A unit test.
    UnitTest(Box<UnitTest>),
    /// A semantic model, a metric or a saved query.
    Semantic(Box<Semantic>),
}

/// A model's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// This version, as text.
    pub version: String,
    /// Whether `ref()` without a version means this one.
    pub is_latest: bool,
    /// The latest version, as text.
    pub latest: String,
}

/// A source's table.
#[derive(Clone, Debug)]
pub struct SourceBody {
    /// The source's name.
    pub source: String,
    /// Description of the source.
    pub source_description: String,
    /// Who loads it.
    pub loader: String,
    /// Column or expression with the time of loading.
    pub loaded_at_field: Option<String>,
    /// Query for the time of loading.
    pub loaded_at_query: Option<String>,
    /// How old it may be.
    pub freshness: Option<FreshnessRule>,
    /// Whether freshness is switched off for it.
    pub is_freshness_off: bool,
    /// What is carried for others.
    pub details: Box<SourceDetails>,
}

/// What a source says that nothing here acts on.
#[derive(Clone, Debug, Default)]
pub struct SourceDetails {
    /// Whether parts of its name are quoted; they always are.
    pub quoting: properties::SourceQuoting,
    /// Where its data is kept.
    pub external: Option<Json>,
    /// `meta` of the source alone.
    pub source_meta: serde_json::Map<String, Json>,
    /// Its database, also if it is read from files.
    pub database: String,
    /// Its schema, also if it is read from files.
    pub schema: String,
    /// Its database as written.
    pub unrendered_database: Option<String>,
    /// Its schema as written.
    pub unrendered_schema: Option<String>,
    /// Its table's name, also if it is read from files.
    pub identifier: String,
}

/// A data test.
#[derive(Clone, Debug)]
pub struct DataTest {
    /// The column it is declared on.
    pub column: Option<String>,
    /// What it checks and how.
    pub kind: TestKind,
}

/// Generic or singular.
#[derive(Clone, Debug)]
pub enum TestKind {
    /// A test by name with arguments.
    Generic(Box<GenericTest>),
    /// A query of its own.
    Singular {
        /// Its SQL.
        sql: TemplateSource,
    },
}

/// A test by name with arguments.
#[derive(Clone, Debug)]
pub struct GenericTest {
    /// The node it is declared on.
    pub owner: Owner,
    /// The test's name, without its package.
    pub name: String,
    /// The package before the name.
    pub namespace: Option<String>,
    /// The macro that makes its query, by unique id.
    pub macro_id: String,
    /// Arguments as written, with the column's name; without `model`.
    pub arguments: Vec<(String, Json)>,
    /// Which check this is, where Tidemill knows it.
    pub check: Check,
    /// Short name, of at most 63 characters.
    pub short_name: String,
}

/// The node a test is declared on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A model, seed or snapshot.
    Ref(RefCall),
    /// A source's table.
    Source(SourceCall),
}

/// An exposure.
#[derive(Clone, Debug)]
pub struct ExposureBody {
    /// Name for people.
    pub label: Option<String>,
    /// `dashboard`, `notebook`, ...
    pub kind: String,
    /// Where it is.
    pub url: Option<String>,
    /// `high`, `medium` or `low`.
    pub maturity: Option<String>,
    /// Who to ask.
    pub owner: properties::Owner,
    /// Metrics that it shows.
    pub metrics: Vec<Spanned<String>>,
}

/// A docs block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doc {
    /// Package.
    pub package: String,
    /// Name.
    pub name: String,
    /// The file it is in.
    pub path: ProjectPath,
    /// Its text.
    pub contents: String,
}
