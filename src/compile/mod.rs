//! Phase 4, compile: templates to SQL.
//!
//! In: a [`Graph`] and the ids of the nodes wanted. Out: [`Compiled`]: for each of them the SQL to run,
//! with a map back to the files it came from. Nodes are rendered in parallel. Nothing here asks a database:
//! a template that wants to is *late*, and is rendered by [`Late`] when its node is worked on. Deliberately
//! absent: connections, which are given.

mod batches;
mod by_macro;
mod context;
pub mod contract;
mod ctes;
pub mod faults;
mod function_sql;
mod host;
mod late;
pub mod lineage;
pub mod own_tests;
mod query_comment;
mod run_hook;
pub mod shapes;
mod strategy;
mod test_sql;
mod unit_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use self::batches::BatchOf;
use self::ctes::Injected;
pub use self::function_sql::{MacroStatement, macro_statement, table_function};
use self::host::CompileHost;
pub use self::host::{TemplateLog, TemplateLogLevel};
pub use self::late::Late;
pub use self::query_comment::Comment;
pub use self::run_hook::{check_run_hooks, node_as_json};
pub use self::test_sql::{JudgedTest, column_sql, freshness_query};
pub use self::unit_tests::{
    CompiledInput, CompiledUnitTest, Definition, GIVEN, MacroOutcome, TestGround, definitions,
    inputs_of_tests, self_contained, stand_in,
};
use crate::batch::RowsRead;
use crate::diagnostics::{Diagnostic, Spanned};
use crate::graph::{Graph, Node};
use crate::node::{Materialization, NodeId, NodeKind, Relation};
use crate::parse::check::Check;
use crate::parse::functions::FunctionBody;
use crate::parse::node_config::NodeHook;
use crate::parse::python_models::{PYTHON_HELP, PYTHON_MODEL};
use crate::parse::snapshots::SnapshotBody;
use crate::parse::{Body, DataTest, TestKind};
use crate::project::Project;
use crate::sql::{self, OneQuery};
use crate::template::{
    Context, Engine, Mode, NEEDS_WAREHOUSE, Rendered, SeedFile, TemplateError, TemplateSource,
};

/// SQL for a set of nodes.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// SQL by node; seeds, sources and exposures have none.
    pub nodes: BTreeMap<NodeId, CompiledNode>,
    /// Nodes whose templates failed, with the reason.
    pub faults: BTreeMap<NodeId, Diagnostic>,
    /// Nodes whose templates ask the warehouse, or which have such an ephemeral model in them.
    pub late: BTreeSet<NodeId>,
    /// What templates logged, in the order of node ids.
    pub log: Vec<TemplateLog>,
    /// Unit tests; those whose templates failed are among the faults.
    pub unit_tests: BTreeMap<NodeId, CompiledUnitTest>,
    /// What unit tests find around their rows.
    pub ground: TestGround,
}

/// A node's SQL.
#[derive(Clone, Debug, Default)]
pub struct CompiledNode {
    /// The query, with ephemeral parents as common table expressions.
    pub sql: Rendered,
    /// Incremental models: the same for a table that is there already, where `is_incremental()` is true.
    pub update: Option<Box<CompiledNode>>,
    /// The ephemeral models that were put into it, in order.
    pub ctes: Vec<NodeId>,
    /// Statements to run before, in the node's transaction.
    pub pre_hooks: Vec<Hook>,
    /// Statements to run after, in the node's transaction.
    pub post_hooks: Vec<Hook>,
    /// Tests: what is checked, its arguments rendered.
    pub check: Option<Box<Check>>,
}

/// Statements to run before or after something.
#[derive(Clone, Debug)]
pub enum Hook {
    /// Rendered.
    Ready(Rendered),
    /// As it is written: it asks the warehouse, so it is rendered when its turn has come.
    Late(Spanned<String>),
}

/// What `is_incremental()` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsIncremental {
    /// The table is there, and rows are added to it.
    Yes,
    /// The relation is made anew.
    No,
}

/// What this phase works with.
struct Compiler<'a> {
    project: &'a Project,
    graph: &'a Graph,
    log: Arc<Mutex<Vec<TemplateLog>>>,
    engine: Option<Arc<dyn Engine>>,
    /// The batch that a microbatch model is rendered for.
    batch: Option<BatchOf>,
    /// The file of the seed that is being made.
    seed: Option<Arc<SeedFile>>,
}

/// Renders the nodes wanted and the ephemeral models they need. Faults are kept with their nodes.
pub fn compile(project: &Project, graph: &Graph, wanted: &BTreeSet<NodeId>) -> Compiled {
    let compiler = Compiler::new(project, graph);
    let is_test = |id: &NodeId| graph.node(*id).kind == NodeKind::UnitTest;
    let (tests, wanted): (BTreeSet<NodeId>, BTreeSet<NodeId>) = wanted.iter().copied().partition(is_test);
    let ids = with_ephemeral_parents(graph, &wanted);
    let rendered: Vec<(NodeId, Result<CompiledNode, TemplateError>)> =
        ids.into_par_iter().map(|id| (id, compiler.node(id))).collect();
    let mut compiled = Compiled::default();
    for (id, result) in rendered {
        match result {
            Ok(node) => match query_fault(graph.node(id), &node.sql) {
                Some(fault) => drop(compiled.faults.insert(id, fault)),
                None => drop(compiled.nodes.insert(id, node)),
            },
            Err(error) if error.code == NEEDS_WAREHOUSE => {
                compiled.late.insert(id);
            }
            Err(error) => {
                compiled.faults.insert(id, error.into_diagnostic());
            }
        }
    }
    inject_ctes(graph, &mut compiled);
    let tests: Vec<(NodeId, Result<CompiledUnitTest, Diagnostic>)> =
        tests.into_par_iter().map(|id| (id, compiler.unit_test(id))).collect();
    for (id, result) in tests {
        match result {
            Ok(test) => drop(compiled.unit_tests.insert(id, test)),
            Err(fault) => drop(compiled.faults.insert(id, fault)),
        }
    }
    compiled.log = compiler.take_log();
    // What is rendered again says it again.
    compiled.log.retain(|it| it.node.is_none_or(|id| !compiled.late.contains(&id)));
    compiled
}

/// A file that is not one query: said here, because the engine would point at what is put around it.
fn query_fault(node: &Node, sql: &Rendered) -> Option<Diagnostic> {
    if !matches!(
        &node.body,
        Body::Model { .. }
            | Body::Snapshot(_)
            | Body::Function(_)
            | Body::Test(DataTest { kind: TestKind::Singular { .. }, .. })
    ) {
        return None;
    }
    let who = format!("{} `{}`", node.kind, node.name);
    match sql::one_query(&sql.text) {
        OneQuery::Maybe => None,
        // Who reads it will find out.
        OneQuery::Empty if is_ephemeral(node) => None,
        OneQuery::Empty => Some(
            Diagnostic::error("empty-query", format!("{who} has no query"))
                .at(node.span, "nothing but space and comments is left of this file")
                .help("write a `select`, or delete the file"),
        ),
        OneQuery::Ended(offset) => {
            let fault =
                Diagnostic::error("several-statements", format!("{who} is not one query: it has a `;`"))
                    .at_opt(sql.source_of(offset).map(|(span, _)| span).or(Some(node.span)), "");
            let calls = sql.calls_at(offset).iter();
            let fault = calls.fold(fault, |it, (span, text)| it.and_at(*span, text));
            Some(fault.help(format!("a {} is one `select` without `;`", node.kind)))
        }
    }
}

fn with_ephemeral_parents(graph: &Graph, wanted: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut all = wanted.clone();
    let mut stack: Vec<NodeId> = wanted.iter().copied().collect();
    while let Some(id) = stack.pop() {
        for parent in graph.parents(id) {
            if is_ephemeral(graph.node(*parent)) && all.insert(*parent) {
                stack.push(*parent);
            }
        }
    }
    all
}

/// Whether a node is only ever part of its readers.
pub fn is_ephemeral(node: &Node) -> bool {
    matches!(node.body, Body::Model { materialized: Materialization::Ephemeral, .. })
}

/// Puts ephemeral parents into every query; a query whose parent failed fails with it.
fn inject_ctes(graph: &Graph, compiled: &mut Compiled) {
    let ids: Vec<NodeId> = compiled.nodes.keys().copied().collect();
    let mut late = Vec::new();
    let mut injected: Vec<(NodeId, Result<WithParents, Diagnostic>)> = Vec::new();
    for id in ids {
        let parents: BTreeSet<NodeId> =
            graph.parents(id).iter().copied().filter(|it| is_ephemeral(graph.node(*it))).collect();
        if parents.is_empty() {
            continue;
        }
        let ctes = ctes::all(graph, &parents);
        let fault = ctes.iter().find_map(|it| compiled.faults.get(it));
        let result = if let Some(fault) = fault {
            Err(fault.clone())
        } else if ctes.iter().any(|it| compiled.late.contains(it)) {
            late.push(id);
            continue;
        } else {
            let node = &compiled.nodes[&id];
            let update = node.update.as_ref().map(|it| ctes::inject(graph, compiled, &it.sql, &parents).sql);
            Ok(WithParents { query: ctes::inject(graph, compiled, &node.sql, &parents), update })
        };
        injected.push((id, result));
    }
    for id in late {
        compiled.nodes.remove(&id);
        compiled.late.insert(id);
    }
    for (id, result) in injected {
        match result {
            Ok(WithParents { query, update }) => {
                if let Some(node) = compiled.nodes.get_mut(&id) {
                    node.sql = query.sql;
                    node.ctes = query.ctes;
                    if let (Some(node), Some(sql)) = (&mut node.update, update) {
                        node.sql = sql;
                    }
                }
            }
            Err(fault) => {
                compiled.nodes.remove(&id);
                compiled.faults.insert(id, fault);
            }
        }
    }
}

/// A node's queries with its ephemeral parents in them.
struct WithParents {
    query: Injected,
    update: Option<Rendered>,
}

fn python_model(node: &Node) -> TemplateError {
    TemplateError {
        code: PYTHON_MODEL,
        message: format!("`{}` is a Python model, which cannot be run", node.name),
        span: Some(node.span),
        trace: Vec::new(),
        help: Some(PYTHON_HELP.to_owned()),
    }
}

impl<'a> Compiler<'a> {
    fn new(project: &'a Project, graph: &'a Graph) -> Self {
        Self { project, graph, log: Arc::default(), engine: None, batch: None, seed: None }
    }

    /// What templates logged so far, in the order of node ids.
    fn take_log(&self) -> Vec<TemplateLog> {
        let mut log = self.log.lock().map(|mut it| std::mem::take(&mut *it)).unwrap_or_default();
        log.sort_by_key(|it| it.node);
        log
    }

    fn node(&self, id: NodeId) -> Result<CompiledNode, TemplateError> {
        let node = self.graph.node(id);
        if let Some(batch) = BatchOf::first_of(node, id).filter(|_| self.batch.is_none()) {
            // A template may ask for its batch; the first is the same in every run.
            let (log, engine, seed) = (Arc::clone(&self.log), self.engine.clone(), self.seed.clone());
            return Compiler { batch: Some(batch), log, engine, seed, ..*self }.node(id);
        }
        let update = match &node.body {
            Body::Model { materialized: Materialization::Incremental, .. } => Some(IsIncremental::Yes),
            _ => None,
        };
        let mut compiled = self.version(id, IsIncremental::No)?;
        compiled.update = update.map(|it| self.version(id, it)).transpose()?.map(Box::new);
        Ok(compiled)
    }

    fn version(&self, id: NodeId, is_incremental: IsIncremental) -> Result<CompiledNode, TemplateError> {
        let node = self.graph.node(id);
        if let Body::Test(DataTest { kind: TestKind::Generic(test), .. }) = &node.body {
            return test_sql::generic(self, id, node, test);
        }
        let sql = self.query(id, is_incremental)?;
        if matches!(&node.body, Body::Model { by_macro: Some(_), .. }) {
            // The macro renders them in its turn.
            return Ok(CompiledNode { sql, ..CompiledNode::default() });
        }
        Ok(CompiledNode {
            sql,
            pre_hooks: self.hooks(id, &node.config.pre_hooks, is_incremental)?,
            post_hooks: self.hooks(id, &node.config.post_hooks, is_incremental)?,
            ..CompiledNode::default()
        })
    }

    fn query(&self, id: NodeId, is_incremental: IsIncremental) -> Result<Rendered, TemplateError> {
        let node = self.graph.node(id);
        match &node.body {
            Body::Model { details, .. } if details.is_python => Err(python_model(node)),
            Body::Model { sql, .. }
            | Body::Snapshot(SnapshotBody { sql, .. })
            | Body::Function(FunctionBody { sql, .. })
            | Body::Analysis { sql }
            | Body::Test(DataTest { kind: TestKind::Singular { sql }, .. }) => {
                self.graph.templates.render(sql, &self.node_context(id, is_incremental))
            }
            Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => {
                Ok(test_sql::generic(self, id, node, test)?.sql)
            }
            Body::Seed | Body::Source(_) | Body::Exposure(_) | Body::UnitTest(_) | Body::Semantic(_) => {
                Ok(Rendered::default())
            }
        }
    }

    fn hooks(
        &self,
        id: NodeId,
        hooks: &[NodeHook],
        is_incremental: IsIncremental,
    ) -> Result<Vec<Hook>, TemplateError> {
        let inside = hooks.iter().filter(|it| it.in_transaction);
        inside.map(|it| self.hook(id, &it.sql, is_incremental)).collect()
    }

    fn hook(
        &self,
        id: NodeId,
        hook: &Spanned<String>,
        is_incremental: IsIncremental,
    ) -> Result<Hook, TemplateError> {
        // With a log of its own, which is lost if it is rendered again.
        let alone =
            Compiler { log: Arc::default(), engine: self.engine.clone(), seed: self.seed.clone(), ..*self };
        // A hook writes to relations, or grants what is in them: it names them as they are.
        let context = alone.limited_context(id, is_incremental, RowsRead::All);
        let source = TemplateSource {
            package: self.graph.node(id).package.clone(),
            file: hook.span.file,
            text: Arc::from(hook.value.as_str()),
            offset: hook.span.start as usize,
        };
        match self.graph.templates.render(&source, &context) {
            Ok(sql) => {
                if let Ok(mut log) = self.log.lock() {
                    log.append(&mut alone.take_log());
                }
                Ok(Hook::Ready(run_hook::placed(sql, hook.span)))
            }
            Err(error) if error.code == NEEDS_WAREHOUSE => Ok(Hook::Late(hook.clone())),
            Err(error) => Err(run_hook::in_yaml(error, hook.span)),
        }
    }

    fn node_context(&self, id: NodeId, is_incremental: IsIncremental) -> Context {
        self.limited_context(id, is_incremental, self.project.rows_read)
    }

    /// For a node's template that reads so many rows.
    fn limited_context(&self, id: NodeId, is_incremental: IsIncremental, rows: RowsRead) -> Context {
        let host = CompileHost::for_node(self.project, self.graph, id, is_incremental, Arc::clone(&self.log));
        let batch = self.batch.filter(|it| it.node == id);
        let filters = batches::filters(self.graph, id, rows, batch.map(|it| it.batch));
        let mut context = self.context(Some(id), host.of_rows(filters, rows));
        if let Some(batch) = batch {
            batch.show(&mut context);
        }
        context
    }

    /// For what is no node: it may refer to everything.
    fn inline_context(&self) -> Context {
        self.context(None, CompileHost::inline(self.project, self.graph, Arc::clone(&self.log)))
    }

    fn context(&self, id: Option<NodeId>, host: CompileHost) -> Context {
        let node = id.map(|id| self.graph.node(id));
        Context {
            mode: Mode::Execute,
            globals: Arc::clone(&self.project.settings.globals),
            host: Arc::new(host.asking(self.engine.clone()).making(self.seed.clone())),
            this: node.and_then(|it| it.relation.clone()),
            model: node.map(|it| context::model(self.project, self.graph, it)),
            locals: Vec::new(),
        }
    }
}

/// How a node is written where another reads it: its relation, or the name of its common table expression.
pub fn reading_name(node: &Node) -> Relation {
    match &node.relation {
        Some(relation) => relation.clone(),
        None => Relation::verbatim(format!("__dbt__cte__{}", node.name)),
    }
}
