//! Relations and schemas: what is there, and how it is changed.

use minijinja::{Error, Value};

use super::AdapterObject;
use crate::node::{quote_identifier, quote_literal};
use crate::template::context::relation::RelationObject;
use crate::template::context::results;
use crate::template::fault::bad_call;
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;
use crate::warehouse::{self, CatalogEntry};

impl AdapterObject {
    /// Methods about relations and schemas; `None` for any other.
    pub(super) fn relations(&self, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match method {
            "get_relation" => self.get_relation(args)?,
            "load_relation" => self.load_relation(args)?,
            "already_exists" => {
                let mut args = Arguments::new("already_exists", args);
                let (schema, name) = (args.required("schema")?, args.required("name")?);
                let database = self.target("database").and_then(|it| it.as_str()).map(Value::from);
                let found = self.there(method, database.as_ref(), &schema, Some(&name))?;
                Value::from(!found.is_empty())
            }
            "list_relations" => {
                let mut args = Arguments::new("list_relations", args);
                let (database, schema) = (args.required("database")?, args.required("schema")?);
                args.finish()?;
                relations(self.there(method, Some(&database), &schema, None)?)
            }
            "list_relations_without_caching" => {
                let given =
                    Arguments::new("list_relations_without_caching", args).required("schema_relation")?;
                let given = RelationObject::from_argument(&given, method, "schema_relation")?;
                let [database, schema, _] = given.path.map(Value::from);
                relations(self.there(method, Some(&database), &schema, None)?)
            }
            "list_schemas" => self.list_schemas(args)?,
            "check_schema_exists" => self.check_schema_exists(args)?,
            "create_schema" | "drop_schema" | "drop_relation" | "truncate_relation" => {
                self.change(method, args)?
            }
            "rename_relation" => self.rename(args)?,
            _ => return Ok(None),
        }))
    }

    fn get_relation(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("get_relation", args);
        let database = args.optional("database");
        let (schema, identifier) = (args.required("schema")?, args.required("identifier")?);
        args.finish()?;
        let found = self.there("get_relation", database.as_ref(), &schema, Some(&identifier))?;
        // DuckDB does not tell names apart by their case, but the exact one is meant if there are two.
        let exact = found.iter().position(|it| Some(it.relation.identifier.as_str()) == identifier.as_str());
        let found = found.into_iter().nth(exact.unwrap_or(0));
        Ok(found.map_or_else(|| Value::from(()), relation))
    }

    fn load_relation(&self, args: &[Value]) -> Result<Value, Error> {
        let given = Arguments::new("load_relation", args).required("relation")?;
        let given = RelationObject::from_argument(&given, "load_relation", "relation")?;
        let [database, schema, identifier] = given.path.map(Value::from);
        let found = self.there("load_relation", Some(&database), &schema, Some(&identifier))?;
        Ok(found.into_iter().next().map_or_else(|| Value::from(()), relation))
    }

    /// What the warehouse has in a schema, or under one name there.
    fn there(
        &self,
        method: &str,
        database: Option<&Value>,
        schema: &Value,
        identifier: Option<&Value>,
    ) -> Result<Vec<CatalogEntry>, Error> {
        let same = |own: &str, wanted: &Value| {
            wanted.as_str().is_none_or(|it| own.eq_ignore_ascii_case(it.trim_matches('"')))
        };
        let is_wanted = |entry: &CatalogEntry| {
            let relation = &entry.relation;
            let (own_database, own_schema) = (relation.database.as_deref(), relation.schema.as_deref());
            database.is_none_or(|it| same(own_database.unwrap_or_default(), it))
                && same(own_schema.unwrap_or_default(), schema)
                && identifier.is_none_or(|it| same(&relation.identifier, it))
        };
        let all = results::catalog(&self.session, &format!("adapter.{method}"))?;
        Ok(all.into_iter().filter(is_wanted).collect())
    }

    fn list_schemas(&self, args: &[Value]) -> Result<Value, Error> {
        let database = Arguments::new("list_schemas", args).optional("database").filter(|it| !it.is_none());
        let filter = database.map_or_else(String::new, |it| {
            format!(" where lower(database_name) = lower({})", quote_literal(&it.to_string()))
        });
        let sql = format!("select distinct schema_name from duckdb_schemas(){filter} order by all");
        let rows = results::ask(&self.session, "adapter.list_schemas", &sql)?.rows;
        let name = |row: Vec<warehouse::Value>| row.first().map(|it| Value::from(it.to_string()));
        Ok(List::value(rows.into_iter().filter_map(name).collect()))
    }

    fn check_schema_exists(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("check_schema_exists", args);
        let (database, schema) = (args.required("database")?, args.required("schema")?);
        args.finish()?;
        let part = |it: &Value| quote_literal(&it.to_string());
        let sql = format!(
            "select 1 from duckdb_schemas() \
             where lower(database_name) = lower({}) and lower(schema_name) = lower({}) limit 1",
            part(&database),
            part(&schema)
        );
        let rows = results::ask(&self.session, "adapter.check_schema_exists", &sql)?;
        Ok(Value::from(!rows.rows.is_empty()))
    }

    fn change(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("drop_relation", args);
        let given = args.required("relation")?;
        args.finish()?;
        let relation = RelationObject::from_argument(&given, method, "relation")?;
        let sql = match method {
            "create_schema" => format!("create schema if not exists {}", relation.schema_sql()),
            "drop_schema" => format!("drop schema if exists {} cascade", relation.schema_sql()),
            "truncate_relation" => format!("truncate table {}", relation.sql()),
            _ => {
                let kind = known_kind(&relation)?;
                format!("drop {kind} if exists {} cascade", relation.sql())
            }
        };
        results::ask(&self.session, &format!("adapter.{method}"), &sql)?;
        Ok(Value::from(()))
    }

    fn rename(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("rename_relation", args);
        let (from, to) = (args.required("from_relation")?, args.required("to_relation")?);
        args.finish()?;
        let from = RelationObject::from_argument(&from, "rename_relation", "from_relation")?;
        let to = RelationObject::from_argument(&to, "rename_relation", "to_relation")?;
        let kind = known_kind(if to.kind.is_some() { &to } else { &from })?;
        let name = quote_identifier(to.path[2].as_deref().unwrap_or_default());
        let sql = format!("alter {kind} {} rename to {name}", from.sql());
        results::ask(&self.session, "adapter.rename_relation", &sql)?;
        Ok(Value::from(()))
    }
}

/// The word for a relation's kind in a statement that changes it.
fn known_kind(relation: &RelationObject) -> Result<&str, Error> {
    match relation.kind.as_deref() {
        Some("external") => Ok("view"),
        Some(kind) => Ok(kind),
        None => {
            let message = format!("it is not known whether {} is a table or a view", relation.sql());
            Err(bad_call(format!("{message}: `type` is missing")))
        }
    }
}

fn relation(entry: CatalogEntry) -> Value {
    RelationObject::of(entry.relation, Some(entry.kind)).into_value()
}

fn relations(entries: Vec<CatalogEntry>) -> Value {
    List::value(entries.into_iter().map(relation).collect())
}
