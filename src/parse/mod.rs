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
pub mod load_time;
mod macro_arguments;
pub mod merge;
pub mod microbatch;
pub mod model_details;
mod models;
mod naming;
pub mod node_config;
pub mod parquet_files;
mod parsed;
pub mod properties;
pub(crate) mod python_models;
pub mod run_hooks;
pub mod semantic;
pub mod snapshot_settings;
pub mod snapshots;
mod source_overrides;
pub mod source_rules;
mod sources;
mod test_names;
mod tests;
pub mod threshold;
pub mod unit_tests;
pub mod version_pointer;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use self::by_macro::ByMacro;
use self::config_layer::ConfigLayer;
use self::host::ParseHost;
pub(crate) use self::host::doc;
use self::node_config::{ConfigRules, NodeConfig};
pub use self::parsed::{
    Body, DataTest, Doc, ExposureBody, GenericTest, Group, NodeMacros, Owner, Parsed, ParsedNode, SourceBody,
    SourceDetails, TestKind, Version,
};
use self::properties::{ColumnProperties, Properties};
use self::run_hooks::RunHook;
use self::source_overrides::Overrides;
pub(crate) use self::tests::argument_template;
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Severity, Sources, Span, Spanned};
use crate::node::{NodeKind, Relation};
use crate::project::config::Trees;
use crate::project::files::ProjectPath;
use crate::project::settings::Settings;
use crate::project::{Dialect, FileKind, Project, ProjectFile};
use crate::template::{self, Context, MacroFile, Mode, TemplateSource, Templates, has_template_syntax};
use crate::yaml::{self, Yaml, YamlKind};

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
    overrides: &'a Overrides,
}

/// Reads what all files of a project and of its packages say.
pub fn parse(diags: &mut Diagnostics, sources: &mut Sources, project: &Project) -> Parsed {
    let root = project.config.name.value.as_str();
    let templates = read_macros(diags, sources, project);
    let by_macro = ByMacro::new(project, &templates);
    by_macro::report_never_called(diags, project, &by_macro);
    let docs = read_docs(diags, project);
    let overrides = Overrides::read(diags, project);
    let shared = Shared { by_macro: &by_macro, overrides: &overrides, docs: &docs };
    let mut all = Vec::new();
    let mut run_hooks = Vec::new();
    let mut described = Described::default();
    for package in &project.packages {
        let trees = vec![&package.config.trees, &project.config.trees];
        let parser = Parser::new(project, &package.name, &package.settings, trees, &shared);
        let mut own = Diagnostics::default();
        all.extend(parse_package(&parser, &mut own, &mut described));
        run_hooks.extend(run_hooks::read(&parser, &mut own, &package.config));
        // What a package could do better is for its authors to hear.
        own.take().into_iter().filter(|it| it.severity == Severity::Error).for_each(|it| diags.push(it));
    }
    let trees = vec![&project.config.trees];
    let parser = Parser::new(project, root, &project.settings, trees, &shared);
    all.extend(parse_package(&parser, diags, &mut described));
    // Those of packages first, as in dbt.
    run_hooks.sort_by(|a: &RunHook, b| (&a.package, a.moment, a.index).cmp(&(&b.package, b.moment, b.index)));
    run_hooks.extend(run_hooks::read(&parser, diags, &project.config));

    whole::report_unused_folders(diags, project, &all);
    overrides.report_unused(diags, all.iter().filter_map(source_table));
    all.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
    let (nodes, disabled): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.config.enabled);
    whole::report_duplicates(diags, project, &nodes);
    let node_macros = by_macro::of_other_nodes(project, &by_macro);
    Parsed {
        nodes,
        disabled,
        templates: Arc::new(templates),
        docs: docs.into_values().collect(),
        macro_properties: described.macros,
        groups: described.groups,
        node_macros,
        root_package: root.to_owned(),
        restricted: restricted(project),
        run_hooks,
    }
}

/// What all packages are read with.
struct Shared<'a> {
    by_macro: &'a ByMacro<'a>,
    overrides: &'a Overrides,
    docs: &'a BTreeMap<String, Doc>,
}

/// Package, source and table, if a node is one.
fn source_table(node: &ParsedNode) -> Option<(&str, &str, &str)> {
    match &node.body {
        Body::Source(body) => Some((&node.package, &body.source, &node.name)),
        Body::Model { .. }
        | Body::Seed
        | Body::Snapshot(_)
        | Body::Function(_)
        | Body::Test(_)
        | Body::Analysis { .. }
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => None,
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
            let tree = tree.map(|it| parser.overrides.apply(parser.package, it));
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

impl<'a> Parser<'a> {
    fn new(
        project: &'a Project,
        package: &'a str,
        settings: &'a Settings,
        trees: Vec<&'a Trees>,
        shared: &Shared<'a>,
    ) -> Self {
        let Shared { by_macro, overrides, docs } = *shared;
        let host = ParseHost::new(project, settings, docs.clone());
        let context = Context {
            mode: Mode::Parse,
            globals: Arc::clone(&project.settings.globals),
            host: Arc::new(host),
            this: None,
            model: None,
            locals: Vec::new(),
        };
        let templates = by_macro.templates;
        Self { project, package, settings, trees, templates, context, by_macro, overrides }
    }

    /// What config may hold.
    fn rules(&self) -> ConfigRules<'_> {
        let (by_macro, package) = (self.by_macro, self.package);
        ConfigRules { unknown: self.project.dialect.unknown_key_severity(), by_macro, package }
    }

    /// The layers of project files that apply to a node, weakest first.
    fn tree_layers(&self, pick: fn(&Trees) -> &Option<Yaml>, fqn: &[String]) -> Vec<ConfigLayer> {
        let layers = |trees: &&Trees| {
            let unrendered = trees.unrendered.as_deref().and_then(|it| pick(it).as_ref());
            node_config::tree_layers(pick(trees).as_ref(), unrendered, fqn)
        };
        self.trees.iter().flat_map(layers).collect()
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
        Relation::new(database, schema, alias).quoted_as(self.project.config.quoting)
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
