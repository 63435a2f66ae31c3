//! What rules know besides a model's own query: which files are the project's, layers, tests.

use std::collections::{BTreeMap, BTreeSet};

use super::LintInput;
use crate::diagnostics::{FileId, Span};
use crate::graph::{Graph, Node};
use crate::node::{Materialization, NodeId, NodeKind};
use crate::parse::check::{Check, OwnCheck};
use crate::parse::incremental::Strategy;
use crate::parse::properties::{Constraint, ConstraintKind};
use crate::parse::snapshots::SnapshotBody;
use crate::parse::{Body, DataTest, GenericTest, Owner, TestKind};

/// What rules go by.
pub(super) struct World<'a> {
    pub(super) input: &'a LintInput<'a>,
    /// Files of the project itself, not of its packages.
    pub(super) own_files: BTreeSet<FileId>,
    pub(super) marts: BTreeSet<NodeId>,
    pub(super) staging: BTreeSet<NodeId>,
    /// What tests and constraints say about the rows of nodes.
    pub(super) tested: BTreeMap<NodeId, Tested>,
}

/// What tests and constraints say about a node's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Tested {
    /// Columns, in lower case, whose values together are there once.
    pub(super) keys: Vec<BTreeSet<String>>,
    /// Whether uniqueness is tested in any way, also of an expression or by a test that is not known.
    pub(super) is_key_tested: bool,
    /// Columns, in lower case, without nulls.
    pub(super) not_null: BTreeSet<String>,
    /// Columns, in lower case, that any test reads.
    pub(super) columns: BTreeSet<String>,
}

impl<'a> World<'a> {
    pub(super) fn new(input: &'a LintInput<'a>) -> Self {
        let own = &input.graph.root_package;
        let files = input.project.files.iter().filter(|it| it.package == *own).map(|it| it.id);
        Self {
            own_files: files.collect(),
            marts: input.config.marts.clone().unwrap_or_else(|| marts(input.graph)),
            staging: input.config.staging.clone().unwrap_or_else(|| staging(input.graph)),
            tested: tested(input.graph),
            input,
        }
    }

    /// Nodes of the project itself.
    pub(super) fn own_nodes(&self) -> impl Iterator<Item = (NodeId, &'a Node)> {
        let own = &self.input.graph.root_package;
        self.input.graph.nodes().filter(move |(_, node)| node.package == *own)
    }

    /// Where a node is described, or else where it begins.
    pub(super) fn span_of(&self, node: &Node) -> Span {
        self.described_at(node).unwrap_or(node.span)
    }

    fn described_at(&self, node: &Node) -> Option<Span> {
        let path = node.patch_path.as_ref()?;
        let file =
            self.input.project.files.iter().find(|it| it.path == *path && it.package == node.package)?;
        let is_end = |it: Option<char>| it.is_none_or(|it| it.is_whitespace() || "'\",}#".contains(it));
        for (at, _) in file.text.match_indices("name:") {
            let rest = &file.text[at + "name:".len()..];
            let value = rest.trim_start_matches([' ', '\'', '"']);
            let start = at + "name:".len() + rest.len() - value.len();
            if value.starts_with(&node.name) && is_end(value[node.name.len()..].chars().next()) {
                return Some(Span::new(file.id, start..start + node.name.len()));
            }
        }
        None
    }

    /// What tests say about a node.
    pub(super) fn tested(&self, id: NodeId) -> Option<&Tested> {
        self.tested.get(&id)
    }
}

/// Models in a folder, with a tag or in a schema called so, or with such a name.
fn in_layer(node: &Node, words: &[&str], prefixes: &[&str]) -> bool {
    let is_word = |it: &str| words.iter().any(|word| it.eq_ignore_ascii_case(word));
    let folders = node.fqn.iter().skip(1).rev().skip(1);
    let schema = node.config.schema.as_deref().unwrap_or_default();
    node.kind == NodeKind::Model
        && (folders.into_iter().any(|it| is_word(it))
            || node.config.tags.iter().any(|it| is_word(it))
            || is_word(schema)
            || prefixes.iter().any(|it| node.name.starts_with(it)))
}

fn marts(graph: &Graph) -> BTreeSet<NodeId> {
    let named = graph.nodes().filter(|(_, it)| in_layer(it, &["mart", "marts"], &[])).map(|it| it.0);
    let exposures = graph.nodes().filter(|(_, it)| it.kind == NodeKind::Exposure);
    let shown = exposures.flat_map(|(_, it)| it.parents.iter().copied());
    named.chain(shown.filter(|it| graph.node(*it).kind == NodeKind::Model)).collect()
}

fn staging(graph: &Graph) -> BTreeSet<NodeId> {
    let is_staging = |node: &Node| in_layer(node, &["staging", "stage", "stg", "base"], &["stg_", "base_"]);
    graph.nodes().filter(|(_, it)| is_staging(it)).map(|it| it.0).collect()
}

fn tested(graph: &Graph) -> BTreeMap<NodeId, Tested> {
    let mut found: BTreeMap<NodeId, Tested> = BTreeMap::new();
    for (id, node) in graph.nodes() {
        match &node.body {
            Body::Test(DataTest { column, kind: TestKind::Generic(test) }) => {
                let owner = match &test.owner {
                    Owner::Ref(call) => node.refs.get(call),
                    Owner::Source(call) => node.sources.get(call),
                };
                if let Some(owner) = owner {
                    by_test(found.entry(*owner).or_default(), column.as_deref(), test);
                }
                by_relationship(node, test, &mut found);
            }
            Body::Model { materialized, details, .. } => {
                let own = found.entry(id).or_default();
                let key = &node.config.incremental.unique_key;
                let is_replaced =
                    matches!(node.config.incremental.strategy, Strategy::DeleteInsert | Strategy::Merge);
                if *materialized == Materialization::Incremental && is_replaced && !key.is_empty() {
                    own.keys.push(lower(key.iter().map(String::as_str)));
                }
                if details.contract.enforced {
                    for constraint in &details.constraints {
                        by_constraint(own, constraint, constraint.columns.iter().map(|it| it.value.as_str()));
                    }
                    for column in &node.columns {
                        for constraint in &column.constraints {
                            by_constraint(own, constraint, std::iter::once(column.name.value.as_str()));
                        }
                    }
                }
            }
            Body::Snapshot(SnapshotBody { settings: Some(settings), .. }) => {
                // A key has several versions, but each has its own id and its own begin.
                let own = found.entry(id).or_default();
                own.keys.push(lower([settings.columns.scd_id.as_str()]));
                let begin = settings.columns.valid_from.as_str();
                own.keys.push(lower(settings.unique_key.iter().map(String::as_str).chain([begin])));
                own.keys.push(lower(
                    settings
                        .unique_key
                        .iter()
                        .map(String::as_str)
                        .chain([settings.columns.valid_to.as_str()]),
                ));
            }
            Body::Snapshot(_)
            | Body::Test(_)
            | Body::Seed
            | Body::Source(_)
            | Body::Function(_)
            | Body::Analysis { .. }
            | Body::Exposure(_)
            | Body::UnitTest(_)
            | Body::Semantic(_) => {}
        }
    }
    found
}

fn lower<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    names.into_iter().map(plain).collect()
}

/// A column's name as it is compared.
pub(super) fn plain(name: &str) -> String {
    name.trim().trim_matches(['"', '`']).to_lowercase()
}

fn by_test(tested: &mut Tested, column: Option<&str>, test: &GenericTest) {
    let argument = |name: &str| test.arguments.iter().find(|it| it.0 == name).map(|it| &it.1);
    let column = column.or_else(|| argument("column_name")?.as_str());
    tested.columns.extend(column.map(plain));
    let listed: Vec<&str> = ["combination_of_columns", "column_list", "columns", "column_names"]
        .into_iter()
        .filter_map(argument)
        .flat_map(|it| it.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str))
        .collect();
    let name = test.name.to_lowercase();
    match &test.check {
        Check::Unique => {
            tested.is_key_tested = true;
            tested.keys.extend(column.map(|it| lower([it])));
        }
        Check::NotNull => tested.not_null.extend(column.map(plain)),
        Check::Own(OwnCheck::UniqueCombination { columns }) => {
            tested.is_key_tested = true;
            tested.keys.push(lower(columns.iter().map(String::as_str)));
        }
        // Those of packages: `dbt_utils.unique_combination_of_columns`, `primary_key`, `expect_..._to_be_unique`.
        _ if name.contains("unique") || name.contains("primary_key") => {
            tested.is_key_tested = true;
            let key =
                if listed.is_empty() { column.map(|it| lower([it])) } else { Some(lower(listed.clone())) };
            tested.keys.extend(key);
        }
        _ if name.contains("not_null") || name.contains("not_be_null") => {
            tested.not_null.extend(column.map(plain));
        }
        _ => {}
    }
    tested.columns.extend(listed.into_iter().map(plain));
}

/// A test of the other end reads a column there.
fn by_relationship(node: &Node, test: &GenericTest, found: &mut BTreeMap<NodeId, Tested>) {
    let Check::Relationships { field, .. } = &test.check else { return };
    for parent in &node.parents {
        found.entry(*parent).or_default().columns.insert(plain(field));
    }
}

fn by_constraint<'n>(tested: &mut Tested, constraint: &Constraint, columns: impl Iterator<Item = &'n str>) {
    let columns = lower(columns);
    match constraint.kind.value {
        ConstraintKind::Unique => {
            tested.is_key_tested = true;
            tested.keys.push(columns);
        }
        ConstraintKind::PrimaryKey => {
            tested.is_key_tested = true;
            tested.not_null.extend(columns.iter().cloned());
            tested.keys.push(columns);
        }
        ConstraintKind::NotNull => tested.not_null.extend(columns),
        ConstraintKind::Check | ConstraintKind::ForeignKey | ConstraintKind::Custom => {}
    }
}
