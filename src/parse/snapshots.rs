//! Snapshots: `{% snapshot %}` blocks, several to a file, and entries of YAML with a `relation`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::by_macro;
use super::config_layer::ConfigLayer;
use super::models::{ByStem, Described, Texts, config};
use super::parquet_files;
use super::properties::{NodeProperties, Section};
use super::snapshot_settings::{self, SnapshotSettings};
use super::{Body, HISTORY_SCHEMA, Named, ParsedNode, Parser, fqn, reserved_schema};
use crate::diagnostics::{Diagnostic, Diagnostics, Spanned};
use crate::node::{NodeKind, UniqueId};
use crate::project::files::ProjectPath;
use crate::project::{FileKind, ProjectFile};
use crate::template::{self, SnapshotBlock, TemplateSource};

/// A snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotBody {
    /// Its query.
    pub sql: TemplateSource,
    /// How it is taken; `None` for one that does not take part or is taken by a macro.
    pub settings: Option<SnapshotSettings>,
    /// The project's own macro that takes snapshots, by its unique id.
    pub by_macro: Option<String>,
}

/// What the template of a YAML snapshot begins with.
const SELECT: &str = "select * from {{ ";

/// Whether a file holds snapshots: all of a snapshot folder do, and others if a block is in them.
pub(super) fn holds_snapshots(file: &ProjectFile) -> bool {
    match file.kind {
        FileKind::Snapshot => true,
        FileKind::Model => template::may_have_snapshots(&file.text),
        _ => false,
    }
}

/// Reads all snapshots of a package.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    by_stem: &ByStem<'_>,
    used: &mut BTreeSet<(Section, String)>,
) -> Vec<ParsedNode> {
    let mut nodes = Vec::new();
    let own = parser.project.files.iter().filter(|it| it.package == parser.package);
    for file in own.filter(|it| holds_snapshots(it)) {
        let blocks = template::snapshot_blocks(diags, file.id, &file.text);
        if blocks.is_empty() && file.kind == FileKind::Snapshot && !file.text.trim().is_empty() {
            diags.push(no_block(file));
        }
        for block in blocks {
            let key = (Section::Snapshots, block.name.value.clone());
            let described = by_stem.get(&key).copied();
            used.insert(key);
            nodes.extend(from_block(parser, diags, file, block, described));
        }
    }
    for ((section, name), described) in by_stem {
        let Some(relation) = &described.properties.relation else { continue };
        if *section != Section::Snapshots {
            continue;
        }
        if used.insert((*section, name.clone())) {
            nodes.extend(from_yaml(parser, diags, described, relation));
        } else {
            diags.push(twice(described.properties));
        }
    }
    nodes
}

fn from_block(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    block: SnapshotBlock,
    described: Option<Described<'_>>,
) -> Option<ParsedNode> {
    let package = parser.package.to_owned();
    let sql = TemplateSource { package, file: file.id, text: block.text, offset: block.offset };
    // In the names of such snapshots the file is one more folder.
    let mut fqn = fqn(parser.package, &file.path, &file.folder, file.path.stem());
    fqn.push(block.name.value.clone());
    let place = Place { path: &file.path, folder: &file.folder, fqn };
    node(parser, diags, block.name, sql, &place, described)
}

fn from_yaml(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    described: &Described<'_>,
    relation: &Spanned<String>,
) -> Option<ParsedNode> {
    let name = described.properties.name.clone();
    let sql = TemplateSource {
        package: parser.package.to_owned(),
        file: relation.span.file,
        text: Arc::from(format!("{SELECT}{} }}}}", relation.value)),
        offset: (relation.span.start as usize).saturating_sub(SELECT.len()),
    };
    let file = described.file;
    let fqn = fqn(parser.package, &file.path, &file.folder, &name.value);
    let place = Place { path: &file.path, folder: &file.folder, fqn };
    let node = node(parser, diags, name, sql, &place, Some(*described))?;
    if node.refs.len() + node.sources.len() != 1 {
        let message = format!("the `relation` of snapshot `{}` is not a reference", node.name);
        diags.push(
            Diagnostic::error("invalid-value", message)
                .at(relation.span, "write `ref('model')` or `source('source', 'table')`"),
        );
        return None;
    }
    Some(node)
}

/// Where a snapshot is written.
struct Place<'a> {
    path: &'a ProjectPath,
    folder: &'a str,
    fqn: Vec<String>,
}

fn node(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    name: Spanned<String>,
    sql: TemplateSource,
    place: &Place<'_>,
    described: Option<Described<'_>>,
) -> Option<ParsedNode> {
    let scan = match parser.templates.scan(&sql, &parser.context) {
        Ok(scan) => scan,
        Err(error) => {
            diags.push(error.into_diagnostic());
            return None;
        }
    };
    let tree = parser.tree_layers(|it| &it.snapshots, &place.fqn);
    let mut config = config(parser, diags, tree, described, &ConfigLayer::new(scan.config));
    let by_macro = by_macro::of_snapshots(parser);
    config.duckdb.files = parquet_files::read(diags, &config.values);
    if by_macro.is_some() && config.duckdb.files.is_some() {
        diags.push(parquet_files::made_by_macro(&config.values, name.span));
        config.duckdb.files = None;
    }
    let find = |strategy: &str| own_strategy(parser, strategy);
    // A macro in its place asks for what it needs.
    let settings = if config.enabled && by_macro.is_none() {
        snapshot_settings::read(diags, &name, &config.values, find)
    } else {
        None
    };
    config
        .values
        .entry("materialized".to_owned())
        .or_insert_with(|| Spanned::new(json!("snapshot"), name.span));
    let named = Named { kind: NodeKind::Snapshot, name: &name.value, config: &config, span: name.span };
    let mut relation = parser.relation(diags, &named);
    // These two name the place as it is, past all rules.
    let fixed = |key: &str| {
        let text = config.values.get(key).and_then(|it| it.value.as_str());
        text.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned)
    };
    relation.database = fixed("target_database").or(relation.database);
    if let Some(schema) = fixed("target_schema") {
        if schema.eq_ignore_ascii_case(HISTORY_SCHEMA) {
            diags.push(reserved_schema(&named));
        }
        relation.schema = Some(schema);
    }
    let texts = Texts::new(parser, diags, described);
    Some(ParsedNode {
        unique_id: UniqueId(format!("snapshot.{}.{}", parser.package, name.value)),
        kind: NodeKind::Snapshot,
        package: parser.package.to_owned(),
        fqn: place.fqn.clone(),
        path: place.path.clone(),
        folder: place.folder.to_owned(),
        span: name.span,
        name: name.value,
        patch_path: texts.patch_path,
        description: texts.description,
        described_at: texts.described_at,
        columns: texts.columns,
        config,
        refs: scan.refs,
        sources: scan.sources,
        functions: scan.functions,
        macros: scan.macros,
        relation: Some(relation),
        body: Body::Snapshot(SnapshotBody { sql, settings, by_macro }),
    })
}

/// The macro of a strategy, if it is not one of the built-in ones.
fn own_strategy(parser: &Parser<'_>, strategy: &str) -> Option<String> {
    let (package, name) = match strategy.split_once('.') {
        Some((package, name)) => (package, name),
        None => (parser.package, strategy),
    };
    let wanted = format!("snapshot_{name}_strategy");
    let found = parser.templates.find_macro(package, &wanted)?;
    let is_meant = found.package == package || !strategy.contains('.');
    (is_meant && found.package != "dbt").then(|| match strategy.split_once('.') {
        Some((package, _)) => format!("{package}.{wanted}"),
        None => wanted,
    })
}

fn no_block(file: &ProjectFile) -> Diagnostic {
    Diagnostic::error("no-snapshot", "there is no `{% snapshot %}` block in this file")
        .at(super::start_of(file.id), "all that a file of a snapshot folder can hold")
        .help("write `{% snapshot orders_snapshot %} ... {% endsnapshot %}`, or move the file")
}

fn twice(properties: &NodeProperties) -> Diagnostic {
    let name = &properties.name;
    let message = format!("the snapshot `{}` has a `relation`, but also a block in SQL", name.value);
    Diagnostic::error("duplicate-name", message)
        .at(name.span, "with a `relation` here")
        .help("remove the `relation`: then this entry describes the block")
}
