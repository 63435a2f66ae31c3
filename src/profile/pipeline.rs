//! Where a pipeline could do less: what the measures of several queries say together.
//!
//! A finding about readers is made only if all of them were measured, and none of them is an exposure, a metric or another
//! project: who reads a model unseen may need what the others do not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::facts::NEARLY_ALL;
use super::{Finding, Form, Input, MANY_ROWS, Measured, Read, What, called, has_query, is_stored};
use crate::compile::lineage::{Lineage, Table};
use crate::graph::{Graph, Node};
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;
use crate::parse::model_details::Access;

/// Rows that are half dropped are worth being kept apart.
const HALF: u64 = 2;

/// All that is found, the dearest first.
pub fn findings(input: &Input<'_>, measured: &[Measured]) -> Vec<Finding> {
    let pipeline = Pipeline::new(input, measured);
    let mut found: Vec<Finding> = measured.iter().flat_map(of_query).collect();
    let again = pipeline.computed_again();
    let earlier = pipeline.filtered_by_readers();
    found.extend(pipeline.same_filter(&again, &earlier));
    found.extend(again.into_iter().map(|it| it.1));
    found.extend(earlier.into_iter().map(|it| it.1));
    found.extend(pipeline.aggregated_by_readers());
    found.extend(input.lineage.into_iter().flat_map(|it| pipeline.unused_columns(it)));
    found.sort_by(|a, b| b.at_stake.cmp(&a.at_stake).then_with(|| a.nodes.cmp(&b.nodes)));
    found
}

/// What one query says by itself.
fn of_query(measured: &Measured) -> Vec<Finding> {
    let Measured { profile, facts, .. } = measured;
    let model = || measured.name.clone();
    // Threads work at the same time, so what they worked is more than what it took.
    let took = |busy: Duration| {
        let share = busy.as_secs_f64() / profile.busy.as_secs_f64().max(f64::MIN_POSITIVE);
        profile.elapsed.mul_f64(share.clamp(0.0, 1.0))
    };
    let mut found = Vec::new();
    for join in facts.joins.iter().filter(|it| it.multiplies()) {
        let at_stake = took(join.busy);
        found.push((What::JoinMultiplies { model: model(), join: join.clone() }, at_stake));
    }
    // Of several the one at the bottom, which all others build on.
    if let Some(join) = facts.joins.iter().filter(|it| it.comes_too_early()).max_by_key(|it| it.busy) {
        let at_stake = took(join.busy);
        found.push((What::AggregateBeforeJoin { model: model(), join: join.clone() }, at_stake));
    }
    for filter in &facts.late_filters {
        let at_stake = took(filter.busy);
        found.push((What::LateFilter { model: model(), filter: filter.clone() }, at_stake));
    }
    if profile.spilled > 0 {
        found.push((What::Spilled { model: model(), bytes: profile.spilled }, profile.elapsed));
    }
    let nodes = vec![measured.unique_id.clone()];
    found.into_iter().map(|(what, at_stake)| Finding { what, nodes: nodes.clone(), at_stake }).collect()
}

struct Pipeline<'a> {
    graph: &'a Graph,
    measured: BTreeMap<NodeId, &'a Measured>,
}

/// What is read, and with which filters.
type Filtered<'a> = (&'a str, &'a [String]);

/// Findings with the node that they are about.
type About = Vec<(NodeId, Finding)>;

impl<'a> Pipeline<'a> {
    fn new(input: &Input<'a>, measured: &'a [Measured]) -> Self {
        Self { graph: input.graph, measured: measured.iter().map(|it| (it.id, it)).collect() }
    }

    /// The stored nodes that execute a node's query, or read its table: directly or through views and ephemeral models.
    fn readers(&self, id: NodeId) -> Vec<NodeId> {
        let (mut readers, mut stack, mut seen) = (BTreeSet::new(), vec![id], BTreeSet::new());
        while let Some(next) = stack.pop() {
            for child in self.graph.children(next) {
                let node = self.graph.node(child);
                if is_stored(node) {
                    readers.insert(child);
                } else if node.kind == NodeKind::Model && seen.insert(child) {
                    stack.push(child);
                }
            }
        }
        readers.into_iter().collect()
    }

    /// The same, if these are all that read it: each was measured as a whole, and no view of it is left for somebody else.
    fn all_readers(&self, id: NodeId) -> Option<Vec<&'a Measured>> {
        if is_for_others(self.graph.node(id)) {
            return None;
        }
        let (mut stack, mut seen) = (vec![id], BTreeSet::new());
        while let Some(next) = stack.pop() {
            let children = self.graph.children(next);
            let reads =
                |it: &&NodeId| !matches!(self.graph.node(**it).kind, NodeKind::Test | NodeKind::UnitTest);
            if next != id && !children.iter().any(|it| reads(&it)) {
                // A view that nothing reads is there for people.
                return None;
            }
            for child in children.iter().filter(reads) {
                let node = self.graph.node(*child);
                match node.kind {
                    NodeKind::Model | NodeKind::Snapshot => {}
                    _ => return None,
                }
                if !is_stored(node) && seen.insert(*child) {
                    stack.push(*child);
                }
            }
        }
        let readers = self.readers(id);
        let measured: Vec<&Measured> = readers
            .iter()
            .filter_map(|it| self.measured.get(it).copied())
            .filter(|it| is_whole(it))
            .collect();
        (!readers.is_empty() && measured.len() == readers.len()).then_some(measured)
    }

    /// Stored nodes with many rows, and all that read them.
    fn read_by_all(&self) -> Vec<(&'a Measured, Vec<&'a Measured>)> {
        let large = self.measured.values().filter(|it| it.is_stored && it.profile.root.rows >= MANY_ROWS);
        large.filter(|it| is_whole(it)).filter_map(|it| Some((*it, self.all_readers(it.id)?))).collect()
    }

    fn filtered_by_readers(&self) -> About {
        let mut found = Vec::new();
        for (stored, readers) in self.read_by_all() {
            let rows = stored.profile.root.rows;
            let reads: Vec<&Read> = readers.iter().flat_map(|it| reads(it, stored.id)).collect();
            let is_few =
                |it: &&Read| !it.scan.filters.is_empty() && it.kept.saturating_mul(NEARLY_ALL) <= rows;
            if reads.is_empty() || !reads.iter().all(is_few) {
                continue;
            }
            let filters: BTreeSet<String> =
                reads.iter().flat_map(|it| it.scan.filters.iter().cloned()).collect();
            let what = What::FilterEarlier {
                model: stored.name.clone(),
                rows,
                kept: reads.iter().map(|it| it.kept).max().unwrap_or_default(),
                readers: names(&readers),
                filters: filters.into_iter().collect(),
            };
            found.push((stored.id, about(what, (stored, &readers), stored.profile.elapsed)));
        }
        found
    }

    fn aggregated_by_readers(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (stored, readers) in self.read_by_all() {
            let rows = stored.profile.root.rows;
            let reads: Vec<&Read> = readers.iter().flat_map(|it| reads(it, stored.id)).collect();
            let made: Option<Vec<u64>> = reads.iter().map(|it| Some(it.aggregated.as_ref()?.rows)).collect();
            let Some(at_most) = made.and_then(|it| it.into_iter().max()) else { continue };
            if at_most.saturating_mul(NEARLY_ALL) > rows {
                continue;
            }
            let what = What::AggregateEarlier {
                model: stored.name.clone(),
                rows,
                at_most,
                readers: names(&readers),
            };
            found.push(about(what, (stored, &readers), stored.profile.elapsed));
        }
        found
    }

    fn computed_again(&self) -> About {
        let mut found: About = Vec::new();
        // Readers first: what is only read by such a view is repeated for its sake.
        for id in self.graph.order().iter().rev() {
            let Some(view) = self.measured.get(id).filter(|it| !it.is_stored) else { continue };
            let (rows_in, rows) = (view.facts.rows_in, view.profile.root.rows);
            let is_work = view.facts.is_work || rows.saturating_mul(HALF) <= rows_in;
            let readers = self.readers(*id);
            if rows_in < MANY_ROWS || !is_work || readers.len() < 2 {
                continue;
            }
            let children = self.graph.children(*id);
            let is_told = |child: &NodeId| found.iter().any(|it| it.0 == *child);
            if children.iter().filter(|it| has_query(self.graph.node(**it))).all(is_told) {
                continue;
            }
            let elapsed = view.profile.elapsed;
            let times = u32::try_from(readers.len() - 1).unwrap_or(u32::MAX);
            let ids = readers.iter().map(|it| self.graph.node(*it).unique_id.as_str().to_owned());
            let nodes = std::iter::once(view.unique_id.clone()).chain(ids).collect();
            let what = What::ComputedAgain {
                model: view.name.clone(),
                made_as: view.made_as.clone(),
                rows_in,
                rows,
                elapsed,
                readers: readers.iter().map(|it| called(self.graph.node(*it))).collect(),
            };
            found.push((*id, Finding { what, nodes, at_stake: elapsed.saturating_mul(times) }));
        }
        found
    }

    fn same_filter(&self, again: &About, earlier: &About) -> Vec<Finding> {
        let mut groups: BTreeMap<Filtered<'_>, Vec<(&Measured, &Read)>> = BTreeMap::new();
        for reader in self.measured.values().filter(|it| it.is_stored && is_whole(it)) {
            for read in &reader.facts.reads {
                let is_much = read.scan.looked_at >= MANY_ROWS;
                let drops = read.kept.saturating_mul(HALF) <= read.scan.looked_at;
                if is_much && drops && !read.scan.filters.is_empty() {
                    let key = (read.of.as_str(), read.scan.filters.as_slice());
                    groups.entry(key).or_default().push((reader, read));
                }
            }
        }
        let mut found = Vec::new();
        for ((of, filters), reads) in groups {
            let readers: BTreeMap<NodeId, &Measured> = reads.iter().map(|it| (it.0.id, it.0)).collect();
            let ids: BTreeSet<NodeId> = readers.keys().copied().collect();
            // Where a view makes them all read it, that was said; so it was where all who read it filter it.
            let by_view = again.iter().any(|it| ids.iter().all(|id| self.readers(it.0).contains(id)));
            let by_table = earlier.iter().any(|it| reads.iter().all(|(_, read)| read.node == Some(it.0)));
            if ids.len() < 2 || by_view || by_table {
                continue;
            }
            let busy: Duration = reads.iter().skip(1).map(|it| it.1.busy).sum();
            let readers: Vec<&Measured> = readers.into_values().collect();
            found.push(Finding {
                what: What::SameFilter {
                    of: of.to_owned(),
                    filters: filters.to_vec(),
                    looked_at: reads.iter().map(|it| it.1.scan.looked_at).max().unwrap_or_default(),
                    kept: reads.iter().map(|it| it.1.kept).max().unwrap_or_default(),
                    readers: names(&readers),
                },
                nodes: readers.iter().map(|it| it.unique_id.clone()).collect(),
                at_stake: busy,
            });
        }
        found
    }

    /// Columns of stored nodes that nothing reads, though something reads the node.
    fn unused_columns(&self, lineage: &Lineage) -> Vec<Finding> {
        let large = self.measured.values().filter(|it| it.is_stored && it.profile.root.rows >= MANY_ROWS);
        let mut found = Vec::new();
        for stored in large {
            if is_for_others(self.graph.node(stored.id)) {
                continue;
            }
            let Some((unused, of)) = unused(self.graph, lineage, stored.id) else { continue };
            if unused.is_empty() {
                continue;
            }
            let share = f64::from(u32::try_from(unused.len()).unwrap_or(u32::MAX))
                / f64::from(u32::try_from(of).unwrap_or(u32::MAX)).max(1.0);
            let (model, rows) = (stored.name.clone(), stored.profile.root.rows);
            let what = What::UnusedColumns { model, columns: unused, of, rows };
            let at_stake = stored.profile.elapsed.mul_f64(share / 2.0);
            found.push(Finding { what, nodes: vec![stored.unique_id.clone()], at_stake });
        }
        found
    }
}

/// The columns of a node that no child reads, and how many it has; `None` if that is not known, or if nothing reads the node.
fn unused(graph: &Graph, lineage: &Lineage, id: NodeId) -> Option<(Vec<String>, usize)> {
    let own = lineage.nodes.get(&id).filter(|it| it.unknown.is_none())?;
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut is_read = false;
    for child in graph.children(id) {
        match graph.node(child).kind {
            NodeKind::Test | NodeKind::UnitTest => continue,
            NodeKind::Model | NodeKind::Snapshot => is_read = true,
            _ => return None,
        }
        let traced = lineage.nodes.get(&child).filter(|it| it.unknown.is_none())?;
        if traced.columns.iter().any(|it| it.is_unknown) {
            return None;
        }
        let columns = traced.columns.iter().flat_map(|it| it.sources.keys()).chain(&traced.keys);
        used.extend(columns.filter(|it| it.table == Table::Node(id)).map(|it| it.name.to_lowercase()));
    }
    let columns = own.columns.iter().map(|it| it.name.clone());
    let unused = columns.filter(|it| !used.contains(&it.to_lowercase())).collect();
    is_read.then_some((unused, own.columns.len()))
}

/// Whether others than the nodes of this project may read a node.
fn is_for_others(node: &Node) -> bool {
    match &node.body {
        Body::Model { details, .. } => details.access == Access::Public,
        _ => true,
    }
}

/// Whether all that a node reads was seen: not only what is new.
fn is_whole(measured: &Measured) -> bool {
    measured.form == Form::Whole
}

/// What a reader reads of a node's table.
fn reads(reader: &Measured, id: NodeId) -> impl Iterator<Item = &Read> {
    reader.facts.reads.iter().filter(move |it| it.node == Some(id))
}

fn names(readers: &[&Measured]) -> Vec<String> {
    readers.iter().map(|it| it.name.clone()).collect()
}

fn about(what: What, (stored, readers): (&Measured, &[&Measured]), at_stake: Duration) -> Finding {
    let nodes = std::iter::once(stored).chain(readers.iter().copied()).map(|it| it.unique_id.clone());
    Finding { what, nodes: nodes.collect(), at_stake }
}
