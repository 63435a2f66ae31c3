//! What an earlier manifest and an earlier run say, for the methods `state`, `result` and `source_status`.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Node;
use crate::node::NodeKind;

/// An earlier state of the project, compared with this one. All keys are unique ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Nodes that were there.
    pub known: BTreeSet<String>,
    /// In which ways nodes that were there differ: the words of `state:modified.x`.
    pub modified: BTreeMap<String, BTreeSet<&'static str>>,
    /// How nodes went.
    pub results: BTreeMap<String, String>,
    /// Sources with data newer than before.
    pub fresher: BTreeSet<String>,
    /// Which of the two files is missing that tell it.
    pub missing_freshness: Option<MissingFreshness>,
}

/// A file `sources.json` that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFreshness {
    /// That of the earlier state.
    Before,
    /// That of this project.
    Now,
}

impl State {
    /// Values of the method `state`.
    pub const WORDS: &'static [&'static str] = &[
        "new",
        "old",
        "modified",
        "unmodified",
        "modified.body",
        "modified.configs",
        "modified.persisted_descriptions",
        "modified.relation",
        "modified.macros",
        "modified.contract",
    ];

    pub(super) fn has_state(&self, node: &Node, value: &str) -> bool {
        let id = node.unique_id.as_str();
        let is_known = self.known.contains(id);
        let ways = self.modified.get(id);
        match value.split_once('.') {
            Some((_, way)) => !is_known || ways.is_some_and(|it| it.contains(way)),
            None => match value {
                "new" => !is_known,
                "old" => is_known,
                "modified" => !is_known || ways.is_some(),
                _ => is_known && ways.is_none(),
            },
        }
    }

    pub(super) fn has_result(&self, node: &Node, value: &str) -> bool {
        self.results.get(node.unique_id.as_str()).is_some_and(|it| it == value)
    }

    pub(super) fn is_fresher(&self, node: &Node) -> bool {
        node.kind == NodeKind::Source && self.fresher.contains(node.unique_id.as_str())
    }
}
