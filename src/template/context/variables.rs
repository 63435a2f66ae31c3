//! dbt's variables: what is no function.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::Value as Json;

use super::graph_view::GraphToRead;
use super::{adapter, api, column, exceptions, functions};
use crate::template::fault::bad_call;
use crate::template::modules::ModulesObject;
use crate::template::modules::datetime::DateTime;
use crate::template::session::{Session, to_value};
use crate::template::values::convert::from_json;
use crate::template::values::dict::Dict;
use crate::template::values::list::List;
use crate::template::values::print;
use crate::template::{Engine, TemplateValue};

/// Version of dbt whose behaviour templates see.
const DBT_VERSION: &str = "1.11.16";

/// The variable of a name.
pub(super) fn find(session: &Arc<Session>, name: &str) -> Option<Value> {
    let context = &session.context;
    let relation = || context.this.clone().map(TemplateValue::Relation);
    let target = |key: &str| context.globals.target.get(key).map_or_else(|| Value::from(()), from_json);
    let none = || Value::from(());
    Some(match name {
        "this" => relation().map_or_else(none, |it| to_value(&it)),
        "model" => context.model.as_ref().map_or_else(none, model),
        "database" => {
            context.this.as_ref().map_or_else(|| target("database"), |it| Value::from(it.database.clone()))
        }
        "schema" => {
            context.this.as_ref().map_or_else(|| target("schema"), |it| Value::from(it.schema.clone()))
        }
        "target" | "env" => from_json(&context.globals.target),
        "flags" => from_json(&context.globals.flags),
        "graph" => session.graph(),
        "execute" => Value::from(session.is_execute()),
        "project_name" => Value::from(context.globals.project_name.as_str()),
        "invocation_id" => Value::from(context.globals.invocation_id.as_str()),
        "invocation_args_dict" => invocation_args(session),
        "selected_resources" => {
            List::value(context.host.selected_resources().into_iter().map(Value::from).collect())
        }
        "dbt_metadata_envs" => {
            let envs = context.host.metadata_envs().into_iter();
            Dict::value(envs.map(|(name, value)| (Value::from(name), Value::from(value))))
        }
        "run_started_at" => DateTime::value(&context.globals.run_started_at),
        "dbt_version" => Value::from(DBT_VERSION),
        "thread_id" => Value::from("main"),
        "sql_now" => Value::from("now()"),
        "var" => functions::VarObject::value(session),
        "adapter" => adapter::AdapterObject::value(session),
        "api" => api::ApiObject::value(session.context.globals.quoting),
        "column" => Value::from_object(column::ColumnClass),
        "exceptions" => exceptions::ExceptionsObject::value(session),
        "modules" => ModulesObject::value(session),
        "validation" => Value::from_object(Validation),
        _ => return None,
    })
}

/// `model`: plain data, but for the times of a batch, which are times as in Python.
fn model(model: &Json) -> Value {
    let Some(batch) = model.get("batch").and_then(Json::as_object) else { return from_json(model) };
    let entries = batch.iter().map(|(key, it)| {
        let is_time = key.starts_with("event_time");
        let shown = it.as_str().filter(|_| is_time).map_or_else(|| from_json(it), DateTime::value);
        (Value::from(key.as_str()), shown)
    });
    let whole = model.as_object().into_iter().flatten().filter(|it| it.0 != "batch");
    let whole = whole.map(|(key, it)| (Value::from(key.as_str()), from_json(it)));
    Dict::value(whole.chain([(Value::from("batch"), Dict::value(entries))]))
}

/// `graph`: empty where the project is not known yet.
pub(in crate::template) fn graph(session: &Session) -> Value {
    let host = &session.context.host;
    match host.graph() {
        Some(graph) if host.engine().is_some_and(Engine::is_trial) => from_json(&graph),
        Some(graph) if session.context.host.engine().is_some() => session.library.graph(&graph),
        Some(graph) => Value::from_object(GraphToRead(session.library.graph(&graph))),
        None => Dict::value(
            [
                "nodes",
                "sources",
                "exposures",
                "metrics",
                "groups",
                "semantic_models",
                "saved_queries",
                "functions",
            ]
            .map(|key| (Value::from(key), Dict::value([]))),
        ),
    }
}

/// The project's settings; undefined where there is no project.
pub(super) fn runtime_config(session: &Session) -> Value {
    let Some(config) = session.context.host.runtime_config() else { return Value::UNDEFINED };
    let settings = config.as_object().into_iter().flatten();
    let settings = settings.map(|(key, value)| (Value::from(key.as_str()), from_json(value)));
    Dict::value(settings.chain([(Value::from("args"), invocation_args(session))]))
}

/// What the command was told, under the names that dbt has for it.
fn invocation_args(session: &Session) -> Value {
    let flags = session.context.globals.flags.as_object();
    let lower =
        flags.into_iter().flatten().map(|(key, value)| (Value::from(key.to_lowercase()), from_json(value)));
    Dict::value(lower)
}

/// `validation`: `validation.any` makes functions that check a config.
#[derive(Debug)]
struct Validation;

impl Object for Validation {
    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "any" => Ok(Value::from_object(AnyOf(args.to_vec()))),
            _ => Err(bad_call(format!("`validation` has no method `{method}`"))),
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "any").then(|| Value::from_object(AnyOfMaker))
    }
}

/// `validation.any[...]`: templates write brackets here, and a type in them checks nothing.
#[derive(Debug)]
struct AnyOfMaker;

impl Object for AnyOfMaker {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from_object(AnyOf(vec![key.clone()])))
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Ok(Value::from_object(AnyOf(args.to_vec())))
    }
}

/// Checks that a value is one of several.
#[derive(Debug)]
struct AnyOf(Vec<Value>);

impl Object for AnyOf {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let value = args.first().cloned().unwrap_or_default();
        // Python's types are no values of templates, so they are undefined here.
        if self.0.iter().any(|it| *it == value || it.is_undefined()) {
            return Ok(Value::from(()));
        }
        let wanted: Vec<String> = self.0.iter().map(print::text).collect();
        Err(bad_call(format!("{} is not one of {}", print::repr(&value), wanted.join(", "))))
    }
}
