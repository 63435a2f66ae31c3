//! The work: level by level, queries are bound in parallel and become empty tables for the next level.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use rayon::prelude::*;

use super::declaring::Declaring;
use super::late::EmptyTables;
use super::verdict::{Prospects, excuse};
use super::{InWarehouse, KnownShape, Shape, Shapes, ShapesInput, given, surroundings};
use crate::compile::{CompiledNode, IsIncremental, Late, faults, is_ephemeral};
use crate::graph::Node;
use crate::node::{IdentifierStyle, NodeId, NodeKind, Relation};
use crate::parse::Body;
use crate::template::Rendered;
use crate::warehouse::binder::{BindError, BindReason, Binder};
use crate::warehouse::{Column, WarehouseError};

/// How many tables of the warehouse one query may name past the project's own.
const FOREIGN_TABLES: usize = 16;

/// Queries below which another thread is not worth its connection.
const QUERIES_A_THREAD: usize = 8;

pub(super) struct Finder<'a, 'w> {
    pub(super) input: &'a ShapesInput<'a>,
    warehouse: InWarehouse<'w>,
    pub(super) binder: Box<dyn Binder>,
    others: Vec<Box<dyn Binder>>,
    /// Tables of the warehouse by their names in lower case, as far as they were asked for.
    found: BTreeMap<String, Vec<(Relation, Vec<Column>)>>,
    definitions: BTreeSet<String>,
    may_define: Option<String>,
    /// Seeds to look at, by their relations: a source may be the same table.
    seeds: BTreeMap<String, NodeId>,
    pub(super) declaring: Declaring,
    pub(super) shapes: Shapes,
}

/// A query to bind, and what came of it.
struct Job<'a> {
    id: NodeId,
    compiled: Cow<'a, CompiledNode>,
    result: Result<Vec<Column>, BindError>,
}

impl<'a, 'w> Finder<'a, 'w> {
    pub(super) fn new(
        input: &'a ShapesInput<'a>,
        warehouse: InWarehouse<'w>,
        mut binder: Box<dyn Binder>,
    ) -> Result<Self, WarehouseError> {
        let mut declaring = Declaring::default();
        let relations = input.graph.nodes().filter_map(|(_, it)| it.relation.as_ref());
        declaring.make_schemas(relations, binder.as_mut());
        let target = &input.project.target;
        let schema = (target.database.as_str(), target.schema.as_str());
        declaring.search(schema, binder.as_mut());
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let useful = input.compiled.nodes.len() / QUERIES_A_THREAD;
        let mut others = Vec::new();
        for _ in 1..threads.min(useful.max(1)) {
            let mut other = binder.connect()?;
            declaring.search(schema, other.as_mut());
            others.push(other);
        }
        let may_define = surroundings::define(input.project, input.graph, binder.as_mut());
        let seeds =
            input.graph.nodes().filter(|(id, it)| it.kind == NodeKind::Seed && input.wanted.contains(id));
        let seeds = seeds.filter_map(|(id, it)| Some((it.relation.as_ref()?.render().to_lowercase(), id)));
        let (seeds, shapes) = (seeds.collect(), Shapes::default());
        let (found, definitions) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self {
            input,
            warehouse,
            binder,
            others,
            found,
            definitions,
            may_define,
            seeds,
            declaring,
            shapes,
        })
    }

    pub(super) fn find(mut self) -> Result<Shapes, WarehouseError> {
        let levels = self.levels();
        self.look_around(&levels)?;
        for level in levels {
            let mut jobs = Vec::new();
            for id in level {
                match self.input.graph.node(id).kind {
                    NodeKind::Source | NodeKind::Seed => self.given(id),
                    NodeKind::Model | NodeKind::Snapshot if !self.is_asked(id) => self.given(id),
                    NodeKind::Model | NodeKind::Snapshot => jobs.extend(self.job(id)),
                    NodeKind::Function => self.function(id),
                    NodeKind::Test
                    | NodeKind::Analysis
                    | NodeKind::Exposure
                    | NodeKind::UnitTest
                    | NodeKind::SemanticModel
                    | NodeKind::Metric
                    | NodeKind::SavedQuery => {}
                }
            }
            self.bind(&mut jobs);
            for job in jobs {
                self.settle(job);
            }
            for (id, reason) in self.declaring.flush(self.binder.as_mut()) {
                self.shapes.nodes.insert(id, Shape::Unknown(reason));
            }
        }
        self.tests();
        Ok(self.shapes)
    }

    /// Nodes to look at by their distance from the beginning.
    fn levels(&self) -> Vec<Vec<NodeId>> {
        let graph = self.input.graph;
        let mut needed: BTreeSet<NodeId> = BTreeSet::new();
        for id in graph.order().iter().filter(|it| self.is_asked(**it)) {
            needed.insert(*id);
            needed.extend(graph.parents(*id));
        }
        for id in self.input.wanted.iter().filter(|it| graph.node(**it).kind == NodeKind::Test) {
            needed.extend(graph.parents(*id));
        }
        let mut depths: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut levels: Vec<Vec<NodeId>> = Vec::new();
        for id in graph.order().iter().filter(|it| needed.contains(it)) {
            let parents = graph.parents(*id).iter().filter_map(|it| depths.get(it));
            let depth = parents.max().map_or(0, |it| it + 1);
            depths.insert(*id, depth);
            if levels.len() <= depth {
                levels.push(Vec::new());
            }
            levels[depth].push(*id);
        }
        levels
    }

    fn is_asked(&self, id: NodeId) -> bool {
        let node = self.input.graph.node(id);
        let has_rows = matches!(
            node.kind,
            NodeKind::Model | NodeKind::Snapshot | NodeKind::Seed | NodeKind::Source | NodeKind::Function
        );
        let compiled = self.input.compiled;
        has_rows
            && (self.input.wanted.contains(&id)
                || (is_ephemeral(node) && (compiled.nodes.contains_key(&id) || compiled.late.contains(&id))))
    }

    /// Asks the warehouse once for all tables that will be needed.
    fn look_around(&mut self, levels: &[Vec<NodeId>]) -> Result<(), WarehouseError> {
        let InWarehouse::Tables(tables) = &mut self.warehouse else { return Ok(()) };
        let graph = self.input.graph;
        let is_needed = |id: &&NodeId| {
            let node = graph.node(**id);
            matches!(node.kind, NodeKind::Source | NodeKind::Snapshot)
                || node.made_as() == "incremental"
                || !self.input.wanted.contains(id)
        };
        let needed = levels.iter().flatten().filter(is_needed);
        let names: BTreeSet<String> = needed
            .filter_map(|id| graph.node(*id).relation.as_ref())
            .filter(|it| it.style == IdentifierStyle::Quoted)
            .map(|it| it.identifier.to_lowercase())
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        self.definitions = tables.definitions()?.into_iter().map(|it| it.to_lowercase()).collect();
        let found = tables.named(&names)?;
        for name in names {
            self.found.entry(name).or_default();
        }
        for (relation, columns) in found {
            let name = relation.identifier.to_lowercase();
            self.found.entry(name).or_default().push((relation, columns));
        }
        Ok(())
    }

    fn named(&mut self, name: &str) -> &[(Relation, Vec<Column>)] {
        let name = name.to_lowercase();
        if !self.found.contains_key(&name) {
            let found = match &mut self.warehouse {
                InWarehouse::Tables(tables) => tables.named(std::slice::from_ref(&name)).unwrap_or_default(),
                InWarehouse::Nothing | InWarehouse::Accepted | InWarehouse::Unknown => Vec::new(),
            };
            self.found.insert(name.clone(), found);
        }
        &self.found[&name]
    }

    /// The columns that a relation has in the warehouse.
    pub(super) fn in_warehouse(&mut self, relation: &Relation) -> Option<Vec<Column>> {
        let wanted = relation.render().to_lowercase();
        let found = self.named(&relation.identifier);
        found.iter().find(|it| it.0.render().to_lowercase() == wanted).map(|it| it.1.clone())
    }

    /// Sources, seeds, and what is taken as it is.
    fn given(&mut self, id: NodeId) {
        let node = self.input.graph.node(id);
        let Some(relation) = &node.relation else { return };
        let shape = match &node.body {
            Body::Seed if self.is_asked(id) => given::seed(node, self.input.files, self.binder.as_mut()),
            Body::Source(_) if self.is_accepted(node) => self.locked_or_declared(node),
            Body::Source(_) if relation.style == IdentifierStyle::Verbatim => {
                match given::external(relation, self.binder.as_mut()) {
                    Ok(columns) => Shape::Known(KnownShape::sure(columns)),
                    Err(why) => match self.locked_or_declared(node) {
                        Shape::Unknown(_) => Shape::Unknown(why),
                        known @ Shape::Known(_) => known,
                    },
                }
            }
            Body::Source(_) => match self.of_own_seed(relation) {
                Some(shape) => shape,
                None => match self.in_warehouse(relation) {
                    Some(columns) => Shape::Known(KnownShape::sure(columns)),
                    None => self.locked_or_declared(node),
                },
            },
            Body::Seed => match self.in_warehouse(relation) {
                Some(columns) => Shape::Known(KnownShape::sure(columns)),
                None => given::seed(node, self.input.files, self.binder.as_mut()),
            },
            _ => match self.in_warehouse(relation) {
                Some(columns) => Shape::Known(KnownShape::sure(columns)),
                None => Shape::Unknown("it is not selected, and not in the database now".to_owned()),
            },
        };
        if let Shape::Known(shape) = &shape {
            self.declaring.table(id, relation, &shape.columns, None);
        }
        self.shapes.nodes.insert(id, shape);
    }

    /// The shape of a source that is a seed of the project under another name: as its file has it, but not for
    /// sure where the table that is there now is another.
    fn of_own_seed(&mut self, relation: &Relation) -> Option<Shape> {
        let seed = *self.seeds.get(&relation.render().to_lowercase())?;
        let node = self.input.graph.node(seed);
        let shape = match self.shapes.nodes.get(&seed) {
            Some(known) => known.clone(),
            None => given::seed(node, self.input.files, self.binder.as_mut()),
        };
        let Shape::Known(KnownShape { columns, .. }) = shape else { return None };
        let is_other = self.in_warehouse(relation).is_some_and(|it| it != columns);
        let guess = is_other.then(|| format!("the seed `{}` is loaded anew into its table", node.name));
        Some(Shape::Known(KnownShape { columns, guess }))
    }

    /// Whether a source is to be taken as `sources.lock.yml` has it, whatever its files have now.
    fn is_accepted(&self, node: &Node) -> bool {
        let lock = self.input.project.sources_lock.as_ref();
        matches!(self.warehouse, InWarehouse::Accepted)
            && lock.is_some_and(|it| it.columns(node.unique_id.as_str()).is_some())
    }

    fn locked_or_declared(&mut self, node: &Node) -> Shape {
        let lock = self.input.project.sources_lock.as_ref();
        let locked = lock.and_then(|it| it.columns(node.unique_id.as_str()));
        given::source(node, locked, self.binder.as_mut())
    }

    fn job(&mut self, id: NodeId) -> Option<Job<'a>> {
        let compiled = self.input.compiled;
        let unknown = |reason: &str| Shape::Unknown(reason.to_owned());
        if compiled.faults.contains_key(&id) {
            self.shapes.nodes.insert(id, unknown("it has an error"));
            return None;
        }
        let node = match compiled.nodes.get(&id) {
            Some(node) => Cow::Borrowed(node),
            None => match self.rendered_late(id) {
                Ok(node) => Cow::Owned(node),
                Err(reason) => {
                    self.shapes.nodes.insert(id, Shape::Unknown(reason));
                    return None;
                }
            },
        };
        if crate::sql::pivots_by_rows(&node.sql.text) {
            self.shapes.nodes.insert(id, unknown("the columns of its `pivot` are values of rows"));
            return None;
        }
        Some(Job { id, compiled: node, result: Ok(Vec::new()) })
    }

    /// A template that asks for columns has its answer from shapes.
    fn rendered_late(&mut self, id: NodeId) -> Result<CompiledNode, String> {
        let asks = "its template asks the database".to_owned();
        let binder = self.binder.connect().map_err(|_| asks.clone())?;
        let engine = EmptyTables::new(binder, self.declaring.tables());
        let late = Late::new(self.input.project, self.input.graph, Some(Arc::new(engine)));
        let mut node = late.query(id, IsIncremental::No).map_err(|_| asks.clone())?;
        if self.input.graph.node(id).made_as() == "incremental" {
            node.update = late.query(id, IsIncremental::Yes).ok().map(Box::new);
        }
        self.shapes.rendered.insert(id, node.clone());
        Ok(node)
    }

    /// Binds the queries of a level, shared out to all connections.
    fn bind(&mut self, jobs: &mut [Job<'a>]) {
        let graph = self.input.graph;
        let (size, mut binders) = self.shared_out(jobs.len());
        jobs.par_chunks_mut(size).zip(binders.par_iter_mut()).for_each(|(jobs, binder)| {
            for job in jobs.iter_mut().filter(|it| graph.node(it.id).made_as() != "table_function") {
                job.result = binder.describe(&job.compiled.sql.text);
            }
        });
        self.shapes.checked += jobs.len();
    }

    /// All connections, and how many of so many queries each of them takes.
    pub(super) fn shared_out(&mut self, queries: usize) -> (usize, Vec<&mut Box<dyn Binder>>) {
        let connections = 1 + self.others.len();
        let size = queries.div_ceil(connections).max(QUERIES_A_THREAD);
        (size, std::iter::once(&mut self.binder).chain(&mut self.others).collect())
    }

    fn settle(&mut self, job: Job<'a>) {
        let Job { id, compiled, result } = job;
        let result = match result {
            Err(error) => self.with_foreign_tables(&compiled.sql.text, error),
            columns => columns,
        };
        match result {
            Ok(columns) => self.make(id, &compiled, columns),
            Err(error) => self.refuse(id, &compiled, &compiled.sql, 0, &error),
        }
    }

    /// Queries may name tables that are no nodes: the warehouse may know them.
    pub(super) fn with_foreign_tables(
        &mut self,
        sql: &str,
        mut error: BindError,
    ) -> Result<Vec<Column>, BindError> {
        for _ in 0..FOREIGN_TABLES {
            let BindReason::NoTable(name) = &error.reason else { break };
            let tables = self.named(name).to_vec();
            if !self.declaring.foreign(&tables, self.binder.as_mut()) {
                break;
            }
            match self.binder.describe(sql) {
                Ok(columns) => return Ok(columns),
                Err(next) => error = next,
            }
        }
        Err(error)
    }

    /// A query that the engine does not take: at fault, or not to be known yet.
    pub(super) fn refuse(
        &mut self,
        id: NodeId,
        compiled: &CompiledNode,
        sql: &Rendered,
        prefix: usize,
        error: &BindError,
    ) {
        let node = self.input.graph.node(id);
        if let Some(reason) = self.excuse(id, compiled, &sql.text, error) {
            self.shapes.nodes.entry(id).or_insert(Shape::Unknown(reason));
            return;
        }
        let fault = faults::sql(node, sql, prefix, &error.error);
        self.shapes.faults.entry(id).or_default().push(fault);
        self.shapes.nodes.insert(id, Shape::Unknown("it has an error".to_owned()));
    }

    /// Why a query that the engine does not take may still be good when its turn comes.
    pub(super) fn excuse(
        &mut self,
        id: NodeId,
        compiled: &CompiledNode,
        sql: &str,
        error: &BindError,
    ) -> Option<String> {
        let is_own_way = match &self.input.graph.node(id).body {
            Body::Model { by_macro, .. } => by_macro.is_some(),
            Body::Snapshot(body) => body.by_macro.is_some(),
            _ => false,
        };
        if is_own_way {
            return Some("a macro of the project makes it".to_owned());
        }
        let prospects = self.prospects(id, compiled);
        excuse(error, sql, &prospects)
    }

    fn prospects(&mut self, id: NodeId, compiled: &CompiledNode) -> Prospects {
        let graph = self.input.graph;
        let node = graph.node(id);
        let unknown_parent = self.parents(id).into_iter().find_map(|parent| {
            let has_error =
                self.shapes.faults.contains_key(&parent) || self.input.compiled.faults.contains_key(&parent);
            let name = &graph.node(parent).name;
            match self.shapes.nodes.get(&parent) {
                Some(Shape::Known(_)) => None,
                _ if has_error => Some(format!("its parent `{name}` has an error")),
                _ => Some(format!("its parent `{name}` is not known")),
            }
        });
        let own = surroundings::own(node, Some(compiled), self.binder.as_mut());
        let of_database = self.definitions.iter().next().map(|_| "the database".to_owned());
        Prospects {
            unknown_parent,
            guessed: self.guess(id),
            may_define: own.or_else(|| self.may_define.clone()).or(of_database),
            knows_warehouse: !matches!(self.warehouse, InWarehouse::Unknown),
        }
    }

    /// What a query reads, with the parents of ephemeral models in it.
    fn parents(&self, id: NodeId) -> BTreeSet<NodeId> {
        let graph = self.input.graph;
        let mut all = BTreeSet::new();
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            for parent in graph.parents(id).iter().filter(|it| graph.node(**it).kind != NodeKind::Function) {
                if all.insert(*parent) && is_ephemeral(graph.node(*parent)) {
                    stack.push(*parent);
                }
            }
        }
        all
    }

    /// Why the columns that a query reads may be others.
    pub(super) fn guess(&self, id: NodeId) -> Option<String> {
        self.parents(id).iter().find_map(|parent| match self.shapes.nodes.get(parent) {
            Some(Shape::Known(shape)) => shape.guess.clone(),
            Some(Shape::Unknown(_)) | None => None,
        })
    }
}
