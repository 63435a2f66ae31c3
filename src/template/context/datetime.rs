//! Points in time as Python's `datetime` shows them, and `modules`.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use crate::template::fault::{bad_call, fail};
use crate::template::values::arguments::Arguments;

/// Python's `datetime` with a time zone.
#[derive(Debug)]
pub(super) struct DateTime {
    at: Zoned,
}

impl DateTime {
    /// A point in time from its text in RFC 3339; any other text stays a text.
    pub(super) fn value(text: &str) -> Value {
        match text.parse::<Timestamp>() {
            Ok(at) => Value::from_object(Self { at: at.to_zoned(TimeZone::UTC) }),
            Err(_) => Value::from(text),
        }
    }

    fn format(&self, format: &str) -> Result<Value, Error> {
        // Python's `%f` has six digits always.
        let format = format.replace("%f", "%6f");
        let text = jiff::fmt::strtime::format(&format, &self.at)
            .map_err(|_| bad_call(format!("`{format}` is not a time format that strftime knows")))?;
        Ok(Value::from(text))
    }

    fn iso(&self, separator: char) -> String {
        let date_time = self.at.datetime();
        let fraction = match date_time.subsec_nanosecond() / 1000 {
            0 => String::new(),
            micros => format!(".{micros:06}"),
        };
        let offset = self.at.strftime("%:z").to_string();
        let seconds = self.at.strftime("%H:%M:%S").to_string();
        format!("{}{separator}{seconds}{fraction}{offset}", date_time.date())
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit into a double")]
    fn epoch_seconds(&self) -> f64 {
        self.at.timestamp().as_microsecond() as f64 / 1e6
    }
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = self.at.datetime();
        Some(match key.as_str()? {
            "year" => Value::from(at.year()),
            "month" => Value::from(at.month()),
            "day" => Value::from(at.day()),
            "hour" => Value::from(at.hour()),
            "minute" => Value::from(at.minute()),
            "second" => Value::from(at.second()),
            "microsecond" => Value::from(at.subsec_nanosecond() / 1000),
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
                self.format(&format)
            }
            "isoformat" => Ok(Value::from(self.iso('T'))),
            "timestamp" => Ok(Value::from(self.epoch_seconds())),
            "date" => Ok(Value::from(self.at.date().to_string())),
            "time" => Ok(Value::from(self.at.strftime("%H:%M:%S").to_string())),
            "weekday" => Ok(Value::from(self.at.weekday().to_monday_zero_offset())),
            "isoweekday" => Ok(Value::from(self.at.weekday().to_monday_one_offset())),
            "astimezone" => {
                let zone = Arguments::new("astimezone", args).required("tz")?;
                let Some(zone) = zone.downcast_object_ref::<Zone>() else {
                    return Err(bad_call("`astimezone()` needs a time zone from `modules.pytz.timezone()`"));
                };
                Ok(Value::from_object(Self { at: self.at.with_time_zone(zone.zone.clone()) }))
            }
            _ => Err(Error::new(ErrorKind::UnknownMethod, format!("a datetime has no method `{method}`"))),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso(' '))
    }
}

/// A time zone of `modules.pytz`.
#[derive(Debug)]
struct Zone {
    zone: TimeZone,
    name: String,
}

impl Object for Zone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// `modules`: of Python's modules only the time zones are there yet.
#[derive(Debug)]
pub(super) struct ModulesObject;

impl ModulesObject {
    /// The object as a value.
    pub(super) fn value() -> Value {
        Value::from_object(Self)
    }
}

impl Object for ModulesObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str().filter(|it| matches!(*it, "datetime" | "pytz" | "re" | "itertools"))?;
        Some(Value::from_object(Module { path: format!("modules.{name}") }))
    }
}

/// A Python module or a class in it, such as `modules.datetime.datetime`.
#[derive(Debug)]
struct Module {
    path: String,
}

impl Object for Module {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if self.path == "modules.pytz" && matches!(name, "utc" | "UTC") {
            return Some(Value::from_object(Zone { zone: TimeZone::UTC, name: "UTC".to_owned() }));
        }
        // Classes, whose methods and calls are refused by name below.
        let is_class = matches!(name, "datetime" | "date" | "time" | "timedelta" | "timezone");
        is_class.then(|| Value::from_object(Module { path: format!("{}.{name}", self.path) }))
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Err(unsupported(&self.path))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if self.path == "modules.pytz" && method == "timezone" {
            let name = Arguments::new("timezone", args).text("zone")?;
            let zone =
                TimeZone::get(&name).map_err(|_| bad_call(format!("there is no time zone `{name}`")))?;
            return Ok(Value::from_object(Zone { zone, name }));
        }
        Err(unsupported(&format!("{}.{method}", self.path)))
    }
}

fn unsupported(path: &str) -> Error {
    fail("unsupported-call", format!("`{path}()` is not available in templates yet"))
}
