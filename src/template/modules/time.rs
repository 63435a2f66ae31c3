//! Python's `time`: a time of day.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil;
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::date::number;
use super::datetime::format_civil;
use super::unknown_method;
use crate::template::fault::bad_call;
use crate::template::values::arguments::Arguments;

/// A time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// The time.
    pub(super) at: civil::Time,
}

impl Time {
    /// `time(hour, minute, second, microsecond)`.
    pub(super) fn call(args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("time", args);
        let at = read_time(&mut args, civil::Time::midnight())?;
        args.finish()?;
        Ok(Self { at }.into_value())
    }

    /// The value for templates.
    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }
}

/// `hour`, `minute`, `second` and `microsecond` of a call, or those of another time.
pub(super) fn read_time(args: &mut Arguments, other: civil::Time) -> Result<civil::Time, Error> {
    let hour = number(args, "hour", Some(other.hour().into()))?;
    let minute = number(args, "minute", Some(other.minute().into()))?;
    let second = number(args, "second", Some(other.second().into()))?;
    let micros = number(args, "microsecond", Some(i64::from(other.subsec_nanosecond() / 1000)))?;
    let small = |it: i64| i8::try_from(it).unwrap_or(-1);
    let nanos = i32::try_from(micros.saturating_mul(1000)).unwrap_or(-1);
    civil::Time::new(small(hour), small(minute), small(second), nanos)
        .map_err(|_| bad_call(format!("there is no time {hour}:{minute:02}:{second:02}")))
}

/// `10:00:00`, with six places where there are microseconds.
pub(super) fn time_text(at: civil::Time) -> String {
    let text = format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    match at.subsec_nanosecond() / 1000 {
        0 => text,
        micros => format!("{text}.{micros:06}"),
    }
}

impl Object for Time {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "hour" => Value::from(self.at.hour()),
            "minute" => Value::from(self.at.minute()),
            "second" => Value::from(self.at.second()),
            "microsecond" => Value::from(self.at.subsec_nanosecond() / 1000),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let format = Arguments::new("strftime", args).text("format")?;
                format_civil(&format, civil::date(1900, 1, 1).to_datetime(self.at))
            }
            "isoformat" => Ok(Value::from(time_text(self.at))),
            "replace" => {
                let mut args = Arguments::new("replace", args);
                let at = read_time(&mut args, self.at)?;
                args.finish()?;
                Ok(Self { at }.into_value())
            }
            _ => Err(unknown_method("a time", method)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.at.cmp(&other.downcast_ref::<Self>()?.at))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time_text(self.at))
    }
}
