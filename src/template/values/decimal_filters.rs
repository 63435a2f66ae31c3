//! Filters of numbers, which take decimals too.
#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, State, Value, filters};

use super::decimal::Decimal;

/// Adds them.
pub(super) fn register(env: &mut Environment<'_>) {
    env.add_filter("round", round);
    env.add_filter("abs", |value: Value| match value.downcast_object_ref::<Decimal>() {
        Some(decimal) => Ok(decimal.abs().into_value()),
        None => filters::abs(value),
    });
    env.add_filter("sum", sum);
}

/// A decimal stays one.
fn round(value: Value, precision: Option<i32>, method: Option<&str>, named: Kwargs) -> Result<Value, Error> {
    let Some(decimal) = value.downcast_object_ref::<Decimal>().copied() else {
        return filters::round(value, precision, method, named);
    };
    let places = precision.map_or_else(|| named.get("precision"), |it| Ok(Some(it)))?.unwrap_or(0);
    let is_common = method.map_or_else(|| named.get::<Option<&str>>("method"), |it| Ok(Some(it)))?;
    let is_common = is_common.is_none_or(|it| it == "common");
    match u32::try_from(places).ok().and_then(|it| decimal.rescaled(it)).filter(|_| is_common) {
        Some(rounded) => Ok(rounded.into_value()),
        None => filters::round(Value::from(decimal.to_f64()), precision, method, named),
    }
}

/// Decimals are added exactly; everything else is left to minijinja.
fn sum(
    state: &State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    rest: Rest<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let is_plain = attribute.is_none() && rest.is_empty() && named.args().next().is_none();
    let items: Vec<Value> = if is_plain { values.try_iter()?.collect() } else { Vec::new() };
    if !items.iter().any(|it| it.downcast_object_ref::<Decimal>().is_some()) {
        return filters::sum(state, values, attribute, rest.first().cloned(), named);
    }
    let add = |total: Value, item: &Value| Decimal::calculate("+", &total, item);
    let zero = Decimal::of(&Value::from(0)).map_or_else(|| Value::from(0), Decimal::into_value);
    items
        .iter()
        .try_fold(zero, add)
        .ok_or_else(|| Error::new(minijinja::ErrorKind::InvalidOperation, "`sum` needs numbers only"))
}
