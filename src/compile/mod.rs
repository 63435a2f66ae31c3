//! Phase 4, compile: templates to SQL.
//!
//! In: a [`Graph`] and the ids of the nodes wanted. Out: [`Compiled`]: for each of them the SQL to run,
//! with a map back to the files it came from. Nodes are rendered in parallel. Deliberately absent: the
//! engine; nothing here asks a database.

mod context;
mod ctes;
mod host;
mod test_sql;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use self::ctes::Injected;
use self::host::CompileHost;
pub use self::host::{TemplateLog, TemplateLogLevel};
pub use self::test_sql::{column_sql, freshness_query};
use crate::diagnostics::{Diagnostic, Diagnostics, Spanned};
use crate::graph::{Graph, Node};
use crate::node::{Materialization, NodeId, Relation};
use crate::parse::{Body, DataTest, TestKind};
use crate::project::Project;
use crate::sql::{self, OneQuery};
use crate::template::{Context, Mode, Rendered, TemplateError, TemplateSource};

/// SQL for a set of nodes.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// SQL by node; seeds, sources and exposures have none.
    pub nodes: BTreeMap<NodeId, CompiledNode>,
    /// Nodes whose templates failed, with the reason.
    pub faults: BTreeMap<NodeId, Diagnostic>,
    /// What to run before the first node.
    pub on_run_start: Vec<Rendered>,
    /// What to run after the last node.
    pub on_run_end: Vec<Rendered>,
    /// What templates logged, in the order of node ids.
    pub log: Vec<TemplateLog>,
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
    pub pre_hooks: Vec<Rendered>,
    /// Statements to run after, in the node's transaction.
    pub post_hooks: Vec<Rendered>,
}

/// What `is_incremental()` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsIncremental {
    Yes,
    No,
}

/// What this phase works with.
struct Compiler<'a> {
    project: &'a Project,
    graph: &'a Graph,
    log: Arc<Mutex<Vec<TemplateLog>>>,
}

/// Renders the nodes wanted and the ephemeral models they need. Faults are kept with their nodes.
pub fn compile(project: &Project, graph: &Graph, wanted: &BTreeSet<NodeId>) -> Compiled {
    let compiler = Compiler { project, graph, log: Arc::default() };
    let ids = with_ephemeral_parents(graph, wanted);
    let rendered: Vec<(NodeId, Result<CompiledNode, TemplateError>)> =
        ids.into_par_iter().map(|id| (id, compiler.node(id))).collect();
    let mut compiled = Compiled::default();
    for (id, result) in rendered {
        match result {
            Ok(node) => match query_fault(graph.node(id), &node.sql) {
                Some(fault) => drop(compiled.faults.insert(id, fault)),
                None => drop(compiled.nodes.insert(id, node)),
            },
            Err(error) => {
                compiled.faults.insert(id, error.into_diagnostic());
            }
        }
    }
    inject_ctes(graph, &mut compiled);
    let mut log = compiler.log.lock().map(|mut it| std::mem::take(&mut *it)).unwrap_or_default();
    log.sort_by_key(|it| it.node);
    compiled.log = log;
    compiled
}

/// A file that is not one query: said here, because the engine would point at what is put around it.
fn query_fault(node: &Node, sql: &Rendered) -> Option<Diagnostic> {
    if !matches!(
        &node.body,
        Body::Model { .. } | Body::Test(DataTest { kind: TestKind::Singular { .. }, .. })
    ) {
        return None;
    }
    let who = format!("{} `{}`", node.kind, node.name);
    match sql::one_query(&sql.text) {
        OneQuery::Maybe => None,
        OneQuery::Empty => Some(
            Diagnostic::error("empty-query", format!("{who} has no query"))
                .at(node.span, "nothing but space and comments is left of this file")
                .help("write a `select`, or delete the file"),
        ),
        OneQuery::Ended(offset) => Some(
            Diagnostic::error("several-statements", format!("{who} is not one query: it has a `;`"))
                .at_opt(sql.source_of(offset).map(|(span, _)| span).or(Some(node.span)), "")
                .help(format!("a {} is one `select` without `;`", node.kind)),
        ),
    }
}

/// Renders the project's own hooks into `compiled`, if a run is to follow.
pub fn compile_run_hooks(diags: &mut Diagnostics, project: &Project, graph: &Graph, compiled: &mut Compiled) {
    let compiler = Compiler { project, graph, log: Arc::default() };
    compiled.on_run_start = compiler.run_hooks(diags, &project.config.on_run_start);
    compiled.on_run_end = compiler.run_hooks(diags, &project.config.on_run_end);
    if let Ok(mut log) = compiler.log.lock() {
        compiled.log.append(&mut log);
    }
}

/// Renders a query that is no node of the project, such as `show --inline`; it may refer to any node.
pub fn compile_inline(
    project: &Project,
    graph: &Graph,
    source: &TemplateSource,
) -> Result<Rendered, TemplateError> {
    let compiler = Compiler { project, graph, log: Arc::default() };
    let host = CompileHost::inline(project, graph, Arc::clone(&compiler.log));
    let context = compiler.context(None, host);
    let rendered = graph.templates.render(source, &context)?;
    let ephemeral = ctes::mentioned(graph, &rendered.text);
    let parents = compile(project, graph, &ephemeral);
    Ok(ctes::inject(graph, &parents, &rendered, &ephemeral).sql)
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
    let mut injected: Vec<(NodeId, Result<WithParents, Diagnostic>)> = Vec::new();
    for id in ids {
        let parents: BTreeSet<NodeId> =
            graph.parents(id).iter().copied().filter(|it| is_ephemeral(graph.node(*it))).collect();
        if parents.is_empty() {
            continue;
        }
        let fault = ctes::all(graph, &parents).into_iter().find_map(|it| compiled.faults.get(&it));
        let result = if let Some(fault) = fault {
            Err(fault.clone())
        } else {
            let node = &compiled.nodes[&id];
            let update = node.update.as_ref().map(|it| ctes::inject(graph, compiled, &it.sql, &parents).sql);
            Ok(WithParents { query: ctes::inject(graph, compiled, &node.sql, &parents), update })
        };
        injected.push((id, result));
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

impl Compiler<'_> {
    fn node(&self, id: NodeId) -> Result<CompiledNode, TemplateError> {
        let node = self.graph.node(id);
        let sql = match &node.body {
            Body::Model { sql, .. }
            | Body::Analysis { sql }
            | Body::Test(DataTest { kind: TestKind::Singular { sql }, .. }) => self.render(id, sql)?,
            Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => {
                test_sql::generic(self, id, node, test)?
            }
            Body::Seed | Body::Source(_) | Body::Exposure(_) | Body::UnitTest(_) | Body::Semantic(_) => {
                Rendered::default()
            }
        };
        let update = match &node.body {
            Body::Model { sql, materialized: Materialization::Incremental, .. } => {
                let context = self.node_context(id, IsIncremental::Yes);
                Some(Box::new(CompiledNode {
                    sql: self.graph.templates.render(sql, &context)?,
                    pre_hooks: self.hooks(&node.config.pre_hooks, &context)?,
                    post_hooks: self.hooks(&node.config.post_hooks, &context)?,
                    ..CompiledNode::default()
                }))
            }
            _ => None,
        };
        let context = self.node_context(id, IsIncremental::No);
        Ok(CompiledNode {
            sql,
            update,
            ctes: Vec::new(),
            pre_hooks: self.hooks(&node.config.pre_hooks, &context)?,
            post_hooks: self.hooks(&node.config.post_hooks, &context)?,
        })
    }

    fn render(&self, id: NodeId, source: &TemplateSource) -> Result<Rendered, TemplateError> {
        self.graph.templates.render(source, &self.node_context(id, IsIncremental::No))
    }

    fn hooks(&self, hooks: &[Spanned<String>], context: &Context) -> Result<Vec<Rendered>, TemplateError> {
        let render = |hook| self.graph.templates.render(&self.inline_source(hook), context);
        hooks.iter().map(render).collect()
    }

    fn run_hooks(&self, diags: &mut Diagnostics, hooks: &[Spanned<String>]) -> Vec<Rendered> {
        let host = CompileHost::inline(self.project, self.graph, Arc::clone(&self.log));
        let context = self.context(None, host);
        let mut rendered = Vec::new();
        for hook in hooks {
            match self.graph.templates.render(&self.inline_source(hook), &context) {
                Ok(sql) if sql.text.trim().is_empty() => {}
                Ok(sql) => rendered.push(sql),
                Err(mut error) => {
                    // A quoted or folded YAML text has other offsets than its value.
                    error.span = Some(hook.span);
                    diags.push(error.into_diagnostic());
                }
            }
        }
        rendered
    }

    fn inline_source(&self, text: &Spanned<String>) -> TemplateSource {
        TemplateSource {
            package: self.project.config.name.value.clone(),
            file: text.span.file,
            text: Arc::from(text.value.as_str()),
            offset: text.span.start as usize,
        }
    }

    fn node_context(&self, id: NodeId, is_incremental: IsIncremental) -> Context {
        let host = CompileHost::for_node(self.project, self.graph, id, is_incremental, Arc::clone(&self.log));
        self.context(Some(id), host)
    }

    fn context(&self, id: Option<NodeId>, host: CompileHost) -> Context {
        let node = id.map(|id| self.graph.node(id));
        Context {
            mode: Mode::Execute,
            globals: Arc::clone(&self.project.settings.globals),
            host: Arc::new(host),
            this: node.and_then(|it| it.relation.clone()),
            model: node.map(context::model),
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
