//! What dbt-duckdb adds: files, attached databases, and what kind of database it is.

use minijinja::{Error, Value};
use serde_json::Value as Json;

use super::AdapterObject;
use crate::node::quote_literal;
use crate::template::context::relation::RelationObject;
use crate::template::context::results;
use crate::template::fault::{bad_call, fail};
use crate::template::values::arguments::Arguments;
use crate::template::values::dict::{Dict, entries_of};
use crate::template::values::list::List;
use crate::template::values::print;

impl AdapterObject {
    /// dbt-duckdb's own methods; `None` for any other.
    pub(super) fn external(&self, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match method {
            "is_motherduck" => Value::from(self.is_motherduck()),
            "is_ducklake" => Value::from(self.is_of_type(method, args, &["ducklake"])?),
            "catalog_supports_foreign_keys" => {
                let database = Arguments::new("catalog_supports_foreign_keys", args).required("database")?;
                Value::from(self.has_type(method, &print::text(&database), &["duckdb", "motherduck"])?)
            }
            "existing_key_constraint_types" => self.key_constraints(args)?,
            // Tidemill's DuckDB is newer than those that need them.
            "use_ducklake_table_workarounds" => Value::from(false),
            "disable_transactions" => {
                Value::from(self.target("disable_transactions").and_then(Json::as_bool).unwrap_or(false))
            }
            "get_binding_char" => Value::from("?"),
            "escape_sql_string" => {
                let text = Arguments::new("escape_sql_string", args).required("value")?;
                Value::from(print::text(&text).replace('\'', "''"))
            }
            "external_root" => {
                Value::from(self.target("external_root").and_then(Json::as_str).unwrap_or("."))
            }
            "external_write_options" => write_options(args)?,
            "external_read_location" => read_location(args)?,
            "location_exists" => self.location_exists(args)?,
            "generate_unique_temporary_table_suffix" => self.unique_suffix(args),
            "warn_once" => {
                let message = Arguments::new("warn_once", args).required("msg")?;
                self.session.context.host.warn(&print::text(&message));
                Value::from("")
            }
            "use_database" => {
                let name = Arguments::new("use_database", args).required("database")?;
                let sql = format!("use {}", crate::node::quote_identifier(&print::text(&name)));
                results::execute(&self.session, "adapter.use_database", &sql, false)?;
                Value::from("")
            }
            "batch_id_for_model" => batch_id(&Arguments::new("batch_id_for_model", args).required("model")?),
            "get_temp_relation_path" => self.temp_path(args)?,
            "get_seed_file_path" => {
                let model = Arguments::new("get_seed_file_path", args).required("model")?;
                match self.session.context.host.seed() {
                    Some(seed) => Value::from(seed.path.as_str()),
                    None => model.get_attr("original_file_path")?,
                }
            }
            "parse_index" => Arguments::new("parse_index", args).required("raw_index")?,
            "store_relation" => {
                return Err(fail(
                    "unsupported-call",
                    "`adapter.store_relation()` needs plugins, which need Python",
                ));
            }
            _ => return Ok(None),
        }))
    }

    fn is_motherduck(&self) -> bool {
        let path = self.target("path").and_then(Json::as_str).unwrap_or_default();
        path.starts_with("md:") || path.starts_with("motherduck:")
    }

    fn is_of_type(&self, method: &str, args: &[Value], types: &[&str]) -> Result<bool, Error> {
        let given = Arguments::new("is_ducklake", args).required("relation")?;
        let Some(relation) = given.downcast_object_ref::<RelationObject>() else { return Ok(false) };
        match &relation.path[0] {
            Some(database) => self.has_type(method, database, types),
            None => Ok(false),
        }
    }

    /// Whether an attached database is of one of these kinds.
    fn has_type(&self, method: &str, database: &str, types: &[&str]) -> Result<bool, Error> {
        let sql = format!(
            "select type from duckdb_databases() where lower(database_name) = lower({})",
            quote_literal(database)
        );
        let rows = results::ask(&self.session, &format!("adapter.{method}"), &sql)?;
        Ok(rows.rows.iter().flatten().any(|it| types.contains(&it.to_string().as_str())))
    }

    /// The kinds of keys that a table has now.
    fn key_constraints(&self, args: &[Value]) -> Result<Value, Error> {
        let method = "existing_key_constraint_types";
        let given = Arguments::new("existing_key_constraint_types", args).required("relation")?;
        let relation = RelationObject::from_argument(&given, method, "relation")?;
        let part = |index: usize| quote_literal(relation.path[index].as_deref().unwrap_or_default());
        let sql = format!(
            "select distinct lower(replace(constraint_type, ' ', '_')) from duckdb_constraints()
             where lower(database_name) = lower({}) and lower(schema_name) = lower({})
               and lower(table_name) = lower({})
               and constraint_type in ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY')
             order by all",
            part(0),
            part(1),
            part(2)
        );
        let rows = results::ask(&self.session, &format!("adapter.{method}"), &sql)?.rows;
        Ok(List::value(rows.into_iter().flatten().map(|it| Value::from(it.to_string())).collect()))
    }

    /// Files are looked for by name: a question that fails would end the node's transaction.
    fn location_exists(&self, args: &[Value]) -> Result<Value, Error> {
        let location = Arguments::new("location_exists", args).text("location")?;
        let call = "adapter.location_exists";
        if !location.starts_with("http:") && !location.starts_with("https:") {
            let sql = format!("select 1 from glob({}) limit 1", quote_literal(&location));
            return Ok(Value::from(!results::ask(&self.session, call, &sql)?.rows.is_empty()));
        }
        match results::describe(&self.session, call, &format!("select 1 from {}", quote_literal(&location))) {
            Ok(_) => Ok(Value::from(true)),
            Err(error) if crate::template::fault::is_needs_warehouse(&error) => Err(error),
            Err(_) => Ok(Value::from(false)),
        }
    }

    /// The same in each rendering of a node, and different for each node and run.
    fn unique_suffix(&self, args: &[Value]) -> Value {
        let prefix = Arguments::new("suffix", args).optional("suffix_initial");
        let prefix =
            prefix.filter(|it| !it.is_none()).map_or_else(|| "__dbt_tmp".to_owned(), |it| it.to_string());
        let id = self.session.context.globals.invocation_id.replace('-', "_");
        Value::from(format!("{prefix}_{id}"))
    }

    fn temp_path(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("get_temp_relation_path", args);
        let given =
            RelationObject::from_argument(&args.required("model")?, "get_temp_relation_path", "model")?;
        let batch = args.optional("batch_id").map(|it| it.to_string()).filter(|it| !it.is_empty());
        args.finish()?;
        let id = self.session.context.globals.invocation_id.rsplit('-').next().unwrap_or_default();
        let mut name = format!("{}__{id}", given.path[2].as_deref().unwrap_or_default());
        if let Some(batch) = batch {
            name.push_str("__");
            name.push_str(&batch);
        }
        Ok(Dict::value([
            (Value::from("schema"), Value::from("dbt_temp")),
            (Value::from("database"), Value::from(given.path[0].clone())),
            (Value::from("identifier"), Value::from(name)),
        ]))
    }
}

/// The start of a microbatch as part of a name; empty where there is none.
fn batch_id(model: &Value) -> Value {
    let batch = model.get_attr("batch").ok().filter(Value::is_true);
    let start = batch.and_then(|it| it.get_attr("event_time_start").ok()).filter(Value::is_true);
    Value::from(
        start.map_or_else(String::new, |it| print::text(&it).replace(['-', ':', '+'], "").replace(' ', "_")),
    )
}

/// The options of `copy ... to`, with dbt-duckdb's defaults.
fn write_options(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("external_write_options", args);
    let (location, given) = (args.text("write_location")?, args.required("rendered_options")?);
    args.finish()?;
    let mut options: Vec<(String, String)> =
        entries_of(&given)?.into_iter().map(|(key, value)| (key.to_string(), print::text(&value))).collect();
    let has = |options: &[(String, String)], key: &str| options.iter().any(|it| it.0 == key);
    if !has(&options, "format") {
        let lower = location.to_lowercase();
        let compression = [(".gz", "gzip"), (".zst", "zstd")].into_iter().find(|it| lower.ends_with(it.0));
        let stem = compression.map_or(lower.as_str(), |it| &lower[..lower.len() - it.0.len()]);
        let name = stem.rsplit('/').next().unwrap_or(stem);
        let extension = name.rsplit_once('.').map(|it| it.1).filter(|it| !it.is_empty());
        let format = match extension {
            Some(extension) => extension,
            None if has(&options, "delimiter") => "csv",
            None => "parquet",
        };
        options.push(("format".to_owned(), format.to_owned()));
        if let Some((_, method)) =
            compression.filter(|_| extension.is_some() && !has(&options, "compression"))
        {
            options.push(("compression".to_owned(), method.to_owned()));
        }
    }
    if options.iter().any(|it| it.0 == "format" && it.1 == "csv") && !has(&options, "header") {
        options.push(("header".to_owned(), "1".to_owned()));
    }
    let written = options.into_iter().map(|(key, value)| {
        let is_quoted = matches!(key.to_lowercase().as_str(), "delimiter" | "quote" | "escape" | "null");
        match key.as_str() {
            _ if is_quoted && !value.starts_with('\'') => format!("{key} '{value}'"),
            "partition_by" if value.contains(',') && !value.starts_with('(') => format!("{key} ({value})"),
            _ => format!("{key} {value}"),
        }
    });
    Ok(Value::from(written.collect::<Vec<_>>().join(", ")))
}

/// Where to read what was written: the files below a folder, if it was written in parts.
fn read_location(args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new("external_read_location", args);
    let (location, options) = (args.text("write_location")?, args.required("rendered_options")?);
    args.finish()?;
    if options.kind() != minijinja::value::ValueKind::Map {
        return Err(bad_call("`external_read_location()` needs a dictionary of options"));
    }
    let option = |key: &str| options.get_attr(key).ok().filter(Value::is_true).map(|it| print::text(&it));
    let partitions = option("partition_by").map_or(0, |it| it.split(',').count());
    if partitions == 0 && option("per_thread_output").is_none() {
        return Ok(Value::from(location));
    }
    let format = option("format").unwrap_or_else(|| "parquet".to_owned());
    Ok(Value::from(format!("{location}/*{}.{format}", "/*".repeat(partitions))))
}
