//! The methods of selectors: how a value is compared with nodes.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::SelectorFault;
use super::glob::matches_glob;
use super::state::{MissingFreshness, State};
use crate::graph::{Graph, Node};
use crate::node::NodeKind;
use crate::parse::{Body, DataTest, TestKind};

/// How a value is compared with nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// A name, or folders and names joined by dots.
    Fqn,
    Path,
    File,
    Tag,
    Group,
    Access,
    Source,
    /// A name, or package and name, of a kind that stands in YAML alone.
    Named(NodeKind),
    ResourceType,
    Package,
    TestName,
    TestType,
    Version,
    /// A key of the config, and keys inside it.
    Config(Vec<String>),
    /// A selector of the project.
    Selector,
    /// How a node differs from an earlier manifest.
    State,
    /// How a node went in an earlier run.
    Result,
    /// How a source's data differs from an earlier check.
    SourceStatus,
}

const METHODS: [(&str, Method); 21] = [
    ("fqn", Method::Fqn),
    ("name", Method::Fqn),
    ("path", Method::Path),
    ("file", Method::File),
    ("tag", Method::Tag),
    ("group", Method::Group),
    ("access", Method::Access),
    ("source", Method::Source),
    ("exposure", Method::Named(NodeKind::Exposure)),
    ("metric", Method::Named(NodeKind::Metric)),
    ("semantic_model", Method::Named(NodeKind::SemanticModel)),
    ("saved_query", Method::Named(NodeKind::SavedQuery)),
    ("unit_test", Method::Named(NodeKind::UnitTest)),
    ("resource_type", Method::ResourceType),
    ("package", Method::Package),
    ("test_name", Method::TestName),
    ("test_type", Method::TestType),
    ("version", Method::Version),
    ("selector", Method::Selector),
    ("state", Method::State),
    ("result", Method::Result),
];

impl Method {
    /// The method of a name; `config.x.y` has its keys in the name.
    pub(super) fn find(name: &str) -> Option<Self> {
        if let Some(keys) = name.strip_prefix("config.") {
            return Some(Method::Config(keys.split('.').map(str::to_owned).collect()));
        }
        if name == "source_status" {
            return Some(Method::SourceStatus);
        }
        METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| method.clone())
    }

    /// All names, for messages.
    pub(super) fn names() -> Vec<&'static str> {
        let names = METHODS.iter().map(|(name, _)| *name);
        names.chain(["source_status", "config.materialized"]).collect()
    }

    /// What is wrong with a value before any node is looked at.
    pub(super) fn check(&self, value: &str, state: Option<&State>) -> Option<SelectorFault> {
        let known: &[&str] = match self {
            Method::Access => &["private", "protected", "public"],
            Method::TestType => &["generic", "singular", "unit", "data", "schema"],
            Method::Version => &["latest", "prerelease", "old", "none"],
            Method::SourceStatus => &["fresher"],
            Method::State => State::WORDS,
            _ => &[],
        };
        let needs_state = matches!(self, Method::State | Method::Result | Method::SourceStatus);
        if needs_state && state.is_none() {
            return Some(SelectorFault {
                code: "missing-state",
                message: format!("the selector `{value}` compares with an earlier run, but none is given"),
                help: Some(
                    "name its folder with `--state DIR`: it holds manifest.json and run_results.json"
                        .to_owned(),
                ),
            });
        }
        let missing = state.and_then(|it| it.missing_freshness).filter(|_| *self == Method::SourceStatus);
        if let Some(missing) = missing {
            let (which, help) = match missing {
                MissingFreshness::Before => (
                    "the earlier state",
                    "write it there: `tidemill source freshness`, before the state is kept",
                ),
                MissingFreshness::Now => ("this project", "run `tidemill source freshness` first"),
            };
            return Some(SelectorFault {
                code: "missing-state",
                message: format!("the selector `source_status:{value}` needs the sources.json of {which}"),
                help: Some(help.to_owned()),
            });
        }
        if known.is_empty() || known.contains(&value) {
            return None;
        }
        Some(SelectorFault {
            code: "invalid-selector",
            message: format!("`{value}` is no value of this method"),
            help: Some(format!("write one of {}", known.join(", "))),
        })
    }

    /// Whether a node is meant.
    pub(super) fn matches(&self, graph: &Graph, node: &Node, value: &str, state: Option<&State>) -> bool {
        match self {
            Method::Fqn => matches_fqn(value, &node.fqn) || matches_glob(value, &node.name),
            Method::Path => matches_path(value, node),
            Method::File => {
                let name = node.path.as_str().rsplit('/').next().unwrap_or_default();
                matches_glob(value, name) || matches_glob(value, node.path.stem())
            }
            Method::Tag => node.config.tags.iter().any(|tag| matches_glob(value, tag)),
            Method::Group => node.group().is_some_and(|it| matches_glob(value, it)),
            Method::Access => {
                matches!(&node.body, Body::Model { details, .. } if details.access.as_str() == value)
            }
            Method::Source => match &node.body {
                Body::Source(body) => matches_parts(value, &[&node.package, &body.source, &node.name], 1),
                _ => false,
            },
            Method::Named(kind) => {
                node.kind == *kind && matches_parts(value, &[&node.package, &node.name], 1)
            }
            Method::ResourceType => value == node.kind.as_str(),
            Method::Package => {
                let root = &graph.root_package;
                matches_glob(if value == "this" { root } else { value }, &node.package)
            }
            Method::TestName => match &node.body {
                Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => matches_glob(value, &test.name),
                Body::UnitTest(_) => matches_glob(value, &node.name),
                _ => false,
            },
            Method::TestType => match &node.body {
                Body::Test(DataTest { kind: TestKind::Generic(_), .. }) => {
                    ["generic", "schema", "data"].contains(&value)
                }
                Body::Test(DataTest { kind: TestKind::Singular { .. }, .. }) => {
                    ["singular", "data"].contains(&value)
                }
                Body::UnitTest(_) => value == "unit",
                _ => false,
            },
            Method::Version => matches_version(value, node),
            Method::Config(keys) => matches_config(keys, value, node),
            // Its nodes are found by its definition.
            Method::Selector => false,
            Method::State => state.is_some_and(|it| it.has_state(node, value)),
            Method::Result => state.is_some_and(|it| it.has_result(node, value)),
            Method::SourceStatus => state.is_some_and(|it| it.is_fresher(node)),
        }
    }

    /// Names that may have been meant.
    pub(super) fn candidates<'a>(&self, graph: &'a Graph) -> BTreeSet<&'a str> {
        let of_node = |node: &'a Node| -> Vec<&'a str> {
            match self {
                Method::Tag => node.config.tags.iter().map(String::as_str).collect(),
                Method::Group => node.group().into_iter().collect(),
                Method::Path => vec![node.path.as_str()],
                Method::File => vec![node.path.as_str().rsplit('/').next().unwrap_or_default()],
                Method::Package => vec![node.package.as_str()],
                Method::Named(kind) if node.kind == *kind => vec![node.name.as_str()],
                Method::Fqn | Method::Source if node.kind != NodeKind::Test => vec![node.name.as_str()],
                _ => Vec::new(),
            }
        };
        graph.nodes().flat_map(|(_, node)| of_node(node)).collect()
    }
}

fn matches_path(value: &str, node: &Node) -> bool {
    let wanted = value.trim_start_matches("./").trim_end_matches('/');
    let described = node.patch_path.as_ref().is_some_and(|it| matches_glob(wanted, it.as_str()));
    described || node.path.inside(wanted).is_some() || matches_glob(wanted, node.path.as_str())
}

/// A value of one part is the last `from` and after; one of more parts has all from its end.
fn matches_parts(value: &str, names: &[&str], least: usize) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    match parts.len() {
        0 => false,
        // One part names the first after the package: a source, or the thing itself.
        1 => names.get(least).is_some_and(|it| matches_glob(parts[0], it)),
        count if count > names.len() => false,
        count => {
            let names = &names[names.len() - count..];
            parts.iter().zip(names).all(|(part, name)| matches_glob(part, name))
        }
    }
}

fn matches_version(value: &str, node: &Node) -> bool {
    let Body::Model { version, .. } = &node.body else { return false };
    let Some(version) = version else { return value == "none" };
    let is_after = match (version.version.parse::<f64>(), version.latest.parse::<f64>()) {
        (Ok(own), Ok(latest)) => own > latest,
        _ => version.version > version.latest,
    };
    match value {
        "latest" => version.is_latest,
        "prerelease" => is_after,
        "old" => !is_after && !version.is_latest,
        _ => false,
    }
}

fn matches_config(keys: &[String], value: &str, node: &Node) -> bool {
    if keys == ["materialized"] {
        return materialized(node).is_some_and(|it| it == value);
    }
    let Some((first, rest)) = keys.split_first() else { return false };
    let found = match (first.as_str(), node.config.values.get(first)) {
        (_, Some(it)) => it.value.clone(),
        ("enabled", None) => Json::Bool(node.config.enabled),
        ("access", None) if node.kind == NodeKind::Model => Json::from("protected"),
        ("severity", None) if node.kind == NodeKind::Test => Json::from("error"),
        _ => return false,
    };
    let found = rest.iter().try_fold(&found, |it, key| it.get(key));
    let is_value = |it: &Json| match it {
        Json::String(text) if first == "severity" => text.eq_ignore_ascii_case(value),
        Json::String(text) => text == value,
        Json::Bool(flag) => value.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
        Json::Number(number) => number.to_string() == value,
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    };
    match found {
        Some(Json::Array(items)) => items.iter().any(is_value),
        // Of a mapping its keys are compared.
        Some(Json::Object(entries)) => entries.keys().any(|it| it == value),
        Some(other) => is_value(other),
        None => false,
    }
}

fn materialized(node: &Node) -> Option<&str> {
    match &node.body {
        Body::Model { materialized, .. } => {
            let said = node.config.values.get("materialized").and_then(|it| it.value.as_str());
            Some(said.unwrap_or_else(|| materialized.as_str()))
        }
        Body::Seed => Some("seed"),
        Body::Snapshot(_) => Some("snapshot"),
        Body::Function(_) => Some("function"),
        Body::Test(_) => Some("test"),
        _ => None,
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
