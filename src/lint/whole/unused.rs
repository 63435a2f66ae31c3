//! `unused-model`, `unused-source`, `unused-source-column`: what nobody reads.

use super::usage::Usage;
use crate::graph::Node;
use crate::lint::finding::{Finding, listed, of};
use crate::lint::rules::Rule;
use crate::lint::world::World;
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;
use crate::parse::model_details::Access;

pub(super) fn check(world: &World<'_>, usage: &Usage, found: &mut Vec<Finding>) {
    let graph = world.input.graph;
    // Where nothing says what people read, a model that no other reads is what the project is made for.
    let says_what_is_read =
        world.own_nodes().any(|(id, it)| world.marts.contains(&id) || it.kind == NodeKind::Exposure);
    let has_others =
        world.own_nodes().any(|(id, it)| it.kind == NodeKind::Model && !world.staging.contains(&id));
    for (id, node) in world.own_nodes() {
        let is_read = graph.children(id).iter().any(|it| reads(graph.node(*it)));
        match &node.body {
            Body::Model { details, .. } if !is_read => {
                let is_end = world.marts.contains(&id)
                    || details.access == Access::Public
                    || details.time_spine.is_some()
                    || !says_what_is_read && !world.staging.contains(&id);
                if !is_end && has_others {
                    found.push(unused_model(world, id, node));
                }
            }
            Body::Source(_) if !is_read => found.push(unused_source(id, node)),
            Body::Source(_) => columns(world, usage, id, node, found),
            Body::Model { .. }
            | Body::Seed
            | Body::Snapshot(_)
            | Body::Function(_)
            | Body::Test(_)
            | Body::Analysis { .. }
            | Body::Exposure(_)
            | Body::UnitTest(_)
            | Body::Semantic(_) => {}
        }
    }
}

/// Whether a node needs what it refers to for something of its own.
fn reads(child: &Node) -> bool {
    !matches!(child.kind, NodeKind::Test | NodeKind::UnitTest)
}

fn unused_model(world: &World<'_>, id: NodeId, node: &Node) -> Finding {
    let message = format!("nothing reads the model `{}`", node.name);
    let diagnostic = of(Rule::UnusedModel, message, world.span_of(node), "made for nobody")
        .help("delete it, or say who reads it: an exposure, or a place among the marts");
    Finding { rule: Rule::UnusedModel, node: Some(id), diagnostic }
}

fn unused_source(id: NodeId, node: &Node) -> Finding {
    let message = format!("nothing reads the source `{}`", label(node));
    let diagnostic = of(Rule::UnusedSource, message, node.span, "declared for nobody").help("take it out");
    Finding { rule: Rule::UnusedSource, node: Some(id), diagnostic }
}

fn label(node: &Node) -> String {
    let Body::Source(source) = &node.body else { return node.name.clone() };
    format!("{}.{}", source.source, node.name)
}

fn columns(world: &World<'_>, usage: &Usage, id: NodeId, node: &Node, found: &mut Vec<Finding>) {
    let unread = usage.unread(world, id).unwrap_or_default();
    let declared = |name: &String| node.columns.iter().find(|it| it.name.value.eq_ignore_ascii_case(name));
    let help =
        "if the loader is yours, leave it out there: what is not loaded costs nothing and leaks nothing";
    for column in unread.iter().filter_map(declared) {
        let message =
            format!("no model reads the column `{}` of the source `{}`", column.name.value, label(node));
        let diagnostic =
            of(Rule::UnusedSourceColumn, message, column.name.span, "loaded for nobody").help(help);
        found.push(Finding { rule: Rule::UnusedSourceColumn, node: Some(id), diagnostic });
    }
    let others: Vec<&str> = unread.iter().filter(|it| declared(it).is_none()).map(String::as_str).collect();
    if !others.is_empty() {
        let what = if others.len() == 1 { "the column" } else { "the columns" };
        let message = format!("no model reads {what} {} of the source `{}`", listed(others), label(node));
        let diagnostic = of(Rule::UnusedSourceColumn, message, node.span, "loaded for nobody").help(help);
        found.push(Finding { rule: Rule::UnusedSourceColumn, node: Some(id), diagnostic });
    }
}
