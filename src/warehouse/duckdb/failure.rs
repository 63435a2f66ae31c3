//! From the engine's error text to a [`WarehouseError`]: kind, message, place.
//!
//! The engine is told to write its errors as JSON (`errors_as_json`), which gives the exact byte offset
//! in the text that was sent; errors of opening, before that setting, are plain text.

use ::duckdb::Error;
use serde_json::Value as Json;

use crate::diagnostics::scrub::Scrubber;
use crate::warehouse::binder::BindReason;
use crate::warehouse::{ErrorKind, WarehouseError};

/// More lines than this are cut: a missing function lists every overload there is.
const MAX_LINES: usize = 6;

/// What the engine said, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Said {
    /// The engine's class of error: `Binder`, `Conversion`, `IO`, ...
    class: String,
    text: String,
    position: Option<usize>,
    /// The name that the error is about, for some classes.
    name: Option<String>,
}

/// How errors are told: what is hidden in them, and which classes of them pass by.
pub(super) struct Manner {
    pub(super) scrubber: Scrubber,
    /// Classes of errors with the names they have in Python (`IOException`).
    pub(super) retryable: Vec<String>,
}

impl Manner {
    /// Whether the target wants errors of this class to be tried again.
    fn is_retryable(&self, class: &str) -> bool {
        let name = |it: &str| it.to_ascii_lowercase().replace([' ', '_'], "");
        self.retryable.iter().any(|it| name(it.strip_suffix("Exception").unwrap_or(it)) == name(class))
    }
}

/// An error of a statement; `sql` is the text that was sent.
pub(super) fn from_engine(error: Error, sql: &str, manner: &Manner) -> WarehouseError {
    from_wrapped(error, sql, 0, manner)
}

/// As [`from_engine`] for a statement that was sent with `before` more bytes in front of it.
pub(super) fn from_wrapped(error: Error, sql: &str, before: usize, manner: &Manner) -> WarehouseError {
    if let Error::NulError(nul) = &error {
        return WarehouseError {
            kind: ErrorKind::Sql,
            message: "the statement contains a NUL character".to_owned(),
            position: nul.nul_position().checked_sub(before),
        };
    }
    let said = take_apart(&raw_text(error));
    let kind = match classify(&said.class, &said.text) {
        ErrorKind::Sql if manner.is_retryable(&said.class) => ErrorKind::Transient,
        kind => kind,
    };
    let position = said.position.and_then(|it| it.checked_sub(before));
    let position = position.filter(|at| is_plausible(sql, *at, said.name.as_deref()));
    WarehouseError { message: manner.scrubber.scrub(&shorten(&said.text, &kind)), kind, position }
}

/// An error of opening the database: files that cannot be had are `Unavailable`, not faulty SQL.
pub(super) fn from_opening(error: Error, scrubber: &Scrubber) -> WarehouseError {
    let said = take_apart(&raw_text(error));
    let kind = match classify(&said.class, &said.text) {
        ErrorKind::Sql if said.class == "IO" => ErrorKind::Unavailable,
        kind => kind,
    };
    WarehouseError { message: scrubber.scrub(&shorten(&said.text, &kind)), kind, position: None }
}

/// A statement that runs, but gives no rows that could be described.
pub(super) fn not_a_query() -> WarehouseError {
    WarehouseError {
        kind: ErrorKind::Sql,
        message: "a query is expected here, such as `select ...`".to_owned(),
        position: None,
    }
}

/// The name in an error about a column that is not there.
pub(super) fn missing_column(message: &str) -> Option<String> {
    const AROUND: [(&str, &str); 5] = [
        ("Referenced column \"", "\" not found"),
        ("Referenced update column \"", "\" not found"),
        ("does not have a column named \"", "\""),
        ("Column \"", "\" does not exist on left side of join"),
        ("Column \"", "\" referenced that exists in the SELECT clause"),
    ];
    let line = message.lines().next()?;
    AROUND.iter().find_map(|(before, after)| {
        let rest = line.split_once(*before)?.1;
        rest.split_once(*after).map(|it| it.0.to_owned())
    })
}

/// The statement's text holds no statement: it is empty, or only a comment.
pub(super) fn is_no_statement(error: &Error) -> bool {
    matches!(error, Error::DuckDBFailure(_, None))
        || matches!(error, Error::DuckDBFailure(_, Some(text)) if text.is_empty())
}

/// The byte offset, in the text that was sent, of the `;` that the parser did not expect.
pub(super) fn unexpected_semicolon(error: &Error) -> Option<usize> {
    let said = take_apart(&error.to_string());
    said.position.filter(|_| said.text.ends_with("at or near \";\""))
}

/// What an error says about the query rather than about what is around it.
pub(super) fn bind_reason(error: &Error) -> BindReason {
    let said = take_apart(&error.to_string());
    let needs_extension = ["exists in the ", "Extension Autoloading", "Install it first"];
    if needs_extension.iter().any(|it| said.text.contains(it)) {
        return BindReason::Outside;
    }
    let missing_table = ["Table with name", "View with name", "Schema with name", "Catalog \""];
    match said.class.as_str() {
        "Catalog" | "Binder" if missing_table.iter().any(|it| said.text.starts_with(it)) => {
            BindReason::NoTable(missing_name(&said))
        }
        "Parser" | "Syntax" => BindReason::Syntax,
        "Catalog" => BindReason::NotInCatalog(said.name.unwrap_or_default()),
        "Binder" | "Conversion" | "Not implemented" | "Mismatch Type" => BindReason::Meaning,
        _ => BindReason::Outside,
    }
}

/// The last part of the name of a table that is not there: it is said in a field, or in quotes.
fn missing_name(said: &Said) -> String {
    let quoted = || said.text.split('"').nth(1).unwrap_or_default();
    let name = said.name.as_deref().unwrap_or_else(quoted);
    name.rsplit('.').next().unwrap_or(name).to_owned()
}

pub(super) fn is_parser_error(error: &Error) -> bool {
    take_apart(&error.to_string()).class == "Parser"
}

fn raw_text(error: Error) -> String {
    match error {
        Error::DuckDBFailure(_, Some(text)) => text,
        Error::DuckDBFailure(_, None) => "the engine failed without saying why".to_owned(),
        other => other.to_string(),
    }
}

fn take_apart(raw: &str) -> Said {
    if let Some(start) = raw.find("{\"exception_type\"") {
        let mut values = serde_json::Deserializer::from_str(&raw[start..]).into_iter::<Json>();
        if let Some(Ok(json)) = values.next() {
            return from_json(&json);
        }
    }
    let text = raw.split("\n\nLINE ").next().unwrap_or(raw);
    match text.split_once(" Error: ") {
        Some((class, text)) if !class.contains('\n') && class.len() < 40 => {
            Said { class: class.to_owned(), text: text.to_owned(), ..Said::default() }
        }
        Some(_) | None => Said { text: text.to_owned(), ..Said::default() },
    }
}

fn from_json(json: &Json) -> Said {
    let field = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let text = field("exception_message").unwrap_or_default();
    let said = Said {
        class: field("exception_type").unwrap_or_default(),
        position: field("position").and_then(|it| it.parse().ok()),
        name: field("name").or_else(|| source_column(&text)),
        text,
    };
    // An error may carry another one, written as JSON too.
    let Some(start) = said.text.find("{\"exception_type\"") else { return said };
    let inner = take_apart(&said.text[start..]);
    Said { text: format!("{}{}", &said.text[..start], inner.text), ..said }
}

/// The column that a failed cast read.
fn source_column(text: &str) -> Option<String> {
    let (_, name) = text.rsplit_once(" when casting from source column ")?;
    Some(name.trim().to_owned())
}

fn classify(class: &str, text: &str) -> ErrorKind {
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&["Could not set lock on file", "being used by another process"]) {
        return ErrorKind::Locked { holder: holder(text) };
    }
    if has(&["No space left on device", "not enough space on the disk"]) {
        return ErrorKind::DiskFull;
    }
    let is_corrupt = has(&[
        "not a valid DuckDB database file",
        "Corrupt database file",
        "Could not read enough bytes",
        "read a database file with version number",
        "Failure while replaying WAL",
    ]);
    match class {
        "INTERRUPT" => ErrorKind::Interrupted,
        "Out of Memory" => ErrorKind::OutOfMemory,
        "IO" | "Serialization" if is_corrupt => ErrorKind::Corrupt,
        "TransactionContext" | "Transaction" | "Catalog" | "Dependency" if is_conflict(text) => {
            ErrorKind::Conflict
        }
        _ if has(&CONFLICTS_ELSEWHERE) => ErrorKind::Conflict,
        _ => ErrorKind::Sql,
    }
}

/// What SQLite, PostgreSQL and DuckLake say when two transactions are in each other's way.
const CONFLICTS_ELSEWHERE: [&str; 6] = [
    "Failed to commit DuckLake transaction",
    "database is locked",
    "could not serialize access",
    "deadlock detected",
    "tuple concurrently updated",
    "Transaction conflict",
];

fn is_conflict(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["conflict", "another transaction", "could not commit creation of dependency"]
        .iter()
        .any(|part| text.contains(part))
}

/// `python3.11 (PID 4711)`, from the engine's message about a lock.
fn holder(text: &str) -> Option<String> {
    let start =
        ["lock is held in ", "already open in "].iter().find_map(|it| Some(text.find(it)? + it.len()))?;
    let rest = &text[start..];
    let end = rest.find(')').map(|at| at + 1)?;
    let (program, pid) = rest[..end].trim().rsplit_once(" (PID ")?;
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    Some(format!("{name} (PID {pid}"))
}

/// Whether an offset can be meant for this text.
///
/// Errors inside a view carry the offset in the view's own text. Such an offset is dropped where that
/// shows: it is out of bounds, in the middle of a word, on a blank, or the name in question is not in the text.
fn is_plausible(sql: &str, at: usize, name: Option<&str>) -> bool {
    if at == sql.len() {
        return true;
    }
    let (Some(before), Some(after)) = (sql.get(..at), sql.get(at..)) else { return false };
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let starts_word = after.starts_with(is_word);
    if after.starts_with(char::is_whitespace) || (starts_word && before.ends_with(is_word)) {
        return false;
    }
    name.is_none_or(|name| !name.chars().all(is_word) || has_word(sql, name))
}

/// Whether a name stands in the text as a whole word, in any case of letters.
fn has_word(sql: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    sql.to_lowercase().split(|it: char| !it.is_alphanumeric() && it != '_').any(|word| word == name)
}

/// The message without advice that Tidemill gives itself, and with a bounded number of lines.
fn shorten(text: &str, kind: &ErrorKind) -> String {
    let text = match kind {
        ErrorKind::OutOfMemory => {
            let end = ["\n\n", "\nDatabase is launched", "\nThis limit was set by"];
            end.iter().filter_map(|it| text.find(it)).min().map(|at| &text[..at])
        }
        ErrorKind::Locked { .. } => {
            let end = [" See also http", " However, you would be able to"];
            end.iter().filter_map(|it| text.find(it)).min().map(|at| &text[..at])
        }
        ErrorKind::Sql
        | ErrorKind::Interrupted
        | ErrorKind::DiskFull
        | ErrorKind::Corrupt
        | ErrorKind::Unavailable
        | ErrorKind::Conflict
        | ErrorKind::Transient => Some(text),
    }
    .unwrap_or(text)
    .trim_end();
    if let Some((_, name)) = text.rsplit_once("Install it first using \"INSTALL ") {
        // The engine's own advice is a statement that would fetch something.
        let name = name.trim_end_matches(['"', '.', ' ']);
        return format!(
            "the extension `{name}` is needed and is not installed\n\
             Name it in the target: `extensions: [{name}]`"
        );
    }
    let lines: Vec<&str> = text.lines().filter(|it| !it.trim().is_empty()).collect();
    if lines.len() <= MAX_LINES {
        return lines.join("\n");
    }
    format!("{}\n... and {} more lines", lines[..MAX_LINES].join("\n"), lines.len() - MAX_LINES)
}

#[cfg(test)]
mod tests {
    use super::{holder, take_apart};

    #[test]
    fn a_plain_error_is_taken_apart_too() {
        let said = take_apart("Binder Error: no such column\n\nLINE 1: select x\n               ^");
        assert_eq!((said.class.as_str(), said.text.as_str()), ("Binder", "no such column"));
        assert_eq!(take_apart("odd").text, "odd");
    }

    #[test]
    fn an_error_in_an_error_is_read_too() {
        let inner = r#"{\"exception_type\":\"Constraint\",\"exception_message\":\"too small\"}"#;
        let raw =
            format!(r#"X Error: {{"exception_type":"X","exception_message":"Failed to commit: {inner}"}}"#);
        assert_eq!(take_apart(&raw).text, "Failed to commit: too small");
    }

    #[test]
    fn the_holder_is_a_program_without_its_folders() {
        let text = "Conflicting lock is held in /usr/bin/python3.11 (PID 7) by user me. See also";
        assert_eq!(holder(text).as_deref(), Some("python3.11 (PID 7)"));
        let text = "File is already open in \nC:\\dbeaver\\dbeaver.exe (PID 8)";
        assert_eq!(holder(text).as_deref(), Some("dbeaver.exe (PID 8)"));
        assert_eq!(holder("Could not set lock on file"), None);
    }
}
