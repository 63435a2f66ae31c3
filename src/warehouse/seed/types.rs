//! The type of a seed's column: what its values allow, by the rules of dbt with dbt-duckdb.
//!
//! In: one value after the other. Out: the type's name in SQL.

use jiff::civil::Date;

/// What a column's values so far allow. A column without values allows everything.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a type that is still possible")]
pub(super) struct Guess {
    number: bool,
    date: bool,
    datetime: bool,
    iso_datetime: bool,
    boolean: bool,
    pub(super) needs_cleaning: bool,
    /// Some number has decimal places, or too many digits to be exact.
    is_double: bool,
    smallest: i128,
    largest: i128,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            number: true,
            date: true,
            datetime: true,
            iso_datetime: true,
            boolean: true,
            needs_cleaning: false,
            is_double: false,
            smallest: 0,
            largest: 0,
        }
    }
}

impl Guess {
    pub(super) fn look_at(&mut self, text: &str) {
        if text.is_empty()
            || !(self.number || self.date || self.datetime || self.iso_datetime || self.boolean)
        {
            return;
        }
        let value = text.trim_matches([' ', '\t', '\r', '\n']);
        self.needs_cleaning |= value.len() != text.len();
        if value.is_empty() || value.eq_ignore_ascii_case("null") {
            self.needs_cleaning = true;
            return;
        }
        if self.number {
            match Number::of(value) {
                Some(Number::Whole(it)) => {
                    self.smallest = self.smallest.min(it);
                    self.largest = self.largest.max(it);
                }
                Some(Number::Double) => self.is_double = true,
                None => self.number = false,
            }
        }
        self.date = self.date && is_date(value);
        self.datetime = self.datetime && is_datetime(value);
        self.iso_datetime = self.iso_datetime && is_iso_datetime(value);
        self.boolean = self.boolean && is_boolean(value);
    }

    pub(super) fn data_type(&self) -> &'static str {
        let fits = |min: i128, max: i128| self.smallest >= min && self.largest <= max;
        if self.number && self.is_double {
            "DOUBLE"
        } else if self.number && fits(i32::MIN.into(), i32::MAX.into()) {
            "INTEGER"
        } else if self.number && fits(i64::MIN.into(), i64::MAX.into()) {
            "BIGINT"
        } else if self.number {
            "HUGEINT"
        } else if self.date {
            "DATE"
        } else if self.datetime || self.iso_datetime {
            "TIMESTAMP"
        } else if self.boolean {
            "BOOLEAN"
        } else {
            "VARCHAR"
        }
    }
}

pub(super) enum Number {
    /// `7`, but `7.0` and `7e2` as well.
    Whole(i128),
    Double,
}

impl Number {
    /// More digits than these before the point are not exact in dbt, which makes the column a float.
    const MAX_WHOLE_DIGITS: i64 = 28;

    pub(super) fn of(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if ["nan", "inf", "infinity"].iter().any(|it| unsigned.eq_ignore_ascii_case(it)) {
            return Some(Number::Double);
        }
        if let Some(it) = Self::of_few_digits(is_negative, unsigned) {
            return Some(it);
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = without_underscores(whole)?;
        if whole.len() + fraction.len() == 0 || !is_digits(fraction) {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Number::Whole(0));
        }
        // Places after the point that are left when the trailing zeros are gone; negative for `700`.
        let zeros = count(digits) - count(significant);
        let places = count(fraction) - zeros - exponent;
        let whole_digits = count(significant) - places;
        if places > 0 || whole_digits > Self::MAX_WHOLE_DIGITS {
            return Some(Number::Double);
        }
        let value = format!("{significant}{}", "0".repeat(usize::try_from(-places).ok()?));
        let value: i128 = value.parse().ok()?;
        Some(Number::Whole(if is_negative { -value } else { value }))
    }

    /// What nearly all numbers are: some digits, with a point or without. Answers nothing for others.
    fn of_few_digits(is_negative: bool, unsigned: &str) -> Option<Self> {
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() || whole.len() > 18 || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        if fraction.bytes().any(|it| it != b'0') {
            return Some(Number::Double);
        }
        let value: i64 = whole.parse().ok()?;
        Some(Number::Whole(i128::from(if is_negative { -value } else { value })))
    }
}

fn count(digits: &str) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX / 4)
}

/// An exponent that is small enough to count with.
fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    text.parse::<i64>().ok().filter(|it| it.abs() < 10_000)
}

/// Digits without the underscores that stand between two of them.
fn without_underscores(text: &str) -> Option<String> {
    let is_good = text.is_empty() || text.split('_').all(|it| !it.is_empty() && is_digits(it));
    is_good.then(|| text.replace('_', ""))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_digit())
}

/// A number of `min` to `max` digits.
fn digits(text: &str, min: usize, max: usize) -> Option<i16> {
    let is_good = (min..=max).contains(&text.len()) && is_digits(text);
    if is_good { text.parse().ok() } else { None }
}

/// `2024-01-31` or `2024-1-31`, and a day of the calendar.
fn is_date(text: &str) -> bool {
    is_date_of(text, 1)
}

/// A date whose month and day have at least `min` digits.
fn is_date_of(text: &str, min: usize) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let date = || {
        let (month, day) = (digits(month, min, 2)?, digits(day, min, 2)?);
        let year = digits(year, 4, 4).filter(|it| *it > 0)?;
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    date().is_some()
}

/// `2024-01-31 10:00:00`.
fn is_datetime(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(date, time)| is_date(date) && is_time(time.trim_start_matches(' '), 1))
}

/// `2024-01-31T10:00`, `2024-01-31T10:00:00.5+02:00`: of ISO 8601 what the engine reads.
fn is_iso_datetime(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    if !is_date_of(date, 2) {
        return false;
    }
    if time.len() == "10:00".len() {
        return is_time(&format!("{time}:00"), 2);
    }
    let (time, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let (time, fraction) = time.split_once('.').map_or((time, "0"), |(time, fraction)| (time, fraction));
    is_time(time, 2) && !fraction.is_empty() && is_digits(fraction) && is_zone(zone)
}

/// Nothing, `Z`, `+02`, `+02:00` or `+0200`.
fn is_zone(text: &str) -> bool {
    let Some(offset) = text.strip_prefix(['+', '-']) else { return text.is_empty() || text == "Z" };
    let (hours, minutes) = match offset.split_once(':') {
        Some(parts) => parts,
        None if offset.len() == 4 && is_digits(offset) => offset.split_at(2),
        None => (offset, "00"),
    };
    digits(hours, 2, 2).is_some_and(|it| it < 24) && digits(minutes, 2, 2).is_some_and(|it| it < 60)
}

/// `10:00:00`, with at least `min` digits in each part.
fn is_time(text: &str, min: usize) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let is_below = |n: usize, limit: i16| digits(parts[n], min, 2).is_some_and(|it| it < limit);
    parts.len() == 3 && is_below(0, 24) && is_below(1, 60) && is_below(2, 60)
}

fn is_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}
