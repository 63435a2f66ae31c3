//! Sources before anything else: are they there, are their columns those accepted, are they fresh, and were those
//! that are combined loaded together?
//!
//! In: a [`Plan`] and a connection. Out: a finding for every source that the plan looks at, which the source's
//! step reports in its turn, and the steps that are held up. One query of the catalog answers for all sources, and
//! one for the times of loading of each database. Deliberately absent: the sources' own data tests, which are
//! steps' work, and the decision what to look at (that is `plan/`).

mod accept;
mod aligned;
mod freshness;
mod look;
mod measure;
mod ready;
mod schema;
pub mod shape;
mod snapshot;
mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::accept::{Accepted, accept};
pub(super) use self::aligned::Held;
pub use self::look::Shape;
use self::measure::{Measured, TimeFault, of_plan};
pub use self::ready::{Patience, Readiness, wait};
pub use self::snapshot::{SourceFreshness, SourceFreshnessStatus, check as check_freshness, shapes};
pub use self::times::LoadedAt;
use super::event::{LogLevel, RunEvent, SourceChecked, SourceStatus, TestStatus};
use super::history::{History, SourceBefore, SourceRow, columns_hash};
use super::testing::TestOutcome;
use super::testing::judging::span_of_time;
use super::{Connection, Surroundings, node_ref};
use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, Node};
use crate::node::NodeId;
use crate::parse::Body;
use crate::plan::{Plan, SourceCheck};
use crate::project::sources_lock::SOURCES_LOCK_FILE;
use crate::project::{Dialect, Project};
use crate::warehouse::{CatalogEntry, Column, Warehouse};

/// All that was found before the first step.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    findings: BTreeMap<NodeId, Finding>,
    held: BTreeMap<NodeId, Held>,
}

/// What was found of a source.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// What it came to.
    pub(super) status: SourceStatus,
    /// It is not there, or cannot be looked at.
    pub(super) fault: Option<Diagnostic>,
    /// What was found of its columns and its age, told as tests are.
    pub(super) outcomes: Vec<TestOutcome>,
    /// Whether what reads it is skipped without a failure.
    pub(super) holds_back: bool,
}

impl Sources {
    /// What was found of a source.
    pub(super) fn finding(&self, id: NodeId) -> Option<&Finding> {
        self.findings.get(&id)
    }

    /// What holds a node up, whatever becomes of its parents.
    pub(super) fn held(&self, node: NodeId) -> Option<&Held> {
        self.held.get(&node)
    }
}

/// Looks at all sources of the plan, tells what was found and records it.
pub(super) fn check(
    plan: &Plan,
    graph: &Graph,
    around: &Surroundings<'_>,
    history: &History,
    catalog: &[CatalogEntry],
    connection: &mut Connection,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Sources {
    if of_plan(plan).is_empty() {
        return Sources::default();
    }
    let started = around.clock.monotonic();
    let measured = measure::measure(plan, graph, around.project, connection);
    let elapsed = around.clock.monotonic().saturating_sub(started);
    let before = history.sources_before(connection).unwrap_or_default();
    let mut findings = BTreeMap::new();
    let mut rows = Vec::new();
    let checked: Vec<(NodeId, &SourceCheck)> =
        plan.steps.iter().filter_map(|it| Some((it.node, it.source.as_deref()?))).collect();
    let share = elapsed / u32::try_from(checked.len()).unwrap_or(1).max(1);
    for (id, check) in checked {
        let judge = Judge { plan, graph, around, measured: &measured, elapsed: share };
        let finding = judge.finding(id, check);
        let row = row(graph.node(id), &finding, &measured, id, catalog);
        let is_unchanged = before.get(&row.source_id).is_some_and(|it| is_same(it, &row));
        on_event(&RunEvent::SourceChecked(event(graph.node(id), &finding, &measured, id, is_unchanged)));
        rows.push(row);
        findings.insert(id, finding);
    }
    if before.is_empty() && is_lock_missed(around.project) && !rows.is_empty() {
        let message = format!(
            "`tidemill source accept` writes the columns of the sources to {SOURCES_LOCK_FILE}; then a run notices \
             what changes"
        );
        on_event(&RunEvent::Log { level: LogLevel::Info, message });
    }
    if let Some(statement) = history.sources(&rows) {
        // What was found is told all the same.
        let _ = connection.execute(&statement);
    }
    let held = aligned::judge(plan, graph, &measured, on_event);
    Sources { findings, held }
}

/// The sources of a plan whose columns are not those accepted, where models read them.
pub fn changed(
    plan: &Plan,
    graph: &Graph,
    around: &Surroundings<'_>,
    warehouse: Box<dyn Warehouse>,
) -> BTreeSet<NodeId> {
    let shapes = shapes(graph, around, &of_plan(plan), warehouse);
    let locked =
        |id: &NodeId| around.project.sources_lock.as_ref()?.columns(graph.node(*id).unique_id.as_str());
    let is_changed = |(id, shape): &(NodeId, Shape)| match (shape, locked(id)) {
        (Shape::Columns(now), Some(locked)) => {
            let findings = schema::compare(plan, graph, around.column_use, *id, (locked, now));
            findings.iter().any(|it| it.status == TestStatus::Fail)
        }
        _ => false,
    };
    shapes.into_iter().filter(is_changed).map(|(id, _)| id).collect()
}

/// A project of dbt's has no such file, and need not hear of it.
fn is_lock_missed(project: &Project) -> bool {
    project.sources_lock.is_none() && project.dialect == Dialect::Tidemill
}

struct Judge<'a> {
    plan: &'a Plan,
    graph: &'a Graph,
    around: &'a Surroundings<'a>,
    measured: &'a Measured,
    elapsed: Duration,
}

impl Judge<'_> {
    fn finding(&self, id: NodeId, check: &SourceCheck) -> Finding {
        let node = self.graph.node(id);
        let mut finding =
            Finding { status: SourceStatus::Good, fault: None, outcomes: Vec::new(), holds_back: false };
        match self.measured.shapes.get(&id) {
            Some(Shape::Columns(columns)) => self.schema(&mut finding, id, columns),
            Some(Shape::Missing(error)) => {
                finding.status = SourceStatus::Missing;
                finding.fault = Some(missing(node, &error.message));
                return finding;
            }
            Some(Shape::Unreadable(error)) => {
                finding.status = SourceStatus::Error;
                finding.fault = Some(unreadable(node, &error.message));
                return finding;
            }
            None => {}
        }
        self.freshness(&mut finding, id, check);
        finding
    }

    fn schema(&self, finding: &mut Finding, id: NodeId, columns: &[Column]) {
        let Some(lock) = &self.around.project.sources_lock else { return };
        let node = self.graph.node(id);
        let Some(locked) = lock.columns(node.unique_id.as_str()) else {
            if self.around.project.dialect == Dialect::Tidemill {
                let message =
                    format!("it is not in {SOURCES_LOCK_FILE}; `tidemill source accept` takes it in");
                self.push(finding, id, TestStatus::Pass, Some(message), None);
            }
            return;
        };
        for it in schema::compare(self.plan, self.graph, self.around.column_use, id, (locked, columns)) {
            self.push(finding, id, it.status, Some(it.message), it.fault);
            finding.status = finding.status.max(match it.status {
                TestStatus::Fail => SourceStatus::Changed,
                TestStatus::Warn => SourceStatus::Warn,
                TestStatus::Pass | TestStatus::Error | TestStatus::Skipped => SourceStatus::Good,
            });
        }
    }

    fn freshness(&self, finding: &mut Finding, id: NodeId, check: &SourceCheck) {
        let node = self.graph.node(id);
        let Some(rule) = &check.freshness else { return };
        match self.measured.times.get(&id) {
            Some(Ok(loaded)) => {
                let verdict = freshness::judge(loaded, rule, check.on_stale);
                let fault = freshness::fault(node, &verdict);
                finding.holds_back |= verdict.holds_back;
                finding.status = finding.status.max(match (verdict.is_stale, verdict.status) {
                    (true, _) => SourceStatus::Stale,
                    (false, TestStatus::Warn) => SourceStatus::Warn,
                    _ => SourceStatus::Good,
                });
                self.push(finding, id, verdict.status, verdict.message, fault);
            }
            Some(Err(fault)) => {
                finding.status = finding.status.max(SourceStatus::Error);
                let (message, fault) = (fault.message(), freshness::unknown(node, fault));
                self.push(finding, id, TestStatus::Error, Some(message), Some(fault));
            }
            None => {}
        }
    }

    fn push(
        &self,
        finding: &mut Finding,
        id: NodeId,
        status: TestStatus,
        message: Option<String>,
        fault: Option<Diagnostic>,
    ) {
        let failures = match status {
            TestStatus::Pass => Some(0),
            TestStatus::Warn | TestStatus::Fail => Some(1),
            TestStatus::Error | TestStatus::Skipped => None,
        };
        finding.outcomes.push(TestOutcome {
            node: id,
            status,
            failures,
            elapsed: self.elapsed,
            message,
            fault: fault.map(Box::new),
            samples: None,
            query: None,
            is_kept: false,
            measured: Vec::new(),
            uses_acceptance: false,
            trend: Vec::new(),
        });
    }
}

fn missing(node: &Node, why: &str) -> Diagnostic {
    let name = node.relation.as_ref().map(crate::node::Relation::short).unwrap_or_default();
    let is_table = node.relation.as_ref().is_some_and(|it| it.schema.is_some());
    let what = if is_table { "the source table" } else { "the source" };
    let fault = Diagnostic::error("missing-source", format!("{what} {name} does not exist"))
        .at(node.span, "declared here");
    if is_table {
        return fault.help("load it first, or correct `schema` and `identifier` of the source");
    }
    let fault = fault.note(why.lines().next().unwrap_or_default());
    fault.help("bring the files, or correct `external_location` of the source")
}

fn unreadable(node: &Node, why: &str) -> Diagnostic {
    let mut lines = why.lines().map(str::trim).filter(|it| !it.is_empty());
    let headline = lines.next().unwrap_or("the engine gave no reason");
    let message = format!("{} cannot be read: {headline}", freshness::described(node));
    let fault = Diagnostic::error("unreadable-source", message).at(node.span, "declared here");
    lines.fold(fault, Diagnostic::note)
}

fn row(
    node: &Node,
    finding: &Finding,
    measured: &Measured,
    id: NodeId,
    catalog: &[CatalogEntry],
) -> SourceRow {
    let loaded = loaded(measured, id);
    let columns_hash = match measured.shapes.get(&id) {
        Some(Shape::Columns(columns)) => Some(columns_hash(columns)),
        _ => None,
    };
    let name = node.relation.as_ref().map(|it| it.render().to_lowercase());
    let entry = catalog.iter().find(|it| Some(it.relation.render().to_lowercase()) == name);
    let mut said = finding.outcomes.iter().filter(|it| it.status != TestStatus::Pass);
    let message = finding.fault.as_ref().map(|it| it.message.clone());
    SourceRow {
        source_id: node.unique_id.as_str().to_owned(),
        status: finding.status.as_str(),
        loaded_at: loaded.and_then(|it| it.at.clone()),
        age: loaded.and_then(|it| it.age),
        rows: entry.and_then(|it| it.estimated_rows),
        columns_hash,
        message: message.or_else(|| said.find_map(|it| it.message.clone())),
    }
}

/// Whether nothing was loaded since, as far as the time of loading tells it.
fn is_same(before: &SourceBefore, now: &SourceRow) -> bool {
    now.loaded_at.is_some() && before.loaded_at == now.loaded_at && before.columns_hash == now.columns_hash
}

fn loaded(measured: &Measured, id: NodeId) -> Option<&LoadedAt> {
    match measured.times.get(&id) {
        Some(Ok(loaded)) => Some(loaded),
        Some(Err(TimeFault::Engine(_) | TimeFault::Template(_))) | None => None,
    }
}

fn event(
    node: &Node,
    finding: &Finding,
    measured: &Measured,
    id: NodeId,
    is_unchanged: bool,
) -> SourceChecked {
    let loaded = loaded(measured, id);
    let old = loaded.and_then(|it| it.age).map(age_in_words);
    let message = old.map(|it| if is_unchanged { format!("unchanged, {it}") } else { it });
    SourceChecked {
        source: node_ref(node),
        status: finding.status,
        loaded_at: loaded.and_then(|it| it.at.clone()),
        age: loaded.and_then(|it| it.age),
        is_unchanged,
        message,
    }
}

/// `2 hours old`, in the largest unit.
pub fn age_in_words(age: f64) -> String {
    let seconds = freshness::whole(age);
    if seconds < 0 {
        return "from the future".to_owned();
    }
    let size = [86_400, 3_600, 60].into_iter().find(|it| seconds >= *it).unwrap_or(1);
    format!("{} old", span_of_time(seconds / size * size))
}

/// `raw.sales`, as people name a source.
pub(super) fn full_name(node: &Node) -> String {
    match &node.body {
        Body::Source(source) => format!("{}.{}", source.source, node.name),
        _ => node.name.clone(),
    }
}
