//! `+`, `-`, `*` and `/` with dates, lengths of time and decimals.
//!
//! Templates' operators ask objects for `__add__` and its like, as Python does.

use minijinja::{Error, ErrorKind, State, Value, context};

use super::date::Date;
use super::datetime::DateTime;
use super::timedelta::{TimeDelta, scaled};
use crate::template::fault::bad_call;
use crate::template::values::decimal::Decimal;

/// The method of an operator, if it is one: `__add__`, or `__radd__` for what stands on the right.
pub(in crate::template) fn method(own: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let other = args.first()?;
    let (operator, is_right) = match method {
        "__add__" => ("+", false),
        "__radd__" => ("+", true),
        "__sub__" => ("-", false),
        "__rsub__" => ("-", true),
        "__mul__" => ("*", false),
        "__rmul__" => ("*", true),
        "__truediv__" => ("/", false),
        "__rtruediv__" => ("/", true),
        "__floordiv__" => ("//", false),
        "__rfloordiv__" => ("//", true),
        _ => return None,
    };
    let (left, right) = if is_right { (other, own) } else { (own, other) };
    let result =
        calculate(operator, left, right).or_else(|| Decimal::calculate(operator, left, right).map(Ok));
    Some(result.unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod))))
}

/// `left + right` of any values.
pub(super) fn plus(state: &State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    match calculate("+", left, right).or_else(|| Decimal::calculate("+", left, right).map(Ok)) {
        Some(result) => result,
        None => state.env().compile_expression("a + b")?.eval(context! { a => left, b => right }),
    }
}

/// The result of an operator, if one of the two is a date, a point in time or a length of time.
fn calculate(operator: &str, left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    match operator {
        "+" => match right.downcast_object_ref::<TimeDelta>() {
            Some(delta) => later(left, *delta),
            None => later(right, *left.downcast_object_ref::<TimeDelta>()?),
        },
        "-" => minus(left, right),
        "*" => {
            let (delta, factor) = match left.downcast_object_ref::<TimeDelta>() {
                Some(delta) => (*delta, right),
                None => (*right.downcast_object_ref::<TimeDelta>()?, left),
            };
            Some(Ok(TimeDelta { micros: scaled(factor, delta.micros)? }.into_value()))
        }
        "/" | "//" => divide(operator, *left.downcast_object_ref::<TimeDelta>()?, right),
        _ => None,
    }
}

fn later(value: &Value, delta: TimeDelta) -> Option<Result<Value, Error>> {
    if let Some(other) = value.downcast_object_ref::<TimeDelta>() {
        return Some(Ok(TimeDelta { micros: other.micros + delta.micros }.into_value()));
    }
    if let Some(date) = value.downcast_object_ref::<Date>() {
        let at = DateTime::naive(date.day.at(0, 0, 0, 0));
        let whole = TimeDelta { micros: i128::from(delta.days()) * 86_400_000_000 };
        return Some(at.plus(whole).map(|it| Date { day: it.civil().date() }.into_value()));
    }
    let at = value.downcast_object_ref::<DateTime>()?;
    Some(at.plus(delta).map(DateTime::into_value))
}

fn minus(left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    if let Some(delta) = right.downcast_object_ref::<TimeDelta>() {
        return later(left, TimeDelta { micros: -delta.micros });
    }
    if let (Some(a), Some(b)) = (left.downcast_object_ref::<Date>(), right.downcast_object_ref::<Date>()) {
        let between = |date: &Date| DateTime::naive(date.day.at(0, 0, 0, 0));
        return between(a).since(&between(b)).map(|it| Ok(it.into_value()));
    }
    let (a, b) = (left.downcast_object_ref::<DateTime>()?, right.downcast_object_ref::<DateTime>()?);
    Some(
        a.since(b)
            .map(TimeDelta::into_value)
            .ok_or_else(|| bad_call("a datetime with a time zone and one without cannot be subtracted")),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to microseconds, as in Python")]
fn divide(operator: &str, delta: TimeDelta, right: &Value) -> Option<Result<Value, Error>> {
    let zero = || Some(Err(bad_call("a length of time cannot be divided by zero")));
    if let Some(other) = right.downcast_object_ref::<TimeDelta>() {
        return match (other.micros, operator) {
            (0, _) => zero(),
            (micros, "//") => Some(Ok(Value::from(delta.micros.div_euclid(micros)))),
            _ => Some(Ok(Value::from(delta.seconds() / other.seconds()))),
        };
    }
    let divisor = f64::try_from(right.clone()).ok().filter(|_| right.is_number())?;
    if divisor == 0.0 {
        return zero();
    }
    let micros = delta.seconds() * 1e6 / divisor;
    let micros = if operator == "//" { micros.floor() } else { micros.round_ties_even() } as i128;
    Some(Ok(TimeDelta { micros }.into_value()))
}
