//! Filters and operators that differ from minijinja's own, and those of dbt.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::convert::{from_json, own, to_json};
use super::cycler::Cycler;
use super::dict::{Dict, DictFunction, entries_of};
use super::json::dumps_for_html;
use super::list::List;
use super::literal::literal_eval;
use super::views::Range;
use super::{decimal_filters, numbers, operators, print, sequence_filters, tests, text_filters, unpacking};

/// Names the scope answers to when the result itself is wanted, not its text.
pub(crate) const AS_VALUE: &str = "__as_value";

/// Adds all of them, and the helpers that rewritten templates call.
pub(crate) fn register(env: &mut Environment<'_>) {
    operators::register(env);
    sequence_filters::register(env);
    tests::register(env);
    text_filters::register(env);
    decimal_filters::register(env);
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_filter("int", |args: Rest<Value>, named: Kwargs| numbers::int(args, &named));
    env.add_filter("float", |args: Rest<Value>, named: Kwargs| numbers::float(args, &named));
    env.add_filter("tojson", tojson);
    env.add_filter("string", |value: Value| text(&value));
    env.add_filter("is_list", |value: Value| value.kind() == ValueKind::Seq && !value.is_tuple());
    env.add_filter("as_text", as_text);
    env.add_filter("as_native", |state: &State<'_, '_>, value: Value| as_native(state, value, Wanted::Any));
    env.add_filter("as_bool", |state: &State<'_, '_>, value: Value| as_native(state, value, Wanted::Bool));
    env.add_filter("as_number", |state: &State<'_, '_>, value: Value| {
        as_native(state, value, Wanted::Number)
    });
    env.add_filter("pprint", |value: Value| print::repr(&sorted_keys(&value)));
    env.add_function("__list", |value: Value| {
        List::value(value.try_iter().into_iter().flatten().map(own).collect())
    });
    env.add_function("__dict", |value: Value| {
        let entries = entries_of(&value).unwrap_or_default();
        Dict::value(entries.into_iter().map(|(key, value)| (key, own(value))))
    });
    env.add_function("__own", own);
    env.add_function("__each", unpacking::each);
    env.add_function("__unpack", unpacking::unpack);
    env.add_function("__do", |_: Rest<Value>| Value::from(()));
    env.add_function("cycler", Cycler::call);
    env.add_global("dict", DictFunction::value());
    env.add_function("namespace", operators::namespace);
    env.add_function("joiner", minijinja_contrib::globals::joiner);
    env.add_function("range", |args: Rest<Value>| Range::call(args.0));
    env.remove_global("debug");
}

fn text(value: &Value) -> Value {
    if value.kind() == ValueKind::String { value.clone() } else { Value::from(print::text(value)) }
}

/// `x | default(value)`; with `boolean` also for what counts as false.
fn default(args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("default", args, &named);
    let value = args.required("value")?;
    let otherwise = args.optional("default_value").unwrap_or_else(|| Value::from(""));
    let is_false_too = args.optional("boolean").is_some_and(|it| it.is_true());
    args.finish()?;
    let is_missing = value.is_undefined() || (is_false_too && !value.is_true());
    Ok(if is_missing { otherwise } else { value })
}

fn tojson(args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let mut args = Arguments::of("tojson", args, &named);
    let value = to_json(&args.required("value")?);
    let indent = args.optional("indent").and_then(|it| it.as_usize());
    args.finish()?;
    Ok(dumps_for_html(&value, indent))
}

/// The same value with dictionaries in order of their keys, as `pprint` shows them.
fn sorted_keys(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Map => {
            let mut entries = entries_of(value).unwrap_or_default();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Dict::value(entries.into_iter().map(|(key, value)| (key, sorted_keys(&value))))
        }
        ValueKind::Seq if !value.is_tuple() => {
            List::value(value.try_iter().into_iter().flatten().map(|it| sorted_keys(&it)).collect())
        }
        _ => value.clone(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Bool,
    Number,
}

fn as_text(state: &State<'_, '_>, value: Value) -> Value {
    if is_value_wanted(state) { text(&value) } else { value }
}

/// Where a value is wanted, a text that is a Python literal becomes what it says.
fn as_native(state: &State<'_, '_>, value: Value, wanted: Wanted) -> Result<Value, Error> {
    if !is_value_wanted(state) {
        return Ok(value);
    }
    let written = print::text(&value);
    let result = literal_eval(&written).map_or_else(|| Value::from(written.as_str()), |it| from_json(&it));
    let (is_wanted, name) = match wanted {
        Wanted::Any => (true, ""),
        Wanted::Bool => (result.kind() == ValueKind::Bool, "a boolean"),
        Wanted::Number => (result.kind() == ValueKind::Number, "a number"),
    };
    if is_wanted {
        return Ok(result);
    }
    Err(Error::new(ErrorKind::InvalidOperation, format!("`{written}` cannot be read as {name}")))
}

fn is_value_wanted(state: &State<'_, '_>) -> bool {
    state.lookup(AS_VALUE).is_some_and(|it| it.is_true())
}
