//! What the engine's catalog holds: relations, their columns, and what users defined.

use ::duckdb::{Connection, Result, Row};

use crate::node::{Relation, RelationKind, quote_literal};
use crate::warehouse::{AHEAD, CatalogEntry, Column};

/// All tables and views of these databases, or of all.
pub(super) fn entries(connection: &Connection, databases: &[String]) -> Result<Vec<CatalogEntry>> {
    let mut statement = connection.prepare(&catalog_sql(databases))?;
    statement.query_map([], catalog_entry)?.collect()
}

/// Tables and views with one of these names, with their columns.
pub(super) fn tables_named(
    connection: &Connection,
    identifiers: &[String],
) -> Result<Vec<(Relation, Vec<Column>)>> {
    if identifiers.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = identifiers.iter().map(|it| quote_literal(&it.to_lowercase())).collect();
    let mut statement = connection.prepare(&format!(
        "select database_name, schema_name, table_name, column_name, data_type
         from duckdb_columns()
         where not internal and database_name <> 'temp' and not starts_with(database_name, '{AHEAD}')
             and lower(table_name) in ({})
         order by database_name, schema_name, table_name, column_index",
        names.join(", ")
    ))?;
    let mut rows = statement.query([])?;
    let mut tables: Vec<(Relation, Vec<Column>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (database, schema, name): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let relation = Relation::new(database, schema, name);
        let column = Column { name: row.get(3)?, data_type: row.get(4)? };
        match tables.last_mut().filter(|it| it.0 == relation) {
            Some((_, columns)) => columns.push(column),
            None => tables.push((relation, vec![column])),
        }
    }
    Ok(tables)
}

/// Whether a table or view says `collate`, or the settings do.
pub(super) fn has_collations(connection: &Connection) -> Result<bool> {
    connection.query_row(
        "select current_setting('default_collation') <> ''
             or exists (from duckdb_tables() where sql ilike '%collate%')
             or exists (from duckdb_views() where not internal and sql ilike '%collate%')",
        [],
        |row| row.get(0),
    )
}

/// Names of macros and types that users made.
pub(super) fn definitions(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "select function_name from duckdb_functions() where not internal
         union select type_name from duckdb_types() where not internal
         order by all",
    )?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// All views that users made, with their statements in lower case.
pub(super) fn views(connection: &Connection) -> Result<Vec<(Relation, String)>> {
    let mut statement = connection.prepare(
        "select database_name, schema_name, view_name, lower(sql) from duckdb_views()
         where not internal and not temporary and sql is not null
         order by all",
    )?;
    let view = |row: &Row<'_>| {
        let (database, schema, name): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((Relation::new(database, schema, name), row.get(3)?))
    };
    statement.query_map([], view)?.collect()
}

fn catalog_sql(databases: &[String]) -> String {
    let names: Vec<String> = databases.iter().map(|it| quote_literal(it)).collect();
    let filter = if names.is_empty() {
        format!(" and not starts_with(database_name, '{AHEAD}')")
    } else {
        format!(" and database_name in ({})", names.join(", "))
    };
    format!(
        "select database_name, schema_name, table_name as name, true as is_table, estimated_size
         from duckdb_tables()
         where not internal and not temporary{filter}
         union all
         select database_name, schema_name, view_name, false, null
         from duckdb_views()
         where not internal and not temporary{filter}
         order by all"
    )
}

fn catalog_entry(row: &Row<'_>) -> ::duckdb::Result<CatalogEntry> {
    let (database, schema, name): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let kind = if row.get(3)? { RelationKind::Table } else { RelationKind::View };
    let estimated_rows = row.get::<_, Option<i64>>(4)?.and_then(|it| u64::try_from(it).ok());
    Ok(CatalogEntry { relation: Relation::new(database, schema, name), kind, estimated_rows })
}
