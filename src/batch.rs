//! Batches of time: the windows that a microbatch model is made in, and how they are counted.
//!
//! A word that phases share, as those of [`crate::node`]. All times are in UTC and without a zone; the clock is
//! given. The rules are dbt's, so that both make the same batches.

use std::fmt;

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, tz::TimeZone};

/// How long a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchSize {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From the first of a month to that of the next.
    Month,
    /// From the first of January to the next.
    Year,
}

/// The words for [`BatchSize`].
pub const BATCH_SIZES: &[(&str, BatchSize)] = &[
    ("hour", BatchSize::Hour),
    ("day", BatchSize::Day),
    ("month", BatchSize::Month),
    ("year", BatchSize::Year),
];

/// One window of time: from its start on, and before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Batch {
    /// Its first moment.
    pub start: DateTime,
    /// The first moment after it.
    pub end: DateTime,
    /// How long batches of its model are.
    pub size: BatchSize,
}

/// What the command line and the clock say about which batches to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// `--event-time-start`.
    pub start: Option<DateTime>,
    /// `--event-time-end`, or when the run began.
    pub end: DateTime,
}

/// Which rows `ref()` and `source()` give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowsRead {
    /// All.
    #[default]
    All,
    /// None: `--empty`.
    Empty,
    /// Those of a time, of what says when its rows happened: `--sample`.
    Sample(Sample),
}

/// From when on, and before when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The first moment.
    pub start: DateTime,
    /// The first moment after it.
    pub end: DateTime,
}

impl RowsRead {
    /// Whether rows are left out.
    pub fn is_limited(self) -> bool {
        self != RowsRead::All
    }
}

impl fmt::Display for RowsRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowsRead::All => f.write_str("all rows"),
            RowsRead::Empty => f.write_str("no rows (--empty)"),
            RowsRead::Sample(Sample { start, end }) => {
                let text = |it: &DateTime| it.strftime("%Y-%m-%d %H:%M:%S").to_string();
                write!(f, "rows from {} to {} (--sample)", text(start), text(end))
            }
        }
    }
}

impl Sample {
    /// The part that is in a batch too.
    #[must_use]
    pub fn of_batch(self, batch: Batch) -> Self {
        Self { start: self.start.max(batch.start), end: self.end.min(batch.end) }
    }

    /// The condition that picks its rows, by an expression for their time.
    pub fn condition(self, event_time: &str) -> String {
        let (start, end) = (Batch::literal(self.start), Batch::literal(self.end));
        format!("{event_time} >= '{start}' and {event_time} < '{end}'")
    }
}

impl BatchSize {
    /// So many of them before a moment, to the microsecond; a day that a month does not have becomes its last.
    pub fn before(self, at: DateTime, count: i64) -> Option<DateTime> {
        let span = Span::new();
        let span = match self {
            BatchSize::Hour => span.try_hours(count),
            BatchSize::Day => span.try_days(count),
            BatchSize::Month => span.try_months(count),
            BatchSize::Year => span.try_years(count),
        };
        at.checked_sub(span.ok()?).ok()
    }

    /// The beginning of the batch that a moment is in.
    pub fn truncate(self, at: DateTime) -> DateTime {
        let day = match self {
            BatchSize::Hour | BatchSize::Day => at.date(),
            BatchSize::Month => at.date().first_of_month(),
            BatchSize::Year => at.date().first_of_year(),
        };
        let hour = if self == BatchSize::Hour { at.hour() } else { 0 };
        day.at(hour, 0, 0, 0)
    }

    /// The beginning of the batch so many before or after the one that a moment is in.
    pub fn offset(self, at: DateTime, batches: i64) -> DateTime {
        let span = Span::new();
        let span = match self {
            BatchSize::Hour => span.try_hours(batches),
            BatchSize::Day => span.try_days(batches),
            BatchSize::Month => span.try_months(batches),
            BatchSize::Year => span.try_years(batches),
        };
        let end_of_time = if batches < 0 { DateTime::MIN } else { DateTime::MAX };
        span.ok().and_then(|it| self.truncate(at).checked_add(it).ok()).unwrap_or(end_of_time)
    }

    /// The moment itself where a batch begins at it, else the beginning of the next batch.
    pub fn ceiling(self, at: DateTime) -> DateTime {
        if self.truncate(at) == at { at } else { self.offset(at, 1) }
    }

    /// The word in config.
    pub fn as_str(self) -> &'static str {
        match self {
            BatchSize::Hour => "hour",
            BatchSize::Day => "day",
            BatchSize::Month => "month",
            BatchSize::Year => "year",
        }
    }

    /// All batches of a model that is made anew: from `begin`, or from where the window says.
    pub fn from_begin(self, begin: DateTime, window: Window) -> Vec<Batch> {
        self.between(self.truncate(window.start.unwrap_or(begin)), self.ceiling(window.end))
    }

    /// The batches of a model that is there: the newest, with `lookback` more before it, or those of the window.
    pub fn newest(self, lookback: i64, window: Window) -> Vec<Batch> {
        let end = self.ceiling(window.end);
        // `end` is where a batch begins, so the newest is the one before it.
        let start = window.start.map_or_else(|| self.offset(end, -(lookback + 1)), |it| self.truncate(it));
        self.between(start, end)
    }

    /// At least one batch, even if it is empty; the last ends with `end`.
    fn between(self, start: DateTime, end: DateTime) -> Vec<Batch> {
        let mut batches = vec![Batch { start, end: self.offset(start, 1), size: self }];
        while let Some(last) = batches.last().filter(|it| it.end < end) {
            batches.push(Batch { start: last.end, end: self.offset(last.end, 1), size: self });
        }
        if let Some(last) = batches.last_mut() {
            last.end = end;
        }
        batches
    }
}

impl Batch {
    /// dbt's id: `20240917`, `20240917T16`, `202409`, `2024`.
    pub fn id(&self) -> String {
        self.to_string().replace('-', "")
    }

    /// A moment as dbt writes it into SQL: `2024-09-17 16:00:00+00:00`, with six more digits where they are not all zero.
    pub fn literal(at: DateTime) -> String {
        let is_full = at.subsec_nanosecond() == 0;
        let format = if is_full { "%Y-%m-%d %H:%M:%S+00:00" } else { "%Y-%m-%d %H:%M:%S.%6f+00:00" };
        at.strftime(format).to_string()
    }

    /// The condition that picks the batch's rows, by an expression for their time.
    pub fn condition(&self, event_time: &str) -> String {
        let (start, end) = (Self::literal(self.start), Self::literal(self.end));
        format!("{event_time} >= '{start}' and {event_time} < '{end}'")
    }
}

impl fmt::Display for Batch {
    /// As people name it: `2024-09-17`, `2024-09-17T16`, `2024-09`, `2024`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.size {
            BatchSize::Hour => "%Y-%m-%dT%H",
            BatchSize::Day => "%Y-%m-%d",
            BatchSize::Month => "%Y-%m",
            BatchSize::Year => "%Y",
        };
        write!(f, "{}", self.start.strftime(format))
    }
}

/// Reads a date, or a date and a time as Python writes them. What it says about a time zone is passed over, as
/// dbt does.
pub fn parse_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let zone = text.get(10..).and_then(|it| it.find(['+', '-', 'Z'])).map(|it| it + 10);
    text[..zone.unwrap_or(text.len())].trim_end().parse().ok()
}

/// A point in time in RFC 3339 as the clock in UTC shows it.
pub fn in_utc(instant: &str) -> Option<DateTime> {
    let instant: Timestamp = instant.parse().ok()?;
    Some(instant.to_zoned(TimeZone::UTC).datetime())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        parse_time(text).unwrap_or_else(|| panic!("`{text}` is no time"))
    }

    fn names(batches: &[Batch]) -> Vec<String> {
        batches.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_moment_belongs_to_the_batch_that_began_last() {
        let time = at("2024-09-17 16:06:00");
        let begins =
            BATCH_SIZES.iter().map(|it| Batch::literal(it.1.truncate(time))).collect::<Vec<_>>().join("\n");
        assert_eq!(
            begins,
            "2024-09-17 16:00:00+00:00\n2024-09-17 00:00:00+00:00\n2024-09-01 00:00:00+00:00\n2024-01-01 00:00:00+00:00"
        );
    }

    #[test]
    fn months_are_counted_over_years() {
        assert_eq!(BatchSize::Month.offset(at("2024-01-31"), -1), at("2023-12-01"));
        assert_eq!(BatchSize::Month.offset(at("2024-12-31 23:59:59"), 1), at("2025-01-01"));
        assert_eq!(BatchSize::Year.offset(at("2024-02-29"), 1), at("2025-01-01"));
    }

    #[test]
    fn a_batch_that_begins_at_the_end_is_left_out() {
        assert_eq!(BatchSize::Day.ceiling(at("2024-09-17")), at("2024-09-17"));
        let window = Window { start: None, end: at("2024-09-17") };
        assert_eq!(names(&BatchSize::Day.newest(1, window)), ["2024-09-15", "2024-09-16"]);
        let window = Window { start: None, end: at("2024-09-17 00:00:01") };
        assert_eq!(names(&BatchSize::Day.newest(1, window)), ["2024-09-16", "2024-09-17"]);
    }

    #[test]
    fn a_new_table_has_all_batches_from_the_beginning() {
        let window = Window { start: None, end: at("2024-03-02 10:00:00") };
        let batches = BatchSize::Month.from_begin(at("2024-01-15"), window);
        assert_eq!(names(&batches), ["2024-01", "2024-02", "2024-03"]);
        assert_eq!(batches[2].end, at("2024-04-01"));
        assert_eq!(batches[2].id(), "202403");
    }

    #[test]
    fn a_window_wins_over_the_beginning() {
        let window = Window { start: Some(at("2024-05-05 05:30:00")), end: at("2024-05-05 07:30:00") };
        let expected = ["2024-05-05T05", "2024-05-05T06", "2024-05-05T07"];
        assert_eq!(names(&BatchSize::Hour.from_begin(at("2020-01-01"), window)), expected);
        assert_eq!(names(&BatchSize::Hour.newest(9, window)), expected);
    }

    #[test]
    fn a_beginning_in_the_future_is_one_empty_batch() {
        let window = Window { start: None, end: at("2024-01-01") };
        let batches = BatchSize::Day.from_begin(at("2030-01-01"), window);
        assert_eq!(batches.len(), 1);
        assert!(batches[0].end < batches[0].start);
    }

    #[test]
    fn what_is_said_about_zones_is_passed_over() {
        for text in ["2024-01-01T10:00:00+02:00", "2024-01-01T10:00:00Z", "2024-01-01 10:00:00.000"] {
            assert_eq!(at(text), at("2024-01-01 10:00"), "{text}");
        }
        assert_eq!(parse_time("soon"), None);
    }
}
