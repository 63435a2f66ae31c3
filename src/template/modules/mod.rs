//! `modules`: the parts of Python's `datetime`, `pytz`, `re` and `itertools` that dbt lets templates use.
//!
//! Deliberately absent: a clock. What Python calls now is the time at which the run began, in UTC, so that a
//! run writes the same text wherever it asks.

pub(super) mod arithmetic;
mod classes;
pub(super) mod date;
pub(super) mod datetime;
mod itertools;
mod regex;
mod regex_flags;
mod regex_match;
mod time;
mod timedelta;
mod zone;

use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Error, ErrorKind, State, Value};

use self::classes::Class;
use self::itertools::Itertools;
use self::regex::RegexModule;
use self::zone::Pytz;
use super::fault::fail_with_help;
use super::session::Session;
use crate::diagnostics::suggest;

/// `modules`.
#[derive(Debug)]
pub(super) struct ModulesObject {
    session: Arc<Session>,
}

impl ModulesObject {
    /// The object as a value.
    pub(super) fn value(session: &Arc<Session>) -> Value {
        Value::from_object(Self { session: Arc::clone(session) })
    }
}

impl Object for ModulesObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "datetime" => Value::from_object(DatetimeModule { session: Arc::clone(&self.session) }),
            "pytz" => Value::from_object(Pytz),
            "re" => Value::from_object(RegexModule),
            "itertools" => Value::from_object(Itertools),
            _ => return None,
        })
    }
}

/// `modules.datetime`: its classes.
#[derive(Debug)]
struct DatetimeModule {
    session: Arc<Session>,
}

const CLASSES: &[&str] = &["date", "datetime", "time", "timedelta", "timezone"];

impl Object for DatetimeModule {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Class::value(key.as_str()?, &self.session.context.globals.run_started_at)
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match self.get_value(&Value::from(method)) {
            Some(class) => class.call(state, args),
            None => Err(unknown("modules.datetime", method, CLASSES)),
        }
    }
}

/// No function of a module has this name.
fn unknown(module: &str, name: &str, known: &[&str]) -> Error {
    let message = format!("`{module}` has no `{name}`");
    fail_with_help("template-call", message, suggest::did_you_mean(name, known.iter().copied()))
}

/// A value of a module has no such method.
fn unknown_method(what: &str, method: &str) -> Error {
    Error::new(ErrorKind::UnknownMethod, format!("{what} has no method `{method}`"))
}
