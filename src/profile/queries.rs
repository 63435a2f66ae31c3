//! Which query of a node is measured: that which the next run would execute.

use std::collections::BTreeSet;

use super::{Form, Input, LeftOut, WhyLeftOut, has_query};
use crate::batch::{Window, in_utc};
use crate::compile::{IsIncremental, Late};
use crate::diagnostics::Diagnostic;
use crate::graph::Node;
use crate::node::{Materialization, NodeId, RelationKind};
use crate::parse::Body;
use crate::run::Connection;
use crate::template::Rendered;
use crate::warehouse::CatalogEntry;

/// A query to be run.
pub(super) struct Query {
    pub(super) node: NodeId,
    pub(super) sql: Rendered,
    pub(super) form: Form,
}

/// What there is in the database.
pub(super) struct Existing {
    tables: BTreeSet<String>,
    all: BTreeSet<String>,
}

impl Existing {
    pub(super) fn new(catalog: &[CatalogEntry]) -> Self {
        let key = |it: &CatalogEntry| it.relation.render().to_lowercase();
        let is_table = |it: &&CatalogEntry| it.kind == RelationKind::Table;
        Self {
            tables: catalog.iter().filter(is_table).map(key).collect(),
            all: catalog.iter().map(key).collect(),
        }
    }

    /// Whether a node's relation is there.
    pub(super) fn has(&self, node: &Node) -> bool {
        node.relation.as_ref().is_some_and(|it| self.all.contains(&it.render().to_lowercase()))
    }

    fn has_table(&self, node: &Node) -> bool {
        node.relation.as_ref().is_some_and(|it| self.tables.contains(&it.render().to_lowercase()))
    }
}

/// The queries of the nodes selected, parents first; nodes that have none to run; and faults of templates.
pub(super) fn queries(
    input: &Input<'_>,
    existing: &Existing,
    connection: &Connection,
) -> (Vec<Query>, Vec<LeftOut>, Vec<Diagnostic>) {
    let (mut queries, mut left_out, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let graph = input.graph;
    for id in graph.order().iter().filter(|it| input.selected.contains(it)) {
        let node = graph.node(*id);
        if !has_query(node) {
            continue;
        }
        if matches!(&node.body, Body::Model { materialized: Materialization::TableFunction, .. }) {
            left_out.push(LeftOut::new(node, WhyLeftOut::TableFunction));
            continue;
        }
        match query(input, existing, connection, (*id, node)) {
            Ok((sql, form)) => queries.push(Query { node: *id, sql, form }),
            Err(fault) => faults.push(fault),
        }
    }
    (queries, left_out, faults)
}

fn query(
    input: &Input<'_>,
    existing: &Existing,
    connection: &Connection,
    (id, node): (NodeId, &Node),
) -> Result<(Rendered, Form), Diagnostic> {
    if let Some(fault) = input.compiled.faults.get(&id) {
        return Err(fault.clone());
    }
    let late = || Late::new(input.project, input.graph, Some(connection.engine()));
    if let Some(microbatch) = &node.config.incremental.microbatch {
        let window = Window { start: None, end: in_utc(input.started_at).unwrap_or_default() };
        let newest = microbatch.batch_size.newest(0, window).pop();
        if let Some(batch) = newest {
            let query = late().for_batch(id, batch).query(id, IsIncremental::Yes)?;
            return Ok((query.sql, Form::Batch));
        }
    }
    let is_incremental = matches!(&node.body, Body::Model { materialized: Materialization::Incremental, .. });
    let is_update = is_incremental && !input.full_refresh && existing.has_table(node);
    let (incremental, form) =
        if is_update { (IsIncremental::Yes, Form::Update) } else { (IsIncremental::No, Form::Whole) };
    match input.compiled.nodes.get(&id) {
        Some(compiled) if is_update => match &compiled.update {
            Some(update) => Ok((update.sql.clone(), form)),
            None => Ok((compiled.sql.clone(), Form::Whole)),
        },
        Some(compiled) => Ok((compiled.sql.clone(), form)),
        None => late().query(id, incremental).map(|it| (it.sql, form)),
    }
}
