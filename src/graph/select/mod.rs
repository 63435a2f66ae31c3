//! Selectors: `+orders`, `tag:daily`, `path:models/marts`, joined by space (or) and comma (and).
//!
//! The syntax and meaning are dbt's (docs.getdbt.com, "Syntax overview" and "YAML selectors"): `+x` adds
//! ancestors, `x+` descendants, a number limits the steps, `@x` adds the descendants and all their ancestors.

mod criterion;
mod glob;
mod method;
pub mod state;

use std::collections::BTreeSet;

use self::criterion::Criterion;
use self::method::Method;
use self::state::State;
use super::{Depth, Graph};
use crate::diagnostics::suggest;
use crate::node::{NodeId, NodeKind};
use crate::project::selectors::{Definition, NamedSelector};

/// What to select, as given on the command line and in `selectors.yml`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Any of these; everything if empty.
    pub select: Vec<String>,
    /// None of these.
    pub exclude: Vec<String>,
    /// The selector of the project to use instead, by its name.
    pub selector: Option<String>,
    /// The project's selectors.
    pub selectors: Vec<NamedSelector>,
    /// Which tests come with nodes that are selected.
    pub indirect: Indirect,
    /// An earlier state of the project.
    pub state: Option<State>,
}

/// Which tests come with the nodes that they read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indirect {
    /// Those that read any of the nodes.
    #[default]
    Eager,
    /// Those of which all they read is selected.
    Cautious,
    /// Those of which all they read is selected, or made before what is selected.
    Buildable,
    /// None.
    Empty,
}

impl Indirect {
    /// The mode of a word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "eager" => Some(Indirect::Eager),
            "cautious" => Some(Indirect::Cautious),
            "buildable" => Some(Indirect::Buildable),
            "empty" => Some(Indirect::Empty),
            _ => None,
        }
    }
}

/// A selector that cannot be read, or that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorFault {
    /// Kebab-case code.
    pub code: &'static str,
    /// Headline.
    pub message: String,
    /// Names that may have been meant, or the known methods.
    pub help: Option<String>,
}

/// The nodes selected, and faults of selectors that match nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Ids of the nodes.
    pub nodes: BTreeSet<NodeId>,
    /// What was wrong.
    pub faults: Vec<SelectorFault>,
}

/// Selects nodes. Tests come with the nodes they read (any of them), as dbt's default has it.
pub fn select(graph: &Graph, selection: &Selection) -> Selected {
    let mut selector = Selector { graph, selection, faults: Vec::new() };
    let chosen = selection.selector.as_ref();
    let is_plain = selection.select.is_empty() && selection.exclude.is_empty();
    let default = selection.selectors.iter().find(|it| it.is_default && is_plain);
    let mut nodes = match (chosen, default) {
        (Some(name), _) => selector.named(name, name),
        (None, Some(default)) => selector.definition(&default.definition, selection.indirect),
        (None, None) if selection.select.is_empty() => graph.nodes().map(|(id, _)| id).collect(),
        (None, None) => selector.union(&selection.select),
    };
    let excluded = selector.union(&selection.exclude);
    nodes.retain(|id| !excluded.contains(id));
    Selected { nodes, faults: selector.faults }
}

struct Selector<'a> {
    graph: &'a Graph,
    selection: &'a Selection,
    faults: Vec<SelectorFault>,
}

impl Selector<'_> {
    fn union(&mut self, criteria: &[String]) -> BTreeSet<NodeId> {
        let mut nodes = BTreeSet::new();
        let parts: Vec<&str> = criteria.iter().flat_map(|it| it.split_whitespace()).collect();
        for text in parts {
            nodes.extend(self.intersection(text));
        }
        self.complete(nodes, self.selection.indirect)
    }

    fn intersection(&mut self, text: &str) -> BTreeSet<NodeId> {
        let mut result: Option<BTreeSet<NodeId>> = None;
        for part in text.split(',').filter(|it| !it.is_empty()) {
            let nodes = self.criterion(part, self.selection.indirect);
            result = Some(match result {
                Some(so_far) => so_far.intersection(&nodes).copied().collect(),
                None => nodes,
            });
        }
        result.unwrap_or_default()
    }

    /// The nodes of a definition in `selectors.yml`.
    fn definition(&mut self, definition: &Definition, indirect: Indirect) -> BTreeSet<NodeId> {
        let nodes = match definition {
            Definition::Criterion { text, indirect: own } => {
                let own = own.as_deref().and_then(Indirect::parse).unwrap_or(indirect);
                let nodes = self.criterion(text, own);
                return self.complete(nodes, own);
            }
            Definition::Union(parts) => parts.iter().flat_map(|it| self.definition(it, indirect)).collect(),
            Definition::Intersection(parts) => {
                let mut all = parts.iter().map(|it| self.definition(it, indirect));
                let first = all.next().unwrap_or_default();
                all.fold(first, |so_far, it| so_far.intersection(&it).copied().collect())
            }
            Definition::Difference(from, minus) => {
                let minus = self.definition(minus, indirect);
                let mut nodes = self.definition(from, indirect);
                nodes.retain(|it| !minus.contains(it));
                return nodes;
            }
        };
        self.complete(nodes, indirect)
    }

    fn named(&mut self, name: &str, text: &str) -> BTreeSet<NodeId> {
        let selectors = &self.selection.selectors;
        if let Some(found) = selectors.iter().find(|it| it.name == name) {
            return self.definition(&found.definition, self.selection.indirect);
        }
        let known = selectors.iter().map(|it| it.name.as_str());
        let help = suggest::did_you_mean(name, known.clone()).unwrap_or_else(|| {
            let names: Vec<&str> = known.collect();
            if names.is_empty() {
                "selectors are defined in selectors.yml, beside the project file".to_owned()
            } else {
                format!("selectors: {}", names.join(", "))
            }
        });
        self.faults.push(SelectorFault {
            code: "unknown-selector",
            message: format!("there is no selector `{text}`"),
            help: Some(help),
        });
        BTreeSet::new()
    }

    fn criterion(&mut self, text: &str, indirect: Indirect) -> BTreeSet<NodeId> {
        let criterion = match Criterion::parse(text) {
            Ok(criterion) => criterion,
            Err(fault) => {
                self.faults.push(fault);
                return BTreeSet::new();
            }
        };
        let state = self.selection.state.as_ref();
        if let Some(fault) = criterion.method.check(criterion.value, state) {
            self.faults.push(fault);
            return BTreeSet::new();
        }
        let direct = match criterion.method {
            Method::Selector => self.named(criterion.value, criterion.value),
            _ => self.direct(&criterion),
        };
        let nodes = self.expanded(&criterion, direct);
        if indirect == Indirect::Eager { with_tests(self.graph, nodes) } else { nodes }
    }

    fn direct(&mut self, criterion: &Criterion<'_>) -> BTreeSet<NodeId> {
        let Criterion { method, value, .. } = criterion;
        let state = self.selection.state.as_ref();
        let is_meant = |id: &NodeId| method.matches(self.graph, self.graph.node(*id), value, state);
        let nodes: BTreeSet<NodeId> = self.graph.nodes().map(|(id, _)| id).filter(is_meant).collect();
        if nodes.is_empty() {
            self.faults.push(nothing(self.graph, criterion));
        }
        nodes
    }

    fn expanded(&self, criterion: &Criterion<'_>, direct: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let graph = self.graph;
        let mut all = direct.clone();
        for id in direct {
            if let Some(depth) = criterion.parents {
                all.extend(graph.ancestors(id, depth));
            }
            if let Some(depth) = criterion.children {
                all.extend(graph.descendants(id, depth));
            }
            if criterion.childrens_parents {
                for descendant in graph.descendants(id, Depth::All) {
                    all.insert(descendant);
                    all.extend(graph.ancestors(descendant, Depth::All));
                }
                all.extend(graph.ancestors(id, Depth::All));
            }
        }
        all
    }

    /// Adds the tests of which all that they read is there.
    fn complete(&self, mut nodes: BTreeSet<NodeId>, indirect: Indirect) -> BTreeSet<NodeId> {
        let mut there = match indirect {
            Indirect::Eager | Indirect::Empty => return nodes,
            Indirect::Cautious | Indirect::Buildable => nodes.clone(),
        };
        if indirect == Indirect::Buildable {
            there.extend(nodes.iter().flat_map(|it| self.graph.ancestors(*it, Depth::All)));
        }
        for id in with_tests(self.graph, nodes.clone()) {
            if self.graph.parents(id).iter().all(|it| there.contains(it)) {
                nodes.insert(id);
            }
        }
        nodes
    }
}

fn nothing(graph: &Graph, criterion: &Criterion<'_>) -> SelectorFault {
    let near = suggest::several(criterion.value, criterion.method.candidates(graph), 3);
    let help = match near.as_slice() {
        [] => "`tidemill list` shows what can be selected".to_owned(),
        names => {
            let names: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
            format!("near: {}", names.join(", "))
        }
    };
    SelectorFault {
        code: "empty-selector",
        message: format!("the selector `{}` matches nothing", criterion.text),
        help: Some(help),
    }
}

/// Adds the tests that read any of the nodes.
fn with_tests(graph: &Graph, mut nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let tests: Vec<NodeId> = nodes
        .iter()
        .flat_map(|id| graph.children(*id))
        .filter(|id| matches!(graph.node(*id).kind, NodeKind::Test | NodeKind::UnitTest))
        .collect();
    nodes.extend(tests);
    nodes
}
