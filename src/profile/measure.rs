//! Runs queries one after the other, each on a connection of its own, so that none disturbs the measures of another.

use std::collections::BTreeSet;

use super::queries::{self, Existing, Query};
use super::tables::Tables;
use super::{Input, LeftOut, Measured, Profiled, WhyLeftOut, called, facts, is_stored};
use crate::compile::{faults, is_ephemeral};
use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, Node};
use crate::node::{IdentifierStyle, Materialization, NodeId, NodeKind};
use crate::parse::Body;
use crate::run::{Connection, Stop};
use crate::warehouse::profile::{Operator, OperatorKind, Profile};
use crate::warehouse::{ErrorKind, Warehouse as _, WarehouseError};

/// What measuring works with.
pub struct Surroundings<'a> {
    /// A connection that only reads.
    pub connection: &'a mut Connection,
    /// The user's wish to stop.
    pub stop: &'a Stop,
    /// Called before each query: which one of how many, and its name.
    pub on_query: &'a mut dyn FnMut(usize, usize, &str),
}

/// Measures the nodes selected. `Err` means that none could be; what is wrong with single ones is in the result.
pub fn measure(input: &Input<'_>, around: Surroundings<'_>) -> Result<Profiled, Diagnostic> {
    let Surroundings { connection, stop, on_query } = around;
    let graph = input.graph;
    let catalog = connection.catalog(&[]).map_err(|error| unreadable(&error))?;
    let existing = Existing::new(&catalog);
    let (queries, left_out, faults) = queries::queries(input, &existing, connection);
    let tables = Tables::new(graph);
    let mut profiled = Profiled { left_out, faults, ..Profiled::default() };
    for (index, query) in queries.iter().enumerate() {
        let node = graph.node(query.node);
        on_query(index + 1, queries.len(), &called(node));
        match run(connection, stop, query) {
            Ok(Some(profile)) => profiled.measured.push(measured(&tables, node, query, profile)),
            Ok(None) => profiled.left_out.push(LeftOut::new(node, WhyLeftOut::NotExplained)),
            Err(error) if error.kind == ErrorKind::Interrupted || stop.is_requested() => {
                return Err(Diagnostic::error("interrupted", "the profile was interrupted"));
            }
            Err(error) => match not_built(graph, &existing, query.node) {
                Some(why) => profiled.left_out.push(LeftOut::new(node, why)),
                None => profiled.faults.push(faults::sql(node, &query.sql, 0, &error)),
            },
        }
    }
    Ok(profiled)
}

fn run(connection: &Connection, stop: &Stop, query: &Query) -> Result<Option<Profile>, WarehouseError> {
    let mut own = connection.connect()?;
    stop.register(own.interrupt_handle());
    let profile = if stop.is_requested() {
        Err(WarehouseError { kind: ErrorKind::Interrupted, message: String::new(), position: None })
    } else {
        own.profile(&query.sql.text)
    };
    stop.forget();
    profile
}

fn measured(tables: &Tables<'_>, node: &Node, query: &Query, mut profile: Profile) -> Measured {
    let facts = facts::facts(&profile, tables);
    with_names(&mut profile.root, tables);
    Measured {
        id: query.node,
        unique_id: node.unique_id.as_str().to_owned(),
        name: called(node),
        path: node.path.as_str().to_owned(),
        made_as: match node.kind {
            NodeKind::Snapshot => "snapshot".to_owned(),
            _ => node.made_as().to_owned(),
        },
        is_stored: is_stored(node),
        form: query.form,
        facts,
        profile,
    }
}

/// From here on, tables have the names that people call them by.
fn with_names(operator: &mut Operator, tables: &Tables<'_>) {
    if let OperatorKind::Scan(scan) = &mut operator.kind {
        scan.of = facts::said(scan, tables);
    }
    operator.inputs.iter_mut().for_each(|it| with_names(it, tables));
}

/// What a query reads and nobody made yet, through views and ephemeral models.
fn not_built(graph: &Graph, existing: &Existing, id: NodeId) -> Option<WhyLeftOut> {
    let (mut nodes, mut sources) = (BTreeSet::new(), BTreeSet::new());
    let (mut stack, mut seen) = (vec![id], BTreeSet::new());
    while let Some(reader) = stack.pop() {
        for id in graph.parents(reader) {
            let node = graph.node(*id);
            let is_view = matches!(&node.body, Body::Model { materialized: Materialization::View, .. });
            if (is_ephemeral(node) || is_view) && seen.insert(*id) {
                stack.push(*id);
            }
            let is_named = node.relation.as_ref().is_some_and(|it| it.style == IdentifierStyle::Quoted);
            if !is_named || existing.has(node) {
                continue;
            }
            match node.kind {
                NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot => drop(nodes.insert(called(node))),
                NodeKind::Source => drop(sources.insert(called(node))),
                _ => {}
            }
        }
    }
    let is_missing = !nodes.is_empty() || !sources.is_empty();
    is_missing.then(|| WhyLeftOut::NotBuilt {
        nodes: nodes.into_iter().collect(),
        sources: sources.into_iter().collect(),
    })
}

fn unreadable(error: &WarehouseError) -> Diagnostic {
    let fault = Diagnostic::error("connection-failed", "the database cannot be looked into");
    error.message.lines().fold(fault, |it, line| it.note(line.trim()))
}
