//! Python's `Decimal`: a number that keeps its places, as columns of type `DECIMAL` have them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::print::float_text;
use crate::template::modules::arithmetic;

/// `units` times ten to the power of minus `scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    units: i128,
    scale: u32,
}

impl Decimal {
    /// Reads digits with or without a point.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !fraction.chars().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let units = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { units, scale: u32::try_from(fraction.len()).ok()? })
    }

    /// The number that a template value is: a decimal, or a number that can be written as one.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        if let Some(decimal) = value.downcast_object_ref::<Self>() {
            return Some(*decimal);
        }
        if value.kind() != ValueKind::Number {
            return None;
        }
        match i128::try_from(value.clone()) {
            Ok(units) if value.is_integer() => Some(Self { units, scale: 0 }),
            _ => Self::of_float(f64::try_from(value.clone()).ok()?),
        }
    }

    /// The digits that a float is written with.
    pub(crate) fn of_float(value: f64) -> Option<Self> {
        let text = float_text(value);
        Self::parse(&if text.contains('e') { format!("{value}") } else { text })
    }

    /// The decimal as a template value.
    pub(crate) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The nearest number that templates can calculate with by themselves.
    pub(crate) fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Written with this many places, half to even.
    pub(crate) fn round(self, places: usize) -> String {
        let scale = u32::try_from(places).unwrap_or(u32::MAX);
        self.rescaled(scale).unwrap_or(self).to_string()
    }

    /// The same number with another number of places.
    pub(crate) fn rescaled(self, scale: u32) -> Option<Self> {
        if scale >= self.scale {
            let factor = 10_i128.checked_pow(scale - self.scale)?;
            return Some(Self { units: self.units.checked_mul(factor)?, scale });
        }
        let factor = 10_i128.checked_pow(self.scale - scale)?;
        let (quotient, rest) = (self.units / factor, (self.units % factor).abs());
        let is_up = match (rest * 2).cmp(&factor) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => quotient % 2 != 0,
        };
        let units = if is_up { quotient + self.units.signum() } else { quotient };
        Some(Self { units, scale })
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        Some((self.rescaled(scale)?.units, other.rescaled(scale)?.units, scale))
    }

    /// The sum.
    fn add(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self { units: a.checked_add(b)?, scale })
    }

    /// The difference.
    fn sub(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self { units: a.checked_sub(b)?, scale })
    }

    /// The product.
    fn mul(self, other: Self) -> Option<Self> {
        Some(Self { units: self.units.checked_mul(other.units)?, scale: self.scale + other.scale })
    }

    /// The result of an operator, if one of the two is a decimal and the other a number.
    pub(crate) fn calculate(operator: &str, left: &Value, right: &Value) -> Option<Value> {
        let is_decimal = |it: &Value| it.downcast_object_ref::<Self>().is_some();
        if !is_decimal(left) && !is_decimal(right) {
            return None;
        }
        let (a, b) = (Self::of(left)?, Self::of(right)?);
        let exact = match operator {
            "+" => a.add(b),
            "-" => a.sub(b),
            "*" => a.mul(b),
            _ => None,
        };
        let (x, y) = (a.to_f64(), b.to_f64());
        Some(match (exact, operator) {
            (Some(exact), _) => exact.into_value(),
            (None, "+") => Value::from(x + y),
            (None, "-") => Value::from(x - y),
            (None, "*") => Value::from(x * y),
            (None, "/") => Value::from(x / y),
            (None, _) => Value::from((x / y).floor()),
        })
    }

    /// Which of two is greater, if one of them is a decimal and the other a number.
    pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
        let is_decimal = |it: &Value| it.downcast_object_ref::<Self>().is_some();
        if !is_decimal(left) && !is_decimal(right) {
            return None;
        }
        Some(Self::of(left)?.compare(Self::of(right)?))
    }

    /// The whole part.
    pub(crate) fn truncated(self) -> Value {
        Value::from(10_i128.checked_pow(self.scale).map_or(0, |it| self.units / it))
    }

    /// Without its sign.
    pub(crate) fn abs(self) -> Self {
        Self { units: self.units.abs(), ..self }
    }

    /// Which of two is greater.
    fn compare(self, other: Self) -> Ordering {
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.to_f64().total_cmp(&other.to_f64()),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let dot = if scale == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{dot}{fraction}")
    }
}

impl Object for Decimal {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "__repr__").then(|| Value::from(format!("Decimal('{self}')")))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.units != 0
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        arithmetic::method(&self.into_value(), method, args)
            .unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod)))
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.compare(*other.downcast_ref::<Self>()?))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
