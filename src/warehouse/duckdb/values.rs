//! Brings results over from the engine: names, types and values of any type.
//!
//! Whole numbers, floats, truth values and texts are read as such; every other type is cast to text by
//! the engine, in a `select` around the query, so that a value is written as the engine writes it.

use ::duckdb::arrow::array::{Array, ArrayRef, RecordBatch};
use ::duckdb::arrow::datatypes::DataType;
use ::duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use ::duckdb::types::ValueRef;
use ::duckdb::{Connection, Error, Row, Statement};

use super::{DuckDb, failure};
use crate::warehouse::{Column, Rows, Value, WarehouseError};

const DESCRIBE: &str = "select column_name, column_type from (describe ";

/// Runs a prepared statement to its end and gives the number of rows it wrote, if it writes rows.
pub(super) fn rows_written(statement: &mut Statement<'_>) -> ::duckdb::Result<Option<u64>> {
    statement.execute([])?;
    // The engine answers a statement that writes with one row in one column of this name. What the
    // crate's `execute` returns is 0 for `create table as` and `copy`.
    let is_count = statement.column_count() == 1
        && statement.row_count() == 1
        && statement.column_name(0).is_ok_and(|it| it == "Count");
    if !is_count {
        return Ok(None);
    }
    let mut rows = statement.raw_query();
    let count = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?;
    Ok(count.and_then(|it| u64::try_from(it).ok()))
}

impl DuckDb {
    /// The columns of a `select`, and its text without semicolons at the end.
    ///
    /// The text goes into parentheses, so that a second statement is a syntax error and is not run.
    pub(super) fn describe_select<'a>(&self, sql: &'a str) -> ::duckdb::Result<(&'a str, Vec<Column>)> {
        match columns(&self.connection, sql) {
            Ok(columns) => Ok((sql, columns)),
            Err(error) => match cut_at_semicolon(&error, sql) {
                Some(sql) => Ok((sql, columns(&self.connection, sql)?)),
                None => Err(error),
            },
        }
    }

    pub(super) fn fail_describe(&self, error: Error, sql: &str) -> WarehouseError {
        failure::from_wrapped(error, sql, DESCRIBE.len(), &self.shared.manner)
    }

    /// Why a text could not be described: a syntax error is read again from the bare text, since in
    /// parentheses it is told of the closing one.
    pub(super) fn why_not_described(&self, error: Error, sql: &str) -> WarehouseError {
        // With a semicolon there may be several statements, and preparing the last one runs the others.
        if failure::is_parser_error(&error) && !sql.contains(';') {
            match self.connection.prepare(sql) {
                Ok(_) => return failure::not_a_query(),
                Err(error) => return self.fail(error, sql),
            }
        }
        self.fail_describe(error, sql)
    }

    /// The first row of a query, read as it comes; what is no basic type is written as text.
    pub(super) fn first_row(&self, sql: &str) -> ::duckdb::Result<Vec<Value>> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        while let Ok(value) = row.get_ref(values.len()) {
            values.push(match value {
                ValueRef::Null => Value::Null,
                ValueRef::Decimal(it) => Value::Text(it.to_string()),
                other => native(other).unwrap_or_else(|| Value::Text(format!("{other:?}"))),
            });
        }
        Ok(values)
    }

    /// Runs a `select` whose columns are known.
    pub(super) fn select(
        &self,
        sql: &str,
        columns: Vec<Column>,
        limit: Option<usize>,
    ) -> Result<Rows, WarehouseError> {
        let items: Vec<String> = columns
            .iter()
            .zip(1..)
            .map(|(column, n)| match Reading::of(&column.data_type) {
                Reading::Native => format!("#{n}"),
                Reading::Text | Reading::Int | Reading::Float => format!("#{n}::varchar"),
            })
            .collect();
        let before = format!("select {} from (", items.join(", "));
        let limit = limit.map_or(String::new(), |it| format!(" limit {it}"));
        // The line break ends a comment in the query's last line.
        let wrapped = format!("{before}{sql}\n){limit}");
        let read = || -> ::duckdb::Result<Vec<Vec<Value>>> {
            let mut statement = self.connection.prepare(&wrapped)?;
            let mut found = statement.query([])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                rows.push(read_row(row, &columns)?);
            }
            Ok(rows)
        };
        match read() {
            Ok(rows) => Ok(Rows { columns, rows }),
            Err(error) => Err(failure::from_wrapped(error, sql, before.len(), &self.shared.manner)),
        }
    }

    /// Runs a statement that gives rows but cannot stand in parentheses: `show`, `pragma`, `call`,
    /// `explain`, `insert ... returning`. Values of other than basic types are written by the Arrow crate.
    pub(super) fn select_bare(&self, sql: &str, limit: Option<usize>) -> Result<Rows, WarehouseError> {
        let read = || -> ::duckdb::Result<Rows> {
            let mut statement = self.connection.prepare(sql)?;
            let batches: Vec<RecordBatch> = statement.query_arrow([])?.collect();
            let columns = bare_columns(&statement);
            let mut rows = Vec::new();
            for batch in &batches {
                let left = limit.map_or(usize::MAX, |it| it - rows.len());
                for n in 0..batch.num_rows().min(left) {
                    rows.push(batch.columns().iter().map(|it| bare_value(it, n)).collect());
                }
            }
            Ok(Rows { columns, rows })
        };
        read().map_err(|error| self.fail(error, sql))
    }
}

fn columns(connection: &Connection, sql: &str) -> ::duckdb::Result<Vec<Column>> {
    let mut statement = connection.prepare(&format!("{DESCRIBE}{sql}\n)"))?;
    let columns = statement.query_map([], |row| Ok(Column { name: row.get(0)?, data_type: row.get(1)? }))?;
    columns.collect()
}

/// The text before the semicolon that ended the statement too early, if nothing follows it.
fn cut_at_semicolon<'a>(error: &Error, sql: &'a str) -> Option<&'a str> {
    let at = failure::unexpected_semicolon(error)?.checked_sub(DESCRIBE.len())?;
    let rest = sql.get(at..)?;
    is_blank(rest).then(|| &sql[..at])
}

/// Whether a text is only white space, semicolons and comments.
fn is_blank(text: &str) -> bool {
    without_blank_start(text, |it| it.is_whitespace() || it == ';').is_empty()
}

/// The text from the first character that is in no comment and not one of `blanks`.
fn without_blank_start(text: &str, blanks: impl Fn(char) -> bool) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(&blanks);
        let comment = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |it| it + 2)
        } else {
            return rest;
        };
        rest = &rest[comment..];
    }
}

/// Whether a text begins as a query does. `describe` would take other single words for table names.
pub(super) fn begins_as_query(sql: &str) -> bool {
    const WORDS: &[&str] = &["select", "with", "from", "values", "pivot", "unpivot", "table"];
    let start = without_blank_start(sql, |it| it.is_whitespace() || it == '(');
    let end = start.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(start.len());
    WORDS.iter().any(|it| it.eq_ignore_ascii_case(&start[..end]))
}

/// How a column's values come over.
enum Reading {
    Native,
    /// As text that is read as a whole number: wider than the engine's crate reads exactly.
    Int,
    /// As text that is read as a number, so that a short one stays short.
    Float,
    Text,
}

impl Reading {
    fn of(data_type: &str) -> Self {
        match data_type {
            "BOOLEAN" | "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT"
            | "UINTEGER" | "UBIGINT" | "DOUBLE" | "VARCHAR" => Reading::Native,
            "HUGEINT" | "UHUGEINT" => Reading::Int,
            "FLOAT" => Reading::Float,
            _ => Reading::Text,
        }
    }
}

fn read_row(row: &Row<'_>, columns: &[Column]) -> ::duckdb::Result<Vec<Value>> {
    columns.iter().enumerate().map(|(n, column)| read_value(row, n, &column.data_type)).collect()
}

fn read_value(row: &Row<'_>, n: usize, data_type: &str) -> ::duckdb::Result<Value> {
    let value = native(row.get_ref(n)?).unwrap_or(Value::Null);
    Ok(match (Reading::of(data_type), value) {
        (Reading::Int, Value::Text(text)) => text.parse().map_or(Value::Text(text), Value::Int),
        (Reading::Float, Value::Text(text)) => text.parse().map_or(Value::Text(text), Value::Float),
        (_, value) => value,
    })
}

/// A value of a type that needs no cast; `None` for any other.
fn native(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Boolean(it) => Value::Bool(it),
        ValueRef::TinyInt(it) => Value::Int(it.into()),
        ValueRef::SmallInt(it) => Value::Int(it.into()),
        ValueRef::Int(it) => Value::Int(it.into()),
        ValueRef::BigInt(it) => Value::Int(it.into()),
        ValueRef::HugeInt(it) => Value::Int(it),
        ValueRef::UTinyInt(it) => Value::Int(it.into()),
        ValueRef::USmallInt(it) => Value::Int(it.into()),
        ValueRef::UInt(it) => Value::Int(it.into()),
        ValueRef::UBigInt(it) => Value::Int(it.into()),
        ValueRef::Float(it) => Value::Float(it.into()),
        ValueRef::Double(it) => Value::Float(it),
        ValueRef::Text(it) => Value::Text(String::from_utf8_lossy(it).into_owned()),
        _ => return None,
    })
}

/// Names and types of a statement that was run and could not be described before.
fn bare_columns(statement: &Statement<'_>) -> Vec<Column> {
    statement
        .column_names()
        .into_iter()
        .enumerate()
        .map(|(n, name)| {
            let id = format!("{:?}", statement.column_logical_type(n).id());
            Column { name, data_type: id.to_uppercase() }
        })
        .collect()
}

fn bare_value(column: &ArrayRef, n: usize) -> Value {
    if column.is_null(n) {
        return Value::Null;
    }
    let options = FormatOptions::new().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let text = ArrayFormatter::try_new(column, &options)
        .and_then(|it| it.value(n).try_to_string())
        .unwrap_or_else(|error| error.to_string());
    let kind = column.data_type();
    if kind.is_integer() {
        text.parse().map_or(Value::Text(text), Value::Int)
    } else if kind.is_floating() {
        text.parse().map_or(Value::Text(text), Value::Float)
    } else if *kind == DataType::Boolean {
        Value::Bool(text == "true")
    } else {
        Value::Text(text)
    }
}
