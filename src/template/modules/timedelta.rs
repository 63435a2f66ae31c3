//! Python's `timedelta`: a length of time to the microsecond.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::{arithmetic, unknown_method};
use crate::template::values::arguments::Arguments;
use crate::template::values::print;

const SECOND: i128 = 1_000_000;
const DAY: i128 = 86_400 * SECOND;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimeDelta {
    /// In microseconds.
    pub(super) micros: i128,
}

impl TimeDelta {
    /// `timedelta(days, seconds, microseconds, milliseconds, minutes, hours, weeks)`.
    pub(super) fn call(args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("timedelta", args);
        let mut micros = 0;
        for (name, unit) in [
            ("days", DAY),
            ("seconds", SECOND),
            ("microseconds", 1),
            ("milliseconds", 1000),
            ("minutes", 60 * SECOND),
            ("hours", 3600 * SECOND),
            ("weeks", 7 * DAY),
        ] {
            if let Some(value) = args.optional(name) {
                micros += scaled(&value, unit).ok_or_else(|| {
                    let message =
                        format!("`timedelta()` needs a number for `{name}`, not {}", print::kind_of(&value));
                    crate::template::fault::bad_call(message)
                })?;
            }
        }
        args.finish()?;
        Ok(Self { micros }.into_value())
    }

    /// From one of jiff's.
    pub(super) fn of(duration: SignedDuration) -> Self {
        Self { micros: duration.as_micros() }
    }

    /// As one of jiff's.
    pub(super) fn to_duration(self) -> SignedDuration {
        let seconds = i64::try_from(self.micros.div_euclid(SECOND)).unwrap_or(i64::MAX);
        let nanos = i32::try_from(self.micros.rem_euclid(SECOND) * 1000).unwrap_or(0);
        SignedDuration::new(seconds, nanos)
    }

    /// The value for templates.
    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// Whole days, rounded down.
    pub(super) fn days(self) -> i64 {
        i64::try_from(self.micros.div_euclid(DAY)).unwrap_or(0)
    }

    /// In seconds.
    #[expect(clippy::cast_precision_loss, reason = "Python has a float here too")]
    pub(super) fn seconds(self) -> f64 {
        self.micros as f64 / 1e6
    }
}

/// A number of units, with fractions of a unit.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "rounded, as in Python")]
pub(super) fn scaled(value: &Value, unit: i128) -> Option<i128> {
    if value.is_integer() {
        return i128::try_from(value.clone()).ok()?.checked_mul(unit);
    }
    let number = f64::try_from(value.clone()).ok().filter(|_| value.is_number())?;
    Some((number * unit as f64).round_ties_even() as i128)
}

impl Object for TimeDelta {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let rest = self.micros.rem_euclid(DAY);
        Some(match key.as_str()? {
            "days" => Value::from(self.days()),
            "seconds" => Value::from(rest / SECOND),
            "microseconds" => Value::from(rest % SECOND),
            _ => return None,
        })
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.micros != 0
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "total_seconds" => Ok(Value::from(self.seconds())),
            _ => arithmetic::method(&self.into_value(), method, args)
                .unwrap_or_else(|| Err(unknown_method("a timedelta", method))),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some((**self).cmp(other.downcast_ref::<Self>()?))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.micros.rem_euclid(DAY);
        match self.days() {
            0 => {}
            days @ (1 | -1) => write!(f, "{days} day, ")?,
            days => write!(f, "{days} days, ")?,
        }
        let seconds = rest / SECOND;
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match rest % SECOND {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}
