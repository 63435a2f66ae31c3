//! Operators that work on more than minijinja's own values: dates, lengths of time, decimals.
//!
//! Rewritten templates call `__op(a, '+', b)` for `a + b`; whatever is not ours goes to minijinja.

use std::cmp::Ordering;
use std::sync::LazyLock;

use minijinja::{Environment, Error, Expression, State, UndefinedBehavior, Value, context};

use super::decimal::Decimal;
use crate::template::modules::arithmetic;

static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);

/// minijinja's own operators, compiled once.
static OWN: LazyLock<Vec<(&'static str, Expression<'static, 'static>)>> = LazyLock::new(|| {
    let compiled = |(name, text)| Some((name, PLAIN.compile_expression(text).ok()?));
    [("+", "a + b"), ("-", "a - b"), ("*", "a * b"), ("/", "a / b"), ("//", "a // b")]
        .into_iter()
        .filter_map(compiled)
        .collect()
});

/// `__op(a, operator, b)`.
pub(crate) fn operate(
    state: &State<'_, '_>,
    left: &Value,
    operator: &str,
    right: &Value,
) -> Result<Value, Error> {
    if let Some(is_true) = compare(operator, left, right) {
        if state.undefined_behavior() == UndefinedBehavior::Strict
            && (left.is_undefined() || right.is_undefined())
        {
            return Err(Error::from(minijinja::ErrorKind::UndefinedError));
        }
        return Ok(Value::from(is_true));
    }
    calculate(operator, left, right)
}

fn compare(operator: &str, left: &Value, right: &Value) -> Option<bool> {
    let order = || match decimals(left, right) {
        Some((a, b)) => a.compare(b),
        None => left.cmp(right),
    };
    let is_equal = || match decimals(left, right) {
        Some((a, b)) => a.compare(b) == Ordering::Equal,
        None => left == right,
    };
    Some(match operator {
        "==" => is_equal(),
        "!=" => !is_equal(),
        "<" => order() == Ordering::Less,
        "<=" => order() != Ordering::Greater,
        ">" => order() == Ordering::Greater,
        ">=" => order() != Ordering::Less,
        _ => return None,
    })
}

/// Both as decimals, if one of them is and the other is a number.
fn decimals(left: &Value, right: &Value) -> Option<(Decimal, Decimal)> {
    let is_decimal = |it: &Value| it.downcast_object_ref::<Decimal>().is_some();
    if !is_decimal(left) && !is_decimal(right) {
        return None;
    }
    Some((Decimal::of(left)?, Decimal::of(right)?))
}

/// `a + b`, `a - b`, `a * b`, `a / b` or `a // b`.
pub(crate) fn calculate(operator: &str, left: &Value, right: &Value) -> Result<Value, Error> {
    if left.as_object().is_some() || right.as_object().is_some() {
        if let Some(result) = arithmetic::calculate(operator, left, right) {
            return result;
        }
        if let Some((a, b)) = decimals(left, right) {
            let exact = match operator {
                "+" => a.add(b),
                "-" => a.sub(b),
                "*" => a.mul(b),
                _ => None,
            };
            return match exact {
                Some(result) => Ok(result.into_value()),
                None => own(operator, &Value::from(a.to_f64()), &Value::from(b.to_f64())),
            };
        }
    }
    own(operator, left, right)
}

fn own(operator: &str, left: &Value, right: &Value) -> Result<Value, Error> {
    let found = OWN.iter().find(|it| it.0 == operator);
    let Some((_, expression)) = found else {
        let message = format!("there is no operator `{operator}`");
        return Err(Error::new(minijinja::ErrorKind::InvalidOperation, message));
    };
    expression
        .eval(context! { a => left, b => right })
        .map_err(|error| Error::new(error.kind(), error.detail().unwrap_or_default().to_owned()))
}
