//! Phase 2, parse: what the files mean, each by itself.
//!
//! In: a [`Project`]. Out: [`Parsed`]: every node with its merged config and the *names* it refers to,
//! every macro and docs block. Files are read in parallel; every fault is reported at its place and the
//! broken node left out. Deliberately absent: whether a name exists (that is `graph/`).

mod by_macro;
pub mod check;
pub mod config_defaults;
pub mod config_layer;
pub mod duckdb_config;
mod external_source;
pub mod functions;
mod groups;
mod host;
pub mod incremental;
mod macro_arguments;
pub mod merge;
pub mod model_details;
mod models;
mod naming;
pub mod node_config;
pub mod properties;
pub(crate) mod python_models;
pub mod run_hooks;
pub mod semantic;
pub mod snapshot_settings;
pub mod snapshots;
mod sources;
mod test_names;
mod tests;
pub mod threshold;
pub mod unit_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value as Json;

use self::by_macro::ByMacro;
use self::check::Check;
use self::config_layer::ConfigLayer;
use self::functions::FunctionBody;
use self::host::ParseHost;
pub(crate) use self::host::doc;
use self::model_details::ModelDetails;
use self::node_config::{ConfigRules, NodeConfig};
use self::properties::{ColumnProperties, FreshnessRule, Properties};
use self::run_hooks::RunHook;
use self::semantic::Semantic;
use self::snapshots::SnapshotBody;
pub(crate) use self::tests::argument_template;
use self::unit_tests::UnitTest;
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Severity, Sources, Span, Spanned};
use crate::node::{Materialization, NodeKind, Relation, UniqueId};
use crate::project::config::Trees;
use crate::project::files::ProjectPath;
use crate::project::settings::Settings;
use crate::project::{Dialect, FileKind, Project, ProjectFile};
use crate::template::{
    self, Context, FunctionCall, MacroFile, Mode, RefCall, SourceCall, TemplateSource, Templates,
    has_template_syntax,
};
use crate::yaml::{self, Yaml, YamlKind};

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
    /// The project's own package.
    pub root_package: String,
    /// Groups, those of packages too.
    pub groups: Vec<Group>,
    /// Packages whose protected models are for themselves alone.
    pub restricted: BTreeSet<String>,
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
    /// Its database as written.
    pub unrendered_database: Option<String>,
    /// Its schema as written.
    pub unrendered_schema: Option<String>,
    /// Its schema as dbt names it, also where its data is read in place.
    pub schema: String,
    /// Its table's name as dbt names it.
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
    Generic(GenericTest),
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

/// What every part of this phase needs to know of the package it reads.
struct Parser<'a> {
    project: &'a Project,
    package: &'a str,
    /// The package's variables and environment.
    settings: &'a Settings,
    /// Config trees, weakest first: a package's own, then the project's.
    trees: Vec<&'a Trees>,
    templates: &'a Templates,
    context: Context,
    by_macro: &'a ByMacro<'a>,
}

/// Reads what all files of a project and of its packages say.
pub fn parse(diags: &mut Diagnostics, sources: &mut Sources, project: &Project) -> Parsed {
    let root = project.config.name.value.as_str();
    let templates = read_macros(diags, sources, project);
    let by_macro = ByMacro::new(project, &templates);
    by_macro::report_never_called(diags, project, &by_macro);
    let docs = read_docs(diags, project);
    let mut all = Vec::new();
    let mut run_hooks = Vec::new();
    let mut described = Described::default();
    for package in &project.packages {
        let trees = vec![&package.config.trees, &project.config.trees];
        let parser = Parser::new(project, &package.name, &package.settings, trees, &by_macro, &docs);
        let mut own = Diagnostics::default();
        all.extend(parse_package(&parser, &mut own, &mut described));
        run_hooks.extend(run_hooks::read(&parser, &mut own, &package.config));
        // What a package could do better is for its authors to hear.
        own.take().into_iter().filter(|it| it.severity == Severity::Error).for_each(|it| diags.push(it));
    }
    let trees = vec![&project.config.trees];
    let parser = Parser::new(project, root, &project.settings, trees, &by_macro, &docs);
    all.extend(parse_package(&parser, diags, &mut described));
    // Those of packages first, as in dbt.
    run_hooks.sort_by(|a: &RunHook, b| (&a.package, a.moment, a.index).cmp(&(&b.package, b.moment, b.index)));
    run_hooks.extend(run_hooks::read(&parser, diags, &project.config));

    report_unused_folders(diags, project, &all);
    all.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
    let (nodes, disabled): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.config.enabled);
    report_duplicates(diags, &nodes);
    Parsed {
        nodes,
        disabled,
        templates: Arc::new(templates),
        docs: docs.into_values().collect(),
        macro_properties: described.macros,
        groups: described.groups,
        root_package: root.to_owned(),
        restricted: restricted(project),
        run_hooks,
    }
}

/// What properties files say besides nodes.
#[derive(Default)]
struct Described {
    macros: Vec<properties::MacroProperties>,
    groups: Vec<Group>,
}

/// Packages, and the project, that keep their protected models to themselves.
fn restricted(project: &Project) -> BTreeSet<String> {
    let packages = project.packages.iter().map(|it| &it.config);
    let all = packages.chain([&project.config]).filter(|it| it.restrict_access);
    all.map(|it| it.name.value.clone()).collect()
}

fn parse_package(parser: &Parser<'_>, diags: &mut Diagnostics, described: &mut Described) -> Vec<ParsedNode> {
    let mut properties = read_properties(parser, diags);
    let mut nodes = models::read(parser, diags, &mut properties);
    nodes.extend(functions::read(parser, diags, &properties));
    nodes.extend(sources::read_sources(parser, diags, &properties));
    nodes.extend(sources::read_exposures(parser, diags, &properties));
    nodes.extend(tests::read(parser, diags, &properties));
    nodes.extend(unit_tests::read(parser, diags, &properties, &nodes));
    nodes.extend(semantic::read(parser, diags, &properties));
    described.groups.extend(groups::read(parser, diags, &properties));
    for entry in properties.into_iter().flat_map(|(_, it)| it.macros) {
        macro_arguments::check(parser, diags, &entry);
        described.macros.push(rendered_macro(parser, diags, entry));
    }
    nodes
}

/// A macro's entry with the descriptions in it rendered.
fn rendered_macro(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    mut entry: properties::MacroProperties,
) -> properties::MacroProperties {
    let arguments = entry.arguments.iter_mut().filter_map(|it| it.description.as_mut());
    for text in arguments.chain(entry.description.as_mut()) {
        text.value = parser.description(diags, Some(text));
    }
    entry
}

/// Files of one kind, of the package at hand.
fn files<'a>(parser: &Parser<'a>, kind: FileKind) -> impl Iterator<Item = &'a ProjectFile> {
    let package = parser.package;
    parser.project.files.iter().filter(move |it| it.kind == kind && it.package == package)
}

/// The built-in macros, those of packages and those of the project.
fn read_macros(diags: &mut Diagnostics, sources: &mut Sources, project: &Project) -> Templates {
    let mut macro_files = Vec::new();
    for (path, text) in template::builtin_files() {
        let file = sources.add(*path, *text);
        macro_files.push(MacroFile { package: "dbt".to_owned(), file, text: Arc::from(*text) });
    }
    for file in project.files.iter().filter(|it| it.kind == FileKind::Macro) {
        let text = Arc::clone(&file.text);
        macro_files.push(MacroFile { package: file.package.clone(), file: file.id, text });
    }
    let templates = Templates::new(diags, &project.config.name.value, &macro_files);
    let orders = project.config.dispatch.iter();
    orders.fold(templates, |it, (namespace, packages)| it.with_dispatch(namespace, packages))
}

/// Docs blocks by name; the project's win over those of packages.
fn read_docs(diags: &mut Diagnostics, project: &Project) -> BTreeMap<String, Doc> {
    let root = &project.config.name.value;
    let mut docs: BTreeMap<String, Doc> = BTreeMap::new();
    let mut places: BTreeMap<(&str, String), Span> = BTreeMap::new();
    for file in project.files.iter().filter(|it| it.kind == FileKind::Docs) {
        for block in template::docs_blocks(diags, file.id, &file.text) {
            let name = block.name.value.clone();
            if let Some(first) = places.insert((&file.package, name.clone()), block.name.span) {
                diags.push(
                    Diagnostic::error("duplicate-name", format!("there are two docs blocks `{name}`"))
                        .at(block.name.span, "again here")
                        .and_at(first, "first here"),
                );
                continue;
            }
            let doc = Doc {
                package: file.package.clone(),
                name: name.clone(),
                path: file.path.clone(),
                contents: block.contents,
            };
            if file.package == *root || !docs.contains_key(&name) {
                docs.insert(name, doc);
            }
        }
    }
    docs
}

/// A properties file's content with the file it is from.
type FileProperties = (ProjectFile, Properties);

/// Reads the properties files in parallel; their faults come in the order of the files.
fn read_properties(parser: &Parser<'_>, diags: &mut Diagnostics) -> Vec<FileProperties> {
    let severity = parser.rules().unknown;
    let list: Vec<&ProjectFile> = files(parser, FileKind::Properties).collect();
    let read: Vec<(Properties, Diagnostics)> = list
        .par_iter()
        .map(|file| {
            let mut own = Diagnostics::default();
            let tree = yaml::parse(&mut own, file.id, &file.text);
            let tree = tree.map(|it| rendered_properties(parser, &mut own, it));
            let properties = tree.map(|it| properties::read(&mut own, &it, severity)).unwrap_or_default();
            own.sort_by_place();
            (properties, own)
        })
        .collect();
    let mut all = Vec::with_capacity(read.len());
    for (file, (properties, own)) in list.into_iter().zip(read) {
        diags.append(own);
        all.push((file.clone(), properties));
    }
    all
}

/// Keys of properties whose texts are templates for later: docs, tests, hooks and queries.
const RENDERED_LATER: [&str; 12] = [
    "description",
    "tests",
    "data_tests",
    "loaded_at_query",
    "pre-hook",
    "pre_hook",
    "post-hook",
    "post_hook",
    "sql_header",
    "given",
    "expect",
    "external_location",
];

/// The tree with variables and environment put in where templates may stand.
fn rendered_properties(parser: &Parser<'_>, diags: &mut Diagnostics, tree: Yaml) -> Yaml {
    let YamlKind::Map(entries) = tree.kind else { return tree };
    let render = |(key, value): (Spanned<String>, Yaml)| {
        let mut later = RENDERED_LATER.to_vec();
        // Filters of the semantic layer are templates of its own.
        if ["metrics", "saved_queries", "semantic_models"].contains(&key.value.as_str()) {
            later.extend(["filter", "where"]);
        }
        // At the top of a file, `data_tests` are singular tests, of which this is an entry.
        let value = parser.settings.render_tree(diags, &value, &later);
        (key, value)
    };
    Yaml { kind: YamlKind::Map(entries.into_iter().map(render).collect()), span: tree.span }
}

fn report_duplicates(diags: &mut Diagnostics, nodes: &[ParsedNode]) {
    for pair in nodes.windows(2).filter(|pair| pair[0].unique_id == pair[1].unique_id) {
        diags.push(
            Diagnostic::error(
                "duplicate-name",
                format!("there are two {}s `{}`", pair[1].kind, pair[1].name),
            )
            .at(pair[1].span, "again here")
            .and_at(pair[0].span, "first here")
            .help("rename one of them, or set `enabled: false` on one"),
        );
    }
    // A ref() names models, seeds and snapshots alike.
    let mut seen: BTreeMap<(&str, &str), &ParsedNode> = BTreeMap::new();
    let mut relations: BTreeMap<String, &ParsedNode> = BTreeMap::new();
    for node in nodes {
        let referable = matches!(node.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot);
        let versioned = matches!(&node.body, Body::Model { version: Some(_), .. });
        if !referable {
            continue;
        }
        if !versioned
            && let Some(first) = seen.insert((&node.package, &node.name), node)
            && first.kind != node.kind
        {
            diags.push(
                Diagnostic::error(
                    "duplicate-name",
                    format!("a {} and a {} are both called `{}`", first.kind, node.kind, node.name),
                )
                .at(node.span, format!("the {} is here", node.kind))
                .and_at(first.span, format!("the {} is here", first.kind))
                .help("rename one of them: ref() could mean either"),
            );
        }
        let Some(relation) = node.relation.as_ref().filter(|it| it.schema.is_some()) else { continue };
        if let Some(first) = relations.insert(relation.render().to_lowercase(), node)
            && first.unique_id != node.unique_id
            && first.name != node.name
        {
            diags.push(
                Diagnostic::error(
                    "duplicate-relation",
                    format!(
                        "`{}` and `{}` would both be built as {}",
                        first.name,
                        node.name,
                        relation.short()
                    ),
                )
                .at(node.span, "this one")
                .and_at(first.span, "and this one")
                .help("give one of them another `alias` or `schema`"),
            );
        }
    }
}

fn report_unused_folders(diags: &mut Diagnostics, project: &Project, nodes: &[ParsedNode]) {
    let trees = &project.config.trees;
    for (tree, kind) in [
        (&trees.models, NodeKind::Model),
        (&trees.seeds, NodeKind::Seed),
        (&trees.data_tests, NodeKind::Test),
        (&trees.snapshots, NodeKind::Snapshot),
        (&trees.functions, NodeKind::Function),
        (&trees.sources, NodeKind::Source),
        (&trees.exposures, NodeKind::Exposure),
        (&trees.unit_tests, NodeKind::UnitTest),
        (&trees.semantic_models, NodeKind::SemanticModel),
        (&trees.metrics, NodeKind::Metric),
        (&trees.saved_queries, NodeKind::SavedQuery),
    ] {
        let fqns: Vec<&[String]> =
            nodes.iter().filter(|it| it.kind == kind).map(|it| it.fqn.as_slice()).collect();
        node_config::unused_folders(diags, tree.as_ref(), &fqns, kind.as_str());
    }
}

impl<'a> Parser<'a> {
    fn new(
        project: &'a Project,
        package: &'a str,
        settings: &'a Settings,
        trees: Vec<&'a Trees>,
        by_macro: &'a ByMacro<'a>,
        docs: &BTreeMap<String, Doc>,
    ) -> Self {
        let host = ParseHost::new(&project.target, settings, docs.clone());
        let context = Context {
            mode: Mode::Parse,
            globals: Arc::clone(&project.settings.globals),
            host: Arc::new(host),
            this: None,
            model: None,
            locals: Vec::new(),
        };
        Self { project, package, settings, trees, templates: by_macro.templates, context, by_macro }
    }

    /// What config may hold.
    fn rules(&self) -> ConfigRules<'_> {
        let (by_macro, package) = (self.by_macro, self.package);
        ConfigRules { unknown: self.project.dialect.unknown_key_severity(), by_macro, package }
    }

    /// The layers of project files that apply to a node, weakest first.
    fn tree_layers(&self, pick: fn(&Trees) -> &Option<Yaml>, fqn: &[String]) -> Vec<ConfigLayer> {
        self.trees.iter().flat_map(|trees| node_config::tree_layers(pick(trees).as_ref(), fqn)).collect()
    }

    /// A description with its `doc()` calls replaced.
    fn description(&self, diags: &mut Diagnostics, text: Option<&Spanned<String>>) -> String {
        let Some(text) = text else { return String::new() };
        if !has_template_syntax(&text.value) {
            return text.value.clone();
        }
        let source = self.inline(&text.value, text.span);
        match self.templates.render(&source, &self.context) {
            Ok(rendered) => rendered.text,
            Err(mut error) => {
                error.span = Some(text.span);
                diags.push(error.into_diagnostic());
                text.value.clone()
            }
        }
    }

    /// A template that stands in YAML.
    fn inline(&self, text: &str, span: Span) -> TemplateSource {
        TemplateSource {
            package: self.package.to_owned(),
            file: span.file,
            text: Arc::from(text),
            offset: span.start as usize,
        }
    }

    /// A template that is a whole file.
    fn whole(&self, file: &ProjectFile) -> TemplateSource {
        TemplateSource {
            package: self.package.to_owned(),
            file: file.id,
            text: Arc::clone(&file.text),
            offset: 0,
        }
    }

    /// The columns with their descriptions rendered.
    fn columns(&self, diags: &mut Diagnostics, columns: &[ColumnProperties]) -> Vec<ColumnProperties> {
        let mut rendered = columns.to_vec();
        for column in &mut rendered {
            if let Some(text) = &column.description
                && has_template_syntax(&text.value)
            {
                let value = self.description(diags, Some(text));
                column.description = Some(Spanned::new(value, text.span));
            }
        }
        rendered
    }

    /// The relation of a node that is built: the project's `generate_*_name` macros where it has them, else
    /// target, `schema`, `database` and `alias` joined by the dialect's rule.
    fn relation(&self, diags: &mut Diagnostics, named: &Named<'_>) -> Relation {
        let Named { name, config, .. } = *named;
        let target = &self.project.target;
        let schema = config.schema.as_deref().map(str::trim);
        let by_macro = |diags: &mut Diagnostics, which: &str, custom: Option<&str>| {
            naming::by_macro(self, diags, which, custom, named)
        };
        let schema = by_macro(diags, "generate_schema_name", schema).unwrap_or_else(|| {
            match (schema, self.project.dialect) {
                (None, _) => target.schema.clone(),
                (Some(schema), Dialect::Tidemill) => schema.to_owned(),
                (Some(schema), Dialect::Dbt) => format!("{}_{schema}", target.schema),
            }
        });
        let database = by_macro(diags, "generate_database_name", config.database.as_deref())
            .unwrap_or_else(|| config.database.clone().unwrap_or_else(|| target.database.clone()));
        let alias = by_macro(diags, "generate_alias_name", config.alias.as_deref())
            .unwrap_or_else(|| config.alias.clone().unwrap_or_else(|| name.to_owned()));
        if schema.eq_ignore_ascii_case(HISTORY_SCHEMA) {
            diags.push(reserved_schema(named));
        }
        Relation::new(database, schema, alias)
    }
}

/// The schema in which runs are recorded.
pub const HISTORY_SCHEMA: &str = "tidemill";

/// A node whose relation is to be named.
struct Named<'a> {
    kind: NodeKind,
    name: &'a str,
    config: &'a NodeConfig,
    span: Span,
}

fn reserved_schema(named: &Named<'_>) -> Diagnostic {
    let name = named.name;
    let place = named.config.values.get("schema").map_or(named.span, |it| it.span);
    Diagnostic::error("reserved-schema", format!("`{name}` cannot be built in the schema `{HISTORY_SCHEMA}`"))
        .at(place, "the history of runs is kept there")
        .help("choose another schema")
}

/// Package, the file's folders below its project path, and the node's name.
fn fqn(package: &str, path: &ProjectPath, folder: &str, name: &str) -> Vec<String> {
    let mut parts = vec![package.to_owned()];
    let inside = path.inside(folder).unwrap_or(path.as_str());
    let folders: Vec<&str> = inside.split('/').collect();
    parts.extend(folders[..folders.len().saturating_sub(1)].iter().map(|it| (*it).to_owned()));
    parts.push(name.to_owned());
    parts
}

/// The place of a file's first byte.
fn start_of(file: FileId) -> Span {
    Span::new(file, 0..0)
}
