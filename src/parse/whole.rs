//! What can only be seen when all nodes are known: names that are taken, folders that are not there.

use std::collections::BTreeMap;

use super::{Body, ParsedNode, node_config};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::node::NodeKind;
use crate::project::Project;

pub(super) fn report_duplicates(diags: &mut Diagnostics, nodes: &[ParsedNode]) {
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
