//! `source-outside-staging`, `mixed-parents`: who may read sources.

use crate::graph::Node;
use crate::lint::finding::{Finding, listed, of, once};
use crate::lint::rules::Rule;
use crate::lint::world::World;
use crate::node::{NodeId, NodeKind};

pub(super) fn check(world: &World<'_>, found: &mut Vec<Finding>) {
    let has_staging = world.own_nodes().any(|(id, _)| world.staging.contains(&id));
    for (id, node) in world.own_nodes().filter(|it| it.1.kind == NodeKind::Model) {
        if has_staging && !world.staging.contains(&id) {
            found.extend(outside(id, node));
        } else {
            found.extend(mixed(world, id, node));
        }
    }
}

fn outside(id: NodeId, node: &Node) -> Option<Finding> {
    let call = node.parsed.sources.first()?;
    let name = format!("{}.{}", call.value.source, call.value.table);
    let message = format!("`{}` reads the source `{name}`, but is no staging model", node.name);
    let diagnostic = of(Rule::SourceOutsideStaging, message, call.span, "read past staging")
        .help("give the source a staging model with your names and types, and read that with ref()");
    Some(Finding { rule: Rule::SourceOutsideStaging, node: Some(id), diagnostic })
}

fn mixed(world: &World<'_>, id: NodeId, node: &Node) -> Option<Finding> {
    let source = node.parsed.sources.first()?;
    let is_made = |call: &&crate::diagnostics::Spanned<crate::template::RefCall>| {
        let parent = node.refs.get(&call.value).map(|it| world.input.graph.node(*it));
        // What is in a seed is reference data, which staging may need.
        parent.is_some_and(|it| it.kind != NodeKind::Seed)
    };
    let first = node.parsed.refs.iter().find(is_made)?;
    let names = once(node.parsed.refs.iter().filter(is_made).map(|it| it.value.name.clone()));
    let message = format!(
        "`{}` reads a source and {}: it is staging and more than staging",
        node.name,
        listed(names.iter().map(String::as_str))
    );
    let diagnostic = of(Rule::MixedParents, message, first.span, "a node of the project")
        .and_at(source.span, "a source")
        .help("read the source in a staging model of its own, and join the two after it");
    Some(Finding { rule: Rule::MixedParents, node: Some(id), diagnostic })
}
