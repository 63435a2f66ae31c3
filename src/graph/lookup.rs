//! What `ref()` and `source()` mean, and what to say when they mean nothing.

use std::collections::BTreeMap;

use super::id_of;
use crate::diagnostics::{Diagnostic, Span, Spanned, suggest};
use crate::node::{NodeId, NodeKind};
use crate::parse::{Body, ParsedNode};
use crate::template::{FunctionCall, RefCall, SourceCall};

/// Nodes by the names that templates use.
pub(super) struct Lookup<'a> {
    referable: BTreeMap<&'a str, Vec<(NodeId, &'a ParsedNode)>>,
    sources: BTreeMap<(&'a str, &'a str), NodeId>,
    functions: BTreeMap<&'a str, Vec<(NodeId, &'a ParsedNode)>>,
    disabled: BTreeMap<&'a str, &'a ParsedNode>,
    disabled_sources: BTreeMap<(&'a str, &'a str), &'a ParsedNode>,
    disabled_functions: BTreeMap<&'a str, &'a ParsedNode>,
}

/// What a name means.
pub(super) enum Found<'a> {
    /// This node.
    Node(NodeId),
    /// A node that does not take part.
    Disabled(&'a ParsedNode),
    /// Nothing.
    Unknown,
}

impl Found<'_> {
    pub(super) fn node(&self) -> Option<NodeId> {
        match self {
            Found::Node(id) => Some(*id),
            Found::Disabled(_) | Found::Unknown => None,
        }
    }
}

fn is_referable(node: &ParsedNode) -> bool {
    matches!(node.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot)
}

fn source_key(node: &ParsedNode) -> Option<(&str, &str)> {
    match &node.body {
        Body::Source(body) => Some((&body.source, &node.name)),
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

impl<'a> Lookup<'a> {
    pub(super) fn new(nodes: &'a [ParsedNode], disabled: &'a [ParsedNode]) -> Self {
        let mut referable: BTreeMap<&str, Vec<(NodeId, &ParsedNode)>> = BTreeMap::new();
        let mut sources = BTreeMap::new();
        let mut functions: BTreeMap<&str, Vec<(NodeId, &ParsedNode)>> = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate() {
            if is_referable(node) {
                referable.entry(&node.name).or_default().push((id_of(index), node));
            }
            if node.kind == NodeKind::Function {
                functions.entry(&node.name).or_default().push((id_of(index), node));
            }
            if let Some(key) = source_key(node) {
                sources.insert(key, id_of(index));
            }
        }
        let off = disabled.iter().filter(|it| is_referable(it)).map(|it| (it.name.as_str(), it)).collect();
        let off_sources = disabled.iter().filter_map(|it| Some((source_key(it)?, it))).collect();
        let off_functions = disabled.iter().filter(|it| it.kind == NodeKind::Function);
        Self {
            referable,
            sources,
            functions,
            disabled: off,
            disabled_sources: off_sources,
            disabled_functions: off_functions.map(|it| (it.name.as_str(), it)).collect(),
        }
    }

    /// The node a `ref()` of a package means: that package's own first. Without a version, a versioned
    /// model's latest one.
    pub(super) fn reference(&self, call: &RefCall, from_package: &str) -> Found<'a> {
        let candidates = self.referable.get(call.name.as_str()).map_or(&[][..], Vec::as_slice);
        let in_package = |node: &ParsedNode| call.package.as_ref().is_none_or(|it| *it == node.package);
        let is_meant = |node: &ParsedNode| match (&node.body, &call.version) {
            (Body::Model { version: Some(own), .. }, Some(wanted)) => own.version == *wanted,
            (Body::Model { version: Some(own), .. }, None) => own.is_latest,
            (_, wanted) => wanted.is_none(),
        };
        let meant = || candidates.iter().filter(|(_, node)| in_package(node) && is_meant(node));
        let found = meant().find(|(_, node)| node.package == from_package).or_else(|| meant().next());
        match (found, self.disabled.get(call.name.as_str())) {
            (Some((id, _)), _) => Found::Node(*id),
            (None, Some(disabled)) => Found::Disabled(disabled),
            (None, None) => Found::Unknown,
        }
    }

    pub(super) fn source(&self, call: &SourceCall) -> Found<'a> {
        let key = (call.source.as_str(), call.table.as_str());
        match (self.sources.get(&key), self.disabled_sources.get(&key)) {
            (Some(id), _) => Found::Node(*id),
            (None, Some(disabled)) => Found::Disabled(disabled),
            (None, None) => Found::Unknown,
        }
    }

    /// The function that is meant: that of the package itself first.
    pub(super) fn function(&self, call: &FunctionCall, from_package: &str) -> Found<'a> {
        let candidates = self.functions.get(call.name.as_str()).map_or(&[][..], Vec::as_slice);
        let in_package = |node: &ParsedNode| call.package.as_ref().is_none_or(|it| *it == node.package);
        let meant = || candidates.iter().filter(|(_, node)| in_package(node));
        let found = meant().find(|(_, node)| node.package == from_package).or_else(|| meant().next());
        match (found, self.disabled_functions.get(call.name.as_str())) {
            (Some((id, _)), _) => Found::Node(*id),
            (None, Some(disabled)) => Found::Disabled(disabled),
            (None, None) => Found::Unknown,
        }
    }

    pub(super) fn unknown_function(&self, node: &ParsedNode, call: &Spanned<FunctionCall>) -> Diagnostic {
        let message = format!(
            "{} calls the function `{}`, which is not in this project",
            describe(node),
            call.value.name
        );
        let diagnostic =
            Diagnostic::error("unknown-function", message).at(call.span, "no function has this name");
        match suggest::did_you_mean(&call.value.name, self.functions.keys().copied()) {
            Some(help) => diagnostic.help(help),
            None => diagnostic.help(format!("write it as functions/{}.sql", call.value.name)),
        }
    }

    pub(super) fn unknown_ref(&self, node: &ParsedNode, call: &Spanned<RefCall>) -> Diagnostic {
        let wanted = &call.value;
        let who = describe(node);
        if let Some(versions) = self.versions(&wanted.name)
            && let Some(version) = &wanted.version
        {
            return Diagnostic::error(
                "unknown-ref",
                format!("{who} refers to `{}` version {version}, which is not there", wanted.name),
            )
            .at(call.span, "no such version")
            .note(format!("versions: {}", versions.join(", ")));
        }
        if let (Some(package), true) = (&wanted.package, self.referable.contains_key(wanted.name.as_str())) {
            return Diagnostic::error(
                "unknown-ref",
                format!("{who} refers to `{}` in the package `{package}`, where it is not", wanted.name),
            )
            .at(call.span, "it is in another package");
        }
        let diagnostic = Diagnostic::error(
            "unknown-ref",
            format!("{who} refers to `{}`, which is not in this project", wanted.name),
        )
        .at(call.span, "no model, seed or snapshot has this name");
        let is_source = self.sources.keys().find(|(_, table)| *table == wanted.name);
        if let Some((source, table)) = is_source {
            return diagnostic
                .help(format!("this is a table of a source: write `source('{source}', '{table}')`"));
        }
        match suggest::did_you_mean(&wanted.name, self.referable.keys().copied()) {
            Some(help) => diagnostic.help(help),
            None => diagnostic.help("`tidemill list` shows all names"),
        }
    }

    fn versions(&self, name: &str) -> Option<Vec<String>> {
        let versions: Vec<String> = self
            .referable
            .get(name)?
            .iter()
            .filter_map(|(_, node)| match &node.body {
                Body::Model { version: Some(version), .. } => Some(version.version.clone()),
                _ => None,
            })
            .collect();
        (!versions.is_empty()).then_some(versions)
    }

    pub(super) fn unknown_source(&self, node: &ParsedNode, call: &Spanned<SourceCall>) -> Diagnostic {
        let SourceCall { source, table } = &call.value;
        let who = describe(node);
        let diagnostic = Diagnostic::error(
            "unknown-source",
            format!("{who} reads the source `{source}.{table}`, which is not declared"),
        );
        let tables: Vec<&str> =
            self.sources.keys().filter(|(name, _)| name == source).map(|it| it.1).collect();
        if tables.is_empty() {
            let known = self.sources.keys().map(|(name, _)| *name);
            return diagnostic
                .at(call.span, format!("there is no source `{source}`"))
                .help(suggest::did_you_mean(source, known).unwrap_or_else(|| {
                    format!("declare it in a properties file: `sources: [{{name: {source}, tables: [{{name: {table}}}]}}]`")
                }));
        }
        diagnostic.at(call.span, format!("the source `{source}` has no table `{table}`")).help(
            suggest::did_you_mean(table, tables.iter().copied())
                .unwrap_or_else(|| format!("add `- name: {table}` to its tables")),
        )
    }
}

fn describe(node: &ParsedNode) -> String {
    format!("{} `{}`", node.kind, node.name)
}

/// Where `enabled: false` is written.
fn where_disabled(node: &ParsedNode) -> Span {
    node.config.values.get("enabled").map_or(node.span, |it| it.span)
}

pub(super) fn disabled_ref(
    node: &ParsedNode,
    call: &Spanned<RefCall>,
    disabled: &ParsedNode,
    is_test: bool,
) -> Diagnostic {
    let message = format!("{} refers to `{}`, which is disabled", describe(node), call.value.name);
    let diagnostic = if is_test {
        Diagnostic::warning("disabled-ref", message).note("the test was left out")
    } else {
        Diagnostic::error("disabled-ref", message)
    };
    diagnostic
        .at(call.span, "")
        .and_at(where_disabled(disabled), "disabled here")
        .help(format!("enable `{}`, or disable this {} too", call.value.name, node.kind))
}

pub(super) fn disabled_function(
    node: &ParsedNode,
    call: &Spanned<FunctionCall>,
    disabled: &ParsedNode,
) -> Diagnostic {
    Diagnostic::error(
        "disabled-function",
        format!("{} calls the function `{}`, which is disabled", describe(node), call.value.name),
    )
    .at(call.span, "")
    .and_at(where_disabled(disabled), "disabled here")
}

pub(super) fn disabled_source(
    node: &ParsedNode,
    call: &Spanned<SourceCall>,
    disabled: &ParsedNode,
) -> Diagnostic {
    let SourceCall { source, table } = &call.value;
    Diagnostic::error(
        "disabled-source",
        format!("{} reads the source `{source}.{table}`, which is disabled", describe(node)),
    )
    .at(call.span, "")
    .and_at(where_disabled(disabled), "disabled here")
}
