//! Templates that ask the warehouse: rendered when one can be asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::batches::BatchOf;
use super::{
    Compiled, CompiledNode, Compiler, Hook, IsIncremental, TemplateLog, ctes, is_ephemeral, query_fault,
    run_hook::in_yaml,
};
use crate::batch::Batch;
use crate::diagnostics::{Diagnostic, Spanned};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::parse::Body;
use crate::project::Project;
use crate::template::{Engine, Rendered, SeedFile, TemplateError, TemplateSource};

/// Renders what could not be rendered before the run. A template sees the warehouse as its connection does:
/// inside a node's transaction, with what the transaction has done so far.
pub struct Late<'a> {
    pub(super) compiler: Compiler<'a>,
}

impl<'a> Late<'a> {
    /// With a connection to ask, or with none: then what asks fails with
    /// [`crate::template::NEEDS_WAREHOUSE`].
    pub fn new(project: &'a Project, graph: &'a Graph, engine: Option<Arc<dyn Engine>>) -> Self {
        Self { compiler: Compiler { engine, ..Compiler::new(project, graph) } }
    }

    /// The same for a batch of a microbatch model.
    #[must_use]
    pub fn for_batch(mut self, node: NodeId, batch: Batch) -> Self {
        self.compiler.batch = Some(BatchOf { node, batch });
        self
    }

    /// The same while a seed is made.
    #[must_use]
    pub fn with_seed(self, seed: SeedFile) -> Self {
        Self { compiler: Compiler { seed: Some(Arc::new(seed)), ..self.compiler } }
    }

    /// A node's query with its ephemeral parents in it; its hooks are left out.
    pub fn query(&self, id: NodeId, is_incremental: IsIncremental) -> Result<CompiledNode, Diagnostic> {
        let graph = self.compiler.graph;
        let is_test = matches!(graph.node(id).body, Body::Test(_));
        let rendered = if is_test {
            self.compiler.version(id, is_incremental)
        } else {
            let sql = self.compiler.query(id, is_incremental);
            sql.map(|sql| CompiledNode { sql, ..CompiledNode::default() })
        };
        let CompiledNode { sql, check, .. } = rendered.map_err(TemplateError::into_diagnostic)?;
        if let Some(fault) = query_fault(graph.node(id), &sql) {
            return Err(fault);
        }
        let ephemeral = |it: &NodeId| is_ephemeral(graph.node(*it));
        let parents = graph.parents(id).iter().copied().filter(ephemeral).collect();
        let injected = self.with_ctes(&sql, &parents).map_err(TemplateError::into_diagnostic)?;
        Ok(CompiledNode { sql: injected.sql, ctes: injected.ctes, check, ..CompiledNode::default() })
    }

    /// A query that is no node of the project, such as `show --inline`; it may refer to any node.
    pub fn inline(&self, source: &TemplateSource) -> Result<Rendered, TemplateError> {
        let graph = self.compiler.graph;
        let sql = graph.templates.render(source, &self.compiler.inline_context())?;
        Ok(self.with_ctes(&sql, &ctes::mentioned(graph, &sql.text))?.sql)
    }

    /// A hook of a node.
    pub fn hook(
        &self,
        id: NodeId,
        hook: &Spanned<String>,
        is_incremental: IsIncremental,
    ) -> Result<Rendered, Diagnostic> {
        match self.compiler.hook(id, hook, is_incremental) {
            Ok(Hook::Ready(sql)) => Ok(sql),
            Ok(Hook::Late(_)) => {
                Err(Diagnostic::error("needs-warehouse", "this hook asks the warehouse").at(hook.span, ""))
            }
            Err(error) => Err(in_yaml(error, hook.span).into_diagnostic()),
        }
    }

    /// What templates logged since the last call.
    pub fn take_log(&self) -> Vec<TemplateLog> {
        self.compiler.take_log()
    }

    fn with_ctes(&self, sql: &Rendered, parents: &BTreeSet<NodeId>) -> Result<ctes::Injected, TemplateError> {
        let mut compiled = Compiled::default();
        for id in ctes::all(self.compiler.graph, parents) {
            let sql = self.compiler.query(id, IsIncremental::No)?;
            compiled.nodes.insert(id, CompiledNode { sql, ..CompiledNode::default() });
        }
        Ok(ctes::inject(self.compiler.graph, &compiled, sql, parents))
    }
}
