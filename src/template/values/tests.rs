//! Tests (`x is ...`) that differ from minijinja's own.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

/// Adds all of them.
pub(super) fn register(env: &mut Environment<'_>) {
    env.add_test("callable", is_callable);
    env.add_test("iterable", is_iterable);
    env.add_test("sequence", is_sequence);
}

/// Jinja's undefined value can be called, to say that it is undefined.
fn is_callable(value: Value) -> bool {
    let Some(object) = value.as_object() else { return value.is_undefined() };
    let name = object.type_name();
    value.kind() == ValueKind::Plain
        && ["Macro", "Function", "Caller", "Var", "Config"].iter().any(|it| name.contains(it))
}

fn is_iterable(value: Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// What has a length and items: texts and dictionaries too.
fn is_sequence(value: Value) -> bool {
    matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Undefined)
}
