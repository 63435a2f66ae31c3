//! `aligned_with`: names of sources to ids.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Node};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, suggest};
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;
use crate::parse::load_time::LoadTime;
use crate::parse::source_rules::{Alignment, OnMisaligned};

/// Sources whose latest times of loading have to lie close together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlignedSources {
    /// Where it is said.
    pub span: Span,
    /// The sources, at least two.
    pub sources: BTreeSet<NodeId>,
    /// How many seconds they may lie apart.
    pub within: i64,
    /// What is done if they lie further apart.
    pub on_misaligned: OnMisaligned,
    /// The node that it is said of; `None` if it holds for all that combine such sources.
    pub of: Option<NodeId>,
}

/// All that the nodes say, each once.
pub(super) fn resolve(diags: &mut Diagnostics, graph: &Graph) -> Vec<AlignedSources> {
    let sources: BTreeMap<String, NodeId> =
        graph.nodes().filter_map(|(id, node)| Some((full_name(node)?, id))).collect();
    let mut all: Vec<AlignedSources> = Vec::new();
    for (id, node) in graph.nodes() {
        let Some(alignment) = &node.config.source_rules.alignment else { continue };
        let Some(found) = members(diags, graph, &sources, id, alignment) else { continue };
        // A source's own rule is that of each of its tables.
        if !all.contains(&found) {
            all.push(found);
        }
    }
    all
}

fn full_name(node: &Node) -> Option<String> {
    match &node.body {
        Body::Source(source) => Some(format!("{}.{}", source.source, node.name)),
        _ => None,
    }
}

fn members(
    diags: &mut Diagnostics,
    graph: &Graph,
    known: &BTreeMap<String, NodeId>,
    id: NodeId,
    alignment: &Alignment,
) -> Option<AlignedSources> {
    let node = graph.node(id);
    let span = alignment.sources.span;
    let own_source = match &node.body {
        Body::Source(source) => Some(source.source.as_str()),
        _ => None,
    };
    let mut found: BTreeSet<NodeId> = own_source.map(|_| id).into_iter().collect();
    for name in &alignment.sources.value {
        let Some(source) = find(known, name, own_source) else {
            diags.push(unknown(known, name, span));
            return None;
        };
        found.insert(source);
    }
    for source in &found {
        let node = graph.node(*source);
        if !has_load_time(node) {
            let name = full_name(node).unwrap_or_default();
            diags.push(
                Diagnostic::error(
                    "no-load-time",
                    format!("nothing tells when the source `{name}` was loaded, so it cannot be aligned"),
                )
                .at(span, "asked for here")
                .and_at(node.span, "declared here")
                .help("give it a `loaded_at_field` or a `loaded_at_query`"),
            );
            return None;
        }
    }
    if found.len() < 2 {
        diags.push(
            Diagnostic::error("invalid-alignment", "`aligned_with` compares at least two sources")
                .at(span, "there is one"),
        );
        return None;
    }
    let of = (node.kind != NodeKind::Source).then_some(id);
    let Alignment { within, on_misaligned, .. } = *alignment;
    Some(AlignedSources { span, sources: found, within, on_misaligned, of })
}

fn has_load_time(node: &Node) -> bool {
    match (&node.body, &node.relation) {
        (Body::Source(source), Some(relation)) => LoadTime::of(source, relation, node.span).is_some(),
        _ => false,
    }
}

/// A table by `source.table`, of the own source, or by a name that only one table has.
fn find(known: &BTreeMap<String, NodeId>, name: &str, own_source: Option<&str>) -> Option<NodeId> {
    let own = own_source.and_then(|source| known.get(&format!("{source}.{name}")));
    if let Some(id) = known.get(name).or(own) {
        return Some(*id);
    }
    let mut same = known.iter().filter(|(full, _)| full.rsplit('.').next() == Some(name));
    match (same.next(), same.next()) {
        (Some((_, id)), None) => Some(*id),
        _ => None,
    }
}

fn unknown(known: &BTreeMap<String, NodeId>, name: &str, span: Span) -> Diagnostic {
    let tables: Vec<&str> = known.keys().filter_map(|it| it.rsplit('.').next()).collect();
    let same: Vec<&str> =
        known.keys().filter(|it| it.rsplit('.').next() == Some(name)).map(String::as_str).collect();
    if same.len() > 1 {
        return Diagnostic::error("unknown-source", format!("`{name}` is the name of several sources"))
            .at(span, "listed here")
            .help(format!("write one of {}", same.join(", ")));
    }
    let help = suggest::did_you_mean(name, known.keys().map(String::as_str).chain(tables));
    Diagnostic::error("unknown-source", format!("`aligned_with` names `{name}`, which is no source"))
        .at(span, "listed here")
        .help_opt(help)
}
