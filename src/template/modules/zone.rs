//! Time zones: `modules.pytz` and `datetime.timezone`.

use std::fmt;
use std::sync::Arc;

use jiff::tz::{Offset, TimeZone};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::datetime::DateTime;
use super::timedelta::TimeDelta;
use super::{unknown, unknown_method};
use crate::template::fault::bad_call;
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;

/// A time zone.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    /// The zone.
    pub(super) zone: TimeZone,
    /// How it prints.
    pub(super) name: String,
}

impl Zone {
    /// UTC.
    pub(super) fn utc() -> Self {
        Self { zone: TimeZone::UTC, name: "UTC".to_owned() }
    }

    /// Always the same distance from UTC.
    pub(super) fn fixed(offset: Offset) -> Self {
        let name = match offset.seconds() {
            0 => "UTC".to_owned(),
            seconds => {
                let sign = if seconds < 0 { '-' } else { '+' };
                let minutes = seconds.abs() / 60;
                format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        };
        Self { zone: TimeZone::fixed(offset), name }
    }

    /// `timezone(timedelta(...))`.
    pub(super) fn call(args: &[Value]) -> Result<Value, Error> {
        let given = Arguments::new("timezone", args).required("offset")?;
        let Some(delta) = given.downcast_object_ref::<TimeDelta>() else {
            return Err(bad_call("`timezone()` needs a timedelta"));
        };
        let seconds = i32::try_from(delta.to_duration().as_secs()).unwrap_or(i32::MAX);
        let offset = Offset::from_seconds(seconds)
            .map_err(|_| bad_call(format!("{delta:?} is too far from UTC for a time zone")))?;
        Ok(Self::fixed(offset).into_value())
    }

    /// The value for templates.
    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The zone that an argument is.
    pub(super) fn of(value: &Value, function: &str) -> Result<Self, Error> {
        value.downcast_object_ref::<Self>().cloned().ok_or_else(|| {
            let message = format!("`{function}()` needs a time zone, such as `modules.pytz.timezone('UTC')`");
            bad_call(message)
        })
    }
}

impl Object for Zone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "zone").then(|| Value::from(self.name.as_str()))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let mut arguments = Arguments::new("localize", args);
        let moment = |given: Value| {
            given
                .downcast_object_ref::<DateTime>()
                .cloned()
                .ok_or_else(|| bad_call(format!("`{method}()` of a time zone needs a datetime")))
        };
        match method {
            "localize" => {
                let given = moment(arguments.required("dt")?)?;
                if given.is_aware() {
                    return Err(bad_call("`localize()` needs a datetime without a time zone"));
                }
                Ok(given.in_zone_as_written(self).into_value())
            }
            "normalize" | "fromutc" => {
                Ok(moment(arguments.required("dt")?)?.moved_to(self.as_ref()).into_value())
            }
            "utcoffset" => Ok(moment(arguments.required("dt")?)?.in_zone_as_written(self).utc_offset()),
            "tzname" => Ok(Value::from(self.name.as_str())),
            _ => Err(unknown_method("a time zone", method)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// `modules.pytz`.
#[derive(Debug)]
pub(super) struct Pytz;

const NAMES: &[&str] = &["timezone", "utc", "UTC", "all_timezones", "common_timezones", "FixedOffset"];

impl Object for Pytz {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "utc" | "UTC" => Some(Zone::utc().into_value()),
            "all_timezones" | "common_timezones" => {
                let names = jiff::tz::db().available();
                Some(List::value(names.map(|it| Value::from(it.as_str())).collect()))
            }
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let mut args = Arguments::new("timezone", args);
        match method {
            "timezone" => {
                let name = args.text("zone")?;
                args.finish()?;
                let zone =
                    TimeZone::get(&name).map_err(|_| bad_call(format!("there is no time zone `{name}`")))?;
                Ok(Zone { zone, name }.into_value())
            }
            "FixedOffset" => {
                let minutes = args.required("minutes")?.as_i64().unwrap_or(i64::MAX);
                let seconds = i32::try_from(minutes.saturating_mul(60)).unwrap_or(i32::MAX);
                let offset = Offset::from_seconds(seconds)
                    .map_err(|_| bad_call(format!("{minutes} minutes are too far from UTC")))?;
                Ok(Zone::fixed(offset).into_value())
            }
            _ => Err(unknown("modules.pytz", method, NAMES)),
        }
    }
}
