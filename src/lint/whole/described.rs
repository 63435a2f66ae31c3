//! `missing-description`: what readers of the docs will find nothing about.

use crate::compile::lineage;
use crate::graph::Node;
use crate::lint::config::DescribedColumns;
use crate::lint::finding::{Finding, listed, of};
use crate::lint::rules::Rule;
use crate::lint::world::World;
use crate::node::{NodeId, NodeKind};

pub(super) fn check(world: &World<'_>, found: &mut Vec<Finding>) {
    let inherited = lineage::inherit(world.input.graph, world.input.lineage);
    for (id, node) in world.own_nodes() {
        let is_asked = matches!(
            node.kind,
            NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot | NodeKind::Source | NodeKind::Exposure
        );
        if is_asked && node.description.trim().is_empty() {
            let message = format!("the {} `{}` has no description", node.kind, node.name);
            found.push(finding(world, id, node, message, "what is it?"));
        }
        let columns_too = match world.input.config.described_columns {
            DescribedColumns::All => true,
            DescribedColumns::Marts => world.marts.contains(&id),
            DescribedColumns::None => false,
        };
        if !columns_too || !is_asked {
            continue;
        }
        let is_described = |name: &str| {
            let own = node.columns.iter().find(|it| it.name.value.eq_ignore_ascii_case(name));
            let own =
                own.and_then(|it| it.description.as_ref()).is_some_and(|it| !it.value.trim().is_empty());
            own || inherited.of(id, name).is_some()
        };
        let columns = world.input.shapes.columns(id).unwrap_or_default();
        let bare: Vec<&str> =
            columns.iter().map(|it| it.name.as_str()).filter(|it| !is_described(it)).collect();
        if !bare.is_empty() {
            let message = format!("`{}` does not say what {} mean", node.name, listed(bare.iter().copied()));
            let message = if bare.len() == 1 { message.replace(" mean", " means") } else { message };
            found.push(finding(world, id, node, message, "a reader of the docs will ask"));
        }
    }
}

fn finding(world: &World<'_>, id: NodeId, node: &Node, message: String, label: &str) -> Finding {
    let diagnostic = of(Rule::MissingDescription, message, world.span_of(node), label)
        .help("write `description:` into a properties file");
    Finding { rule: Rule::MissingDescription, node: Some(id), diagnostic }
}
