//! Snapshots and incremental models: checks and choices that dbt leaves to the adapter.

use minijinja::{Error, Value};

use super::AdapterObject;
use crate::diagnostics::suggest;
use crate::template::context::relation::RelationObject;
use crate::template::fault::{bad_call, fail, fail_with_help};
use crate::template::macros::MacroObject;
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;

const STRATEGIES: &[&str] = &["append", "delete+insert", "merge", "microbatch"];

impl AdapterObject {
    /// Methods of materializations; `None` for any other.
    pub(super) fn snapshots(&self, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match method {
            "valid_incremental_strategies" => {
                List::value(STRATEGIES.iter().map(|it| Value::from(*it)).collect())
            }
            "get_incremental_strategy_macro" => self.strategy_macro(args)?,
            "get_hard_deletes_behavior" => hard_deletes(args)?,
            "valid_snapshot_target" | "assert_valid_snapshot_target_given_strategy" => {
                self.check_snapshot(method, args)?
            }
            _ => return Ok(None),
        }))
    }

    /// The macro `get_incremental_..._sql` of a strategy, built in or the project's own.
    fn strategy_macro(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("get_incremental_strategy_macro", args);
        args.required("model_context")?;
        let strategy = args.optional("strategy").filter(|it| !it.is_none());
        args.finish()?;
        let strategy = strategy.map_or_else(|| "default".to_owned(), |it| it.to_string());
        if strategy == "insert_overwrite" {
            let message = "the incremental strategy `insert_overwrite` does not work with DuckDB";
            return Err(fail_with_help("template-call", message, None));
        }
        let name = format!("get_incremental_{}_sql", strategy.replace('+', "_"));
        let session = &self.session;
        let found = session.library.anywhere(&session.main.package, &name);
        found.map(|it| MacroObject::value(session, it)).ok_or_else(|| {
            let message = format!("no macro `{name}` is there for the incremental strategy `{strategy}`");
            let help = suggest::did_you_mean(&strategy, STRATEGIES.iter().copied());
            fail_with_help("unknown-macro", message, help)
        })
    }

    fn check_snapshot(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("valid_snapshot_target", args);
        let relation = RelationObject::from_argument(&args.required("relation")?, method, "relation")?;
        let names = args.optional("column_names").filter(|it| !it.is_none());
        let strategy = args.optional("strategy");
        args.finish()?;
        let there = self.columns_of(method, &relation)?;
        let mut wanted = vec!["dbt_scd_id", "dbt_valid_from", "dbt_valid_to"];
        let hard_deletes = strategy.and_then(|it| it.get_attr("hard_deletes").ok());
        if hard_deletes.is_some_and(|it| it.as_str() == Some("new_record")) {
            wanted.push("dbt_is_deleted");
        }
        let name_of = |column: &str| {
            let given = names.as_ref().and_then(|it| it.get_attr(column).ok());
            given.and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_else(|| column.to_owned())
        };
        let is_missing = |it: &String| !there.iter().any(|column| column.name.eq_ignore_ascii_case(it));
        let missing: Vec<String> = wanted.into_iter().map(name_of).filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(Value::from(()));
        }
        let message =
            format!("{} is no snapshot: it has no column `{}`", relation.sql(), missing.join("`, `"));
        Err(fail("compilation-error", message))
    }
}

/// What becomes of rows that are gone: `ignore`, `invalidate` or `new_record`.
fn hard_deletes(args: &[Value]) -> Result<Value, Error> {
    let config = Arguments::new("get_hard_deletes_behavior", args).required("config")?;
    let get = |key: &str| config.get_attr(key).ok().filter(|it| !it.is_undefined() && !it.is_none());
    let (old, new) = (get("invalidate_hard_deletes"), get("hard_deletes"));
    if old.is_some() && new.is_some() {
        return Err(bad_call("`invalidate_hard_deletes` and `hard_deletes` cannot both be set"));
    }
    if old.is_some_and(|it| it.is_true()) {
        return Ok(Value::from("invalidate"));
    }
    match new.as_ref().map(|it| it.as_str().unwrap_or_default()) {
        None => Ok(Value::from("ignore")),
        Some(behaviour @ ("ignore" | "invalidate" | "new_record")) => Ok(Value::from(behaviour)),
        Some(other) => {
            Err(bad_call(format!("`hard_deletes` is `ignore`, `invalidate` or `new_record`, not `{other}`")))
        }
    }
}
