//! Operators that minijinja does not have for all that Python has them for.
//!
//! Rewritten templates call these functions. An object may answer to `__add__`, `__sub__` and so on, as
//! in Python; sets and texts to format are known here; everything else is left to minijinja.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::cmp::Ordering;
use std::sync::LazyLock;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Expression, State, Value, context};

use super::arguments::Arguments;
use super::decimal::Decimal;
use super::dict::{Dict, merged};
use super::formatting::format_percent;
use super::set::Set;

static ARITHMETIC: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);

/// minijinja's own operator.
type Native = LazyLock<Result<Expression<'static, 'static>, Error>>;

static ADD: Native = LazyLock::new(|| ARITHMETIC.compile_expression("a + b"));
static SUBTRACT: Native = LazyLock::new(|| ARITHMETIC.compile_expression("a - b"));
static MULTIPLY: Native = LazyLock::new(|| ARITHMETIC.compile_expression("a * b"));
static DIVIDE: Native = LazyLock::new(|| ARITHMETIC.compile_expression("a / b"));
static FLOOR: Native = LazyLock::new(|| ARITHMETIC.compile_expression("a // b"));
static NAMESPACE: Native = LazyLock::new(|| ARITHMETIC.compile_expression("namespace(a)"));
static REMAINDER: Native = LazyLock::new(|| ARITHMETIC.compile_expression("a % b"));

/// Adds the helpers that rewritten templates call.
pub(super) fn register(env: &mut Environment<'_>) {
    env.add_function("__add", |state: &mut State<'_, '_>, left: Value, right: Value| {
        calculate(state, [left, right], ["__add__", "__radd__"], &ADD)
    });
    env.add_function("__sub", subtract);
    env.add_function("__mul", |state: &mut State<'_, '_>, left: Value, right: Value| {
        calculate(state, [left, right], ["__mul__", "__rmul__"], &MULTIPLY)
    });
    env.add_function("__div", |state: &mut State<'_, '_>, left: Value, right: Value| {
        calculate(state, [left, right], ["__truediv__", "__rtruediv__"], &DIVIDE)
    });
    env.add_function("__floordiv", |state: &mut State<'_, '_>, left: Value, right: Value| {
        calculate(state, [left, right], ["__floordiv__", "__rfloordiv__"], &FLOOR)
    });
    env.add_function("__rem", remainder);
    env.add_function("__cmp", compare);
}

fn native(operator: &'static Native, a: Value, b: Value) -> Result<Value, Error> {
    match &**operator {
        Ok(expression) => expression.eval(context! { a, b }).map_err(plain),
        Err(error) => Err(Error::new(error.kind(), error.detail().unwrap_or_default().to_owned())),
    }
}

/// The same error without its place, which is one in the operator's own little template.
fn plain(error: Error) -> Error {
    Error::new(error.kind(), error.detail().unwrap_or_default().to_owned())
}

/// Asks the left object for `__add__`, then the right one for `__radd__`; `None` if neither has it.
fn by_object(
    state: &mut State<'_, '_>,
    [left, right]: [&Value; 2],
    [method, reflected]: [&str; 2],
) -> Option<Result<Value, Error>> {
    for (object, method, other) in [(left, method, right), (right, reflected, left)] {
        if object.kind() != ValueKind::Plain {
            continue;
        }
        let result = object.as_object()?.call_method(state, method, std::slice::from_ref(other));
        if !result.as_ref().is_err_and(|it| it.kind() == ErrorKind::UnknownMethod) {
            return Some(result);
        }
    }
    None
}

/// What the objects say, or else what minijinja says.
fn calculate(
    state: &mut State<'_, '_>,
    [left, right]: [Value; 2],
    methods: [&str; 2],
    operator: &'static Native,
) -> Result<Value, Error> {
    match by_object(state, [&left, &right], methods) {
        Some(result) => result,
        None => native(operator, left, right),
    }
}

/// `namespace()`: may be given a mapping and names.
pub(super) fn namespace(args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("namespace", args, &named);
    let (first, named) = (args.rest(), args.rest_named());
    native(&NAMESPACE, Dict::value(merged(&first, named)?), Value::UNDEFINED)
}

fn subtract(state: &mut State<'_, '_>, left: Value, right: Value) -> Result<Value, Error> {
    if let (Some(own), Some(_)) = (left.downcast_object_ref::<Set>(), right.downcast_object_ref::<Set>()) {
        return Ok(own.without(right.try_iter()?));
    }
    calculate(state, [left, right], ["__sub__", "__rsub__"], &SUBTRACT)
}

/// `a < b` and its like: a decimal is compared with other numbers by its value.
fn compare(left: Value, sign: &str, right: Value) -> bool {
    let order = Decimal::order(&left, &right);
    match sign {
        "==" => order.map_or_else(|| left == right, Ordering::is_eq),
        "!=" => order.map_or_else(|| left != right, Ordering::is_ne),
        "<" => order.unwrap_or_else(|| left.cmp(&right)).is_lt(),
        "<=" => order.unwrap_or_else(|| left.cmp(&right)).is_le(),
        ">" => order.unwrap_or_else(|| left.cmp(&right)).is_gt(),
        _ => order.unwrap_or_else(|| left.cmp(&right)).is_ge(),
    }
}

/// `a % b`: formats a text, or is the remainder with the divisor's sign.
fn remainder(left: Value, right: Value) -> Result<Value, Error> {
    match left.as_str() {
        Some(text) => format_percent(text, &right).map(Value::from),
        None => native(&REMAINDER, left, right),
    }
}
