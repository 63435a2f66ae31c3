//! Selectors: `+orders`, `tag:daily`, `path:models/marts`, joined by space (or) and comma (and).
//!
//! The syntax and meaning are dbt's (docs.getdbt.com, "Syntax overview"): `+x` adds ancestors, `x+`
//! descendants, a number limits the steps, `@x` adds the descendants and all their ancestors.

use std::collections::BTreeSet;

use super::{Depth, Graph, Node};
use crate::diagnostics::suggest;
use crate::node::{NodeId, NodeKind};
use crate::parse::{Body, DataTest, TestKind};

/// What to select, as given on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Any of these; everything if empty.
    pub select: Vec<String>,
    /// None of these.
    pub exclude: Vec<String>,
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
    let mut selected = Selected::default();
    if selection.select.is_empty() {
        selected.nodes = graph.nodes().map(|(id, _)| id).collect();
    } else {
        selected.nodes = union(graph, &selection.select, &mut selected.faults);
    }
    let excluded = union(graph, &selection.exclude, &mut selected.faults);
    selected.nodes.retain(|id| !excluded.contains(id));
    selected
}

fn union(graph: &Graph, criteria: &[String], faults: &mut Vec<SelectorFault>) -> BTreeSet<NodeId> {
    let mut nodes = BTreeSet::new();
    for text in criteria.iter().flat_map(|it| it.split_whitespace()) {
        nodes.extend(intersection(graph, text, faults));
    }
    nodes
}

fn intersection(graph: &Graph, text: &str, faults: &mut Vec<SelectorFault>) -> BTreeSet<NodeId> {
    let mut result: Option<BTreeSet<NodeId>> = None;
    for part in text.split(',').filter(|it| !it.is_empty()) {
        let nodes = match Criterion::parse(part) {
            Ok(criterion) => criterion.nodes(graph, faults),
            Err(fault) => {
                faults.push(fault);
                BTreeSet::new()
            }
        };
        result = Some(match result {
            Some(so_far) => so_far.intersection(&nodes).copied().collect(),
            None => nodes,
        });
    }
    result.unwrap_or_default()
}

/// One part between spaces and commas.
#[derive(Debug, PartialEq, Eq)]
struct Criterion<'a> {
    text: &'a str,
    /// Steps of ancestors, if any.
    parents: Option<Depth>,
    /// Steps of descendants, if any.
    children: Option<Depth>,
    /// `@`.
    childrens_parents: bool,
    method: Method,
    value: &'a str,
}

/// How a value is compared with nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// A name, or folders and names joined by dots.
    Fqn,
    Path,
    File,
    Tag,
    Source,
    Exposure,
    ResourceType,
    Package,
    TestName,
    TestType,
    Materialized,
}

const METHODS: [(&str, Method); 12] = [
    ("fqn", Method::Fqn),
    ("name", Method::Fqn),
    ("path", Method::Path),
    ("file", Method::File),
    ("tag", Method::Tag),
    ("source", Method::Source),
    ("exposure", Method::Exposure),
    ("resource_type", Method::ResourceType),
    ("package", Method::Package),
    ("test_name", Method::TestName),
    ("test_type", Method::TestType),
    ("config.materialized", Method::Materialized),
];

impl<'a> Criterion<'a> {
    fn parse(text: &'a str) -> Result<Self, SelectorFault> {
        let (childrens_parents, rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (parents, rest) = leading_depth(rest);
        let (children, rest) = trailing_depth(rest);
        let bad = |message: &str, help: Option<String>| SelectorFault {
            code: "invalid-selector",
            message: format!("`{text}` is not a selector: {message}"),
            help,
        };
        if rest.is_empty() {
            return Err(bad("no name is left", None));
        }
        if childrens_parents && children.is_some() {
            return Err(bad("`@` already takes all descendants, so no `+` may follow", None));
        }
        let (method, value) = match rest.split_once(':') {
            Some((name, value)) => {
                let known = METHODS.iter().find(|(known, _)| *known == name);
                let Some((_, method)) = known else {
                    let names = METHODS.map(|(name, _)| name);
                    let help = suggest::did_you_mean(name, names)
                        .unwrap_or_else(|| format!("methods: {}", names.join(", ")));
                    return Err(bad(&format!("there is no method `{name}`"), Some(help)));
                };
                (*method, value)
            }
            None if rest.contains('/') => (Method::Path, rest),
            None if has_file_ending(rest) => (Method::File, rest),
            None => (Method::Fqn, rest),
        };
        Ok(Self { text, parents, children, childrens_parents, method, value })
    }

    fn nodes(&self, graph: &Graph, faults: &mut Vec<SelectorFault>) -> BTreeSet<NodeId> {
        let direct: BTreeSet<NodeId> =
            graph.nodes().filter(|(_, node)| self.matches(node)).map(|(id, _)| id).collect();
        if direct.is_empty() {
            faults.push(self.nothing(graph));
        }
        let mut all = direct.clone();
        for id in &direct {
            if let Some(depth) = self.parents {
                all.extend(graph.ancestors(*id, depth));
            }
            if let Some(depth) = self.children {
                all.extend(graph.descendants(*id, depth));
            }
            if self.childrens_parents {
                for descendant in graph.descendants(*id, Depth::All) {
                    all.insert(descendant);
                    all.extend(graph.ancestors(descendant, Depth::All));
                }
                all.extend(graph.ancestors(*id, Depth::All));
            }
        }
        with_tests(graph, all)
    }

    fn matches(&self, node: &Node) -> bool {
        let value = self.value;
        match self.method {
            Method::Fqn => matches_fqn(value, &node.fqn) || matches_glob(value, &node.name),
            Method::Path => {
                let wanted = value.trim_start_matches("./").trim_end_matches('/');
                node.path.inside(wanted).is_some() || matches_glob(wanted, node.path.as_str())
            }
            Method::File => {
                let name = node.path.as_str().rsplit('/').next().unwrap_or_default();
                matches_glob(value, name) || matches_glob(value, node.path.stem())
            }
            Method::Tag => node.config.tags.iter().any(|tag| matches_glob(value, tag)),
            Method::Source => match &node.body {
                Body::Source(body) => {
                    let qualified = format!("{}.{}", body.source, node.name);
                    matches_glob(value, &qualified) || matches_glob(value, &body.source)
                }
                Body::Model { .. }
                | Body::Seed
                | Body::Test(_)
                | Body::Analysis { .. }
                | Body::Exposure(_)
                | Body::UnitTest(_)
                | Body::Semantic(_) => false,
            },
            Method::Exposure => node.kind == NodeKind::Exposure && matches_glob(value, &node.name),
            Method::ResourceType => value == node.kind.as_str(),
            Method::Package => matches_glob(value, &node.package),
            Method::TestName => match &node.body {
                Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => matches_glob(value, &test.name),
                _ => false,
            },
            Method::TestType => match &node.body {
                Body::Test(DataTest { kind: TestKind::Generic(_), .. }) => {
                    ["generic", "data"].contains(&value)
                }
                Body::Test(DataTest { kind: TestKind::Singular { .. }, .. }) => {
                    ["singular", "data"].contains(&value)
                }
                Body::Model { .. }
                | Body::Seed
                | Body::Source(_)
                | Body::Analysis { .. }
                | Body::Exposure(_)
                | Body::UnitTest(_)
                | Body::Semantic(_) => false,
            },
            Method::Materialized => materialized(node).is_some_and(|it| it == value),
        }
    }

    fn nothing(&self, graph: &Graph) -> SelectorFault {
        let known: BTreeSet<&str> = graph
            .nodes()
            .flat_map(|(_, node)| match self.method {
                Method::Tag => node.config.tags.iter().map(String::as_str).collect(),
                Method::Path => vec![node.path.as_str()],
                Method::File => vec![node.path.as_str().rsplit('/').next().unwrap_or_default()],
                _ if node.kind == NodeKind::Test => Vec::new(),
                _ => vec![node.name.as_str()],
            })
            .collect();
        let near = suggest::several(self.value, known, 3);
        let help = match near.as_slice() {
            [] => "`tidemill list` shows what can be selected".to_owned(),
            names => {
                let names: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
                format!("near: {}", names.join(", "))
            }
        };
        SelectorFault {
            code: "empty-selector",
            message: format!("the selector `{}` matches nothing", self.text),
            help: Some(help),
        }
    }
}

fn materialized(node: &Node) -> Option<&'static str> {
    match &node.body {
        Body::Model { materialized, .. } => Some(materialized.as_str()),
        Body::Seed => Some("seed"),
        Body::Test(_) => Some("test"),
        Body::Source(_)
        | Body::Analysis { .. }
        | Body::Exposure(_)
        | Body::UnitTest(_)
        | Body::Semantic(_) => None,
    }
}

fn has_file_ending(text: &str) -> bool {
    let ending = text.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["sql", "csv", "yml", "yaml", "py"].iter().any(|it| ending.eq_ignore_ascii_case(it))
}

/// The digits beside a `+`.
fn depth(digits: &str) -> Depth {
    digits.parse().map_or(Depth::All, Depth::Steps)
}

/// `+` or `3+` before a name.
fn leading_depth(text: &str) -> (Option<Depth>, &str) {
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    match text[digits..].strip_prefix('+') {
        Some(rest) => (Some(depth(&text[..digits])), rest),
        None => (None, text),
    }
}

/// `+` or `+3` after a name.
fn trailing_depth(text: &str) -> (Option<Depth>, &str) {
    let name = text.trim_end_matches(|it: char| it.is_ascii_digit());
    match name.strip_suffix('+') {
        Some(rest) => (Some(depth(&text[name.len()..])), rest),
        None => (None, text),
    }
}

/// A name, or a run of folders from the start of the fully qualified name, with or without the package.
fn matches_fqn(value: &str, fqn: &[String]) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let starts = |names: &[String]| {
        parts.len() <= names.len() && parts.iter().zip(names).all(|(part, name)| matches_glob(part, name))
    };
    fqn.last().is_some_and(|name| matches_glob(value, name))
        || starts(fqn)
        || starts(&fqn[1.min(fqn.len())..])
}

/// `*` stands for anything, `?` for one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // The classic two-pointer walk: on a mismatch go back to the last `*` and let it take one more.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*' {
            p += 1;
            t += 1;
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, taken)) = star {
            p = at + 1;
            t = taken + 1;
            star = Some((at, t));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|it| *it == '*')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_and_numbers_are_read_off_both_ends() {
        let parts = |text| {
            Criterion::parse(text)
                .map(|it| (it.parents, it.children, it.childrens_parents, it.value))
                .unwrap()
        };
        assert_eq!(parts("orders"), (None, None, false, "orders"));
        assert_eq!(parts("+orders"), (Some(Depth::All), None, false, "orders"));
        assert_eq!(parts("2+orders+1"), (Some(Depth::Steps(2)), Some(Depth::Steps(1)), false, "orders"));
        assert_eq!(parts("orders_2024"), (None, None, false, "orders_2024"));
        assert_eq!(parts("@tag:daily"), (None, None, true, "daily"));
    }

    #[test]
    fn what_is_no_selector_says_why() {
        let message = |text| Criterion::parse(text).unwrap_err().message;
        assert_eq!(message("tgas:x"), "`tgas:x` is not a selector: there is no method `tgas`");
        assert_eq!(message("+"), "`+` is not a selector: no name is left");
        assert_eq!(
            message("@x+"),
            "`@x+` is not a selector: `@` already takes all descendants, so no `+` may follow"
        );
    }

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, text, expected) in [
            ("stg_*", "stg_orders", true),
            ("*_orders", "stg_orders", true),
            ("st?_*s", "stg_orders", true),
            ("stg", "stg_orders", false),
            ("*x", "stg", false),
        ] {
            assert_eq!(matches_glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
