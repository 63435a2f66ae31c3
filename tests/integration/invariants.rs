//! What holds for every project: order, selection and output of random small graphs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use tidemill::graph::Graph;
use tidemill::graph::select::{Selection, select};
use tidemill::node::NodeId;

use crate::phases::phases;

/// For each model the earlier ones it reads, and whether it is ephemeral.
fn models() -> impl Strategy<Value = Vec<(BTreeSet<usize>, bool)>> {
    let model = (prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<bool>());
    prop::collection::vec(model, 1..8).prop_map(|models| {
        let parents = |index: usize, picked: Vec<prop::sample::Index>| {
            if index == 0 { BTreeSet::new() } else { picked.iter().map(|it| it.index(index)).collect() }
        };
        models.into_iter().enumerate().map(|(index, (picked, is))| (parents(index, picked), is)).collect()
    })
}

/// The project: names run against the order of the models, so that no order comes by accident.
fn text(models: &[(BTreeSet<usize>, bool)]) -> String {
    let name = |index: usize| format!("m{}", models.len() - index);
    let mut text = String::new();
    for (index, (parents, is_ephemeral)) in models.iter().enumerate() {
        let materialized = if *is_ephemeral { "ephemeral" } else { "view" };
        let _ = writeln!(text, "//- models/{}.sql", name(index));
        let _ = writeln!(text, "{{{{ config(materialized='{materialized}') }}}}\nselect 1 as id");
        for parent in parents {
            let _ = writeln!(text, "union all select * from {{{{ ref('{}') }}}}", name(*parent));
        }
        let _ = writeln!(text, "//- models/{}.yml\nmodels:\n  - name: {}", name(index), name(index));
        let _ = writeln!(text, "    columns: [{{name: id, data_tests: [not_null]}}]");
    }
    text
}

fn selected(graph: &Graph, selector: &str) -> BTreeSet<NodeId> {
    let selection = Selection { select: vec![selector.to_owned()], ..Selection::default() };
    let mut nodes = select(graph, &selection).nodes;
    // Tests come with what they read: the selection proper is of models.
    nodes.retain(|id| graph.node(*id).name.starts_with('m'));
    nodes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_parent_comes_before_its_child(models in models()) {
        let checked = phases(&text(&models)).check();
        let graph = checked.graph();
        let order: Vec<NodeId> = graph.order().to_vec();
        prop_assert_eq!(order.len(), graph.nodes().count());
        let place = |id: NodeId| order.iter().position(|it| *it == id);
        for (id, node) in graph.nodes() {
            for parent in &node.parents {
                prop_assert!(place(*parent) < place(id), "{} before {}", parent.index(), id.index());
            }
        }
    }

    #[test]
    fn ancestors_and_descendants_meet_only_in_the_node_itself(models in models()) {
        let checked = phases(&text(&models)).check();
        let graph = checked.graph();
        for (id, node) in graph.nodes().filter(|(_, node)| node.name.starts_with('m')) {
            let above = selected(graph, &format!("+{}", node.name));
            let below = selected(graph, &format!("{}+", node.name));
            prop_assert_eq!(above.intersection(&below).copied().collect::<Vec<_>>(), [id]);
            let around = selected(graph, &format!("@{}", node.name));
            prop_assert!(above.is_subset(&around) && below.is_subset(&around));
        }
    }

    #[test]
    fn compiling_twice_gives_the_same_bytes(models in models()) {
        let text = text(&models);
        let (one, two) = (phases(&text).check(), phases(&text).check());
        prop_assert_eq!(one.shown(), "");
        for (_, node) in one.graph().nodes() {
            prop_assert_eq!(one.sql(&node.name), two.sql(&node.name));
        }
    }
}
