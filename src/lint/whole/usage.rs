//! Which columns of a node somebody reads: other nodes by their lineage, and tests by what they say.

use std::collections::{BTreeMap, BTreeSet};

use crate::compile::lineage::Table;
use crate::graph::{Graph, Node};
use crate::lint::LintInput;
use crate::lint::world::{World, plain};
use crate::node::{NodeId, NodeKind};
use crate::parse::{Body, DataTest, TestKind};

/// Who reads what.
#[derive(Clone, Debug, Default)]
pub(in crate::lint) struct Usage {
    /// Columns, in lower case, that nodes read.
    read: BTreeMap<NodeId, BTreeSet<String>>,
    /// Nodes of which somebody reads who knows what.
    unclear: BTreeSet<NodeId>,
    /// What tests, analyses and config say, in lower case, of nodes whose columns matter.
    said: BTreeMap<NodeId, String>,
}

impl Usage {
    pub(in crate::lint) fn new(input: &LintInput<'_>) -> Self {
        let graph = input.graph;
        let mut usage = Usage::default();
        for (id, node) in graph.nodes() {
            match &node.body {
                Body::Model { .. } | Body::Snapshot(_) => usage.by_lineage(input, id, node),
                Body::Test(test) => usage.by_test(graph, node, test),
                Body::Analysis { sql } => usage.say(&node.parents, &sql.text),
                Body::Function(_) | Body::Exposure(_) | Body::Semantic(_) => {
                    usage.unclear.extend(&node.parents);
                }
                // A unit test gives rows, it reads none.
                Body::Seed | Body::Source(_) | Body::UnitTest(_) => {}
            }
            let config =
                serde_json::to_string(&node.config.values.values().map(|it| &it.value).collect::<Vec<_>>());
            usage.say(&[id], &config.unwrap_or_default());
            if let Body::Source(source) = &node.body {
                usage.say(&[id], source.loaded_at_field.as_deref().unwrap_or_default());
                usage.say(&[id], source.loaded_at_query.as_deref().unwrap_or_default());
            }
        }
        usage
    }

    fn by_lineage(&mut self, input: &LintInput<'_>, id: NodeId, node: &Node) {
        let traced = input.lineage.nodes.get(&id);
        let Some(traced) =
            traced.filter(|it| it.unknown.is_none() && !it.columns.iter().any(|it| it.is_unknown))
        else {
            self.unclear.extend(&node.parents);
            return;
        };
        let columns = traced.columns.iter().flat_map(|it| it.sources.keys()).chain(&traced.keys);
        for column in columns {
            if let Table::Node(of) = column.table {
                self.read.entry(of).or_default().insert(plain(&column.name));
            }
        }
        // What an incremental model reads when its table is there is not traced.
        let update = input.compiled.nodes.get(&id).and_then(|it| it.update.as_ref());
        self.say(&node.parents, update.map(|it| it.sql.text.as_str()).unwrap_or_default());
        // Hooks read what they like.
        let hooks = node.config.pre_hooks.iter().chain(&node.config.post_hooks);
        let hooks: Vec<&str> = hooks.map(|it| it.sql.value.as_str()).collect();
        let mut about = node.parents.clone();
        about.push(id);
        self.say(&about, &hooks.join("\n"));
    }

    fn by_test(&mut self, graph: &Graph, node: &Node, test: &DataTest) {
        match &test.kind {
            TestKind::Singular { sql } => self.say(&node.parents, &sql.text),
            TestKind::Generic(generic) => {
                let arguments = serde_json::to_string(&generic.arguments).unwrap_or_default();
                let condition = node.config.where_.as_deref().unwrap_or_default();
                let text = format!("{arguments} {condition} {}", test.column.as_deref().unwrap_or_default());
                let is_known = |it: &&NodeId| graph.node(**it).kind != NodeKind::Exposure;
                let parents: Vec<NodeId> = node.parents.iter().filter(is_known).copied().collect();
                self.say(&parents, &text);
            }
        }
    }

    fn say(&mut self, nodes: &[NodeId], text: &str) {
        for id in nodes.iter().filter(|_| !text.is_empty()) {
            let said = self.said.entry(*id).or_default();
            said.push('\n');
            said.push_str(&text.to_lowercase());
        }
    }

    /// Columns of a node that nobody reads; `None` where that is not known, or where nobody reads the node.
    pub(in crate::lint) fn unread(&self, world: &World<'_>, id: NodeId) -> Option<Vec<String>> {
        let graph = world.input.graph;
        let reads = |it: &NodeId| matches!(graph.node(*it).kind, NodeKind::Model | NodeKind::Snapshot);
        if self.unclear.contains(&id) || !graph.children(id).iter().any(reads) {
            return None;
        }
        let columns = world.input.shapes.columns(id)?;
        let read = self.read.get(&id);
        let said = self.said.get(&id).map(String::as_str).unwrap_or_default();
        let is_used = |name: &str| read.is_some_and(|it| it.contains(name)) || has_word(said, name);
        Some(columns.iter().map(|it| it.name.clone()).filter(|it| !is_used(&plain(it))).collect())
    }
}

/// Whether a word stands in a text.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    !word.is_empty()
        && text
            .match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}
