//! Columns of relations and queries.

use minijinja::{Error, Value};

use super::AdapterObject;
use crate::template::context::column::ColumnObject;
use crate::template::context::relation::RelationObject;
use crate::template::context::results;
use crate::template::fault::{Fault, bad_call};
use crate::template::tables::table::{Kind, Table};
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;
use crate::template::values::print;

impl AdapterObject {
    /// Methods about columns; `None` for any other.
    pub(super) fn columns(&self, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match method {
            "get_columns_in_relation" => {
                let given = Arguments::new("get_columns_in_relation", args).required("relation")?;
                let relation = RelationObject::from_argument(&given, method, "relation")?;
                columns(self.columns_of(method, &relation)?)
            }
            "get_columns_in_table" => {
                let mut args = Arguments::new("get_columns_in_table", args);
                let (schema, name) = (args.text("schema_name")?, args.text("table_name")?);
                let relation = RelationObject::new([None, Some(schema), Some(name)], None);
                columns(self.columns_of(method, &relation)?)
            }
            "get_missing_columns" => {
                let (from, to) = two_relations("get_missing_columns", args)?;
                let there = self.columns_of(method, &to)?;
                let is_missing = |it: &ColumnObject| !there.iter().any(|other| other.name == it.name);
                columns(self.columns_of(method, &from)?.into_iter().filter(is_missing).collect())
            }
            // DuckDB has no lengths of texts that could be too short.
            "expand_target_column_types" => {
                two_relations("expand_target_column_types", args)?;
                Value::from(())
            }
            "get_column_schema_from_query" => {
                let sql = Arguments::new("get_column_schema_from_query", args).required("sql")?;
                let call = "adapter.get_column_schema_from_query";
                let found = results::describe(&self.session, call, &print::text(&sql))?;
                columns(found.into_iter().map(ColumnObject::of).flat_map(ColumnObject::flatten).collect())
            }
            "convert_type" => convert_type(args)?,
            "convert_datetimes_to_strs" => {
                Arguments::new("convert_datetimes_to_strs", args).required("table")?
            }
            _ => return Ok(None),
        }))
    }

    /// A relation that is not there has no columns.
    pub(super) fn columns_of(
        &self,
        method: &str,
        relation: &RelationObject,
    ) -> Result<Vec<ColumnObject>, Error> {
        let sql = format!("select * from {}", relation.sql());
        match results::describe(&self.session, &format!("adapter.{method}"), &sql) {
            Ok(columns) => Ok(columns.into_iter().map(ColumnObject::of).collect()),
            Err(error) if Fault::message_of(&error).is_some_and(|it| it.contains("does not exist")) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

fn two_relations(method: &'static str, args: &[Value]) -> Result<(RelationObject, RelationObject), Error> {
    let mut args = Arguments::new(method, args);
    let (from, to) = (args.required("from_relation")?, args.required("to_relation")?);
    args.finish()?;
    let from = RelationObject::from_argument(&from, method, "from_relation")?;
    Ok((from, RelationObject::from_argument(&to, method, "to_relation")?))
}

fn columns(columns: Vec<ColumnObject>) -> Value {
    List::value(columns.into_iter().map(ColumnObject::into_value).collect())
}

/// The type of the engine for a column of a result table.
fn convert_type(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("convert_type", args);
    let (table, index) = (args.required("agate_table")?, args.required("col_idx")?);
    args.finish()?;
    let Some(table) = table.downcast_object_ref::<Table>() else {
        return Err(bad_call("`convert_type()` needs a result table"));
    };
    let kind = index.as_usize().and_then(|it| table.kinds().get(it));
    let kind = kind.ok_or_else(|| bad_call(format!("the table has no column {index}")))?;
    Ok(Value::from(match kind {
        Kind::Integer => "integer",
        Kind::Number => "float8",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::DateTime => "timestamp without time zone",
        Kind::Text => "text",
    }))
}
