//! Data tests: their queries are bound when the shapes of what they read are known.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::finder::Finder;
use super::late::EmptyTables;
use crate::compile::{CompiledNode, IsIncremental, Late, faults};
use crate::node::{NodeId, NodeKind};
use crate::parse::check::Check;
use crate::warehouse::binder::{BindError, Binder};

/// How many queries of tests are bound at once: each by itself costs more than its own text.
const TOGETHER: usize = 16;

/// The query of a test as it is run, and what the engine says of it.
struct TestJob<'a> {
    id: NodeId,
    compiled: Cow<'a, CompiledNode>,
    query: String,
    /// What stands before the test's own SQL.
    prefix: usize,
    error: Option<BindError>,
}

/// Binds several queries at once, and one by one only if something is wrong with one of them.
fn bind(jobs: &mut [TestJob<'_>], binder: &mut dyn Binder) {
    let parts: Vec<String> =
        jobs.iter().map(|it| format!("(select count(*) from ({}\n) as it)", it.query)).collect();
    if jobs.len() > 1 && binder.describe(&format!("select {}", parts.join(",\n"))).is_ok() {
        return;
    }
    for job in jobs {
        job.error = binder.describe(&job.query).err();
    }
}

impl<'a> Finder<'a, '_> {
    /// Binds the queries of the tests among the nodes to look at.
    pub(super) fn tests(&mut self) {
        let graph = self.input.graph;
        let late = Late::new(self.input.project, graph, None);
        let is_test = |id: &&NodeId| graph.node(**id).kind == NodeKind::Test;
        let mut jobs: Vec<TestJob<'a>> = Vec::new();
        for id in self.input.wanted.iter().filter(is_test) {
            if late.has_judge(*id) {
                self.shapes.untested.insert(*id, "a macro of the project runs it".to_owned());
                continue;
            }
            jobs.extend(self.test_job(*id));
        }
        let (size, mut binders) = self.shared_out(jobs.len());
        jobs.par_chunks_mut(size).zip(binders.par_iter_mut()).for_each(|(jobs, binder)| {
            for jobs in jobs.chunks_mut(TOGETHER) {
                bind(jobs, binder.as_mut());
            }
        });
        self.shapes.checked_tests += jobs.len();
        for job in jobs {
            self.settle_test(job);
        }
    }

    fn test_job(&mut self, id: NodeId) -> Option<TestJob<'a>> {
        let compiled = match self.input.compiled.nodes.get(&id) {
            Some(node) => Cow::Borrowed(node),
            // What its template could not do is told elsewhere.
            None if !self.input.compiled.late.contains(&id) => return None,
            None => {
                let Some(node) = self.late_test(id) else {
                    let reason = "its template asks the database".to_owned();
                    self.shapes.untested.insert(id, reason);
                    return None;
                };
                Cow::Owned(node)
            }
        };
        let sql = &compiled.sql.text;
        // A test of which columns there are names none of them, and is no `select`.
        if sql.trim().is_empty() || matches!(compiled.check.as_deref(), Some(Check::SchemaDrift(_))) {
            return None;
        }
        let (before, after) = match &self.input.graph.node(id).config.fail_calc {
            Some(count) => (format!("select {count} as failures from ("), "\n) dbt_internal_test"),
            None => (String::new(), ""),
        };
        let query = format!("{before}{sql}{after}");
        Some(TestJob { id, compiled, query, prefix: before.len(), error: None })
    }

    fn late_test(&mut self, id: NodeId) -> Option<CompiledNode> {
        let binder = self.binder.connect().ok()?;
        let engine = EmptyTables::new(binder, self.declaring.tables());
        let late = Late::new(self.input.project, self.input.graph, Some(Arc::new(engine)));
        late.query(id, IsIncremental::No).ok()
    }

    fn settle_test(&mut self, job: TestJob<'a>) {
        let TestJob { id, compiled, query, prefix, error } = job;
        let Some(error) = error else { return };
        let Err(error) = self.with_foreign_tables(&query, error) else { return };
        if let Some(reason) = self.excuse(id, &compiled, &query, &error) {
            self.shapes.untested.insert(id, reason);
            return;
        }
        let (graph, node) = (self.input.graph, self.input.graph.node(id));
        let name = faults::test_name(graph, node);
        let fault = faults::test(node, &name, &compiled.sql, prefix, &error.error);
        self.shapes.faults.entry(id).or_default().push(fault);
    }
}
