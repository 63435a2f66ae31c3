//! `exceptions`: messages that stop the run, and warnings.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use crate::diagnostics::suggest;
use crate::template::fault::{fail, fail_with_help};
use crate::template::session::Session;
use crate::template::values::arguments::{Arguments, split};
use crate::template::values::print;

const METHODS: &[&str] = &[
    "column_type_missing",
    "missing_config",
    "missing_materialization",
    "missing_relation",
    "raise_ambiguous_alias",
    "raise_ambiguous_catalog_match",
    "raise_cache_inconsistent",
    "raise_compiler_error",
    "raise_contract_error",
    "raise_database_error",
    "raise_dataclass_not_dict",
    "raise_dep_not_found",
    "raise_dependency_error",
    "raise_duplicate_patch_name",
    "raise_duplicate_resource_name",
    "raise_fail_fast_error",
    "raise_invalid_property_yml_version",
    "raise_not_implemented",
    "relation_wrong_type",
    "warn",
    "warn_snapshot_timestamp_data_types",
];

/// `exceptions`.
#[derive(Debug)]
pub(super) struct ExceptionsObject {
    session: Arc<Session>,
}

impl ExceptionsObject {
    /// The object as a value.
    pub(super) fn value(session: &Arc<Session>) -> Value {
        Value::from_object(Self { session: Arc::clone(session) })
    }

    fn warn(&self, message: &str) -> Value {
        self.session.context.host.warn(message);
        Value::from("")
    }
}

impl Object for ExceptionsObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if !METHODS.contains(&method) {
            let help = suggest::did_you_mean(method, METHODS.iter().copied());
            let message = format!("`exceptions` has no method `{method}`");
            return Err(fail_with_help("template-call", message, help));
        }
        match method {
            "warn" => Ok(self.warn(&first_text(method, args))),
            "warn_snapshot_timestamp_data_types" => {
                let mut args = Arguments::new("warn_snapshot_timestamp_data_types", args);
                let there = args.required("snapshot_time_data_type")?;
                let updated = args.required("updated_at_data_type")?;
                Ok(self.warn(&format!(
                    "the type of the snapshot's time columns ({there}) is not that of `updated_at` ({updated})"
                )))
            }
            "raise_contract_error" => Err(contract_error(args)?),
            _ => Err(fail(code(method), message(method, args)?)),
        }
    }
}

fn code(method: &str) -> &'static str {
    match method {
        "missing_config" => "missing-config",
        _ => "compilation-error",
    }
}

/// The first argument, under whatever name.
fn first_text(method: &str, args: &[Value]) -> String {
    let message = args.first().filter(|it| !it.is_kwargs()).map(print::text);
    let message = message.or_else(|| split(args).1.first().map(|it| print::text(&it.1)));
    message.unwrap_or_else(|| method.to_owned())
}

fn message(method: &str, args: &[Value]) -> Result<String, Error> {
    let mut arguments = Arguments::new("exceptions", args);
    let mut part = |name: &str| arguments.required(name);
    let of = |value: &Value, key: &str| value.get_attr(key).map(|it| print::text(&it)).unwrap_or_default();
    Ok(match method {
        "missing_config" => {
            let (model, name) = (part("model")?, part("name")?);
            format!("`{}` needs the config `{name}`, which is not set", of(&model, "unique_id"))
        }
        "missing_materialization" => {
            let (model, engine) = (part("model")?, part("adapter_type")?);
            let name = model.get_attr("config").map(|it| of(&it, "materialized")).unwrap_or_default();
            format!("there is no materialization `{name}` for {engine}")
        }
        "missing_relation" => format!("the relation {} is not there", part("relation")?),
        "relation_wrong_type" => {
            let (relation, wanted) = (part("relation")?, part("expected_type")?);
            let kind = of(&relation, "type");
            format!("{relation} is a {kind}, where a {wanted} is wanted; drop it or rename it")
        }
        "column_type_missing" => {
            let names = part("column_names")?;
            let names: Vec<String> = names.try_iter()?.map(|it| format!("`{it}`")).collect();
            format!("a contract needs the types of all columns: {} have none", names.join(", "))
        }
        "raise_ambiguous_alias" | "raise_duplicate_resource_name" => {
            let (first, second) = (part("node_1")?, part("node_2")?);
            format!("`{}` and `{}` have the same name", of(&first, "unique_id"), of(&second, "unique_id"))
        }
        "raise_ambiguous_catalog_match" => {
            format!("`{}` has several relations in the warehouse", part("unique_id")?)
        }
        "raise_dep_not_found" => {
            let (node, what, package) = (part("node")?, part("node_description")?, part("required_pkg")?);
            format!("{what} of `{}` needs the package `{package}`", of(&node, "name"))
        }
        "raise_duplicate_patch_name" => {
            let (patch, other) = (part("patch_1")?, part("existing_patch_path")?);
            format!(
                "`{}` is described twice: in {} and in {other}",
                of(&patch, "name"),
                of(&patch, "original_file_path")
            )
        }
        "raise_invalid_property_yml_version" => {
            let (path, issue) = (part("path")?, part("issue")?);
            format!("{path} cannot be read: {issue}")
        }
        _ => first_text(method, args),
    })
}

/// A query that does not keep its contract: what is wrong, column by column.
fn contract_error(args: &[Value]) -> Result<Error, Error> {
    let mut args = Arguments::new("raise_contract_error", args);
    let (promised, made) = (args.required("yaml_columns")?, args.required("sql_columns")?);
    args.finish()?;
    let columns = |value: &Value| -> Result<Vec<(String, String)>, Error> {
        let column = |it: Value| Ok((text(&it, "name")?, text(&it, "data_type")?));
        value.try_iter()?.map(column).collect()
    };
    let (promised, made) = (columns(&promised)?, columns(&made)?);
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let mut faults: Vec<String> = Vec::new();
    for (name, kind) in &made {
        match promised.iter().find(|it| same(&it.0, name)) {
            None => faults.push(format!("`{name}` ({kind}) is in the query, but not in the contract")),
            Some((_, wanted)) if !same(wanted, kind) => {
                faults.push(format!("`{name}` is {kind}, but the contract says {wanted}"));
            }
            Some(_) => {}
        }
    }
    for (name, kind) in promised.iter().filter(|it| !made.iter().any(|other| same(&it.0, &other.0))) {
        faults.push(format!("`{name}` ({kind}) is in the contract, but not in the query"));
    }
    let message = format!("the query does not keep its contract\n{}", faults.join("\n"));
    Ok(fail("contract-failed", message))
}

fn text(value: &Value, key: &str) -> Result<String, Error> {
    value.get_attr(key).map(|it| print::text(&it))
}
