//! What measures and metrics mean: which node a metric, a saved query or an exposure is made from.

use std::collections::BTreeMap;

use super::id_of;
use crate::diagnostics::{Diagnostic, Diagnostics, Spanned, suggest};
use crate::node::{NodeId, NodeKind};
use crate::parse::{Body, ParsedNode};

/// Nodes of the semantic layer by the names that others use.
pub(super) struct SemanticLookup<'a> {
    metrics: BTreeMap<&'a str, Vec<(NodeId, &'a ParsedNode)>>,
    measures: BTreeMap<&'a str, NodeId>,
    disabled: BTreeMap<&'a str, &'a ParsedNode>,
}

impl<'a> SemanticLookup<'a> {
    pub(super) fn new(nodes: &'a [ParsedNode], disabled: &'a [ParsedNode]) -> Self {
        let mut metrics: BTreeMap<&str, Vec<(NodeId, &ParsedNode)>> = BTreeMap::new();
        let mut measures = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate() {
            let Body::Semantic(body) = &node.body else { continue };
            if node.kind == NodeKind::Metric {
                metrics.entry(&node.name).or_default().push((id_of(index), node));
            }
            measures.extend(body.measures.iter().map(|it| (it.as_str(), id_of(index))));
        }
        let off = disabled.iter().filter(|it| it.kind == NodeKind::Metric);
        Self { metrics, measures, disabled: off.map(|it| (it.name.as_str(), it)).collect() }
    }

    /// The parents that a node has besides those of its `ref` and `source` calls.
    pub(super) fn parents(&self, diags: &mut Diagnostics, node: &ParsedNode) -> Vec<NodeId> {
        let (measures, metrics): (&[Spanned<String>], &[Spanned<String>]) = match &node.body {
            Body::Semantic(body) => (&body.from_measures, &body.from_metrics),
            Body::Exposure(body) => (&[], &body.metrics),
            _ => return Vec::new(),
        };
        let mut parents = Vec::new();
        for name in measures {
            match self.measures.get(name.value.as_str()) {
                Some(id) => parents.push(*id),
                None => diags.push(self.unknown_measure(node, name)),
            }
        }
        for name in metrics {
            match self.metric(&name.value, &node.package) {
                Some(id) => parents.push(id),
                None => diags.push(self.unknown_metric(node, name)),
            }
        }
        parents
    }

    fn metric(&self, name: &str, package: &str) -> Option<NodeId> {
        let candidates = self.metrics.get(name)?;
        let own = candidates.iter().find(|(_, it)| it.package == package);
        own.or_else(|| candidates.first()).map(|(id, _)| *id)
    }

    fn unknown_measure(&self, node: &ParsedNode, name: &Spanned<String>) -> Diagnostic {
        Diagnostic::error(
            "unknown-measure",
            format!(
                "{} `{}` is made from the measure `{}`, which is not there",
                node.kind, node.name, name.value
            ),
        )
        .at(name.span, "no semantic model has this measure")
        .help_opt(suggest::did_you_mean(&name.value, self.measures.keys().copied()))
    }

    fn unknown_metric(&self, node: &ParsedNode, name: &Spanned<String>) -> Diagnostic {
        let who = format!("{} `{}` refers to the metric `{}`", node.kind, node.name, name.value);
        if let Some(disabled) = self.disabled.get(name.value.as_str()) {
            let place = disabled.config.values.get("enabled").map_or(disabled.span, |it| it.span);
            return Diagnostic::error("disabled-ref", format!("{who}, which is disabled"))
                .at(name.span, "")
                .and_at(place, "disabled here");
        }
        Diagnostic::error("unknown-metric", format!("{who}, which is not in this project"))
            .at(name.span, "no metric has this name")
            .help_opt(suggest::did_you_mean(&name.value, self.metrics.keys().copied()))
    }
}
