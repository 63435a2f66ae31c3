//! Python's `date`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil;
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::datetime::{DateTime, format_civil};
use super::{arithmetic, unknown_method};
use crate::template::fault::bad_call;
use crate::template::tables::mapped::tuple;
use crate::template::values::arguments::Arguments;
use crate::template::values::print;

/// A day.
#[derive(Clone, Copy, Debug)]
pub(in crate::template) struct Date {
    /// The day.
    pub(super) day: civil::Date,
}

impl Date {
    /// Reads `2024-01-31`.
    pub(in crate::template) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(|day| Self { day })
    }

    /// `date(year, month, day)`.
    pub(super) fn call(args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("date", args);
        let day = read_day(&mut args, None)?;
        args.finish()?;
        Ok(Self { day }.into_value())
    }

    /// The value for templates.
    pub(in crate::template) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn replace(self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("replace", args);
        let day = read_day(&mut args, Some(self.day))?;
        args.finish()?;
        Ok(Self { day }.into_value())
    }
}

/// `year`, `month` and `day` of a call, or those of another day.
pub(super) fn read_day(args: &mut Arguments, other: Option<civil::Date>) -> Result<civil::Date, Error> {
    let year = number(args, "year", other.map(|it| it.year().into()))?;
    let month = number(args, "month", other.map(|it| it.month().into()))?;
    let day = number(args, "day", other.map(|it| it.day().into()))?;
    let parts = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
    let (Ok(year_part), Ok(month_part), Ok(day_part)) = parts else {
        return Err(no_day(year, month, day));
    };
    civil::Date::new(year_part, month_part, day_part).map_err(|_| no_day(year, month, day))
}

fn no_day(year: i64, month: i64, day: i64) -> Error {
    bad_call(format!("there is no day {day} of month {month} in the year {year}"))
}

/// A whole number among the arguments, or what stands for it.
pub(super) fn number(args: &mut Arguments, name: &str, default: Option<i64>) -> Result<i64, Error> {
    let value = match (args.optional(name), default) {
        (Some(value), _) => value,
        (None, Some(default)) => return Ok(default),
        (None, None) => return Err(bad_call(format!("a day needs `{name}`"))),
    };
    value
        .as_i64()
        .filter(|_| value.is_integer())
        .ok_or_else(|| bad_call(format!("`{name}` must be a whole number, not {}", print::kind_of(&value))))
}

/// What a day answers by itself, for `date` and `datetime`.
pub(super) fn day_method(day: civil::Date, method: &str) -> Option<Value> {
    Some(match method {
        "weekday" => Value::from(day.weekday().to_monday_zero_offset()),
        "isoweekday" => Value::from(day.weekday().to_monday_one_offset()),
        "toordinal" => Value::from(ordinal(day)),
        "isocalendar" => {
            let week = day.iso_week_date();
            let weekday = week.weekday().to_monday_one_offset();
            tuple([Value::from(week.year()), Value::from(week.week()), Value::from(weekday)])
        }
        _ => return None,
    })
}

/// Days since the first of January of the year 1, which is day 1.
fn ordinal(day: civil::Date) -> i32 {
    let first = civil::date(1, 1, 1);
    first.until(day).map_or(0, |it| it.get_days()) + 1
}

impl Object for Date {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "__repr__" => {
                let day = self.day;
                Value::from(format!("datetime.date({}, {}, {})", day.year(), day.month(), day.day()))
            }
            "year" => Value::from(self.day.year()),
            "month" => Value::from(self.day.month()),
            "day" => Value::from(self.day.day()),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if let Some(value) = day_method(self.day, method) {
            return Ok(value);
        }
        match method {
            "strftime" => {
                let format = Arguments::new("strftime", args).text("format")?;
                format_civil(&format, self.day.at(0, 0, 0, 0))
            }
            "isoformat" => Ok(Value::from(self.day.to_string())),
            "replace" => self.replace(args),
            "ctime" => format_civil("%a %b %e %H:%M:%S %Y", self.day.at(0, 0, 0, 0)),
            _ => arithmetic::method(&self.into_value(), method, args)
                .unwrap_or_else(|| Err(unknown_method("a date", method))),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.day.cmp(&other.downcast_ref::<Self>()?.day))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.day)
    }
}

/// The day that a value is or falls on.
pub(super) fn day_of(value: &Value) -> Option<civil::Date> {
    if let Some(date) = value.downcast_object_ref::<Date>() {
        return Some(date.day);
    }
    value.downcast_object_ref::<DateTime>().map(|it| it.civil().date())
}
