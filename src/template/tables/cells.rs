//! The engine's rows as values of the types that dbt gives them.

use std::sync::Arc;

use minijinja::Value;

use super::table::{Kind, Table};
use crate::template::modules::date::Date;
use crate::template::modules::datetime::DateTime;
use crate::template::values::decimal::Decimal;
use crate::warehouse::{self, Column, Rows};

/// A result of the engine as a table.
pub(in crate::template) fn table_of(rows: Rows) -> Table {
    let kinds: Vec<Kind> = rows.columns.iter().map(|it| kind_of(&it.data_type)).collect();
    let names = unique_names(&rows.columns);
    let short: Vec<bool> = rows.columns.iter().map(|it| it.data_type == "FLOAT").collect();
    let convert = |row: Vec<warehouse::Value>| -> Arc<Vec<Value>> {
        let widened =
            row.into_iter().zip(&short).map(|(value, short)| if *short { widen(value) } else { value });
        Arc::new(widened.zip(&kinds).map(|(value, kind)| cell(value, *kind)).collect())
    };
    Table::new(names, kinds.clone(), rows.rows.into_iter().map(convert).collect())
}

/// A number of four bytes with all digits that it has in eight, as Python shows it.
fn widen(value: warehouse::Value) -> warehouse::Value {
    match value {
        warehouse::Value::Float(number) => match number.to_string().parse::<f32>() {
            Ok(short) => warehouse::Value::Float(short.into()),
            Err(_) => warehouse::Value::Float(number),
        },
        other => other,
    }
}

/// As dbt does, a name that is there twice gets a number.
fn unique_names(columns: &[Column]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let before = columns[..names.len()].iter().filter(|it| it.name == column.name).count();
        names.push(match before {
            0 => column.name.clone(),
            _ => format!("{}_{}", column.name, before + 1),
        });
    }
    names
}

/// The kind of column that dbt makes of a type of the engine.
pub(in crate::template) fn kind_of(data_type: &str) -> Kind {
    let head = data_type.split('(').next().unwrap_or(data_type).trim();
    if data_type.ends_with(']') {
        return Kind::Text;
    }
    match head.to_uppercase().as_str() {
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" | "UTINYINT" | "USMALLINT" | "UINTEGER"
        | "UBIGINT" | "UHUGEINT" => Kind::Integer,
        "DECIMAL" | "FLOAT" | "DOUBLE" => Kind::Number,
        "BOOLEAN" => Kind::Boolean,
        "DATE" => Kind::Date,
        "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" | "TIMESTAMP WITH TIME ZONE" => {
            Kind::DateTime
        }
        _ => Kind::Text,
    }
}

/// Whether values of a type have parts, which dbt hands over as JSON.
pub(in crate::template) fn is_nested(data_type: &str) -> bool {
    data_type.ends_with(']') || data_type.starts_with("STRUCT(") || data_type.starts_with("MAP(")
}

fn cell(value: warehouse::Value, kind: Kind) -> Value {
    match value {
        warehouse::Value::Null => Value::from(()),
        warehouse::Value::Bool(value) => Value::from(value),
        warehouse::Value::Int(value) => Value::from(value),
        warehouse::Value::Float(value) => {
            Decimal::of_float(value).map_or_else(|| Value::from(value), Decimal::into_value)
        }
        warehouse::Value::Text(text) => match kind {
            Kind::Number | Kind::Integer => {
                Decimal::parse(&text).map_or_else(|| Value::from(text), Decimal::into_value)
            }
            Kind::Date => Date::parse(&text).map_or_else(|| Value::from(text), Date::into_value),
            Kind::DateTime => DateTime::parse(&text).map_or_else(|| Value::from(text), DateTime::into_value),
            Kind::Boolean | Kind::Text => Value::from(text),
        },
    }
}
