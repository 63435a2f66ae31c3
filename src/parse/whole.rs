//! What can only be seen when all nodes are known: names that are taken, folders that are not there.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Body, ParsedNode, node_config, version_pointer};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::node::{NodeKind, Relation};
use crate::project::Project;

pub(super) fn report_duplicates(diags: &mut Diagnostics, project: &Project, nodes: &[ParsedNode]) {
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
    let mut pointers: Vec<(Relation, &ParsedNode)> = Vec::new();
    let points_by_default =
        project.config.flag(version_pointer::FLAG).and_then(Json::as_bool).unwrap_or(false);
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
        if let Some(pointer) = version_pointer::of(node, points_by_default) {
            pointers.push((pointer, node));
        }
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
    for (pointer, node) in pointers {
        if let Some(first) = relations.get(&pointer.render().to_lowercase()) {
            let message = format!(
                "the view of the latest version of `{}` would have the name of `{}`, {}",
                node.name,
                first.name,
                pointer.short()
            );
            diags.push(
                Diagnostic::error("duplicate-relation", message)
                    .at(node.span, format!("the latest version; the name is that of a {}", first.kind))
                    .help("set `latest_version_pointer: {alias: ...}`, or `latest_version_pointer: false`"),
            );
        }
    }
}

pub(super) fn report_unused_folders(diags: &mut Diagnostics, project: &Project, nodes: &[ParsedNode]) {
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
