//! Phase 3, resolve: names to ids, edges, cycles, gates, selection.
//!
//! In: [`Parsed`]. Out: [`Graph`], in which every reference is an edge and nothing is circular. `petgraph`
//! is known here alone. Deliberately absent: templates' text (that is `compile/`) and what to do with a
//! node (that is `plan/`).

mod access;
pub mod alignment;
mod cycles;
mod deprecation;
mod gates;
mod lookup;
mod microbatch;
pub mod select;
mod semantic;
mod unit_tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::Value as Json;

use self::access::Rules;
use self::alignment::AlignedSources;
use self::lookup::{Found, Lookup};
use self::semantic::SemanticLookup;
use crate::diagnostics::Diagnostics;
use crate::node::{NodeId, NodeKind, Relation, UniqueId};
use crate::parse::properties::MacroProperties;
use crate::parse::run_hooks::RunHook;
use crate::parse::{Body, DataTest, Doc, Group, NodeMacros, Owner, Parsed, ParsedNode, TestKind};
use crate::template::{FunctionCall, RefCall, SourceCall, Templates};

/// A project's nodes with their edges.
pub struct Graph {
    nodes: Vec<Node>,
    by_id: BTreeMap<UniqueId, NodeId>,
    /// An edge from every parent to every child; node indices equal [`NodeId`]s.
    dag: DiGraph<NodeId, ()>,
    /// Parents before children; among equals by id.
    order: Vec<NodeId>,
    /// Nodes with `enabled: false`.
    pub disabled: Vec<ParsedNode>,
    /// All macros.
    pub templates: Arc<Templates>,
    /// Docs blocks.
    pub docs: Vec<Doc>,
    /// What YAML says about macros.
    pub macro_properties: Vec<MacroProperties>,
    /// The hooks of runs, in their order.
    pub run_hooks: Vec<RunHook>,
    /// Groups of nodes.
    pub groups: Vec<Group>,
    /// Sources that have to be of about the same age.
    pub aligned: Vec<AlignedSources>,
    /// Macros that make or judge nodes other than models.
    pub node_macros: NodeMacros,
    /// What later phases tell templates about the whole.
    pub shown: Shown,
    /// The project's own package.
    pub root_package: String,
}

/// What templates see of the whole project and the command, as far as it is known.
#[derive(Debug, Default)]
pub struct Shown {
    /// `graph`: all entries of the manifest; made only if a file of the project mentions it.
    pub project: OnceLock<Arc<Json>>,
    /// What every `source()` of the project means, for templates that name one when they are rendered only.
    pub sources: OnceLock<Arc<BTreeMap<SourceCall, Relation>>>,
    /// `selected_resources`: unique ids, sorted.
    pub selected: OnceLock<Arc<Vec<String>>>,
}

/// A node whose references are resolved.
pub struct Node {
    /// What the files say.
    pub parsed: ParsedNode,
    /// What it reads, in the order of first mention.
    pub parents: Vec<NodeId>,
    /// Which node each `ref()` means.
    pub refs: BTreeMap<RefCall, NodeId>,
    /// Which node each `source()` means.
    pub sources: BTreeMap<SourceCall, NodeId>,
    /// Which node each `function()` means.
    pub functions: BTreeMap<FunctionCall, NodeId>,
    /// For tests: where the test stands in a build.
    pub gate: Option<Gate>,
}

/// Where a test stands in a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It decides on the publication of this node, and runs inside its transaction. The other nodes it
    /// reads are built first.
    Of {
        /// The node.
        node: NodeId,
        /// What else it reads.
        after: Vec<NodeId>,
    },
    /// It runs when everything it reads is published, and blocks what descends from all of that.
    Alone,
}

impl std::ops::Deref for Node {
    type Target = ParsedNode;

    fn deref(&self) -> &ParsedNode {
        &self.parsed
    }
}

/// Makes edges of names. Nodes whose references are broken keep the edges that are not.
pub fn resolve(diags: &mut Diagnostics, parsed: Parsed) -> Graph {
    let lookup = Lookup::new(&parsed.nodes, &parsed.disabled);
    let mut resolved: Vec<Option<Resolved>> = Vec::with_capacity(parsed.nodes.len());
    let rules = Rules { restricted: &parsed.restricted, nodes: &parsed.nodes, lookup: &lookup };
    let semantic = SemanticLookup::new(&parsed.nodes, &parsed.disabled);
    for node in &parsed.nodes {
        let mut references = resolve_node(diags, &rules, node);
        if let Some(references) = &mut references {
            semantic.parents(diags, node).into_iter().for_each(|id| references.add(id));
        }
        resolved.push(references);
    }
    access::check_groups(diags, &parsed.groups, &parsed.nodes);
    let dropped: BTreeSet<usize> =
        resolved.iter().enumerate().filter(|(_, it)| it.is_none()).map(|(index, _)| index).collect();

    // Only tests are dropped, and nothing refers to a test: the ids of all else stay in order.
    let mut new_ids = vec![NodeId(0); resolved.len()];
    let mut next = 0;
    for (index, id) in new_ids.iter_mut().enumerate() {
        *id = NodeId(next);
        next += u32::from(!dropped.contains(&index));
    }
    let renumber = |id: NodeId| new_ids[id.index()];
    let mut nodes = Vec::with_capacity(resolved.len());
    for (parsed, resolved) in parsed.nodes.into_iter().zip(resolved) {
        let Some(resolved) = resolved else { continue };
        nodes.push(Node {
            parsed,
            parents: resolved.parents.into_iter().map(renumber).collect(),
            refs: resolved.refs.into_iter().map(|(call, id)| (call, renumber(id))).collect(),
            sources: resolved.sources.into_iter().map(|(call, id)| (call, renumber(id))).collect(),
            functions: resolved.functions.into_iter().map(|(call, id)| (call, renumber(id))).collect(),
            gate: None,
        });
    }
    let dag = build_dag(&nodes);
    cycles::report(diags, &nodes, &dag);
    deprecation::report(diags, &nodes);
    microbatch::report(diags, &nodes);
    let order = cycles::order(&dag);
    let by_id = nodes.iter().enumerate().map(|(index, it)| (it.unique_id.clone(), id_of(index))).collect();
    let mut graph = Graph {
        nodes,
        by_id,
        dag,
        order,
        disabled: parsed.disabled,
        templates: parsed.templates,
        docs: parsed.docs,
        macro_properties: parsed.macro_properties,
        run_hooks: parsed.run_hooks,
        groups: parsed.groups,
        aligned: Vec::new(),
        node_macros: parsed.node_macros,
        shown: Shown::default(),
        root_package: parsed.root_package,
    };
    gates::assign(&mut graph);
    graph.aligned = alignment::resolve(diags, &graph);
    graph
}

fn id_of(index: usize) -> NodeId {
    NodeId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// A node's references as ids.
#[derive(Default)]
struct Resolved {
    parents: Vec<NodeId>,
    refs: BTreeMap<RefCall, NodeId>,
    sources: BTreeMap<SourceCall, NodeId>,
    functions: BTreeMap<FunctionCall, NodeId>,
}

impl Resolved {
    fn add(&mut self, id: NodeId) {
        if !self.parents.contains(&id) {
            self.parents.push(id);
        }
    }
}

/// `None` for a test that cannot run because what it is declared on does not take part.
fn resolve_node(diags: &mut Diagnostics, rules: &Rules<'_>, node: &ParsedNode) -> Option<Resolved> {
    let lookup = rules.lookup;
    let mut resolved = Resolved::default();
    let is_test = node.kind == NodeKind::Test;
    let owner = match &node.body {
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => Some(&test.owner),
        _ => None,
    };
    for call in &node.refs {
        match lookup.reference(&call.value, &node.package) {
            Found::Node(id) => {
                access::check(diags, rules, node, &rules.nodes[id.index()], call.span);
                resolved.add(id);
                resolved.refs.insert(call.value.clone(), id);
            }
            // An entry for a node that is not there was reported where it was read.
            Found::Unknown | Found::Disabled(_) if owner == Some(&Owner::Ref(call.value.clone())) => {
                return None;
            }
            Found::Disabled(_) if node.kind == NodeKind::UnitTest => return None,
            Found::Disabled(disabled) => {
                diags.push(lookup::disabled_ref(node, call, disabled, is_test));
                if is_test {
                    return None;
                }
            }
            Found::Unknown => diags.push(lookup.unknown_ref(node, call)),
        }
    }
    for call in &node.sources {
        match lookup.source(&call.value) {
            Found::Node(id) => {
                resolved.add(id);
                resolved.sources.insert(call.value.clone(), id);
            }
            Found::Disabled(_) if is_test => return None,
            Found::Disabled(disabled) => diags.push(lookup::disabled_source(node, call, disabled)),
            Found::Unknown => diags.push(lookup.unknown_source(node, call)),
        }
    }
    for call in &node.functions {
        match lookup.function(&call.value, &node.package) {
            Found::Node(id) => {
                resolved.add(id);
                resolved.functions.insert(call.value.clone(), id);
            }
            Found::Disabled(_) if is_test => return None,
            Found::Disabled(disabled) => {
                diags.push(lookup::disabled_function(node, call, disabled));
            }
            Found::Unknown => diags.push(lookup.unknown_function(node, call)),
        }
    }
    if let Body::UnitTest(test) = &node.body
        && let Some(test) = test.of_model()
    {
        unit_tests::resolve_inputs(diags, rules, node, test, &mut resolved);
    }
    Some(resolved)
}

fn build_dag(nodes: &[Node]) -> DiGraph<NodeId, ()> {
    let n_edges = nodes.iter().map(|it| it.parents.len()).sum();
    let mut dag = DiGraph::with_capacity(nodes.len(), n_edges);
    for index in 0..nodes.len() {
        dag.add_node(id_of(index));
    }
    for (index, node) in nodes.iter().enumerate() {
        for parent in &node.parents {
            dag.add_edge(NodeIndex::new(parent.index()), NodeIndex::new(index), ());
        }
    }
    dag
}

impl Graph {
    /// All nodes with their ids, by unique id.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (id_of(index), node))
    }

    /// A node by its id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node's id by its unique id.
    pub fn find(&self, unique_id: &UniqueId) -> Option<NodeId> {
        self.by_id.get(unique_id).copied()
    }

    /// All nodes, parents before children.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// Direct parents.
    pub fn parents(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).parents
    }

    /// Direct children, by id.
    pub fn children(&self, id: NodeId) -> Vec<NodeId> {
        let mut children: Vec<NodeId> =
            self.dag.neighbors(NodeIndex::new(id.index())).map(|it| self.dag[it]).collect();
        children.sort_unstable();
        children
    }

    /// What a node is made from, up to so many steps away; without the node.
    pub fn ancestors(&self, id: NodeId, depth: Depth) -> BTreeSet<NodeId> {
        reach(id, depth, |it| self.parents(it).to_vec())
    }

    /// What is made from a node, likewise.
    pub fn descendants(&self, id: NodeId, depth: Depth) -> BTreeSet<NodeId> {
        reach(id, depth, |it| self.children(it))
    }
}

/// How far a selector or a question about ancestors goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// To the end.
    All,
    /// So many steps.
    Steps(usize),
}

fn reach(start: NodeId, depth: Depth, next: impl Fn(NodeId) -> Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut reached = BTreeSet::new();
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((id, steps)) = queue.pop_front() {
        if depth == Depth::Steps(steps) {
            continue;
        }
        for neighbour in next(id) {
            if reached.insert(neighbour) {
                queue.push_back((neighbour, steps + 1));
            }
        }
    }
    reached.remove(&start);
    reached
}
