//! SQL functions: a file in a function folder, and its entry in YAML, which says what it takes and gives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::config_layer::ConfigLayer;
use super::models::{described_twice, rendered_layer, undescribed};
use super::node_config::{self, NodeConfig};
use super::properties::{FunctionArgument, FunctionProperties, FunctionReturns};
use super::{Body, FileProperties, Named, ParsedNode, Parser, files, fqn, start_of};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::{NodeKind, UniqueId};
use crate::project::{FileKind, ProjectFile};
use crate::template::TemplateSource;

/// A function.
#[derive(Clone, Debug)]
pub struct FunctionBody {
    /// Its body: an expression, or a query.
    pub sql: TemplateSource,
    /// What it is.
    pub kind: FunctionKind,
    /// What it takes, in order.
    pub arguments: Vec<FunctionArgument>,
    /// What it gives.
    pub returns: FunctionReturns,
}

/// What a function is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FunctionKind {
    /// A value for values.
    #[default]
    Scalar,
    /// A value for a group of rows.
    Aggregate,
    /// A table for values.
    Table,
}

/// Joins files and properties to nodes.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
) -> Vec<ParsedNode> {
    let mut described: BTreeMap<&str, (&ProjectFile, &FunctionProperties)> = BTreeMap::new();
    for (file, properties) in properties {
        for entry in &properties.functions {
            if let Some((_, first)) = described.insert(&entry.name.value, (file, entry)) {
                diags.push(described_twice("function", &entry.name, &first.name));
            }
        }
    }
    for file in files(parser, FileKind::ForeignFunction) {
        diags.push(foreign(file));
    }
    let mut nodes = Vec::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for file in files(parser, FileKind::Function) {
        used.insert(file.path.stem());
        nodes.extend(node(parser, diags, file, described.get(file.path.stem()).copied()));
    }
    let foreign: BTreeSet<&str> = files(parser, FileKind::ForeignFunction).map(|it| it.path.stem()).collect();
    for (_, entry) in described.values() {
        let name = entry.name.value.as_str();
        if !used.contains(name) && !foreign.contains(name) {
            diags.push(undescribed(parser, "function", &entry.name, used.iter().copied()));
        }
    }
    nodes
}

fn node(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    described: Option<(&ProjectFile, &FunctionProperties)>,
) -> Option<ParsedNode> {
    let name = file.path.stem().to_owned();
    let span = start_of(file.id);
    let sql = parser.whole(file);
    let scan = match parser.templates.scan(&sql, &parser.context) {
        Ok(scan) => scan,
        Err(error) => {
            diags.push(error.into_diagnostic());
            return None;
        }
    };
    let fqn = fqn(parser.package, &file.path, &file.folder, &name);
    let mut layers = parser.tree_layers(|it| &it.functions, &fqn);
    if let Some((_, entry)) = described {
        layers.push(rendered_layer(parser, diags, &entry.config));
    }
    layers.push(ConfigLayer::new(scan.config));
    let mut config = node_config::merge(diags, &layers.iter().collect::<Vec<_>>(), parser.rules());
    let kind = kind(diags, &config);
    check_volatility(diags, &config);
    config.values.entry("materialized".to_owned()).or_insert_with(|| Spanned::new(json!("function"), span));
    let place = described.map_or(span, |(_, it)| it.name.span);
    let returns = described.and_then(|(_, it)| it.returns.clone());
    if config.enabled {
        check_returns(diags, &name, kind, place, returns.as_ref());
    }
    let named = Named { kind: NodeKind::Function, name: &name, config: &config, span };
    let relation = parser.relation(diags, &named);
    let description = described.and_then(|(_, it)| it.description.as_ref());
    Some(ParsedNode {
        unique_id: UniqueId(format!("function.{}.{name}", parser.package)),
        kind: NodeKind::Function,
        name,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span,
        patch_path: described.map(|(file, _)| file.path.clone()),
        description: parser.description(diags, description),
        described_at: description.map(|it| it.span),
        columns: Vec::new(),
        config,
        refs: scan.refs,
        sources: scan.sources,
        functions: scan.functions,
        macros: scan.macros,
        relation: Some(relation),
        body: Body::Function(FunctionBody {
            sql,
            kind,
            arguments: described.map(|(_, it)| it.arguments.clone()).unwrap_or_default(),
            returns: returns.unwrap_or(FunctionReturns {
                data_type: None,
                description: None,
                columns: Vec::new(),
            }),
        }),
    })
}

fn kind(diags: &mut Diagnostics, config: &NodeConfig) -> FunctionKind {
    const KINDS: [(&str, FunctionKind); 3] = [
        ("scalar", FunctionKind::Scalar),
        ("aggregate", FunctionKind::Aggregate),
        ("table", FunctionKind::Table),
    ];
    word(diags, config, "type", &KINDS).unwrap_or_default()
}

fn check_volatility(diags: &mut Diagnostics, config: &NodeConfig) {
    word(diags, config, "volatility", &[("deterministic", ()), ("stable", ()), ("non-deterministic", ())]);
}

fn word<T: Copy>(
    diags: &mut Diagnostics,
    config: &NodeConfig,
    key: &str,
    known: &[(&'static str, T)],
) -> Option<T> {
    let found = config.values.get(key).filter(|it| !it.value.is_null())?;
    let text = found.value.as_str().unwrap_or_default();
    if let Some((_, value)) = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some(*value);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let written = found.value.to_string();
    diags.push(
        Diagnostic::error(
            "invalid-value",
            format!("`{}` is not a value of a function's `{key}`", written.trim_matches('"')),
        )
        .at(found.span, "set here")
        .help(
            suggest::did_you_mean(text, names.iter().copied())
                .unwrap_or_else(|| format!("write one of {}", names.join(", "))),
        ),
    );
    None
}

fn check_returns(
    diags: &mut Diagnostics,
    name: &str,
    kind: FunctionKind,
    place: Span,
    returns: Option<&FunctionReturns>,
) {
    let has_type = returns.is_some_and(|it| it.data_type.is_some());
    let (is_said, help) = match kind {
        FunctionKind::Scalar | FunctionKind::Aggregate => {
            (has_type, format!("write `functions: [{{name: {name}, returns: {{data_type: integer}}}}]`, say"))
        }
        FunctionKind::Table => (
            returns.is_some(),
            format!(
                "write `functions: [{{name: {name}, returns: {{columns: [{{name: id, data_type: integer}}]}}}}]`, say"
            ),
        ),
    };
    if !is_said {
        let message = format!("nothing says what the function `{name}` returns");
        diags.push(Diagnostic::error("missing-key", message).at(place, "").help(help));
    }
}

fn foreign(file: &ProjectFile) -> Diagnostic {
    let (code, message) = match file.path.extension().as_str() {
        "py" => ("python-function", "Python functions are not supported"),
        _ => ("foreign-function", "only functions in SQL are supported"),
    };
    Diagnostic::error(code, message)
        .at(start_of(file.id), "a function is an expression or a `select` in a .sql file")
}

/// A default as SQL: a text is SQL already, other values are written as they are.
pub fn default_sql(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "null".to_owned(),
        other @ (Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => other.to_string(),
    }
}
