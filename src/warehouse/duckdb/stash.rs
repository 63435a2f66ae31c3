//! Rows that outlive a rollback: a Parquet file in the system's folder for temporary files.

use std::io;

use super::DuckDb;
use crate::node::{Relation, quote_identifier, quote_literal};
use crate::warehouse::{Column, ErrorKind, Stash, Warehouse as _, WarehouseError};

/// Types that Parquet keeps as they are; every other goes through its text.
const KEPT: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "BLOB",
];

pub(super) fn write(warehouse: &mut DuckDb, sql: &str) -> Result<Stash, WarehouseError> {
    let columns = warehouse.describe(sql)?;
    let file = tempfile::Builder::new().prefix("tidemill-").suffix(".parquet").tempfile();
    let file = file.map_err(|error| unavailable(&error))?.into_temp_path();
    let written: Vec<String> = columns.iter().map(written).collect();
    let statement = format!(
        "copy (select {} from ({sql}\n)) to {} (format parquet)",
        written.join(", "),
        quote_literal(&file.to_string_lossy())
    );
    warehouse.execute(&statement)?;
    Ok(Stash { columns, file })
}

pub(super) fn read(warehouse: &mut DuckDb, stash: &Stash, relation: &Relation) -> Result<(), WarehouseError> {
    let read: Vec<String> = stash.columns.iter().map(read_back).collect();
    let statement = format!(
        "create or replace table {} as select {} from read_parquet({})",
        relation.render(),
        read.join(", "),
        quote_literal(&stash.file.to_string_lossy())
    );
    warehouse.execute(&statement).map(|_| ())
}

fn is_kept(column: &Column) -> bool {
    KEPT.contains(&column.data_type.as_str()) || column.data_type.starts_with("DECIMAL(")
}

fn written(column: &Column) -> String {
    let name = quote_identifier(&column.name);
    if is_kept(column) { name } else { format!("cast({name} as varchar) as {name}") }
}

fn read_back(column: &Column) -> String {
    let name = quote_identifier(&column.name);
    if is_kept(column) { name } else { format!("cast({name} as {}) as {name}", column.data_type) }
}

fn unavailable(error: &io::Error) -> WarehouseError {
    WarehouseError {
        kind: ErrorKind::Unavailable,
        message: format!("a temporary file cannot be made: {error}"),
        position: None,
    }
}
