//! Empty tables in the binder's database, made level by level.

use std::collections::{BTreeMap, BTreeSet};

use crate::node::{IdentifierStyle, NodeId, Relation, RelationKind, quote_identifier};
use crate::warehouse::Column;
use crate::warehouse::binder::Binder;

/// A table to make.
struct Pending {
    id: NodeId,
    statement: String,
    /// Another way, where the first is refused.
    instead: Option<String>,
}

/// What was made and what is to be made.
#[derive(Default)]
pub(super) struct Declaring {
    /// By database: a transaction writes to one.
    pending: BTreeMap<String, Vec<Pending>>,
    tables: Vec<(Relation, RelationKind)>,
    schemas: BTreeSet<(String, String)>,
    foreign: BTreeSet<String>,
}

impl Declaring {
    /// Databases and schemas of relations.
    pub(super) fn make_schemas<'r>(
        &mut self,
        relations: impl Iterator<Item = &'r Relation>,
        binder: &mut dyn Binder,
    ) {
        for relation in relations.filter(|it| it.style == IdentifierStyle::Quoted) {
            if let (Some(database), Some(schema)) = (&relation.database, &relation.schema) {
                self.make_schema(database, schema, binder);
            }
        }
    }

    fn make_schema(&mut self, database: &str, schema: &str, binder: &mut dyn Binder) {
        let is_new_database = !self.schemas.iter().any(|it| it.0.eq_ignore_ascii_case(database));
        if !self.schemas.insert((database.to_lowercase(), schema.to_lowercase())) {
            return;
        }
        // A name that cannot be made leaves what is in it unknown.
        if is_new_database {
            let _ = binder.attach(database);
        }
        let name = format!("{}.{}", quote_identifier(database), quote_identifier(schema));
        let _ = binder.define(&format!("create schema if not exists {name}"));
    }

    /// Where names without a schema are looked for.
    pub(super) fn search(&mut self, (database, schema): (&str, &str), binder: &mut dyn Binder) {
        self.make_schema(database, "main", binder);
        self.make_schema(database, schema, binder);
        let _ = binder.search(database, schema);
    }

    /// Tables that are there as templates see them.
    pub(super) fn tables(&self) -> Vec<(Relation, RelationKind)> {
        self.tables.clone()
    }

    /// An empty table to be made; `query` has its columns, should their types not be enough.
    pub(super) fn table(&mut self, id: NodeId, relation: &Relation, columns: &[Column], query: Option<&str>) {
        if relation.style == IdentifierStyle::Verbatim {
            return;
        }
        let name = relation.render();
        let instead =
            query.map(|sql| format!("create or replace table {name} as select * from (\n{sql}\n) limit 0"));
        let pending = Pending { id, statement: table_sql(relation, columns), instead };
        let database = relation.database.clone().unwrap_or_default().to_lowercase();
        self.pending.entry(database).or_default().push(pending);
        self.tables.push((relation.clone(), RelationKind::Table));
    }

    /// Tables that are no nodes; says whether one of them is new.
    pub(super) fn foreign(&mut self, tables: &[(Relation, Vec<Column>)], binder: &mut dyn Binder) -> bool {
        let mut is_one_new = false;
        for (relation, columns) in tables {
            if self.foreign.insert(relation.render().to_lowercase()) {
                self.make_schemas(std::iter::once(relation), binder);
                is_one_new |= make_now(relation, columns, binder);
            }
        }
        is_one_new
    }

    /// Makes what is pending. Gives the nodes whose tables cannot be made.
    pub(super) fn flush(&mut self, binder: &mut dyn Binder) -> Vec<(NodeId, String)> {
        let mut failed = Vec::new();
        for tables in std::mem::take(&mut self.pending).into_values() {
            let mut all = "begin".to_owned();
            for table in &tables {
                all.push_str(";\n");
                all.push_str(&table.statement);
            }
            all.push_str(";\ncommit");
            if binder.define(&all).is_ok() {
                continue;
            }
            let _ = binder.define("rollback");
            for Pending { id, statement, instead } in tables {
                let made = binder
                    .define(&statement)
                    .or_else(|error| instead.map_or(Err(error), |it| binder.define(&it)));
                if let Err(error) = made {
                    let line = error.error.message.lines().next().unwrap_or_default().to_owned();
                    failed.push((id, line));
                }
            }
        }
        failed
    }
}

/// A table for the queries of this level.
pub(super) fn make_now(relation: &Relation, columns: &[Column], binder: &mut dyn Binder) -> bool {
    binder.define(&table_sql(relation, columns)).is_ok()
}

/// The type of a column that is nothing but null, which only a view can have.
pub(super) const NULL: &str = "\"NULL\"";

fn table_sql(relation: &Relation, columns: &[Column]) -> String {
    if columns.iter().any(|it| it.data_type == NULL) {
        let item = |it: &Column| match it.data_type.as_str() {
            NULL => format!("null as {}", quote_identifier(&it.name)),
            other => format!("cast(null as {other}) as {}", quote_identifier(&it.name)),
        };
        let items: Vec<String> = columns.iter().map(item).collect();
        return format!("create or replace view {} as select {}", relation.render(), items.join(", "));
    }
    let columns: Vec<String> =
        columns.iter().map(|it| format!("{} {}", quote_identifier(&it.name), it.data_type)).collect();
    format!("create or replace table {} ({})", relation.render(), columns.join(", "))
}
