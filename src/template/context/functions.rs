//! dbt's functions by name, and those that need no engine: variables, messages, conversions.

use std::fmt::Write as _;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::{Call, Function, Run, results};
use crate::template::fault::{bad_call, fail, is_needs_warehouse, refused, return_value};
use crate::template::session::{Scope, Session};
use crate::template::templates::template_unit;
use crate::template::values::arguments::{Arguments, split};
use crate::template::values::convert::{from_json, own, to_json};
use crate::template::values::json::dumps;
use crate::template::values::list::List;
use crate::template::values::print;
use crate::template::values::set::Set;
use crate::template::{TemplateSource, has_template_syntax};
use crate::yaml;

/// The function of a name.
pub(super) fn find(name: &str) -> Option<(&'static str, Run)> {
    Some(match name {
        "env_var" => ("env_var", env_var),
        "is_incremental" => ("is_incremental", is_incremental),
        "log" => ("log", log),
        "print" => ("print", print_message),
        "return" => ("return", return_call),
        "doc" => ("doc", doc),
        "render" => ("render", render),
        "fromjson" => ("fromjson", fromjson),
        "tojson" => ("tojson", tojson),
        "fromyaml" => ("fromyaml", fromyaml),
        "toyaml" => ("toyaml", toyaml),
        "set" => ("set", set),
        "set_strict" => ("set_strict", set_strict),
        "zip" => ("zip", zip),
        "zip_strict" => ("zip_strict", zip_strict),
        "local_md5" => ("local_md5", local_md5),
        "diff_of_two_dicts" => ("diff_of_two_dicts", diff_of_two_dicts),
        "run_query" => ("run_query", results::run_query),
        "statement" => ("statement", results::statement),
        "noop_statement" => ("noop_statement", results::noop_statement),
        "load_result" => ("load_result", results::load_result),
        "store_result" => ("store_result", results::store_result),
        "store_raw_result" => ("store_raw_result", results::store_raw_result),
        "load_agate_table" => ("load_agate_table", results::load_agate_table),
        "try_or_compiler_error" => ("try_or_compiler_error", try_or_compiler_error),
        "write" => ("write", write),
        "submit_python_job" => ("submit_python_job", submit_python_job),
        _ => return None,
    })
}

/// `return` under its private name.
pub(crate) fn return_function(session: &Arc<Session>) -> Value {
    Function::value(session, "return", None, return_call)
}

fn submit_python_job(_call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Err(fail("python-model", "`submit_python_job()` cannot work: Python models are not supported"))
}

/// dbt keeps a copy of what it runs; here the engine is sent it, and that is all.
fn write(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Arguments::new("write", call.args).required("payload")?;
    Ok(Value::from(""))
}

/// `try_or_compiler_error(message, function, ...)`: calls a function, and has a message of its own if it fails.
fn try_or_compiler_error(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (message, function, args) = match call.args {
        [message, function, args @ ..] if !function.is_kwargs() => (message, function, args),
        _ => return Err(bad_call("`try_or_compiler_error()` needs a message and a function")),
    };
    function.call(call.state, args).map_err(|error| {
        if is_needs_warehouse(&error) { error } else { fail("compilation-error", print::text(message)) }
    })
}

fn return_call(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Err(return_value(call.args.first().cloned().unwrap_or_else(|| Value::from(()))))
}

fn env_var(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("env_var", call.args);
    let name = args.text("var")?;
    let default = args.optional("default").filter(|it| !it.is_none()).map(|it| print::text(&it));
    args.finish()?;
    call.session.context.host.env_var(&name, default).map(Value::from).map_err(refused)
}

fn is_incremental(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Arguments::new("is_incremental", call.args).finish()?;
    Ok(Value::from(call.session.is_execute() && call.session.context.host.is_incremental()))
}

fn log(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("log", call.args);
    let message = args.required("msg")?;
    let info = args.optional("info").is_some_and(|it| it.is_true());
    args.finish()?;
    call.session.context.host.log(&print::text(&message), info);
    Ok(Value::from(""))
}

fn print_message(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("print", call.args);
    let message = args.required("msg")?;
    args.finish()?;
    call.session.context.host.log(&print::text(&message), true);
    Ok(Value::from(""))
}

fn doc(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (positional, _) = split(call.args);
    let names: Vec<&str> = positional.iter().filter_map(Value::as_str).collect();
    let (package, name) = match (names.as_slice(), positional.len()) {
        ([name], 1) => (None, *name),
        ([package, name], 2) => (Some(*package), *name),
        _ => return Err(bad_call("`doc()` takes the name of a docs block, with or without its package")),
    };
    call.session.context.host.doc(package, name).map(Value::from).map_err(refused)
}

fn render(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = Arguments::new("render", call.args).text("string")?;
    render_text(call.session, call.state, &text)
}

/// A text that may hold template syntax itself, such as a variable's value.
fn render_text(session: &Arc<Session>, state: &mut State<'_, '_>, text: &str) -> Result<Value, Error> {
    if !has_template_syntax(text) {
        return Ok(Value::from(text));
    }
    let main = &session.main;
    let source = TemplateSource {
        package: main.package.clone(),
        file: main.file,
        text: Arc::from(text),
        offset: main.offset,
    };
    let unit = template_unit(&source, false).map_err(|error| fail(error.code, error.message))?;
    let unit = Arc::new(unit);
    let scope = Scope::value(session, &unit, Vec::new());
    session.enter("")?;
    let result = state.env().render_named_str("text", &unit.text, scope);
    session.leave();
    result.map(Value::from)
}

fn fromjson(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("fromjson", call.args);
    let text = args.required("string")?;
    let default = args.optional("default").unwrap_or_else(|| Value::from(()));
    args.finish()?;
    let read = serde_json::from_str::<Json>(text.as_str().unwrap_or_default());
    Ok(read.map_or(default, |it| from_json(&it)))
}

fn tojson(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("tojson", call.args);
    let value = args.required("value")?;
    args.optional("default");
    let sort_keys = args.optional("sort_keys").is_some_and(|it| it.is_true());
    args.finish()?;
    Ok(Value::from(dumps(&to_json(&value), sort_keys)))
}

fn fromyaml(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("fromyaml", call.args);
    let text = args.required("value")?;
    let default = args.optional("default").unwrap_or_else(|| Value::from(()));
    args.finish()?;
    let read = yaml::parse_value(text.as_str().unwrap_or_default());
    Ok(read.map_or(default, |it| from_json(&it)))
}

fn toyaml(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("toyaml", call.args);
    let value = args.required("value")?;
    let default = args.optional("default").unwrap_or_else(|| Value::from(()));
    args.optional("sort_keys");
    args.finish()?;
    Ok(yaml::write_value(&to_json(&value)).map_or(default, Value::from))
}

fn set(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("set", call.args);
    let value = args.required("value")?;
    let default = args.optional("default").unwrap_or_else(|| Value::from(()));
    args.finish()?;
    Ok(value.try_iter().map_or(default, Set::value))
}

fn set_strict(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = Arguments::new("set_strict", call.args).required("value")?;
    let items = value.try_iter().map_err(|_| {
        bad_call(format!("`set_strict()` needs something to iterate over, not {}", print::kind_of(&value)))
    })?;
    Ok(Set::value(items))
}

fn zip(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("zip", call.args);
    let default = args.named("default").unwrap_or_else(|| Value::from(()));
    let sequences = args.rest();
    args.finish()?;
    Ok(zip_all(&sequences).unwrap_or(default))
}

fn zip_strict(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    zip_all(call.args).map_err(|_| bad_call("`zip_strict()` needs sequences only"))
}

fn zip_all(sequences: &[Value]) -> Result<Value, Error> {
    let columns: Vec<Vec<Value>> =
        sequences.iter().map(|it| Ok(it.try_iter()?.collect())).collect::<Result<_, Error>>()?;
    let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
    let row = |at: usize| columns.iter().map(|it| it[at].clone()).collect::<Vec<_>>();
    Ok(List::value((0..rows).map(|at| Value::from(Tuple::from(row(at)))).collect()))
}

fn local_md5(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    use md5::{Digest, Md5};
    let text = Arguments::new("local_md5", call.args).text("value")?;
    let mut hex = String::with_capacity(32);
    for byte in Md5::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(Value::from(hex))
}

fn diff_of_two_dicts(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut args = Arguments::new("diff_of_two_dicts", call.args);
    let (a, b) = (to_json(&args.required("dict_a")?), to_json(&args.required("dict_b")?));
    args.finish()?;
    let lower = |it: &Json| it.as_str().unwrap_or_default().to_lowercase();
    let mut left = serde_json::Map::new();
    for (key, values) in a.as_object().into_iter().flatten() {
        let other = b.as_object().into_iter().flatten().find(|it| it.0.to_lowercase() == key.to_lowercase());
        let Some((_, other)) = other else {
            left.insert(key.clone(), values.clone());
            continue;
        };
        let taken: Vec<String> = other.as_array().into_iter().flatten().map(lower).collect();
        let kept: Vec<Json> = values
            .as_array()
            .into_iter()
            .flatten()
            .filter(|it| !taken.contains(&lower(it)))
            .cloned()
            .collect();
        if !kept.is_empty() {
            left.insert(key.clone(), Json::Array(kept));
        }
    }
    Ok(from_json(&Json::Object(left)))
}

/// `var(name, default)` and `var.has_var(name)`.
#[derive(Debug)]
pub(super) struct VarObject {
    session: Arc<Session>,
}

impl VarObject {
    /// The object as a value.
    pub(super) fn value(session: &Arc<Session>) -> Value {
        Value::from_object(Self { session: Arc::clone(session) })
    }
}

impl Object for VarObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("var", args);
        let name = args.text("name")?;
        let default = args.optional("default");
        args.finish()?;
        let host = &self.session.context.host;
        // A default may be a relation or another object, which only the template itself can keep.
        match default {
            Some(default) if !host.has_var(&name) => Ok(own(default)),
            default => {
                let found = host.var(&name, default.as_ref().map(to_json)).map_err(refused)?;
                match &found {
                    Json::String(text) => render_text(&self.session, state, text),
                    other => Ok(from_json(other)),
                }
            }
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method != "has_var" {
            return Err(Error::from(ErrorKind::UnknownMethod));
        }
        let name = Arguments::new("has_var", args).text("name")?;
        Ok(Value::from(self.session.context.host.has_var(&name)))
    }
}
