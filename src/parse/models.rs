//! Nodes that have a file of their own: models, seeds and analyses, joined with their properties.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde_json::json;

use super::by_macro;
use super::config_layer::ConfigLayer;
use super::model_details::{self, Checked, ModelDetails};
use super::node_config::{self, NodeConfig};
use super::parquet_files;
use super::properties::{ColumnProperties, ConstraintKind, NodeProperties, Section, VersionProperties};
use super::{
    Body, FileProperties, Named, ParsedNode, Parser, Version, files, fqn, python_models, snapshots, sources,
    start_of,
};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::node::{Materialization, NodeKind, UniqueId};
use crate::project::files::ProjectPath;
use crate::project::{FileKind, ProjectFile};
use crate::template::{Scan, TemplateError};

/// Which properties belong to which file, by section and the file's stem.
pub(super) type ByStem<'a> = BTreeMap<(Section, String), Described<'a>>;

/// A node's properties, and which version of it.
#[derive(Clone, Copy)]
pub(super) struct Described<'a> {
    pub(super) file: &'a ProjectFile,
    pub(super) properties: &'a NodeProperties,
    version: Option<&'a VersionProperties>,
}

/// Joins files and properties to nodes.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &mut [FileProperties],
) -> Vec<ParsedNode> {
    let of_kind = |kind| files(parser, kind).map(|it| it.path.stem());
    let stems: BTreeSet<&str> = of_kind(FileKind::Model).chain(of_kind(FileKind::PythonModel)).collect();
    let by_stem = index(diags, properties, &stems);
    let mut used: BTreeSet<(Section, String)> = BTreeSet::new();
    let mut nodes = Vec::new();

    files(parser, FileKind::PythonModel).for_each(|it| diags.push(python_models::notice(it)));
    let scanned: Vec<(&ProjectFile, Result<Scan, TemplateError>)> = parser
        .project
        .files
        .par_iter()
        .filter(|it| it.package == parser.package && !snapshots::holds_snapshots(it))
        .filter(|it| matches!(it.kind, FileKind::Model | FileKind::Analysis | FileKind::PythonModel))
        .map(|file| match file.kind {
            FileKind::PythonModel => (file, Ok(python_models::scan(file))),
            _ => (file, parser.templates.scan(&parser.whole(file), &parser.context)),
        })
        .collect();
    for (file, scan) in scanned {
        let section = if file.kind == FileKind::Analysis { Section::Analyses } else { Section::Models };
        let key = (section, file.path.stem().to_owned());
        let described = by_stem.get(&key).copied();
        used.insert(key);
        let scan = scan.unwrap_or_else(|error| {
            // It stays known by its name, so that what refers to it is not reported as well.
            diags.push(error.into_diagnostic());
            Scan::default()
        });
        nodes.push(sql_node(parser, diags, file, scan, described));
    }
    for file in files(parser, FileKind::Seed) {
        let key = (Section::Seeds, file.path.stem().to_owned());
        let described = by_stem.get(&key).copied();
        used.insert(key);
        nodes.push(seed(parser, diags, file, described));
    }
    nodes.extend(snapshots::read(parser, diags, &by_stem, &mut used));
    report_undescribed(parser, diags, &by_stem, &used);
    nodes
}

/// `stems` are the names of the files of models: the latest version may be in a file without a number.
fn index<'a>(
    diags: &mut Diagnostics,
    properties: &'a [FileProperties],
    stems: &BTreeSet<&str>,
) -> ByStem<'a> {
    let mut by_stem: ByStem<'a> = BTreeMap::new();
    for (file, properties) in properties {
        for node in &properties.nodes {
            let mut add = |stem: String, version: Option<&'a VersionProperties>| {
                let described = Described { file, properties: node, version };
                let first = by_stem.insert((node.section, stem), described);
                // A version that is listed twice was reported where it was read.
                if let Some(first) = first.filter(|it| it.properties.name.span != node.name.span) {
                    diags.push(described_twice(node.section.singular(), &node.name, &first.properties.name));
                }
            };
            if node.versions.is_empty() {
                add(node.name.value.clone(), None);
            }
            for version in &node.versions {
                let default = || format!("{}_v{}", node.name.value, version.version.value);
                let stem = version.defined_in.as_ref().map_or_else(default, |it| {
                    it.value.trim_end_matches(".sql").trim_end_matches(".py").to_owned()
                });
                let is_plain = !stems.contains(stem.as_str())
                    && stems.contains(node.name.value.as_str())
                    && version.version.value == latest(node);
                add(if is_plain { node.name.value.clone() } else { stem }, Some(version));
            }
        }
    }
    by_stem
}

pub(super) fn described_twice(what: &str, name: &Spanned<String>, first: &Spanned<String>) -> Diagnostic {
    Diagnostic::error("duplicate-properties", format!("the {what} `{}` is described twice", name.value))
        .at(name.span, "again here")
        .and_at(first.span, "first here")
        .help("join the two entries")
}

/// Entries for which there is no file.
fn report_undescribed(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    by_stem: &ByStem<'_>,
    used: &BTreeSet<(Section, String)>,
) {
    for (key, described) in by_stem.iter().filter(|(key, _)| !used.contains(*key)) {
        let (section, stem) = key;
        let known = used.iter().filter(|(other, _)| other == section).map(|(_, stem)| stem.as_str());
        let span = described.version.map_or(described.properties.name.span, |it| it.version.span);
        diags.push(undescribed(parser, section.singular(), &Spanned::new(stem.clone(), span), known));
    }
}

pub(super) fn undescribed<'a>(
    parser: &Parser<'_>,
    what: &str,
    name: &Spanned<String>,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let message = format!("there is no {what} `{}`", name.value);
    let diagnostic = match parser.project.dialect.unknown_key_severity() {
        Severity::Error => Diagnostic::error("unknown-node", message),
        Severity::Warning => Diagnostic::warning("unknown-node", message),
    };
    diagnostic
        .at(name.span, "described here, but no file has this name")
        .help_opt(suggest::did_you_mean(&name.value, known))
}

/// The merged config of a node with a file.
pub(super) fn config(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    tree_layers: Vec<ConfigLayer>,
    described: Option<Described<'_>>,
    in_file: &ConfigLayer,
) -> NodeConfig {
    let mut layers = tree_layers;
    if let Some(described) = described {
        layers.push(rendered_layer(parser, diags, &described.properties.config));
        if let Some(version) = described.version {
            layers.push(rendered_layer(parser, diags, &version.config));
        }
    }
    layers.push(in_file.clone());
    node_config::merge(diags, &layers.iter().collect::<Vec<_>>(), parser.rules())
}

/// Config keys whose texts are templates for later, not values to render now.
const RENDERED_LATER: [&str; 6] = ["pre-hook", "pre_hook", "post-hook", "post_hook", "meta", "sql_header"];

/// A layer of properties YAML with templates in its values replaced.
pub(super) fn rendered_layer(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    layer: &ConfigLayer,
) -> ConfigLayer {
    let mut rendered = ConfigLayer::default();
    for (key, value) in layer.entries() {
        let later = RENDERED_LATER.contains(&key.value.as_str());
        let value = if later { value.clone() } else { parser.settings.render_json(diags, value, key.span) };
        rendered.push(key.clone(), value);
    }
    rendered
}

fn sql_node(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    mut scan: Scan,
    described: Option<Described<'_>>,
) -> ParsedNode {
    let version = described.and_then(|it| version(it));
    let stem = file.path.stem().to_owned();
    let name = match (&version, described) {
        (Some(_), Some(described)) => described.properties.name.value.clone(),
        _ => stem.clone(),
    };
    let is_model = file.kind != FileKind::Analysis;
    let is_python = file.kind == FileKind::PythonModel;
    let mut fqn = fqn(parser.package, &file.path, &file.folder, &name);
    if let Some(version) = &version {
        fqn.push(format!("v{}", version.version));
    }
    let in_file = ConfigLayer::new(std::mem::take(&mut scan.config));
    let tree = if is_model { parser.tree_layers(|it| &it.models, &fqn) } else { Vec::new() };
    let config = config(parser, diags, tree, described, &in_file);
    let sql = parser.whole(file);
    let suffix = version.as_ref().map(|it| format!(".v{}", it.version)).unwrap_or_default();
    let kind = if is_model { NodeKind::Model } else { NodeKind::Analysis };
    let default_alias = version.as_ref().map_or_else(|| name.clone(), |it| format!("{name}_v{}", it.version));
    let materialized =
        config.materialized.unwrap_or(if is_python { Materialization::Table } else { Materialization::View });
    let relation = match (kind, materialized) {
        (
            NodeKind::Model,
            Materialization::View
            | Materialization::Table
            | Materialization::Incremental
            | Materialization::External
            | Materialization::TableFunction
            | Materialization::Custom,
        ) => Some(parser.relation(
            diags,
            &Named { kind, name: &default_alias, config: &config, span: start_of(file.id) },
        )),
        _ => None,
    };
    let texts = Texts::new(parser, diags, described);
    let body = if is_model {
        let model = Checked { name: &name, config: &config, materialized, columns: &texts.columns };
        let mut details = Box::new(details(parser, diags, &model, described));
        details.is_python = is_python;
        foreign_keys(parser, diags, &details, &texts.columns, &mut scan);
        let materialization = config.values.get("materialized").and_then(|it| it.value.as_str());
        let by_macro = by_macro::of_model(parser, materialization.unwrap_or("view"), materialized, &config);
        if by_macro.is_some() && config.duckdb.files.is_some() {
            diags.push(parquet_files::made_by_macro(&config.values, start_of(file.id)));
        }
        Body::Model { sql, materialized, by_macro, version, details }
    } else {
        Body::Analysis { sql }
    };
    ParsedNode {
        unique_id: UniqueId(format!("{kind}.{}.{name}{suffix}", parser.package)),
        kind,
        name,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span: start_of(file.id),
        patch_path: texts.patch_path,
        description: texts.description,
        described_at: texts.described_at,
        columns: texts.columns,
        config,
        refs: scan.refs,
        sources: scan.sources,
        functions: scan.functions,
        macros: scan.macros,
        relation,
        body,
    }
}

fn seed(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    described: Option<Described<'_>>,
) -> ParsedNode {
    let name = file.path.stem().to_owned();
    let fqn = fqn(parser.package, &file.path, &file.folder, &name);
    let tree = parser.tree_layers(|it| &it.seeds, &fqn);
    let mut config = config(parser, diags, tree, described, &ConfigLayer::default());
    let span = start_of(file.id);
    config.values.entry("materialized".to_owned()).or_insert_with(|| Spanned::new(json!("seed"), span));
    let named = Named { kind: NodeKind::Seed, name: &name, config: &config, span };
    let relation = parser.relation(diags, &named);
    let texts = Texts::new(parser, diags, described);
    ParsedNode {
        unique_id: UniqueId(format!("seed.{}.{name}", parser.package)),
        kind: NodeKind::Seed,
        name,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span,
        patch_path: texts.patch_path,
        description: texts.description,
        described_at: texts.described_at,
        columns: texts.columns,
        config,
        refs: Vec::new(),
        sources: Vec::new(),
        functions: Vec::new(),
        macros: Vec::new(),
        relation: Some(relation),
        body: Body::Seed,
    }
}

/// What YAML alone says about a model.
fn details(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    model: &Checked<'_>,
    described: Option<Described<'_>>,
) -> ModelDetails {
    let Some(Described { properties, version, .. }) = described else {
        return ModelDetails::new(diags, model, Vec::new(), None, None);
    };
    let constraints =
        version.map(|it| &it.constraints).filter(|it| !it.is_empty()).unwrap_or(&properties.constraints);
    // The date of a versioned model is that of the version alone.
    let date = version.map_or(properties.deprecation_date.as_ref(), |it| it.deprecation_date.as_ref());
    let now = &parser.project.settings.globals.run_started_at;
    let deprecation = date.and_then(|it| model_details::deprecation(diags, it, now));
    let time_spine = properties.time_spine.clone().filter(|_| version.is_none());
    ModelDetails::new(diags, model, constraints.clone(), deprecation, time_spine)
}

/// What foreign keys point to is built before the model.
fn foreign_keys(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    details: &ModelDetails,
    columns: &[ColumnProperties],
    scan: &mut Scan,
) {
    let of_columns = columns.iter().flat_map(|it| &it.constraints);
    for constraint in details.constraints.iter().chain(of_columns) {
        if let (ConstraintKind::ForeignKey, Some(to)) = (constraint.kind.value, &constraint.to) {
            sources::depends_on(parser, diags, to, &mut scan.refs, &mut scan.sources);
        }
    }
}

/// What properties YAML says for people.
pub(super) struct Texts {
    pub(super) patch_path: Option<ProjectPath>,
    pub(super) description: String,
    pub(super) described_at: Option<Span>,
    pub(super) columns: Vec<ColumnProperties>,
}

impl Texts {
    pub(super) fn new(
        parser: &Parser<'_>,
        diags: &mut Diagnostics,
        described: Option<Described<'_>>,
    ) -> Self {
        let Some(Described { file, properties, version }) = described else {
            return Self {
                patch_path: None,
                description: String::new(),
                described_at: None,
                columns: Vec::new(),
            };
        };
        let description = version.and_then(|it| it.description.as_ref()).or(properties.description.as_ref());
        let columns = version.map_or(&properties.columns, |it| &it.columns);
        Self {
            patch_path: Some(file.path.clone()),
            description: parser.description(diags, description),
            described_at: description.map(|it| it.span),
            columns: parser.columns(diags, columns),
        }
    }
}

fn version(described: Described<'_>) -> Option<Version> {
    let version = described.version?.version.value.clone();
    let latest = latest(described.properties);
    Some(Version { is_latest: version == latest, version, latest })
}

/// The version that `ref()` without one means.
fn latest(model: &NodeProperties) -> String {
    match &model.latest_version {
        Some(latest) => latest.value.clone(),
        None => latest_of(&model.versions),
    }
}

/// The greatest version: by number where all are numbers, else by text, as dbt compares them.
fn latest_of(versions: &[VersionProperties]) -> String {
    let texts: Vec<&str> = versions.iter().map(|it| it.version.value.as_str()).collect();
    let numbers: Option<Vec<f64>> = texts.iter().map(|it| it.parse().ok()).collect();
    let latest = match numbers {
        Some(numbers) => texts.iter().zip(numbers).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(text, _)| *text),
        None => texts.iter().max().copied(),
    };
    latest.unwrap_or_default().to_owned()
}
