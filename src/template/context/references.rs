//! `ref()`, `source()` and `config()`: what a scan is after.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::relation::RelationObject;
use super::{Call, Placed};
use crate::diagnostics::Spanned;
use crate::template::fault::{bad_call, fail, refused};
use crate::template::session::Session;
use crate::template::values::arguments::{Arguments, split};
use crate::template::values::convert::{from_json, to_json};
use crate::template::values::dict::entries_of;
use crate::template::values::print;
use crate::template::{FunctionCall, RefCall, SourceCall};

/// `ref(name)`, `ref(package, name)`, both with `v=` or `version=`.
pub(super) fn reference(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (positional, named) = split(call.args);
    let (package, name) = match positional.as_slice() {
        [name] => (None, text("ref", "the name", name)?),
        [package, name] if package.is_none() => (None, text("ref", "the name", name)?),
        [package, name] => (Some(text("ref", "the package", package)?), text("ref", "the name", name)?),
        _ => {
            let message = format!("`ref()` takes one or two arguments, but got {}", positional.len());
            return Err(bad_call(message));
        }
    };
    if let Some((unknown, _)) = named.iter().find(|it| !matches!(it.0.as_str(), "v" | "version")) {
        return Err(bad_call(format!("`ref()` has no argument `{unknown}`")));
    }
    let version =
        ["version", "v"].iter().find_map(|key| named.iter().find(|it| it.0 == *key && it.1.is_true()));
    let version = version.map(|it| print::text(&it.1));
    let reference = RefCall { package, name, version };
    let span = call.placed.map_or_else(|| call.fallback(), Placed::argument);
    call.session.record_ref(reference.clone(), span);
    let relation = call.session.context.host.reference(&reference).map_err(refused)?;
    let rows = call.session.context.host.rows_of(&relation);
    Ok(RelationObject::of_rows(relation, rows))
}

/// `source(source, table)`.
pub(super) fn source(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (positional, named) = split(call.args);
    let [source, table] = positional.as_slice() else {
        let message = format!("`source()` takes two arguments, but got {}", positional.len());
        return Err(bad_call(message));
    };
    if let Some((unknown, _)) = named.first() {
        return Err(bad_call(format!("`source()` has no argument `{unknown}`")));
    }
    let source = text("source", "the source", source)?;
    let source = SourceCall { source, table: text("source", "the table", table)? };
    let span = call.placed.map_or_else(|| call.fallback(), Placed::arguments);
    call.session.record_source(source.clone(), span);
    let relation = call.session.context.host.source(&source).map_err(refused)?;
    let rows = call.session.context.host.rows_of(&relation);
    Ok(RelationObject::of_rows(relation, rows))
}

/// `function(name)`, `function(package, name)`.
pub(super) fn function(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (positional, named) = split(call.args);
    if let Some((unknown, _)) = named.first() {
        return Err(bad_call(format!("`function()` has no argument `{unknown}`")));
    }
    let (package, name) = match positional.as_slice() {
        [name] => (None, text("function", "the name", name)?),
        [package, name] if package.is_none() => (None, text("function", "the name", name)?),
        [package, name] => {
            (Some(text("function", "the package", package)?), text("function", "the name", name)?)
        }
        _ => {
            let message = format!("`function()` takes one or two arguments, but got {}", positional.len());
            return Err(bad_call(message));
        }
    };
    let function = FunctionCall { package, name };
    let span = call.placed.map_or_else(|| call.fallback(), Placed::argument);
    call.session.record_function(function.clone(), span);
    let relation = call.session.context.host.function(&function).map_err(refused)?;
    Ok(RelationObject::value(relation))
}

fn text(function: &str, what: &str, value: &Value) -> Result<String, Error> {
    value.as_str().map(str::to_owned).ok_or_else(|| {
        bad_call(format!("`{function}()` needs a text for {what}, not {}", print::kind_of(value)))
    })
}

/// `config`: callable, and with methods to read what is set.
#[derive(Debug)]
pub(super) struct ConfigObject {
    session: Arc<Session>,
    placed: Option<Placed>,
}

impl ConfigObject {
    /// The object as a value.
    pub(super) fn value(session: &Arc<Session>, placed: Option<Placed>) -> Value {
        Value::from_object(Self { session: Arc::clone(session), placed })
    }

    fn set(&self, args: &[Value]) -> Result<Value, Error> {
        let (positional, named) = split(args);
        let entries = match (positional.as_slice(), named.is_empty()) {
            ([], _) => named,
            ([options], true) => {
                let entries = entries_of(options)?;
                entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
            }
            _ => return Err(bad_call("`config()` takes either one dictionary or arguments by name")),
        };
        for (key, value) in entries {
            let span = match &self.placed {
                Some(placed) => placed.keyword(&key),
                None => self.session.main.first_line(),
            };
            self.session.record_config(Spanned::new(key, span), to_json(&value));
        }
        Ok(Value::from(""))
    }

    /// When parsing, dbt answers every question with an empty text: configs are not known yet.
    fn get(&self, method: &'static str, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new(method, args);
        let key = args.text("name")?;
        let default = if method.ends_with("get") { args.optional("default") } else { None };
        args.named("validator");
        if !self.session.is_execute() {
            return Ok(Value::from(""));
        }
        let host = &self.session.context.host;
        let found = if method.starts_with("meta") {
            host.config_get("meta").and_then(|it| it.get(&key).cloned())
        } else {
            host.config_get(&key)
        };
        match (found, default) {
            (Some(value), _) => Ok(from_json(&value)),
            (None, Some(default)) => Ok(default),
            (None, None) if method.ends_with("get") => Ok(Value::from(())),
            (None, None) => Err(fail("missing-config", format!("config `{key}` is required but not set"))),
        }
    }

    fn persists(&self, what: &str) -> Value {
        let docs = self.session.context.host.config_get("persist_docs");
        let is_on = docs.as_ref().and_then(|it| it.get(what)?.as_bool()).unwrap_or(false);
        Value::from(self.session.is_execute() && is_on)
    }
}

impl Object for ConfigObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.set(args)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "get" => self.get("get", args),
            "require" => self.get("require", args),
            "meta_get" => self.get("meta_get", args),
            "meta_require" => self.get("meta_require", args),
            "persist_relation_docs" => Ok(self.persists("relation")),
            "persist_column_docs" => Ok(self.persists("columns")),
            "set" => match args {
                [key, value] => {
                    let key = Spanned::new(key.to_string(), self.session.main.first_line());
                    self.session.record_config(key, to_json(value));
                    Ok(Value::from(""))
                }
                _ => Err(bad_call("`config.set()` takes a name and a value")),
            },
            _ => Err(bad_call(format!("`config` has no method `{method}`"))),
        }
    }
}
