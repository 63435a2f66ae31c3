//! Constraints of contracts as SQL.

use minijinja::{Error, Value};
use serde_json::Value as Json;

use super::AdapterObject;
use crate::node::quote_identifier;
use crate::template::fault::bad_call;
use crate::template::tables::table::Table;
use crate::template::values::arguments::Arguments;
use crate::template::values::convert::to_json;
use crate::template::values::dict::Dict;
use crate::template::values::list::List;

impl AdapterObject {
    /// Methods about constraints and grants; `None` for any other.
    #[expect(clippy::unused_self, reason = "one of the groups of methods of the adapter")]
    pub(super) fn constraints(&self, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match method {
            "render_raw_columns_constraints" => {
                let given =
                    to_json(&Arguments::new("render_raw_columns_constraints", args).required("raw_columns")?);
                let columns = given.as_object().into_iter().flatten().map(|it| of_column(it.1));
                texts(columns.collect::<Result<Vec<_>, _>>()?)
            }
            "render_raw_model_constraints" => {
                let given = to_json(
                    &Arguments::new("render_raw_model_constraints", args).required("raw_constraints")?,
                );
                let constraints = given.as_array().into_iter().flatten().map(of_model);
                texts(constraints.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
            "standardize_grants_dict" => grants(args)?,
            _ => return Ok(None),
        }))
    }
}

fn texts(texts: Vec<String>) -> Value {
    List::value(texts.into_iter().map(Value::from).collect())
}

fn text<'a>(constraint: &'a Json, key: &str) -> &'a str {
    constraint.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn list(constraint: &Json, key: &str) -> String {
    let items = constraint.get(key).and_then(Json::as_array).into_iter().flatten();
    items.filter_map(Json::as_str).collect::<Vec<_>>().join(", ")
}

/// A column with its type and its constraints.
fn of_column(column: &Json) -> Result<String, Error> {
    let name = text(column, "name");
    let is_quoted = column.get("quote").and_then(Json::as_bool).unwrap_or(false);
    let name = if is_quoted { quote_identifier(name) } else { name.to_owned() };
    let mut parts = vec![name, text(column, "data_type").to_owned()];
    for constraint in column.get("constraints").and_then(Json::as_array).into_iter().flatten() {
        let expression = text(constraint, "expression");
        let written = match text(constraint, "type") {
            "check" if !expression.is_empty() => format!("check ({expression})"),
            "check" => continue,
            "not_null" => format!("not null {expression}"),
            "unique" => format!("unique {expression}"),
            "primary_key" => format!("primary key {expression}"),
            "foreign_key" => format!("references {}", target(constraint)),
            "custom" => expression.to_owned(),
            other => return Err(unknown(other)),
        };
        parts.push(written.trim().to_owned());
    }
    parts.retain(|it| !it.is_empty());
    Ok(parts.join(" "))
}

/// A constraint of several columns.
fn of_model(constraint: &Json) -> Result<Option<String>, Error> {
    let prefix = match text(constraint, "name") {
        "" => String::new(),
        name => format!("constraint {name} "),
    };
    let (expression, columns) = (text(constraint, "expression"), list(constraint, "columns"));
    let behind = if expression.is_empty() { String::new() } else { format!(" {expression}") };
    Ok(Some(match text(constraint, "type") {
        "check" if !expression.is_empty() => format!("{prefix}check ({expression})"),
        "unique" => format!("{prefix}unique{behind} ({columns})"),
        "primary_key" => format!("{prefix}primary key{behind} ({columns})"),
        "foreign_key" => format!("{prefix}foreign key ({columns}) references {}", target(constraint)),
        "custom" if !expression.is_empty() => format!("{prefix}{expression}"),
        "check" | "not_null" | "custom" => return Ok(None),
        other => return Err(unknown(other)),
    }))
}

/// What a foreign key points at. DuckDB takes no database there.
fn target(constraint: &Json) -> String {
    let (to, columns) = (text(constraint, "to"), list(constraint, "to_columns"));
    if to.is_empty() || columns.is_empty() {
        return text(constraint, "expression").to_owned();
    }
    let without_database = match to.split('.').collect::<Vec<_>>().as_slice() {
        [_, rest @ ..] if rest.len() > 1 => rest.join("."),
        _ => to.to_owned(),
    };
    format!("{without_database} ({columns})")
}

fn unknown(kind: &str) -> Error {
    bad_call(format!("`{kind}` is not a type of constraint"))
}

/// Privileges, each with those who have it.
fn grants(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("standardize_grants_dict", args).required("grants_table")?;
    let Some(table) = given.downcast_object_ref::<Table>() else {
        return Err(bad_call("`standardize_grants_dict()` needs a result table"));
    };
    let place = |name: &str| table.names().iter().position(|it| it == name);
    let (Some(grantee), Some(privilege)) = (place("grantee"), place("privilege_type")) else {
        return Err(bad_call("`standardize_grants_dict()` needs the columns `grantee` and `privilege_type`"));
    };
    let mut grants: indexmap::IndexMap<Value, Vec<Value>> = indexmap::IndexMap::new();
    for row in table.rows() {
        grants.entry(row[privilege].clone()).or_default().push(row[grantee].clone());
    }
    Ok(Dict::value(grants.into_iter().map(|(privilege, grantees)| (privilege, List::value(grantees)))))
}
