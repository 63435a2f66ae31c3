//! What names in compiled SQL mean in a project.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;

use crate::compile::shapes::Shapes;
use crate::compile::{Compiled, is_ephemeral, reading_name};
use crate::graph::Graph;
use crate::node::{IdentifierStyle, Materialization, NodeId, Relation};
use crate::parse::Body;
use crate::parse::functions::{FunctionBody, FunctionKind};
use crate::sql::lineage::{Table, Tables, only_reference, reference_key};
use crate::warehouse::WarehouseError;
use crate::warehouse::binder::Binder;

/// The project's relations by their names.
pub struct ProjectTables<'a> {
    graph: &'a Graph,
    shapes: &'a Shapes,
    /// By database, schema and name in lower case, and by the shorter forms.
    names: BTreeMap<String, NodeId>,
    references: BTreeMap<String, NodeId>,
    ctes: BTreeMap<String, NodeId>,
    functions: BTreeMap<String, (Json, Vec<String>)>,
    /// What the engine says of references to other things, asked once.
    outside: Mutex<Outside>,
}

/// Columns of what is no node, by the SQL that reads it.
struct Outside {
    binder: Box<dyn Binder>,
    columns: BTreeMap<String, Option<Vec<String>>>,
}

impl<'a> ProjectTables<'a> {
    /// Reads the names of all nodes; the binder is asked for the syntax of those read in place, and later for columns of what is no node.
    pub fn new(
        graph: &'a Graph,
        compiled: &Compiled,
        shapes: &'a Shapes,
        binder: &mut dyn Binder,
    ) -> Result<Self, WarehouseError> {
        let mut tables = Self {
            graph,
            shapes,
            names: BTreeMap::new(),
            references: BTreeMap::new(),
            ctes: BTreeMap::new(),
            functions: BTreeMap::new(),
            outside: Mutex::new(Outside { binder: binder.connect()?, columns: BTreeMap::new() }),
        };
        for (id, node) in graph.nodes() {
            if is_ephemeral(node) {
                tables.ctes.insert(reading_name(node).identifier.to_lowercase(), id);
            }
            let Some(relation) = &node.relation else { continue };
            let sql = compiled.nodes.get(&id).map(|it| it.sql.text.as_str()).unwrap_or_default();
            let (parameters, sql) = match &node.body {
                Body::Function(function) if function.kind == FunctionKind::Table => {
                    (names(function), sql.to_owned())
                }
                Body::Function(function) => (names(function), format!("select ({sql}\n)")),
                Body::Model { materialized: Materialization::TableFunction, .. } => {
                    (node.config.duckdb.parameters.clone(), sql.to_owned())
                }
                Body::Model { .. } | Body::Seed | Body::Snapshot(_) | Body::Source(_) => {
                    tables.add(id, relation, binder);
                    continue;
                }
                _ => continue,
            };
            if let Some(tree) = read(binder, &sql) {
                for name in forms(relation) {
                    tables.functions.insert(name, (tree.clone(), parameters.clone()));
                }
            }
        }
        Ok(tables)
    }

    fn add(&mut self, id: NodeId, relation: &Relation, binder: &mut dyn Binder) {
        match relation.style {
            IdentifierStyle::Quoted => {
                for name in forms(relation) {
                    self.names.entry(name).or_insert(id);
                }
            }
            // A source that is read in place.
            IdentifierStyle::Verbatim => {
                let tree = read(binder, &format!("select * from {}", relation.render()));
                if let Some(reference) = tree.as_ref().and_then(only_reference) {
                    self.references.insert(reference_key(reference), id);
                }
            }
        }
    }

    fn of(&self, id: NodeId) -> Table {
        let columns = self.shapes.columns(id).map(|it| it.iter().map(|it| it.name.clone()).collect());
        Table { name: self.graph.node(id).unique_id.as_str().to_owned(), columns }
    }
}

fn read(binder: &mut dyn Binder, sql: &str) -> Option<Json> {
    serde_json::from_str(&binder.syntax(sql).ok()?).ok()
}

fn names(function: &FunctionBody) -> Vec<String> {
    function.arguments.iter().map(|it| it.name.value.clone()).collect()
}

/// A relation's name with and without database and schema.
fn forms(relation: &Relation) -> Vec<String> {
    let mut parts: Vec<String> =
        [&relation.database, &relation.schema].into_iter().flatten().map(|it| it.to_lowercase()).collect();
    parts.push(relation.identifier.to_lowercase());
    (0..parts.len()).map(|start| parts[start..].join(".")).collect()
}

impl Tables for ProjectTables<'_> {
    fn table(&self, name: &[&str]) -> Option<Table> {
        self.names.get(&name.join(".").to_lowercase()).map(|id| self.of(*id))
    }

    fn reference(&self, key: &str) -> Option<Table> {
        self.references.get(key).map(|id| self.of(*id))
    }

    fn cte(&self, name: &str) -> Option<Table> {
        self.ctes.get(&name.to_lowercase()).map(|id| self.of(*id))
    }

    fn function(&self, name: &[&str]) -> Option<(Json, Vec<String>)> {
        self.functions.get(&name.join(".").to_lowercase()).cloned()
    }

    fn described(&self, sql: &str) -> Option<Vec<String>> {
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = outside.columns.get(sql) {
            return known.clone();
        }
        let found = outside.binder.describe(&format!("select * from {sql}")).ok();
        let names = found.map(|it| it.into_iter().map(|it| it.name).collect());
        outside.columns.insert(sql.to_owned(), names);
        outside.columns.get(sql)?.clone()
    }
}
