//! Which columns sources have now: one query of the catalog for all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::node::{IdentifierStyle, Relation, quote_literal};
use crate::warehouse::{Column, ErrorKind, Value, Warehouse, WarehouseError};

/// What was found under a source's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Its columns in order.
    Columns(Vec<Column>),
    /// Nothing.
    Missing(WarehouseError),
    /// Something that cannot be read.
    Unreadable(WarehouseError),
}

/// A full name in lower case: the engine compares names without regard to case.
type Name = [String; 3];

/// Looks for relations; what is no plain table in the catalog (a view, a file) is described by itself.
pub(super) fn shapes<K: Ord + Copy>(
    warehouse: &mut dyn Warehouse,
    relations: &[(K, &Relation)],
) -> BTreeMap<K, Shape> {
    let wanted: Vec<Name> = relations.iter().filter_map(|(_, it)| name(it)).collect();
    // Where the catalog cannot be asked as a whole, every relation is described.
    let tables = of_catalog(warehouse, &wanted).unwrap_or_default();
    let mut shapes = BTreeMap::new();
    for (key, relation) in relations {
        let known = name(relation).and_then(|it| tables.get(&it));
        let shape = match known {
            Some(columns) => Shape::Columns(columns.clone()),
            None => described(warehouse, relation),
        };
        shapes.insert(*key, shape);
    }
    shapes
}

fn name(relation: &Relation) -> Option<Name> {
    let (database, schema) = (relation.database.as_ref()?, relation.schema.as_ref()?);
    let is_name = relation.style == IdentifierStyle::Quoted;
    is_name.then(|| [database, schema, &relation.identifier].map(|it| it.to_lowercase()))
}

/// The columns of tables. Views are left out: what the catalog says of them is as old as they are.
fn of_catalog(
    warehouse: &mut dyn Warehouse,
    wanted: &[Name],
) -> Result<BTreeMap<Name, Vec<Column>>, WarehouseError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut list = String::new();
    for [database, schema, table] in wanted {
        let [database, schema, table] = [database, schema, table].map(|it| quote_literal(it));
        let separator = if list.is_empty() { "" } else { ", " };
        let _ = write!(list, "{separator}({database}, {schema}, {table})");
    }
    let sql = format!(
        "select lower(c.database_name), lower(c.schema_name), lower(c.table_name), c.column_name, c.data_type \
         from duckdb_columns() as c \
         where (lower(c.database_name), lower(c.schema_name), lower(c.table_name)) in ({list}) \
         and not exists (select 1 from duckdb_views() as v where v.database_oid = c.database_oid \
         and v.schema_oid = c.schema_oid and v.view_name = c.table_name) \
         order by 1, 2, 3, c.column_index"
    );
    let mut tables: BTreeMap<Name, Vec<Column>> = BTreeMap::new();
    for row in warehouse.query(&sql, None)?.rows {
        let texts: Option<Vec<String>> = row.into_iter().map(text).collect();
        let Some(Ok([database, schema, table, name, data_type])) = texts.map(<[String; 5]>::try_from) else {
            continue;
        };
        tables.entry([database, schema, table]).or_default().push(Column { name, data_type });
    }
    Ok(tables)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => None,
    }
}

fn described(warehouse: &mut dyn Warehouse, relation: &Relation) -> Shape {
    match warehouse.describe(&format!("select * from {}", relation.render())) {
        Ok(columns) => Shape::Columns(columns),
        Err(error) if is_absent(&error) => Shape::Missing(error),
        Err(error) => Shape::Unreadable(error),
    }
}

/// Whether the engine says that there is no such thing.
fn is_absent(error: &WarehouseError) -> bool {
    const SIGNS: [&str; 5] =
        ["does not exist", "No files found", "No such file", "Cannot open file", "could not be found"];
    error.kind != ErrorKind::Interrupted && SIGNS.iter().any(|it| error.message.contains(it))
}
