//! What becomes of a query that was bound: the shape of the node's relation, as an empty table for its readers.

use super::declaring::{NULL, make_now};
use super::finder::Finder;
use super::{KnownShape, Shape, given, made, surroundings};
use crate::compile::{CompiledNode, contract, macro_statement, table_function};
use crate::graph::Node;
use crate::node::{Materialization, NodeId, quote_identifier};
use crate::parse::Body;
use crate::parse::snapshots::SnapshotBody;
use crate::sql::{self, lineage::unique_names};
use crate::warehouse::Column;

impl Finder<'_, '_> {
    /// The query has these columns.
    pub(super) fn make(&mut self, id: NodeId, compiled: &CompiledNode, columns: Vec<Column>) {
        let node = self.input.graph.node(id);
        let mut guess = self.guess(id);
        let of_query: Vec<String> = columns.iter().map(|it| it.name.clone()).collect();
        // Whatever is made of the query has each name once.
        let unique = unique_names(of_query.iter().map(String::as_str));
        let columns: Vec<Column> =
            std::iter::zip(columns, unique).map(|(column, name)| Column { name, ..column }).collect();
        // A contract is compared with the query that is run, not with what is made of it.
        let mut run = columns.clone();
        let columns = match &node.body {
            Body::Model { materialized: Materialization::TableFunction, .. } => {
                return self.function_of_rows(id, node, compiled);
            }
            Body::Model { by_macro: Some(_), .. } | Body::Snapshot(SnapshotBody { settings: None, .. }) => {
                guess = guess.or_else(|| Some(format!("a macro of the project makes `{}`", node.name)));
                columns
            }
            Body::Model { materialized: Materialization::External, .. } => {
                guess = guess.or_else(|| Some(format!("`{}` is read from files", node.name)));
                columns
            }
            Body::Model { materialized: Materialization::Incremental, .. } => {
                if node.config.duckdb.files.is_some() {
                    guess = guess.or_else(|| Some(format!("`{}` is read from files", node.name)));
                }
                let (table, query) = self.incremental(id, node, compiled, columns);
                run = query;
                table
            }
            Body::Model { materialized: Materialization::View, .. } => self.with_nulls(compiled, columns),
            Body::Snapshot(SnapshotBody { settings: Some(settings), .. }) => {
                if node.config.duckdb.files.is_some() {
                    guess = guess.or_else(|| Some(format!("`{}` is read from files", node.name)));
                }
                let sql = made::snapshot_query(settings, &compiled.sql.text);
                let Ok(wanted) = self.binder.describe(&sql) else {
                    // What its settings name is checked when it is taken.
                    let reason = "its strategy does not fit its query".to_owned();
                    self.shapes.nodes.insert(id, Shape::Unknown(reason));
                    return;
                };
                match node.relation.as_ref().and_then(|it| self.in_warehouse(it)) {
                    Some(existing) => made::with_new(&existing, &wanted),
                    None => wanted,
                }
            }
            _ => columns,
        };
        let columns = self.by_contract(id, node, columns, &run);
        if columns.iter().map(|it| &it.name).ne(&of_query) {
            self.shapes.queries.insert(id, of_query);
        }
        if let Some(word) = sql::mentions(&compiled.sql.text, &["getvariable"]) {
            guess = guess.or_else(|| Some(format!("the columns of `{}` depend on `{word}`", node.name)));
        }
        if surroundings::changes_columns(node) {
            guess =
                guess.or_else(|| Some(format!("the `post_hook` of `{}` may change its columns", node.name)));
        }
        if let Some(relation) = &node.relation {
            self.declaring.table(id, relation, &columns, Some(&compiled.sql.text));
        }
        if !self.shapes.faults.contains_key(&id) {
            self.shapes.nodes.insert(id, Shape::Known(KnownShape { columns, guess }));
        }
    }

    /// A view keeps columns that are nothing but null, which fit where any type does; `describe` calls them
    /// integers.
    fn with_nulls(&mut self, compiled: &CompiledNode, mut columns: Vec<Column>) -> Vec<Column> {
        let sql = &compiled.sql.text;
        if !columns.iter().any(|it| it.data_type == "INTEGER") || sql::mentions(sql, &["null"]).is_none() {
            return columns;
        }
        for column in columns.iter_mut().filter(|it| it.data_type == "INTEGER") {
            let name = quote_identifier(&column.name);
            // There is no length of a number.
            let probe = format!("select len({name}) from ({sql}\n)");
            if self.binder.describe(&probe).is_ok() {
                NULL.clone_into(&mut column.data_type);
            }
        }
        columns
    }

    /// The table of an incremental model after this run, which is there already or is made now, and the columns
    /// of the query that is run.
    fn incremental(
        &mut self,
        id: NodeId,
        node: &Node,
        compiled: &CompiledNode,
        whole: Vec<Column>,
    ) -> (Vec<Column>, Vec<Column>) {
        let Some(relation) = &node.relation else { return (whole.clone(), whole) };
        let is_anew = node.config.full_refresh.unwrap_or(self.input.full_refresh);
        let existing = if is_anew { None } else { self.in_warehouse(relation) };
        let table = existing.clone().unwrap_or_else(|| whole.clone());
        let Some(update) = compiled.update.as_deref().filter(|it| it.sql.text != compiled.sql.text) else {
            let rule = node.config.incremental.on_schema_change;
            let table = existing.map_or(whole.clone(), |it| made::updated(&it, &whole, rule));
            return (table, whole);
        };
        if !make_now(relation, &table, self.binder.as_mut()) {
            return (table, whole);
        }
        match self.binder.describe(&update.sql.text) {
            Ok(wanted) => {
                let rule = node.config.incremental.on_schema_change;
                match existing {
                    Some(existing) => (made::updated(&existing, &wanted, rule), wanted),
                    None => (whole.clone(), whole),
                }
            }
            Err(error) => {
                self.refuse(id, update, &update.sql, 0, &error);
                (table, whole)
            }
        }
    }

    /// An enforced contract says names and types, and is compared with the query, as it is when the node is made.
    fn by_contract(
        &mut self,
        id: NodeId,
        node: &Node,
        columns: Vec<Column>,
        query: &[Column],
    ) -> Vec<Column> {
        if !contract::is_enforced(node) {
            return columns;
        }
        let declared: Vec<Column> = node
            .columns
            .iter()
            .map(|it| Column {
                name: it.name.value.clone(),
                data_type: it.data_type.clone().unwrap_or_else(|| "varchar".to_owned()),
            })
            .collect();
        let Some(promised) = given::with_types(&declared, self.binder.as_mut()) else { return columns };
        if self.guess(id).is_none()
            && let Some(fault) = contract::compare(node, query, &promised)
        {
            self.shapes.faults.entry(id).or_default().push(fault);
            self.shapes.nodes.insert(id, Shape::Unknown("it has an error".to_owned()));
        }
        promised
    }

    /// A model that is a function: its readers call it.
    fn function_of_rows(&mut self, id: NodeId, node: &Node, compiled: &CompiledNode) {
        let Some(relation) = &node.relation else { return };
        let parameters = &node.config.duckdb.parameters;
        let made = table_function(parameters, relation, &compiled.sql.text);
        if let Err(error) = self.binder.define(&made.statement) {
            return self.refuse(id, compiled, &compiled.sql, made.prefix, &error);
        }
        let shape = if parameters.is_empty() {
            let described = self.binder.describe(&format!("select * from {}()", relation.render()));
            described.map(KnownShape::sure).map_err(|_| "it cannot be called without rows".to_owned())
        } else {
            Err("its columns may depend on its parameters".to_owned())
        };
        self.shapes.nodes.insert(id, shape.map_or_else(Shape::Unknown, Shape::Known));
    }

    /// A function of the project: a macro, for the queries that call it.
    pub(super) fn function(&mut self, id: NodeId) {
        let node = self.input.graph.node(id);
        let (Body::Function(function), Some(relation)) = (&node.body, &node.relation) else { return };
        let Some(compiled) = self.input.compiled.nodes.get(&id) else { return };
        let made = macro_statement(function, relation, &compiled.sql.text);
        if let Err(error) = self.binder.define(&made.statement) {
            self.refuse(id, compiled, &compiled.sql, made.prefix, &error);
        }
        // A function has no rows of its own.
        self.shapes.nodes.remove(&id);
    }
}
