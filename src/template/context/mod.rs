//! What dbt puts into every template: functions, objects and variables by name.
//!
//! Each value is made when a template asks for its name, and answers through the session's host. What needs
//! the warehouse asks the host's engine; without one it fails with the code `needs-warehouse`.
//! Deliberately absent: macros (they win over these names, see `session`).

mod adapter;
mod api;
mod column;
mod exceptions;
pub(super) mod functions;
mod graph_view;
mod references;
pub(super) mod relation;
mod relation_class;
mod results;
mod variables;

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::session::{Scope, Session};
use super::unit::{Site, Unit};
use crate::diagnostics::Span;

/// The names, for suggestions.
pub(super) const NAMES: &[&str] = &[
    "adapter",
    "api",
    "builtins",
    "column",
    "config",
    "context",
    "database",
    "dbt_metadata_envs",
    "dbt_version",
    "diff_of_two_dicts",
    "doc",
    "env_var",
    "exceptions",
    "execute",
    "flags",
    "fromjson",
    "fromyaml",
    "function",
    "graph",
    "invocation_args_dict",
    "invocation_id",
    "is_incremental",
    "load_agate_table",
    "load_result",
    "local_md5",
    "log",
    "model",
    "modules",
    "noop_statement",
    "print",
    "project_name",
    "ref",
    "render",
    "return",
    "run_query",
    "run_started_at",
    "schema",
    "selected_resources",
    "set",
    "set_strict",
    "source",
    "sql_now",
    "statement",
    "store_raw_result",
    "store_result",
    "submit_python_job",
    "target",
    "this",
    "thread_id",
    "tojson",
    "toyaml",
    "try_or_compiler_error",
    "validation",
    "var",
    "write",
    "zip",
    "zip_strict",
];

/// Where a call is written.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// The unit it is in.
    pub(super) unit: Arc<Unit>,
    /// Its parts.
    pub(super) site: Site,
}

impl Placed {
    /// Place of the last positional argument, or of the call.
    pub(super) fn argument(&self) -> Span {
        self.unit.span(self.site.argument.clone().unwrap_or_else(|| self.site.call.clone()))
    }

    /// Place of all positional arguments, or of the call.
    pub(super) fn arguments(&self) -> Span {
        self.unit.span(self.site.arguments.clone().unwrap_or_else(|| self.site.call.clone()))
    }

    /// Place of a keyword, or of the call.
    pub(super) fn keyword(&self, name: &str) -> Span {
        let keyword = self.site.keywords.iter().find(|it| it.0 == name);
        self.unit.span(keyword.map_or_else(|| self.site.call.clone(), |it| it.1.clone()))
    }
}

/// A call of one of dbt's functions.
pub(super) struct Call<'a, 'state, 'env> {
    /// The rendering.
    pub(super) session: &'a Arc<Session>,
    /// minijinja's state.
    pub(super) state: &'a mut State<'state, 'env>,
    /// The arguments as passed.
    pub(super) args: &'a [Value],
    /// Where it is written, for the functions where it matters.
    pub(super) placed: Option<&'a Placed>,
}

impl Call<'_, '_, '_> {
    /// Where to point for a call without a known place.
    pub(super) fn fallback(&self) -> Span {
        self.session.main.first_line()
    }
}

type Run = fn(&mut Call<'_, '_, '_>) -> Result<Value, Error>;

/// One of dbt's functions.
pub(super) struct Function {
    name: &'static str,
    session: Arc<Session>,
    placed: Option<Placed>,
    run: Run,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name)
    }
}

impl Function {
    /// A function as a value.
    pub(super) fn value(
        session: &Arc<Session>,
        name: &'static str,
        placed: Option<Placed>,
        run: Run,
    ) -> Value {
        Value::from_object(Self { name, session: Arc::clone(session), placed, run })
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// Packages find the project's settings as an attribute of `ref` and `source`.
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let has_config = matches!(self.name, "ref" | "source") && key.as_str() == Some("config");
        has_config.then(|| variables::runtime_config(&self.session))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let placed = self.placed.as_ref();
        (self.run)(&mut Call { session: &self.session, state, args, placed })
    }
}

/// Splits a numbered name such as `ref__at_3`, which tells where the call is written.
pub(super) fn split_placed(name: &str) -> (&str, Option<usize>) {
    match name.split_once("__at_").map(|(name, number)| (name, number.parse().ok())) {
        Some((name, Some(number))) => (name, Some(number)),
        _ => (name, None),
    }
}

/// dbt's value for a name in a unit.
pub(super) fn lookup(session: &Arc<Session>, unit: &Arc<Unit>, name: &str) -> Option<Value> {
    let (name, number) = split_placed(name);
    let site = number.and_then(|it| unit.sites.get(it));
    let placed = site.map(|site| Placed { unit: Arc::clone(unit), site: site.clone() });
    if name == "builtins" {
        return Some(Value::from_object(Builtins { session: Arc::clone(session), unit: Arc::clone(unit) }));
    }
    if name == "context" {
        return Some(Value::from_object(Everything(Scope::outer(session, unit))));
    }
    if let Some(value) = variables::find(session, name) {
        return Some(value);
    }
    if name == "config" {
        return Some(references::ConfigObject::value(session, placed));
    }
    let (name, run): (&'static str, Run) = match name {
        "ref" => ("ref", references::reference),
        "source" => ("source", references::source),
        "function" => ("function", references::function),
        _ => functions::find(name)?,
    };
    Some(Function::value(session, name, placed, run))
}

pub(super) use self::variables::graph;

/// What is a macro of dbt's own package and a function here: `dbt.run_query` and its like.
pub(super) fn macro_of_dbt(session: &Arc<Session>, name: &str) -> Option<Value> {
    let is_macro = matches!(name, "is_incremental" | "noop_statement" | "run_query" | "statement");
    let (name, run) = functions::find(name).filter(|_| is_macro)?;
    Some(Function::value(session, name, None, run))
}

/// `context`: everything that a template sees, by name.
#[derive(Debug)]
struct Everything(Scope);

impl Object for Everything {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.find(key.as_str()?)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match (method, args) {
            ("get", [key]) => Ok(self.get_value(key).unwrap_or_else(|| Value::from(()))),
            ("get", [key, default]) => Ok(self.get_value(key).unwrap_or_else(|| default.clone())),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// `builtins`: the functions as dbt has them, even where a macro has taken the name.
#[derive(Debug)]
struct Builtins {
    session: Arc<Session>,
    unit: Arc<Unit>,
}

impl Object for Builtins {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        lookup(&self.session, &self.unit, key.as_str()?)
    }
}
