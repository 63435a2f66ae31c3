//! Python's `datetime`, with or without a time zone.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned, civil};
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::date::{Date, day_method, read_day};
use super::time::{Time, read_time, time_text};
use super::timedelta::TimeDelta;
use super::zone::Zone;
use super::{arithmetic, unknown_method};
use crate::template::fault::bad_call;
use crate::template::values::arguments::Arguments;

/// A point in time, or a date and a time of day somewhere.
#[derive(Clone, Debug)]
pub(in crate::template) struct DateTime {
    at: At,
}

#[derive(Clone, Debug)]
enum At {
    Naive(civil::DateTime),
    Aware(Zoned, String),
    /// In a zone, in the last or first hours of the calendar, where the package of dates has no instants.
    Far(civil::DateTime, Zone),
}

/// An hour at one of the ends of time: where instants end for the package of dates.
fn end_of_time(at: civil::DateTime) -> Timestamp {
    if at.year() > 0 { Timestamp::MAX } else { Timestamp::MIN }
}

impl DateTime {
    /// A point in time from its text in RFC 3339; any other text stays a text.
    pub(in crate::template) fn value(text: &str) -> Value {
        Self::parse(text).map_or_else(|| Value::from(text), Self::into_value)
    }

    /// Reads ISO 8601, with a space or a `T`, with or without an offset.
    pub(in crate::template) fn parse(text: &str) -> Option<Self> {
        let offset = text.get(10..).and_then(|it| it.find(['+', '-', 'Z'])).map(|it| it + 10);
        let Some(offset) = offset else {
            return text.parse().ok().map(Self::naive);
        };
        let at: Timestamp = text.parse().ok()?;
        let zone = match &text[offset..] {
            "Z" => Zone::utc(),
            written => Zone::fixed(read_offset(written)?),
        };
        Some(Self { at: At::Aware(at.to_zoned(zone.zone), zone.name) })
    }

    /// Without a time zone.
    pub(super) fn naive(at: civil::DateTime) -> Self {
        Self { at: At::Naive(at) }
    }

    /// The value for templates.
    pub(in crate::template) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// `datetime(year, month, day, hour, minute, second, microsecond, tzinfo)`.
    pub(super) fn call(args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("datetime", args);
        let day = read_day(&mut args, None)?;
        let time = read_time(&mut args, civil::Time::midnight())?;
        let zone = args.optional("tzinfo").filter(|it| !it.is_none());
        args.named("fold");
        args.finish()?;
        let naive = Self::naive(day.to_datetime(time));
        match zone {
            Some(zone) => Ok(naive.in_zone_as_written(&Zone::of(&zone, "datetime")?).into_value()),
            None => Ok(naive.into_value()),
        }
    }

    /// `datetime.strptime(text, format)`.
    pub(super) fn strptime(args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("strptime", args);
        let (text, format) = (args.text("date_string")?, args.text("format")?);
        args.finish()?;
        let wrong = || bad_call(format!("`{text}` is not a time of the format `{format}`"));
        let parts = BrokenDownTime::parse(&format, &text).map_err(|_| wrong())?;
        let day = match parts.to_date() {
            Ok(day) => day,
            // As in Python, what the format does not say is the first of January 1900.
            Err(_) => civil::Date::new(
                parts.year().unwrap_or(1900),
                parts.month().unwrap_or(1),
                parts.day().unwrap_or(1),
            )
            .map_err(|_| wrong())?,
        };
        let time = parts.to_time().unwrap_or(civil::Time::midnight());
        let naive = Self::naive(day.to_datetime(time));
        Ok(match parts.offset() {
            Some(offset) => naive.in_zone_as_written(&Zone::fixed(offset)).into_value(),
            None => naive.into_value(),
        })
    }

    /// Whether it has a time zone.
    pub(super) fn is_aware(&self) -> bool {
        matches!(self.at, At::Aware(..) | At::Far(..))
    }

    /// What a calendar and a clock at its place show.
    pub(super) fn civil(&self) -> civil::DateTime {
        match &self.at {
            At::Naive(at) | At::Far(at, _) => *at,
            At::Aware(at, _) => at.datetime(),
        }
    }

    /// The instant; without a time zone, taken for UTC.
    fn instant(&self) -> Timestamp {
        match &self.at {
            At::Naive(at) => at.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp()),
            At::Aware(at, _) => at.timestamp(),
            At::Far(at, _) => end_of_time(*at),
        }
    }

    /// The same date and time of day in a zone.
    pub(super) fn in_zone_as_written(&self, zone: &Zone) -> Self {
        let civil = self.civil();
        let at = civil.to_zoned(zone.zone.clone());
        let far = |_| At::Far(civil, zone.clone());
        Self { at: at.map_or_else(far, |at| At::Aware(at, zone.name.clone())) }
    }

    /// The same instant in another zone.
    pub(super) fn moved_to(&self, zone: &Zone) -> Self {
        Self { at: At::Aware(self.instant().to_zoned(zone.zone.clone()), zone.name.clone()) }
    }

    /// The same zone, another date or time of day.
    fn with_civil(&self, civil: civil::DateTime) -> Self {
        let naive = Self::naive(civil);
        self.zone().map_or(naive.clone(), |zone| naive.in_zone_as_written(&zone))
    }

    /// Later by a length of time, as a calendar and a clock show it.
    pub(super) fn plus(&self, delta: TimeDelta) -> Result<Self, Error> {
        let civil = self.civil().checked_add(delta.to_duration());
        civil.map(|it| self.with_civil(it)).map_err(|_| bad_call("this point in time is too far away"))
    }

    /// The time between two; `None` if only one of them has a time zone.
    pub(super) fn since(&self, other: &Self) -> Option<TimeDelta> {
        (self.is_aware() == other.is_aware())
            .then(|| TimeDelta::of(self.instant().duration_since(other.instant())))
    }

    fn format(&self, format: &str) -> Result<Value, Error> {
        match &self.at {
            At::Naive(at) | At::Far(at, _) => format_civil(format, *at),
            // Python's `%f` has six digits always.
            At::Aware(at, _) => strtime::format(format.replace("%f", "%6f"), at)
                .map(Value::from)
                .map_err(|_| unknown_format(format)),
        }
    }

    /// ISO 8601 with a separator between date and time.
    fn iso(&self, separator: &str) -> String {
        let civil = self.civil();
        let offset = match &self.at {
            At::Naive(_) => String::new(),
            At::Aware(at, _) => at.strftime("%:z").to_string(),
            At::Far(at, zone) => end_of_time(*at).to_zoned(zone.zone.clone()).strftime("%:z").to_string(),
        };
        format!("{}{separator}{}{offset}", civil.date(), time_text(civil.time()))
    }

    fn replace(&self, args: &[Value]) -> Result<Value, Error> {
        let mut args = Arguments::new("replace", args);
        let civil = self.civil();
        let day = read_day(&mut args, Some(civil.date()))?;
        let civil = day.to_datetime(read_time(&mut args, civil.time())?);
        let zone = args.optional("tzinfo");
        args.named("fold");
        args.finish()?;
        match zone {
            None => Ok(self.with_civil(civil).into_value()),
            Some(zone) if zone.is_none() => Ok(Self::naive(civil).into_value()),
            Some(zone) => {
                Ok(Self::naive(civil).in_zone_as_written(&Zone::of(&zone, "replace")?).into_value())
            }
        }
    }

    /// Its distance from UTC.
    pub(super) fn utc_offset(&self) -> Value {
        let offset = match &self.at {
            At::Naive(_) => return Value::from(()),
            At::Aware(at, _) => at.offset(),
            At::Far(at, zone) => zone.zone.to_offset(end_of_time(*at)),
        };
        TimeDelta { micros: i128::from(offset.seconds()) * 1_000_000 }.into_value()
    }

    /// As Python writes its construction.
    fn written_out(&self) -> String {
        let at = self.civil();
        let mut parts = vec![
            at.year().to_string(),
            at.month().to_string(),
            at.day().to_string(),
            at.hour().to_string(),
            at.minute().to_string(),
        ];
        let micros = at.subsec_nanosecond() / 1000;
        if at.second() != 0 || micros != 0 {
            parts.push(at.second().to_string());
        }
        if micros != 0 {
            parts.push(micros.to_string());
        }
        parts.extend(self.zone().map(|it| format!("tzinfo=<{}>", it.name)));
        format!("datetime.datetime({})", parts.join(", "))
    }

    fn zone(&self) -> Option<Zone> {
        match &self.at {
            At::Naive(_) => None,
            At::Aware(at, name) => Some(Zone { zone: at.time_zone().clone(), name: name.clone() }),
            At::Far(_, zone) => Some(zone.clone()),
        }
    }
}

/// Reads `+01`, `-05:30` or `+05:30:20`.
fn read_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = (if text.starts_with('-') { -1 } else { 1 }, text.get(1..)?);
    let parts: Vec<i32> = digits.split(':').map(|it| it.parse().ok()).collect::<Option<_>>()?;
    let seconds: i32 = parts.iter().zip([3600, 60, 1]).map(|(part, unit)| part * unit).sum();
    Offset::from_seconds(sign * seconds).ok()
}

/// `strftime` of what has no time zone: there, `%z` and `%Z` are empty.
pub(super) fn format_civil(format: &str, at: civil::DateTime) -> Result<Value, Error> {
    let known = format.replace("%f", "%6f").replace("%z", "").replace("%Z", "");
    strtime::format(known, at).map(Value::from).map_err(|_| unknown_format(format))
}

fn unknown_format(format: &str) -> Error {
    bad_call(format!("`{format}` is not a time format that strftime knows"))
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = self.civil();
        Some(match key.as_str()? {
            "__repr__" => Value::from(self.written_out()),
            "year" => Value::from(at.year()),
            "month" => Value::from(at.month()),
            "day" => Value::from(at.day()),
            "hour" => Value::from(at.hour()),
            "minute" => Value::from(at.minute()),
            "second" => Value::from(at.second()),
            "microsecond" => Value::from(at.subsec_nanosecond() / 1000),
            "tzinfo" => self.zone().map_or_else(|| Value::from(()), Zone::into_value),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if let Some(value) = day_method(self.civil().date(), method) {
            return Ok(value);
        }
        match method {
            "strftime" => {
                let format = Arguments::new("strftime", args).text("format")?;
                self.format(&format)
            }
            "isoformat" => {
                let mut args = Arguments::new("isoformat", args);
                let separator = args.optional("sep").map_or_else(|| "T".to_owned(), |it| it.to_string());
                Ok(Value::from(self.iso(&separator)))
            }
            "timestamp" => {
                let micros = i128::from(self.instant().as_microsecond());
                Ok(Value::from(TimeDelta { micros }.seconds()))
            }
            "date" => Ok(Date { day: self.civil().date() }.into_value()),
            "time" | "timetz" => Ok(Time { at: self.civil().time() }.into_value()),
            "replace" => self.replace(args),
            "utcoffset" => Ok(self.utc_offset()),
            "tzname" => Ok(self.zone().map_or_else(|| Value::from(()), |it| Value::from(it.name))),
            "ctime" => self.format("%a %b %e %H:%M:%S %Y"),
            "astimezone" => {
                let zone = Arguments::new("astimezone", args).optional("tz");
                let zone = zone.map_or_else(|| Ok(Zone::utc()), |it| Zone::of(&it, "astimezone"))?;
                Ok(self.moved_to(&zone).into_value())
            }
            _ => arithmetic::method(&self.as_ref().clone().into_value(), method, args)
                .unwrap_or_else(|| Err(unknown_method("a datetime", method))),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.instant().cmp(&other.downcast_ref::<Self>()?.instant()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso(" "))
    }
}
