//! Which values of failing rows must not be shown: those of columns with `meta: {sensitive: true}`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::graph::{Graph, Node};
use crate::node::Relation;
use crate::parse::{Body, DataTest, TestKind};
use crate::yaml::fields::truth;

/// What must not be shown of a test's failing rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Names of sensitive columns, in lower case.
    pub columns: BTreeSet<String>,
    /// What the test reads. A column of a query that has the name of one of their columns is taken for it;
    /// any other may hold anything.
    pub relations: Vec<Relation>,
    /// Whether the test itself is about a sensitive column, so that what it computes is sensitive too.
    pub is_about_them: bool,
}

/// The mask of a test; `None` if nothing that it reads is sensitive.
pub(super) fn mask(graph: &Graph, test: &Node) -> Option<Mask> {
    let read: Vec<&Node> = test.parents.iter().map(|id| graph.node(*id)).collect();
    let columns: BTreeSet<String> = read.iter().flat_map(|it| sensitive(it)).collect();
    if columns.is_empty() {
        return None;
    }
    let is_about_them = match &test.body {
        Body::Test(DataTest { kind: TestKind::Generic(generic), .. }) => {
            let arguments = generic.arguments.iter().map(|(_, it)| it.to_string().to_lowercase());
            arguments.into_iter().any(|text| words(&text).any(|word| columns.contains(word)))
        }
        _ => true,
    };
    let relations = read.iter().filter_map(|it| it.relation.clone()).collect();
    Some(Mask { columns, relations, is_about_them })
}

/// Columns of a node that are marked, in lower case.
pub(super) fn sensitive(node: &Node) -> impl Iterator<Item = String> + '_ {
    let is_marked = |meta: &Json| match meta.get("sensitive") {
        Some(Json::Bool(it)) => *it,
        Some(Json::String(text)) => truth(text).unwrap_or(false),
        _ => false,
    };
    let marked = node.columns.iter().filter(move |it| is_marked(&it.meta));
    marked.map(|it| it.name.value.to_lowercase())
}

/// Whether an expression over a node's columns may show what must not be shown.
pub fn is_sensitive(node: &Node, expression: &str) -> bool {
    let marked: BTreeSet<String> = sensitive(node).collect();
    !marked.is_empty() && words(&expression.to_lowercase()).any(|it| marked.contains(it))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_alphanumeric() && it != '_')
}
