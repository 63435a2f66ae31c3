//! Columns and types of every node, before anything runs.
//!
//! In: compiled SQL, what is known of sources and seeds, and a [`Binder`], which answers questions about
//! queries over tables without rows. Out: [`Shapes`]: a shape for every node that has rows, or the reason why it
//! is not known, and the faults of queries at their own lines. Nodes are asked parents first, level by level; a
//! shape that is found becomes an empty table for the next level. Deliberately absent: the warehouse's rows.
//!
//! A fault is reported only where the run could not but end in it. Whatever a query may still find when its
//! turn comes (a table that nobody here makes, a macro of a hook, a file) makes it unknown instead.

mod declaring;
mod finder;
mod given;
mod late;
mod made;
mod making;
mod surroundings;
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use self::finder::Finder;
use super::{Compiled, CompiledNode};
use crate::diagnostics::Diagnostic;
use crate::graph::Graph;
use crate::node::{NodeId, Relation};
use crate::project::Project;
use crate::project::files::Files;
use crate::warehouse::binder::Binder;
use crate::warehouse::{Column, WarehouseError};

/// What nodes look like.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    /// Shapes of all nodes that have rows and were asked for, or that those read.
    pub nodes: BTreeMap<NodeId, Shape>,
    /// What is wrong with queries.
    pub faults: BTreeMap<NodeId, Vec<Diagnostic>>,
    /// SQL of templates that asked for columns, as far as shapes could answer.
    pub rendered: BTreeMap<NodeId, CompiledNode>,
    /// Names of the columns of a query, where those of what is made of it are others.
    pub queries: BTreeMap<NodeId, Vec<String>>,
    /// Why queries of tests could not be checked.
    pub untested: BTreeMap<NodeId, String>,
    /// How many queries were bound.
    pub checked: usize,
    /// How many queries of tests were bound.
    pub checked_tests: usize,
}

/// What a node looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Its columns.
    Known(KnownShape),
    /// Why its columns are not known.
    Unknown(String),
}

/// A node's columns in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownShape {
    /// Names and types.
    pub columns: Vec<Column>,
    /// Why they may be others when it comes to it; `None` where they are sure.
    pub guess: Option<String>,
}

impl Shapes {
    /// The columns of a node, if they are known.
    pub fn columns(&self, id: NodeId) -> Option<&[Column]> {
        match self.nodes.get(&id)? {
            Shape::Known(shape) => Some(&shape.columns),
            Shape::Unknown(_) => None,
        }
    }

    /// The names of the columns of a node's query, if they are known.
    pub fn query_names(&self, id: NodeId) -> Option<Vec<String>> {
        if let Some(names) = self.queries.get(&id) {
            return Some(names.clone());
        }
        Some(self.columns(id)?.iter().map(|it| it.name.clone()).collect())
    }

    /// All faults, in the order of their nodes.
    pub fn all_faults(&self) -> impl Iterator<Item = &Diagnostic> {
        self.faults.values().flatten()
    }

    /// Nodes whose columns are not known, with the reasons.
    pub fn unknown(&self) -> impl Iterator<Item = (NodeId, &str)> {
        self.nodes.iter().filter_map(|(id, shape)| match shape {
            Shape::Known(_) => None,
            Shape::Unknown(reason) => Some((*id, reason.as_str())),
        })
    }
}

/// What shapes are found from.
pub struct ShapesInput<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its graph.
    pub graph: &'a Graph,
    /// The SQL of the nodes to look at; parents without SQL are taken as the warehouse has them.
    pub compiled: &'a Compiled,
    /// Which of them to look at, data tests too; ephemeral models that they read are looked at as well.
    pub wanted: &'a BTreeSet<NodeId>,
    /// The project's files, for seeds.
    pub files: &'a dyn Files,
    /// Whether incremental models are made anew.
    pub full_refresh: bool,
}

/// The tables and macros that are in the warehouse now.
pub trait Tables {
    /// Tables and views with one of these names, in any schema of any database.
    fn named(&mut self, identifiers: &[String]) -> Result<Vec<(Relation, Vec<Column>)>, WarehouseError>;

    /// Names of macros and types that users made.
    fn definitions(&mut self) -> Result<Vec<String>, WarehouseError>;
}

/// What is known of the warehouse.
pub enum InWarehouse<'a> {
    /// It does not exist yet, so nothing is in it.
    Nothing,
    /// It is not looked into, and sources are as they were accepted.
    Accepted,
    /// This.
    Tables(&'a mut dyn Tables),
    /// It cannot be looked into now.
    Unknown,
}

/// Finds the shapes of nodes.
pub fn find(
    input: &ShapesInput<'_>,
    warehouse: InWarehouse<'_>,
    binder: Box<dyn Binder>,
) -> Result<Shapes, WarehouseError> {
    Finder::new(input, warehouse, binder)?.find()
}
