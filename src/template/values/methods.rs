//! Python's methods on values that are not objects of ours: texts, numbers, and sequences and mappings
//! that minijinja makes.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::convert::{is_plain_map, own};
use super::{numbers, print, text_methods};

/// Called by minijinja for a method it does not know.
pub(crate) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let known = match value.kind() {
        ValueKind::String => text_methods::call(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Number => numbers::method(value, method).map(Ok),
        ValueKind::Seq | ValueKind::Iterable => on_a_list(state, value, method, args),
        ValueKind::Map if is_plain_map(value) => on_a_dict(state, value, method, args),
        _ => None,
    };
    known.unwrap_or_else(|| Err(unknown(value, method)))
}

/// A sequence that nobody else can see behaves as a list made of it.
fn on_a_list(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    match method {
        "index" => Some(index(value, args)),
        "count" => {
            let wanted = Arguments::new("count", args).required("value");
            let count = |wanted| Ok(Value::from(value.try_iter()?.filter(|it| *it == wanted).count()));
            Some(wanted.and_then(count))
        }
        _ if value.is_tuple() => None,
        _ => known(
            own(value.clone()).as_object().filter(|_| is_sized(value))?.call_method(state, method, args),
        ),
    }
}

fn is_sized(value: &Value) -> bool {
    value.kind() == ValueKind::Seq || value.len().is_some()
}

fn on_a_dict(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    known(own(value.clone()).as_object()?.call_method(state, method, args))
}

fn known(result: Result<Value, Error>) -> Option<Result<Value, Error>> {
    match result {
        Err(error) if error.kind() == ErrorKind::UnknownMethod => None,
        result => Some(result),
    }
}

fn unknown(value: &Value, method: &str) -> Error {
    let is_item = value.as_object().is_some_and(|it| it.get_value(&Value::from(method)).is_some());
    if is_item || value.is_undefined() {
        return Error::from(ErrorKind::UnknownMethod);
    }
    let message = format!("{} has no method `{method}`", print::kind_of(value));
    Error::new(ErrorKind::UnknownMethod, message)
}

fn index(value: &Value, args: &[Value]) -> Result<Value, Error> {
    let wanted = Arguments::new("index", args).required("value")?;
    let position = value.try_iter()?.position(|it| it == wanted);
    position.map(Value::from).ok_or_else(|| super::list::not_in_list(&wanted))
}
