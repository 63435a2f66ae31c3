//! Seeds: from a CSV file to the types of its columns, and to the statement that loads it.
//!
//! Types are those that dbt with dbt-duckdb finds, wherever dbt can load the file; what dbt rejects
//! is loaded where the meaning is plain (whole numbers beyond 32 bits, the word `null`, blanks). The
//! file is read here once, row by row, to find types and faults; the engine reads it again to load it.
//! Deliberately absent: opening files.

mod content;
mod lines;
mod types;

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

pub use self::content::{Hashing, content_hash, hexadecimal, line_of};
use self::lines::Lines;
use self::types::{Guess, Number};
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

impl SeedError {
    fn new(message: impl Into<String>, line: u64) -> Self {
        Self { message: message.into(), line }
    }
}

/// Reads a CSV file once and finds names and types of its columns. No more than a line is in memory at a time.
pub fn infer_seed(reader: impl Read, options: &SeedOptions) -> Result<SeedShape, SeedError> {
    let Ok(delimiter) = u8::try_from(options.delimiter).map_err(drop).and_then(ascii) else {
        let message = format!("the delimiter `{}` is not a single ASCII character", options.delimiter);
        return Err(SeedError::new(message, 1));
    };
    let mut csv = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(128 * 1024)
        .from_reader(Lines::new(reader, delimiter));
    let mut record = ByteRecord::new();
    if !read(&mut csv, &mut record)? || csv.get_ref().begins_blank {
        let what = if csv.get_ref().is_empty() { "the file" } else { "the first line" };
        return Err(SeedError::new(format!("{what} is empty; a seed begins with a header"), 1));
    }
    let names = unique_names(&record)?;
    // The reader stops before the second half of such a line end.
    let ends_with_two = csv.position().line() == 1 + breaks_in(&record);
    let mut columns: Vec<Reading> = names.into_iter().map(|name| Reading::new(name, options)).collect();
    let mut rows = 0;
    while read(&mut csv, &mut record)? {
        look_at(&record, &mut columns).map_err(|fault| {
            let line = line_of_record(&record, &csv, ends_with_two);
            SeedError::new(fault.message, line + fault.line)
        })?;
        rows += 1;
    }
    if let Some(line) = csv.get_ref().mixed_at {
        return Err(SeedError::new("some lines end with a carriage return and some do not", line));
    }
    let columns = columns.into_iter().map(|it| it.column(options)).collect();
    Ok(SeedShape { columns, rows })
}

/// A column while the file is read.
struct Reading {
    name: String,
    guess: Guess,
    /// Whether the project says that it has whole numbers.
    is_whole: bool,
}

impl Reading {
    fn new(name: String, options: &SeedOptions) -> Self {
        let is_whole = is_declared_whole(&name, options);
        Self { name, guess: Guess::default(), is_whole }
    }

    fn column(self, options: &SeedOptions) -> SeedColumn {
        let Self { name, guess, .. } = self;
        if let Some((_, data_type)) = options.column_types.iter().find(|it| it.0 == name) {
            return SeedColumn { name, data_type: data_type.clone(), needs_cleaning: false };
        }
        let data_type = guess.data_type();
        let needs_cleaning = guess.needs_cleaning && data_type != "VARCHAR";
        SeedColumn { name, data_type: data_type.to_owned(), needs_cleaning }
    }
}

/// Looks at the values of a record. A fault's line is counted from the one that the record begins on.
fn look_at(record: &ByteRecord, columns: &mut [Reading]) -> Result<(), SeedError> {
    if record.len() != columns.len() {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (values, columns) = (record.len(), columns.len());
        let message = format!("{values} value{} for {columns} column{}", plural(values), plural(columns));
        return Err(SeedError::new(message, 0));
    }
    let mut before = 0;
    for (column, field) in columns.iter_mut().zip(record) {
        let text = std::str::from_utf8(field).map_err(|error| {
            let good = error.valid_up_to();
            let breaks = line_breaks(&record.as_slice()[..before + good]);
            SeedError::new(not_utf8(field[good]), breaks)
        })?;
        before += field.len();
        // The engine would round it and say nothing.
        if column.is_whole && matches!(Number::of(text.trim()), Some(Number::Double)) {
            let message =
                format!("`{text}` is no whole number, and the column `{}` has only such", column.name);
            return Err(SeedError::new(message, 0));
        }
        column.guess.look_at(text);
    }
    Ok(())
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

fn read(csv: &mut csv::Reader<Lines<impl Read>>, record: &mut ByteRecord) -> Result<bool, SeedError> {
    csv.read_byte_record(record).map_err(|error| {
        if let Some(line) = csv.get_ref().too_long_at {
            let message =
                "a line of more than 2,000,000 bytes begins here; is a quote missing that ends a value?";
            return SeedError::new(message, line);
        }
        let line = error.position().map_or(1, csv::Position::line);
        SeedError::new(format!("the file cannot be read: {error}"), line)
    })
}

/// The line that a record begins on: the reader's own answer is before blank lines.
fn line_of_record(record: &ByteRecord, csv: &csv::Reader<impl Read>, ends_with_two: bool) -> u64 {
    let before = record.position().map_or(1, csv::Position::line);
    let last = csv.position().line() - breaks_in(record);
    if ends_with_two { last } else { before.max(last.saturating_sub(1)) }
}

/// Line breaks inside quotes.
fn breaks_in(record: &ByteRecord) -> u64 {
    line_breaks(record.as_slice())
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().map(|it| u64::from(*it == b'\n')).sum()
}

fn not_utf8(byte: u8) -> String {
    format!("the text is not UTF-8: there is a byte 0x{byte:02x}")
}

/// The header's names: an empty one becomes a letter, and a repeated one gets a number, as in dbt.
fn unique_names(header: &ByteRecord) -> Result<Vec<String>, SeedError> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (n, field) in header.iter().enumerate() {
        let text = std::str::from_utf8(field);
        let text = text.map_err(|error| SeedError::new(not_utf8(field[error.valid_up_to()]), 1))?;
        let base = if text.is_empty() { letter(n) } else { text.to_owned() };
        let mut name = base.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{base}_{number}");
            number += 1;
        }
        if let Some(other) = names.iter().find(|it| it.to_lowercase() == name.to_lowercase()) {
            let message = format!("columns `{other}` and `{name}` differ only in the case of letters");
            return Err(SeedError::new(message, 1));
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
