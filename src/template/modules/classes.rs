//! The classes of `modules.datetime`: what is called on them, not on their values.

use std::sync::Arc;

use jiff::{Timestamp, civil};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::date::{Date, day_of};
use super::datetime::DateTime;
use super::time::Time;
use super::timedelta::TimeDelta;
use super::unknown;
use super::zone::Zone;
use crate::template::fault::bad_call;
use crate::template::values::arguments::Arguments;

/// A class, such as `modules.datetime.date`.
#[derive(Debug)]
pub(super) struct Class {
    kind: Kind,
    now: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Date,
    DateTime,
    Time,
    TimeDelta,
    TimeZone,
}

impl Class {
    /// The class of a name; `now` is the time that stands for the present.
    pub(super) fn value(name: &str, now: &str) -> Option<Value> {
        let kind = match name {
            "date" => Kind::Date,
            "datetime" => Kind::DateTime,
            "time" => Kind::Time,
            "timedelta" => Kind::TimeDelta,
            "timezone" => Kind::TimeZone,
            _ => return None,
        };
        let now = now.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        Some(Value::from_object(Self { kind, now }))
    }

    fn now(&self) -> DateTime {
        DateTime::naive(self.now.to_zoned(jiff::tz::TimeZone::UTC).datetime())
    }

    fn date_method(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "today" => Ok(Date { day: self.now().civil().date() }.into_value()),
            "fromisoformat" => {
                let text = Arguments::new("fromisoformat", args).text("date_string")?;
                let date = Date::parse(&text).ok_or_else(|| not_iso(&text))?;
                Ok(date.into_value())
            }
            "fromtimestamp" => Ok(Date { day: from_timestamp(args)?.civil().date() }.into_value()),
            "fromordinal" => {
                let ordinal = Arguments::new("fromordinal", args).required("ordinal")?;
                let days =
                    TimeDelta { micros: i128::from(ordinal.as_i64().unwrap_or(1) - 1) * 86_400_000_000 };
                let first = DateTime::naive(civil::date(1, 1, 1).at(0, 0, 0, 0));
                Ok(Date { day: first.plus(days)?.civil().date() }.into_value())
            }
            _ => Err(unknown("date", method, &["today", "fromisoformat", "fromtimestamp", "fromordinal"])),
        }
    }

    fn datetime_method(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "now" => match Arguments::new("now", args).optional("tz").filter(|it| !it.is_none()) {
                Some(zone) => Ok(self.now().moved_to(&Zone::of(&zone, "now")?).into_value()),
                None => Ok(self.now().into_value()),
            },
            "utcnow" | "today" => Ok(self.now().into_value()),
            "strptime" => DateTime::strptime(args),
            "fromisoformat" => {
                let text = Arguments::new("fromisoformat", args).text("date_string")?;
                let whole = DateTime::parse(&text);
                let day = || Date::parse(&text).map(|it| DateTime::naive(it.day.at(0, 0, 0, 0)));
                whole.or_else(day).map(DateTime::into_value).ok_or_else(|| not_iso(&text))
            }
            "fromtimestamp" | "utcfromtimestamp" => Ok(from_timestamp(args)?.into_value()),
            "combine" => {
                let mut args = Arguments::new("combine", args);
                let (day, time) = (args.required("date")?, args.required("time")?);
                match (day_of(&day), time.downcast_object_ref::<Time>()) {
                    (Some(day), Some(time)) => Ok(DateTime::naive(day.to_datetime(time.at)).into_value()),
                    _ => Err(bad_call("`combine()` needs a date and a time")),
                }
            }
            _ => {
                let known =
                    ["now", "utcnow", "today", "strptime", "fromisoformat", "fromtimestamp", "combine"];
                Err(unknown("datetime", method, &known))
            }
        }
    }
}

fn not_iso(text: &str) -> Error {
    bad_call(format!("`{text}` is not a date of the form `2024-01-31`"))
}

fn from_timestamp(args: &[Value]) -> Result<DateTime, Error> {
    let mut args = Arguments::new("fromtimestamp", args);
    let given = args.required("timestamp")?;
    let zone = args.optional("tz").filter(|it| !it.is_none());
    let micros = super::timedelta::scaled(&given, 1_000_000);
    let epoch = DateTime::naive(civil::date(1970, 1, 1).at(0, 0, 0, 0));
    let micros = micros.ok_or_else(|| bad_call("`fromtimestamp()` needs a number of seconds"))?;
    let at = epoch.plus(TimeDelta { micros })?;
    zone.map_or(Ok(at.clone()), |zone| Ok(at.moved_to(&Zone::of(&zone, "fromtimestamp")?)))
}

impl Object for Class {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (first, last) = (civil::date(1, 1, 1), civil::date(9999, 12, 31));
        match (self.kind, key.as_str()?) {
            (Kind::TimeZone, "utc") => Some(Zone::utc().into_value()),
            (Kind::Date, "min") => Some(Date { day: first }.into_value()),
            (Kind::Date, "max") => Some(Date { day: last }.into_value()),
            (Kind::DateTime, "min") => Some(DateTime::naive(first.at(0, 0, 0, 0)).into_value()),
            (Kind::DateTime, "max") => Some(DateTime::naive(last.at(23, 59, 59, 999_999_000)).into_value()),
            _ => None,
        }
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match self.kind {
            Kind::Date => Date::call(args),
            Kind::DateTime => DateTime::call(args),
            Kind::Time => Time::call(args),
            Kind::TimeDelta => TimeDelta::call(args),
            Kind::TimeZone => Zone::call(args),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match self.kind {
            Kind::Date => self.date_method(method, args),
            Kind::DateTime => self.datetime_method(method, args),
            Kind::Time => Err(unknown("time", method, &[])),
            Kind::TimeDelta => Err(unknown("timedelta", method, &[])),
            Kind::TimeZone => Err(unknown("timezone", method, &["utc"])),
        }
    }
}
