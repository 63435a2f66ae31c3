//! Tables and views with their columns and comments, in one query.

use duckdb::{Connection, Row};

use crate::node::{Relation, RelationKind, quote_literal};
use crate::warehouse::{Column, RelationShape};

/// One row for each column, in the order of relations and columns.
pub(super) fn sql(database: &str) -> String {
    let database = quote_literal(database);
    format!(
        "with relations as (
             select schema_name, table_name as name, true as is_table, comment
             from duckdb_tables()
             where database_name = {database} and not internal and not temporary
             union all
             select schema_name, view_name, false, comment
             from duckdb_views()
             where database_name = {database} and not internal and not temporary
         )
         select {database}, r.schema_name, r.name, r.is_table, r.comment, c.column_name, c.data_type, c.comment
         from relations r
         join duckdb_columns() c
             on c.database_name = {database} and c.schema_name = r.schema_name and c.table_name = r.name
         order by r.schema_name, r.name, c.column_index"
    )
}

pub(super) fn read(connection: &Connection, sql: &str) -> duckdb::Result<Vec<RelationShape>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut shapes: Vec<RelationShape> = Vec::new();
    while let Some(row) = rows.next()? {
        let relation = relation(row)?;
        let column = Column { name: row.get(5)?, data_type: row.get(6)? };
        let column = (column, row.get(7)?);
        match shapes.last_mut() {
            Some(last) if last.relation == relation => last.columns.push(column),
            _ => shapes.push(RelationShape {
                relation,
                kind: if row.get(3)? { RelationKind::Table } else { RelationKind::View },
                comment: row.get(4)?,
                columns: vec![column],
            }),
        }
    }
    Ok(shapes)
}

fn relation(row: &Row<'_>) -> duckdb::Result<Relation> {
    let (database, schema, name): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Relation::new(database, schema, name))
}
