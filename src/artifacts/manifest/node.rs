//! Entries of `nodes`: models, seeds, tests and analyses.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::code::Code;
use super::column::{self, Columns};
use super::config::{self, Config, Docs};
use super::entry::{Context, Entry};
use super::kinds::{self, Special};
use crate::artifacts::compiled::test_file;
use crate::node::{NodeKind, Relation, StoreFailures};
use crate::parse::functions::FunctionBody;
use crate::parse::snapshots::SnapshotBody;
use crate::parse::{Body, DataTest, ParsedNode, TestKind};
use crate::project::Dialect;

/// A seed of this size or more is known by its path alone, as in dbt.
pub(super) const MAX_HASHED_SEED: u64 = 1024 * 1024;

/// A node with all keys that dbt gives it.
#[derive(Serialize)]
pub(super) struct ManifestNode<'a> {
    database: &'a str,
    schema: Cow<'a, str>,
    name: &'a str,
    resource_type: &'static str,
    package_name: &'a str,
    path: Cow<'a, str>,
    original_file_path: &'a str,
    unique_id: &'a str,
    fqn: Vec<&'a str>,
    alias: Cow<'a, str>,
    checksum: Checksum<'a>,
    config: Config<'a>,
    tags: &'a [String],
    description: &'a str,
    columns: Columns<'a>,
    meta: &'a Json,
    group: Option<&'a str>,
    docs: Docs<'a>,
    patch_path: Option<String>,
    /// Tidemill keeps no copy of the statements that it runs.
    build_path: Option<&'a str>,
    unrendered_config: BTreeMap<&'a str, Cow<'a, Json>>,
    created_at: f64,
    relation_name: Option<String>,
    raw_code: Cow<'a, str>,
    doc_blocks: Vec<String>,
    #[serde(flatten)]
    code: Option<Code<'a>>,
    #[serde(flatten)]
    special: Option<Special<'a>>,
}

#[derive(Serialize)]
struct Checksum<'a> {
    name: &'static str,
    checksum: Cow<'a, str>,
}

impl<'a> ManifestNode<'a> {
    /// `None` for a source or exposure.
    pub(super) fn new(context: &Context<'a>, entry: &Entry<'a>) -> Option<Self> {
        let parsed = entry.parsed;
        let (database, schema) = place(context, parsed);
        let is_built = match parsed.kind {
            NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot | NodeKind::Function => true,
            _ => matches!(parsed.config.store_failures, Some(StoreFailures::In(_))),
        };
        let raw_code = raw_code(parsed)?;
        Some(Self {
            database,
            schema,
            name: &parsed.name,
            resource_type: parsed.kind.as_str(),
            package_name: &parsed.package,
            path: path(parsed),
            original_file_path: context.project.path_in_package(&parsed.path),
            unique_id: parsed.unique_id.as_str(),
            fqn: fqn(parsed),
            alias: alias(parsed),
            checksum: checksum(context, parsed, &raw_code),
            config: Config::new(parsed),
            tags: &parsed.config.tags,
            description: &parsed.description,
            columns: Columns::new(context, &parsed.columns),
            meta: &parsed.config.meta,
            group: kinds::group(context, entry),
            docs: Docs::of(parsed),
            patch_path: parsed
                .patch_path
                .as_ref()
                .map(|it| format!("{}://{}", parsed.package, context.project.path_in_package(it))),
            build_path: None,
            unrendered_config: config::unrendered(parsed),
            created_at: context.created_at,
            relation_name: parsed.relation.as_ref().filter(|_| is_built).map(Relation::written),
            raw_code,
            doc_blocks: column::of_node(context, parsed),
            code: Code::new(context, entry),
            special: Special::new(context, entry),
        })
    }
}

/// Database and schema; for nodes that are not in the warehouse, where they would be.
fn place<'a>(context: &Context<'a>, parsed: &'a ParsedNode) -> (&'a str, Cow<'a, str>) {
    let target = &context.project.target;
    if let Some(relation) = &parsed.relation
        && let (Some(database), Some(schema)) = (&relation.database, &relation.schema)
    {
        return (database, Cow::Borrowed(schema));
    }
    let schema = match (&parsed.config.schema, context.project.dialect) {
        (None, _) => Cow::Borrowed(target.schema.as_str()),
        (Some(schema), Dialect::Tidemill) => Cow::Borrowed(schema.trim()),
        (Some(schema), Dialect::Dbt) => Cow::Owned(format!("{}_{}", target.schema, schema.trim())),
    };
    (parsed.config.database.as_deref().unwrap_or(&target.database), schema)
}

fn alias(parsed: &ParsedNode) -> Cow<'_, str> {
    match (&parsed.relation, &parsed.config.alias, &parsed.body) {
        (Some(relation), ..) => Cow::Borrowed(&relation.identifier),
        (None, Some(alias), _) => Cow::Borrowed(alias),
        (None, None, Body::Model { version: Some(it), .. }) => {
            Cow::Owned(format!("{}_v{}", parsed.name, it.version))
        }
        (None, None, _) => Cow::Borrowed(&parsed.name),
    }
}

/// The path below the folder of its kind; a generic test's is the file its SQL is written to.
fn path(parsed: &ParsedNode) -> Cow<'_, str> {
    let inside = parsed.path.inside(&parsed.folder).unwrap_or(parsed.path.as_str());
    let is_yaml = ["yml", "yaml"].contains(&parsed.path.extension().as_str());
    match &parsed.body {
        Body::Snapshot(_) if is_yaml => Cow::Owned(format!("{inside}/{}.sql", parsed.name)),
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => Cow::Owned(test_file(&test.short_name)),
        Body::Analysis { .. } => Cow::Owned(format!("analysis/{inside}")),
        Body::Test(DataTest { kind: TestKind::Singular { .. }, .. })
        | Body::Model { .. }
        | Body::Seed
        | Body::Snapshot(_)
        | Body::Function(_)
        | Body::Source(_)
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => Cow::Borrowed(inside),
    }
}

/// In dbt's manifests, analyses have a folder of their own in their names.
fn fqn(parsed: &ParsedNode) -> Vec<&str> {
    let mut fqn: Vec<&str> = parsed.fqn.iter().map(String::as_str).collect();
    if parsed.kind == NodeKind::Analysis && fqn.get(1) != Some(&"analysis") {
        fqn.insert(1, "analysis");
    }
    fqn
}

/// The template; for a generic test, the call that dbt makes of it.
fn raw_code(parsed: &ParsedNode) -> Option<Cow<'_, str>> {
    Some(match &parsed.body {
        Body::Model { sql, .. }
        | Body::Function(FunctionBody { sql, .. })
        | Body::Analysis { sql }
        | Body::Test(DataTest { kind: TestKind::Singular { sql }, .. }) => Cow::Borrowed(sql.text.trim()),
        // All between the tags.
        Body::Snapshot(SnapshotBody { sql, .. }) => Cow::Borrowed(&*sql.text),
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => {
            Cow::Owned(kinds::test_code(parsed, test))
        }
        Body::Seed => Cow::Borrowed(""),
        Body::Source(_) | Body::Exposure(_) | Body::UnitTest(_) | Body::Semantic(_) => return None,
    })
}

/// Of the text without the white space around it, as dbt hashes it.
fn checksum<'a>(context: &Context<'a>, parsed: &'a ParsedNode, raw_code: &str) -> Checksum<'a> {
    match &parsed.body {
        Body::Seed => seed_checksum(context, parsed),
        // Of the whole file, in which there may be several.
        Body::Snapshot(SnapshotBody { sql, .. }) => {
            sha256(context.sources.get(sql.file).text.trim().as_bytes())
        }
        Body::Test(DataTest { kind: TestKind::Generic(_), .. })
        | Body::Source(_)
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => Checksum { name: "none", checksum: Cow::Borrowed("") },
        Body::Model { .. } | Body::Function(_) | Body::Analysis { .. } | Body::Test(_) => {
            sha256(raw_code.as_bytes())
        }
    }
}

fn seed_checksum<'a>(context: &Context<'a>, parsed: &'a ParsedNode) -> Checksum<'a> {
    let mut bytes = Vec::new();
    let read =
        context.files.open(&parsed.path).and_then(|it| it.take(MAX_HASHED_SEED + 1).read_to_end(&mut bytes));
    match read {
        Ok(size) if size as u64 > MAX_HASHED_SEED => {
            Checksum { name: "path", checksum: Cow::Borrowed(parsed.path.as_str()) }
        }
        Ok(_) => match std::str::from_utf8(&bytes) {
            Ok(text) => sha256(text.trim().as_bytes()),
            Err(_) => sha256(&bytes),
        },
        // A seed that cannot be read is reported when it is loaded.
        Err(_) => Checksum { name: "none", checksum: Cow::Borrowed("") },
    }
}

fn sha256(bytes: &[u8]) -> Checksum<'static> {
    let hex = Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Checksum { name: "sha256", checksum: Cow::Owned(hex) }
}
