//! Seeds: from a CSV file to the types of its columns, and to the statement that loads it.
//!
//! Types are those that dbt with dbt-duckdb finds, wherever dbt can load the file; what dbt rejects
//! is loaded where the meaning is plain (whole numbers beyond 32 bits, the word `null`, blanks). The
//! file is read here once, row by row, to find types and faults; the engine reads it again to load it.
//! Deliberately absent: opening files.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use jiff::civil::Date;

use crate::node::{Relation, quote_identifier, quote_literal};

/// How a seed's file is written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedOptions {
    /// What stands between two values.
    pub delimiter: char,
    /// Types that the project gives, by the exact name of the column; all others are inferred.
    pub column_types: Vec<(String, String)>,
}

/// What [`infer_seed`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedShape {
    /// Columns in the file's order, with unique names.
    pub columns: Vec<SeedColumn>,
    /// Lines with values: the header and blank lines are not counted.
    pub rows: u64,
}

/// A column of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedColumn {
    /// Name as in the header.
    pub name: String,
    /// Type in SQL.
    pub data_type: String,
    /// Whether some value must be trimmed, or read as null, before the engine can convert it.
    pub needs_cleaning: bool,
}

/// A seed's file cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedError {
    /// What is wrong.
    pub message: String,
    /// Line in the file, from 1.
    pub line: u64,
}

/// Reads a CSV file once and finds names and types of its columns.
pub fn infer_seed(reader: impl Read, options: &SeedOptions) -> Result<SeedShape, SeedError> {
    let Ok(delimiter) = u8::try_from(options.delimiter).map_err(drop).and_then(ascii) else {
        let message = format!("the delimiter `{}` is not a single ASCII character", options.delimiter);
        return Err(SeedError { message, line: 1 });
    };
    let mut csv = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(LineEnds::new(reader));
    let mut record = ByteRecord::new();
    if !read(&mut csv, &mut record)? || csv.get_ref().begins_blank {
        let message = "the first line is empty; a seed begins with a header".to_owned();
        return Err(SeedError { message, line: 1 });
    }
    let names = unique_names(&record)?;
    // The reader stops before the second half of such a line end.
    let ends_with_two = csv.position().line() == 1 + breaks_in(&record);
    let whole: Vec<bool> = names.iter().map(|name| is_declared_whole(name, options)).collect();
    let mut guesses = vec![Guess::default(); names.len()];
    let mut rows = 0;
    while read(&mut csv, &mut record)? {
        if record.len() != names.len() {
            let plural = |count: usize| if count == 1 { "" } else { "s" };
            let (values, columns) = (record.len(), names.len());
            let message = format!("{values} value{} for {columns} column{}", plural(values), plural(columns));
            return Err(SeedError { message, line: line_of(&record, &csv, ends_with_two) });
        }
        for (index, (guess, field)) in guesses.iter_mut().zip(&record).enumerate() {
            let Ok(text) = std::str::from_utf8(field) else {
                return Err(not_utf8(line_of(&record, &csv, ends_with_two)));
            };
            // The engine would round it and say nothing.
            if whole[index] && matches!(Number::of(text.trim()), Some(Number::Double)) {
                let column = &names[index];
                let message = format!("`{text}` is no whole number, and the column `{column}` has only such");
                return Err(SeedError { message, line: line_of(&record, &csv, ends_with_two) });
            }
            guess.look_at(text);
        }
        rows += 1;
    }
    if let Some(line) = csv.get_ref().mixed_at {
        let message = "some lines end with a carriage return and some do not".to_owned();
        return Err(SeedError { message, line });
    }
    let columns = names.into_iter().zip(guesses).map(|(name, guess)| column(name, &guess, options)).collect();
    Ok(SeedShape { columns, rows })
}

/// The statement that creates, or replaces, the table and loads the file into it.
///
/// The file's dialect is given, not sniffed as `copy` does, so that what a value means does not depend
/// on other values.
pub fn seed_sql(relation: &Relation, file_path: &str, shape: &SeedShape, options: &SeedOptions) -> String {
    format!("create or replace table {relation} as\n{}", seed_rows_sql(file_path, shape, options))
}

/// The query of the file's rows.
pub fn seed_rows_sql(file_path: &str, shape: &SeedShape, options: &SeedOptions) -> String {
    let mut items = Vec::new();
    let mut columns = Vec::new();
    for column in &shape.columns {
        let name = quote_identifier(&column.name);
        let (item, read_as) = if column.needs_cleaning {
            let trimmed = format!(r"trim({name}, e' \t\r\n')");
            let kind = &column.data_type;
            (format!("if(lower({trimmed}) in ('', 'null'), null, {trimmed})::{kind} as {name}"), "VARCHAR")
        } else {
            (name, column.data_type.as_str())
        };
        items.push(format!("    {item}"));
        columns.push(format!("{}: {}", quote_literal(&column.name), quote_literal(read_as)));
    }
    format!(
        "select\n{}\nfrom read_csv(\n    {},\n    auto_detect = false, header = true, \
         delim = {}, quote = '\"', escape = '\"', nullstr = '',\n    columns = {{{}}}\n)",
        items.join(",\n"),
        quote_literal(&without_patterns(file_path)),
        quote_literal(&options.delimiter.to_string()),
        columns.join(", "),
    )
}

/// A path in which no character stands for others: `*` becomes `[*]`.
fn without_patterns(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for it in path.chars() {
        match it {
            '*' | '?' | '[' => out.extend(['[', it, ']']),
            it => out.push(it),
        }
    }
    out
}

fn ascii(byte: u8) -> Result<u8, ()> {
    if byte.is_ascii() { Ok(byte) } else { Err(()) }
}

fn read(csv: &mut csv::Reader<impl Read>, record: &mut ByteRecord) -> Result<bool, SeedError> {
    csv.read_byte_record(record).map_err(|error| {
        let line = error.position().map_or(1, csv::Position::line);
        SeedError { message: format!("the file cannot be read: {error}"), line }
    })
}

/// Watches the line ends of what is read: the engine takes only one kind in a file, and no blank header.
#[expect(clippy::struct_excessive_bools, reason = "a small state machine")]
struct LineEnds<R> {
    inner: R,
    line: u64,
    is_quoted: bool,
    after_return: bool,
    /// Whether lines end with a carriage return too, known after the first one.
    with_return: Option<bool>,
    mixed_at: Option<u64>,
    has_begun: bool,
    begins_blank: bool,
}

impl<R> LineEnds<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            line: 1,
            is_quoted: false,
            after_return: false,
            with_return: None,
            mixed_at: None,
            has_begun: false,
            begins_blank: false,
        }
    }

    fn look_at(&mut self, bytes: &[u8]) {
        if !self.has_begun && !bytes.is_empty() {
            self.has_begun = true;
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            self.begins_blank = text.first().is_some_and(|it| matches!(it, b'\r' | b'\n'));
        }
        for byte in bytes {
            if *byte == b'"' {
                self.is_quoted = !self.is_quoted;
            }
            if *byte == b'\n' {
                if !self.is_quoted && *self.with_return.get_or_insert(self.after_return) != self.after_return
                {
                    self.mixed_at = self.mixed_at.or(Some(self.line));
                }
                self.line += 1;
            }
            self.after_return = *byte == b'\r';
        }
    }
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.look_at(&buffer[..n]);
        Ok(n)
    }
}

/// The line that a record begins on: the reader's own answer is before blank lines.
fn line_of(record: &ByteRecord, csv: &csv::Reader<impl Read>, ends_with_two: bool) -> u64 {
    let before = record.position().map_or(1, csv::Position::line);
    let last = csv.position().line() - breaks_in(record);
    if ends_with_two { last } else { before.max(last.saturating_sub(1)) }
}

/// Line breaks inside quotes.
fn breaks_in(record: &ByteRecord) -> u64 {
    record.as_slice().iter().map(|it| u64::from(*it == b'\n')).sum()
}

fn not_utf8(line: u64) -> SeedError {
    SeedError { message: "the text is not UTF-8".to_owned(), line }
}

/// The header's names: an empty one becomes a letter, and a repeated one gets a number, as in dbt.
fn unique_names(header: &ByteRecord) -> Result<Vec<String>, SeedError> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (n, field) in header.iter().enumerate() {
        let text = std::str::from_utf8(field).map_err(|_| not_utf8(1))?;
        let base = if text.is_empty() { letter(n) } else { text.to_owned() };
        let mut name = base.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{base}_{number}");
            number += 1;
        }
        if let Some(other) = names.iter().find(|it| it.to_lowercase() == name.to_lowercase()) {
            let message = format!("columns `{other}` and `{name}` differ only in the case of letters");
            return Err(SeedError { message, line: 1 });
        }
        names.push(name);
    }
    Ok(names)
}

/// `a` to `z`, then `aa` to `zz`, and so on.
fn letter(n: usize) -> String {
    let letters = "abcdefghijklmnopqrstuvwxyz";
    letters[n % 26..=n % 26].repeat(n / 26 + 1)
}

/// Whether the project says that a column has whole numbers.
fn is_declared_whole(name: &str, options: &SeedOptions) -> bool {
    const TYPES: [&str; 14] = [
        "integer", "int", "int4", "signed", "bigint", "int8", "long", "smallint", "int2", "tinyint", "int1",
        "hugeint", "uinteger", "ubigint",
    ];
    let declared = options.column_types.iter().find(|it| it.0 == name);
    declared.is_some_and(|(_, kind)| TYPES.iter().any(|it| kind.trim().eq_ignore_ascii_case(it)))
}

fn column(name: String, guess: &Guess, options: &SeedOptions) -> SeedColumn {
    if let Some((_, data_type)) = options.column_types.iter().find(|it| it.0 == name) {
        return SeedColumn { name, data_type: data_type.clone(), needs_cleaning: false };
    }
    let data_type = guess.data_type();
    let needs_cleaning = guess.needs_cleaning && data_type != "VARCHAR";
    SeedColumn { name, data_type: data_type.to_owned(), needs_cleaning }
}

/// What a column's values so far allow. A column without values allows everything.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a type that is still possible")]
struct Guess {
    number: bool,
    date: bool,
    datetime: bool,
    iso_datetime: bool,
    boolean: bool,
    needs_cleaning: bool,
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
    fn look_at(&mut self, text: &str) {
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

    fn data_type(&self) -> &'static str {
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

enum Number {
    /// `7`, but `7.0` and `7e2` as well.
    Whole(i128),
    Double,
}

impl Number {
    /// More digits than these before the point are not exact in dbt, which makes the column a float.
    const MAX_WHOLE_DIGITS: i64 = 28;

    fn of(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if ["nan", "inf", "infinity"].iter().any(|it| unsigned.eq_ignore_ascii_case(it)) {
            return Some(Number::Double);
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
