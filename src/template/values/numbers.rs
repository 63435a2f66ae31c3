//! Numbers as Python reads, cuts and asks them.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error, Value};

use super::arguments::Arguments;
use super::decimal::Decimal;

/// The whole part of a number; `None` for anything else.
pub(super) fn truncated(value: &Value) -> Option<Value> {
    match value.kind() {
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Some(value.clone()),
        ValueKind::Number => whole(f64::try_from(value.clone()).ok()?),
        ValueKind::Plain => Decimal::of(value).map(Decimal::truncated),
        _ => None,
    }
}

fn whole(number: f64) -> Option<Value> {
    // Past this, a float has no digits after its point, and its text is exact.
    format!("{:.0}", Some(number).filter(|it| it.is_finite())?.trunc()).parse::<i128>().ok().map(Value::from)
}

/// `value | int(default, base)`: whatever cannot be read is the default.
pub(super) fn int(args: Rest<Value>, named: &Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("int", args, named);
    let value = args.required("value")?;
    let default = args.optional("default").unwrap_or_else(|| Value::from(0));
    let base = args.optional("base").and_then(|it| it.as_i64()).unwrap_or(10);
    args.finish()?;
    let read = match value.as_str() {
        Some(text) if base == 10 => read_decimal(text),
        Some(text) => read_in_base(text, base).map(Value::from),
        None => truncated(&value),
    };
    Ok(read.unwrap_or(default))
}

fn read_decimal(text: &str) -> Option<Value> {
    let digits = text.trim().replace('_', "");
    digits.parse::<i128>().ok().map(Value::from).or_else(|| whole(digits.parse::<f64>().ok()?))
}

fn read_in_base(text: &str, base: i64) -> Option<i128> {
    let text = text.trim().to_lowercase();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |it| (-1, it));
    let (prefixed, digits) = match digits.get(..2) {
        Some("0x") if matches!(base, 0 | 16) => (16, &digits[2..]),
        Some("0o") if matches!(base, 0 | 8) => (8, &digits[2..]),
        Some("0b") if matches!(base, 0 | 2) => (2, &digits[2..]),
        _ => (if base == 0 { 10 } else { u32::try_from(base).ok()? }, digits),
    };
    (2..=36).contains(&prefixed).then(|| i128::from_str_radix(digits, prefixed).ok().map(|it| it * sign))?
}

/// `value | float(default)`.
pub(super) fn float(args: Rest<Value>, named: &Kwargs) -> Result<Value, Error> {
    let mut args = Arguments::of("float", args, named);
    let value = args.required("value")?;
    let default = args.optional("default").unwrap_or_else(|| Value::from(0.0));
    args.finish()?;
    let read = match (value.kind(), value.as_str()) {
        (_, Some(text)) => text.trim().replace('_', "").parse::<f64>().ok(),
        (ValueKind::Bool, _) => Some(if value.is_true() { 1.0 } else { 0.0 }),
        (ValueKind::Number, _) => f64::try_from(value.clone()).ok(),
        _ => Decimal::of(&value).map(Decimal::to_f64),
    };
    Ok(read.map_or(default, Value::from))
}

/// Methods of `int` and `float`; `None` if numbers have no such method.
pub(super) fn method(value: &Value, method: &str) -> Option<Value> {
    let as_float = || f64::try_from(value.clone()).ok();
    Some(match method {
        "bit_length" => {
            let size = i128::try_from(value.clone()).ok()?.unsigned_abs();
            Value::from(u128::BITS - size.leading_zeros())
        }
        "is_integer" => Value::from(value.is_integer() || as_float()?.fract() == 0.0),
        "conjugate" => value.clone(),
        _ => return None,
    })
}
