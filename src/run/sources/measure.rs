//! What is asked of the engine about sources, before anything is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{self, Shape};
use super::times::{self, LoadedAt, Question};
use crate::compile::{IsIncremental, Late, column_sql};
use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, Node};
use crate::node::{NodeId, Relation};
use crate::parse::Body;
use crate::parse::load_time::LoadTime;
use crate::plan::Plan;
use crate::project::Project;
use crate::run::Connection;
use crate::warehouse::WarehouseError;

/// What sources are like now.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// Their columns.
    pub shapes: BTreeMap<NodeId, Shape>,
    /// When they were loaded, of those for which it was asked.
    pub times: BTreeMap<NodeId, Result<LoadedAt, TimeFault>>,
}

/// Why it is not known when a source was loaded.
#[derive(Clone, Debug)]
pub(super) enum TimeFault {
    /// The engine refused the question.
    Engine(WarehouseError),
    /// `loaded_at_query` could not be rendered.
    Template(Box<Diagnostic>),
}

impl TimeFault {
    /// What is wrong, in one line.
    pub(super) fn message(&self) -> String {
        match self {
            TimeFault::Engine(error) => error.message.lines().next().unwrap_or_default().to_owned(),
            TimeFault::Template(fault) => fault.message.clone(),
        }
    }
}

/// The sources that a plan looks at: those with a step, and those that have to be aligned.
pub(super) fn of_plan(plan: &Plan) -> BTreeSet<NodeId> {
    let with_steps = plan.steps.iter().filter(|it| it.source.is_some()).map(|it| it.node);
    with_steps.chain(plan.aligned.iter().flat_map(|it| it.sources.iter().copied())).collect()
}

/// The sources of a plan whose time of loading is asked for.
fn timed(plan: &Plan) -> BTreeSet<NodeId> {
    let of_steps = plan.steps.iter().filter(|it| it.source.as_ref().is_some_and(|it| it.load_time.is_some()));
    of_steps.map(|it| it.node).chain(plan.aligned.iter().flat_map(|it| it.sources.iter().copied())).collect()
}

/// Looks at all sources of a plan: one query of the catalog, and one for the times of each database.
pub(super) fn measure(
    plan: &Plan,
    graph: &Graph,
    project: &Project,
    connection: &mut Connection,
) -> Measured {
    let shapes = shapes(graph, &of_plan(plan), connection);
    let is_there = |id: &NodeId| matches!(shapes.get(id), Some(Shape::Columns(_)));
    let asked: BTreeSet<NodeId> = timed(plan).into_iter().filter(is_there).collect();
    let times = load_times(graph, project, &asked, connection);
    Measured { shapes, times }
}

/// The columns of sources.
pub(super) fn shapes(
    graph: &Graph,
    sources: &BTreeSet<NodeId>,
    connection: &mut Connection,
) -> BTreeMap<NodeId, Shape> {
    let relations: Vec<(NodeId, &Relation)> =
        sources.iter().filter_map(|id| Some((*id, graph.node(*id).relation.as_ref()?))).collect();
    look::shapes(connection, &relations)
}

/// When sources were loaded; those for which nothing tells it are left out.
pub(super) fn load_times(
    graph: &Graph,
    project: &Project,
    sources: &BTreeSet<NodeId>,
    connection: &mut Connection,
) -> BTreeMap<NodeId, Result<LoadedAt, TimeFault>> {
    let mut questions = Vec::new();
    let mut times = BTreeMap::new();
    for id in sources {
        let node = graph.node(*id);
        let Some(relation) = node.relation.clone() else { continue };
        match newest(graph, project, *id, node, connection) {
            Some(Ok(newest)) => questions.push(Question { key: *id, relation, newest }),
            Some(Err(fault)) => {
                times.insert(*id, Err(TimeFault::Template(Box::new(fault))));
            }
            None => {}
        }
    }
    let answers = times::ask(connection, &questions);
    times.extend(answers.into_iter().map(|(id, it)| (id, it.map_err(TimeFault::Engine))));
    times
}

/// The query for the time at which a source was loaded.
fn newest(
    graph: &Graph,
    project: &Project,
    id: NodeId,
    node: &Node,
    connection: &mut Connection,
) -> Option<Result<String, Diagnostic>> {
    let (Body::Source(source), Some(relation)) = (&node.body, &node.relation) else { return None };
    Some(match LoadTime::of(source, relation, node.span)? {
        LoadTime::Newest(column) => {
            let filter = source.freshness.as_ref().and_then(|it| it.filter.as_deref());
            let condition = filter.map(|it| format!(" where ({it})")).unwrap_or_default();
            Ok(format!("select max({}) from {}{condition}", column_sql(&column), relation.render()))
        }
        LoadTime::Query(query) => {
            let late = Late::new(project, graph, Some(connection.engine()));
            late.hook(id, &query, IsIncremental::No).map(|it| it.text)
        }
        LoadTime::Files(paths) => Ok(format!("select max(last_modified) from read_blob({paths})")),
    })
}
