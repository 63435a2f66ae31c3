//! `source accept`: the columns that sources have now, as those that are expected from now on.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Shape;
use super::shape::{Change, changes};
use super::{full_name, missing, unreadable};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use crate::project::sources_lock::{LockedColumn, LockedSource, SourcesLock};
use crate::warehouse::Column;

/// What acceptance leads to.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// The shapes to write.
    pub lock: SourcesLock,
    /// What is different from before, for people: a paragraph a source.
    pub differences: Vec<String>,
    /// Sources that could not be looked at; they stay as they were.
    pub faults: Vec<Diagnostic>,
    /// How many sources are as they were.
    pub n_same: usize,
}

/// Takes the columns of these sources into the lock. Sources that the project has no more go out of it.
pub fn accept(
    graph: &Graph,
    before: Option<&SourcesLock>,
    sources: &BTreeSet<NodeId>,
    shapes: &BTreeMap<NodeId, Shape>,
) -> Accepted {
    let mut accepted = Accepted { lock: before.cloned().unwrap_or_default(), ..Accepted::default() };
    let known: BTreeSet<&str> = graph
        .nodes()
        .filter(|(_, node)| node.kind == NodeKind::Source)
        .map(|(_, node)| node.unique_id.as_str())
        .collect();
    let gone: Vec<String> =
        accepted.lock.sources.keys().filter(|id| !known.contains(id.as_str())).cloned().collect();
    for id in gone {
        accepted.lock.sources.remove(&id);
        let name = id.splitn(3, '.').nth(2).unwrap_or(&id);
        accepted.differences.push(format!("{name}: no source of this project any more"));
    }
    for id in sources {
        let node = graph.node(*id);
        let unique_id = node.unique_id.as_str();
        match shapes.get(id) {
            Some(Shape::Columns(now)) => {
                let old = accepted.lock.columns(unique_id);
                match difference(&full_name(node), old, now) {
                    Some(text) => accepted.differences.push(text),
                    None => accepted.n_same += 1,
                }
                let columns = now.iter().map(|it| LockedColumn::new(&it.name, &it.data_type)).collect();
                accepted.lock.sources.insert(unique_id.to_owned(), LockedSource { columns, span: None });
            }
            Some(Shape::Missing(error)) => accepted.faults.push(missing(node, &error.message)),
            Some(Shape::Unreadable(error)) => accepted.faults.push(unreadable(node, &error.message)),
            None => {}
        }
    }
    accepted
}

/// A source's differences, a line each; `None` if there are none.
fn difference(name: &str, old: Option<&[LockedColumn]>, now: &[Column]) -> Option<String> {
    let Some(old) = old else {
        let lines = now.iter().map(|it| format!("  + {} {}", it.name, it.data_type));
        return Some(joined(format!("{name}: taken in"), lines));
    };
    let changes = changes(old, now);
    if changes.is_empty() {
        return None;
    }
    let renamed: Vec<(&str, &str)> = changes
        .iter()
        .filter_map(|it| match it {
            Change::Gone { locked, renamed_to: Some(to) } => Some((to.as_str(), locked.name.as_str())),
            _ => None,
        })
        .collect();
    let lines = changes.iter().map(|change| match change {
        Change::Gone { locked, .. } => format!("  - {} {}", locked.name, locked.data_type),
        Change::Retyped { locked, data_type } => {
            format!("  ~ {} {} -> {data_type}", locked.name, locked.data_type)
        }
        Change::New(column) => {
            let was = renamed.iter().find(|(to, _)| *to == column.name);
            let was = was.map(|(_, from)| format!(" (probably {from} before)")).unwrap_or_default();
            format!("  + {} {}{was}", column.name, column.data_type)
        }
        Change::Reordered => {
            let order: Vec<&str> = now.iter().map(|it| it.name.as_str()).collect();
            format!("  ~ the order is now {}", order.join(", "))
        }
    });
    Some(joined(format!("{name}:"), lines))
}

fn joined(head: String, lines: impl Iterator<Item = String>) -> String {
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}
