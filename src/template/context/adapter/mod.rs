//! `adapter`: dispatch, quoting, relations and what else dbt lets templates ask of an engine.
//!
//! `relations` and `columns` ask the warehouse, `constraints` and `snapshots` are pieces of SQL and checks,
//! `external` is what dbt-duckdb adds.

mod bindings;
mod columns;
mod constraints;
mod external;
mod relations;
mod snapshots;

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::Value as Json;

use super::relation::PARTS;
use super::relation_class::RelationClass;
use super::results;
use crate::diagnostics::suggest;
use crate::node::{Quoting, quote_identifier};
use crate::template::fault::{fail, fail_with_help};
use crate::template::macros::MacroObject;
use crate::template::session::Session;
use crate::template::tables::table::Table;
use crate::template::values::arguments::Arguments;
use crate::template::values::dict::Dict;
use crate::template::values::list::List;
use crate::template::values::print;

/// What a method answers while parsing, as in dbt.
#[derive(Clone, Copy, Debug)]
enum WhileParsing {
    /// The same as ever.
    Answer,
    /// None.
    Nothing,
    /// An empty list.
    List,
    /// False.
    False,
    /// No response and an empty table.
    Table,
}

use WhileParsing::{Answer, False, List as EmptyList, Nothing, Table as EmptyTable};

/// All methods.
const METHODS: &[(&str, WhileParsing)] = &[
    ("add_query", Nothing),
    ("already_exists", False),
    ("assert_valid_snapshot_target_given_strategy", Nothing),
    ("batch_id_for_model", Answer),
    ("begin", Nothing),
    ("cache_added", Answer),
    ("cache_dropped", Answer),
    ("cache_renamed", Answer),
    ("catalog_supports_foreign_keys", False),
    ("check_schema_exists", False),
    ("commit", Nothing),
    ("convert_datetimes_to_strs", Answer),
    ("convert_type", Answer),
    ("create_schema", Nothing),
    ("disable_transactions", Answer),
    ("dispatch", Answer),
    ("drop_relation", Nothing),
    ("drop_schema", Nothing),
    ("ensure_transaction", Nothing),
    ("escape_sql_string", Answer),
    ("execute", EmptyTable),
    ("existing_key_constraint_types", EmptyList),
    ("expand_target_column_types", Nothing),
    ("external_read_location", Answer),
    ("external_root", Answer),
    ("external_write_options", Answer),
    ("generate_unique_temporary_table_suffix", Answer),
    ("get_binding_char", Answer),
    ("get_column_schema_from_query", EmptyList),
    ("get_columns_in_relation", EmptyList),
    ("get_columns_in_table", EmptyList),
    ("get_hard_deletes_behavior", Nothing),
    ("get_incremental_strategy_macro", Nothing),
    ("get_missing_columns", EmptyList),
    ("get_relation", Nothing),
    ("get_seed_file_path", Answer),
    ("get_temp_relation_path", Answer),
    ("is_ducklake", False),
    ("is_motherduck", Answer),
    ("list_relations", EmptyList),
    ("list_relations_without_caching", EmptyList),
    ("list_schemas", EmptyList),
    ("load_relation", Nothing),
    ("location_exists", False),
    ("parse_index", Answer),
    ("quote", Answer),
    ("quote_as_configured", Answer),
    ("quote_seed_column", Answer),
    ("rename_relation", Nothing),
    ("render_raw_columns_constraints", Answer),
    ("render_raw_model_constraints", Answer),
    ("rollback", Nothing),
    ("run_sql_for_tests", Nothing),
    ("standardize_grants_dict", Answer),
    ("store_relation", Nothing),
    ("truncate_relation", Nothing),
    ("type", Answer),
    ("use_database", Nothing),
    ("use_ducklake_table_workarounds", Answer),
    ("valid_incremental_strategies", Answer),
    ("valid_snapshot_target", Nothing),
    ("verify_database", Answer),
    ("warn_once", Answer),
];

/// `adapter`.
#[derive(Debug)]
pub(super) struct AdapterObject {
    session: Arc<Session>,
}

impl AdapterObject {
    /// The object as a value.
    pub(super) fn value(session: &Arc<Session>) -> Value {
        Value::from_object(Self { session: Arc::clone(session) })
    }

    fn engine(&self) -> &str {
        self.target("type").and_then(Json::as_str).unwrap_or("duckdb")
    }

    /// A key of the target.
    fn target(&self, key: &str) -> Option<&Json> {
        self.session.context.globals.target.get(key)
    }

    /// The macro for this engine: `duckdb__name` or else `default__name`, in each package to search.
    fn dispatch(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("dispatch", args);
        let name = args.text("macro_name")?;
        let namespace = args.optional("macro_namespace").filter(|it| !it.is_none());
        args.finish()?;
        let namespace = namespace.map(|it| it.to_string());
        if let Some((package, name)) = name.split_once('.') {
            let message =
                format!("`adapter.dispatch('{package}.{name}')` names a package in the wrong place");
            let help = format!("write `adapter.dispatch('{name}', '{package}')`");
            return Err(crate::template::fault::fail_with_help("template-call", message, Some(help)));
        }
        let mut searched = Vec::new();
        for package in self.packages(namespace.as_deref()) {
            for prefix in [self.engine(), "default"] {
                let candidate = format!("{prefix}__{name}");
                if let Some(index) = self.find(package.as_deref(), &candidate) {
                    return Ok(MacroObject::value(&self.session, index));
                }
                searched.push(match &package {
                    Some(package) => format!("`{package}.{candidate}`"),
                    None => format!("`{candidate}`"),
                });
            }
        }
        let message = format!("no macro to dispatch `{name}` to: looked for {}", searched.join(", "));
        Err(fail("unknown-macro", message))
    }

    fn find(&self, package: Option<&str>, name: &str) -> Option<usize> {
        let library = &self.session.library;
        match package {
            None => library.visible(&self.session.main.package, name),
            Some(package) => library.in_package(package, name),
        }
    }

    fn packages(&self, namespace: Option<&str>) -> Vec<Option<String>> {
        let library = &self.session.library;
        let Some(namespace) = namespace else { return vec![None] };
        if let Some(order) = library.dispatch.get(namespace) {
            return order.iter().cloned().map(Some).collect();
        }
        // So too for the built-in package: any macro of the root project goes before its own, as in dbt.
        if library.has_package(namespace) {
            let mut packages = vec![Some(library.root().to_owned()), Some(namespace.to_owned())];
            packages.dedup();
            return packages;
        }
        vec![None]
    }
}

impl Object for AdapterObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "Relation" => Some(RelationClass::value(self.quoting())),
            "Column" => Some(Value::from_object(super::column::ColumnClass)),
            "behavior" => Some(Dict::value([])),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let Some((method, while_parsing)) = METHODS.iter().find(|it| it.0 == method) else {
            let help = suggest::did_you_mean(method, METHODS.iter().map(|it| it.0));
            return Err(fail_with_help("template-call", format!("`adapter` has no method `{method}`"), help));
        };
        if !self.session.is_execute() {
            match while_parsing {
                Answer => {}
                Nothing => return Ok(Value::from(())),
                EmptyList => return Ok(List::value(Vec::new())),
                False => return Ok(Value::from(false)),
                EmptyTable => return Ok(results::with_response(Table::empty().into_value(&self.session))),
            }
        }
        if let Some(index) = self.overriding(method) {
            return MacroObject::value(&self.session, index).call(state, args);
        }
        let found = self.answer(method, args)?;
        found
            .or_else_try(|| self.relations(method, args))?
            .or_else_try(|| self.columns(method, args))?
            .or_else_try(|| self.constraints(method, args))?
            .or_else_try(|| self.snapshots(method, args))?
            .or_else_try(|| self.external(method, args))
            .map(Option::unwrap_or_default)
    }
}

/// The first of several groups of methods that knows a method.
trait OrElseTry: Sized {
    fn or_else_try(self, next: impl FnOnce() -> Result<Self, Error>) -> Result<Self, Error>;
}

impl OrElseTry for Option<Value> {
    fn or_else_try(self, next: impl FnOnce() -> Result<Self, Error>) -> Result<Self, Error> {
        match self {
            Some(value) => Ok(Some(value)),
            None => next(),
        }
    }
}

/// Methods that are macros in dbt, so that a project may have its own.
const MACROS: &[&str] = &[
    "check_schema_exists",
    "create_schema",
    "drop_relation",
    "drop_schema",
    "get_columns_in_relation",
    "list_relations_without_caching",
    "list_schemas",
    "rename_relation",
    "truncate_relation",
];

impl AdapterObject {
    /// The macro of the root project that stands for a method.
    fn overriding(&self, method: &str) -> Option<usize> {
        if !MACROS.contains(&method) {
            return None;
        }
        let library = &self.session.library;
        let engine = self.engine();
        let names = [method.to_owned(), format!("{engine}__{method}"), format!("default__{method}")];
        // A macro that calls the method which it stands for means the method itself.
        let found = names.iter().find_map(|it| library.in_package(library.root(), it))?;
        (!self.session.is_running(found)).then_some(found)
    }

    /// How the project wants names to be written.
    fn quoting(&self) -> Quoting {
        self.session.context.globals.quoting
    }

    /// Dispatch, quoting and statements.
    fn answer(&self, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match method {
            "dispatch" => self.dispatch(args)?,
            "type" => Value::from(self.engine()),
            "quote" => {
                let name = Arguments::new("quote", args).required("identifier")?;
                Value::from(quote_identifier(&print::text(&name)))
            }
            "quote_as_configured" => {
                let mut args = Arguments::new("quote_as_configured", args);
                let (name, key) = (args.text("identifier")?, args.required("quote_key")?);
                args.finish()?;
                let part = PARTS.iter().position(|it| key.as_str() == Some(it));
                Value::from(if part.is_some_and(|it| self.quoting().parts()[it]) {
                    quote_identifier(&name)
                } else {
                    name
                })
            }
            "quote_seed_column" => {
                let mut args = Arguments::new("quote_seed_column", args);
                let name = args.text("column")?;
                let is_quoted = args.optional("quote_config").is_none_or(|it| it.is_none() || it.is_true());
                args.finish()?;
                Value::from(if is_quoted { quote_identifier(&name) } else { name })
            }
            "execute" => self.execute(args)?,
            "add_query" | "run_sql_for_tests" => {
                let mut args = Arguments::new("add_query", args);
                let sql = args.required("sql")?;
                let is_begun = args.optional("auto_begin");
                let values = args.optional("bindings").filter(|it| !it.is_none());
                if is_begun.is_none_or(|it| it.is_true()) {
                    results::begin(&self.session)?;
                }
                let sql = bindings::put_in(&print::text(&sql), values)?;
                results::execute(&self.session, &format!("adapter.{method}"), &sql, false)?;
                Value::from(minijinja::value::Tuple::from([Value::from(()), Value::from(())]))
            }
            "begin" | "ensure_transaction" => {
                results::begin(&self.session)?;
                Value::from("")
            }
            "commit" => {
                results::commit(&self.session)?;
                Value::from("")
            }
            // What a node did is taken back as a whole, and nothing is cached.
            "rollback" | "cache_added" | "cache_dropped" | "cache_renamed" | "verify_database" => {
                Value::from("")
            }
            _ => return Ok(None),
        }))
    }

    /// `execute(sql, auto_begin, fetch, limit)`: a response and a table.
    fn execute(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("execute", args);
        let sql = args.required("sql")?;
        if args.optional("auto_begin").is_some_and(|it| it.is_true()) {
            results::begin(&self.session)?;
        }
        let is_fetched = args.optional("fetch").is_some_and(|it| it.is_true());
        let limit = args.optional("limit").and_then(|it| it.as_usize());
        args.finish()?;
        let mut table = results::execute(&self.session, "adapter.execute", &print::text(&sql), is_fetched)?;
        table.truncate(limit.unwrap_or(usize::MAX));
        Ok(results::with_response(table.into_value(&self.session)))
    }
}
