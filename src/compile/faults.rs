//! Faults of the engine at the user's own lines.

use crate::diagnostics::{Diagnostic, Span};
use crate::graph::{Graph, Node};
use crate::parse::{Body, DataTest, Owner, TestKind};
use crate::template::{Rendered, SegmentKind};
use crate::warehouse::{ErrorKind, WarehouseError};

/// A statement of a node failed. `prefix` is what stands before the node's own SQL in the statement.
pub fn sql(node: &Node, sql: &Rendered, prefix: usize, error: &WarehouseError) -> Diagnostic {
    let mut lines = error.message.lines().map(str::trim).filter(|it| !it.is_empty());
    let headline = lines.next().unwrap_or("the engine gave no reason");
    let (code, message) = match &error.kind {
        ErrorKind::OutOfMemory => {
            ("out-of-memory", format!("{} `{}` needs more memory than there is", node.kind, node.name))
        }
        ErrorKind::DiskFull => {
            ("disk-full", format!("the disk is full: {} `{}` could not be written", node.kind, node.name))
        }
        ErrorKind::Interrupted => ("interrupted", format!("{} `{}` was interrupted", node.kind, node.name)),
        ErrorKind::Conflict => (
            "conflict",
            format!("{} `{}` was changed by someone else at the same time", node.kind, node.name),
        ),
        ErrorKind::Sql
        | ErrorKind::Locked { .. }
        | ErrorKind::Corrupt
        | ErrorKind::Unavailable
        | ErrorKind::Transient => ("sql-error", headline.to_owned()),
    };
    let mut diagnostic = Diagnostic::error(code, message);
    if code != "sql-error" {
        diagnostic = diagnostic.note(headline);
    }
    let offset = error.position.and_then(|it| it.checked_sub(prefix));
    let place = offset.and_then(|it| sql.source_of(it));
    diagnostic = match place {
        Some((span, SegmentKind::Verbatim)) => diagnostic.at(word_at(sql, error, prefix, span), ""),
        Some((span, SegmentKind::Expression)) => diagnostic.at(span, "in the SQL that this makes"),
        None => diagnostic.at(Span { start: node.span.start, end: node.span.start, ..node.span }, ""),
    };
    diagnostic = with_calls(diagnostic, sql, offset);
    diagnostic = lines.fold(diagnostic, note);
    let called_from = offset.and_then(|it| sql.calls_at(it).last()).map(|it| it.0);
    if called_from.or(place.map(|it| it.0)).is_some_and(|it| it.file != node.span.file) {
        diagnostic = diagnostic.note(format!("it is part of the query of {} `{}`", node.kind, node.name));
    }
    match &error.kind {
        ErrorKind::OutOfMemory if error.message.contains("offload") => diagnostic.help(
            "raise `max_temp_directory_size` or `memory_limit` under `settings:` of the target, lower `--threads`, or \
             aggregate earlier",
        ),
        ErrorKind::OutOfMemory => diagnostic.help(
            "raise `memory_limit` under `settings:` of the target, lower `--threads`, or aggregate earlier",
        ),
        ErrorKind::DiskFull => {
            diagnostic.help("free space beside the database file, where it also spills to")
        }
        _ => diagnostic,
    }
}

/// A query that is no node failed, such as that of `show`; `place` is where it stands.
pub fn statement(place: Span, sql: &Rendered, error: &WarehouseError) -> Diagnostic {
    let mut lines = error.message.lines().map(str::trim).filter(|it| !it.is_empty());
    let headline = lines.next().unwrap_or("the engine gave no reason").to_owned();
    let found = error.position.and_then(|it| sql.source_of(it));
    let diagnostic = Diagnostic::error("sql-error", headline);
    let diagnostic = match found {
        Some((span, SegmentKind::Verbatim)) => diagnostic.at(word_at(sql, error, 0, span), ""),
        Some((span, SegmentKind::Expression)) => diagnostic.at(span, "in the SQL that this makes"),
        None => diagnostic.at(place, ""),
    };
    lines.fold(with_calls(diagnostic, sql, error.position), note)
}

/// Adds the macro calls that led to the place.
fn with_calls(diagnostic: Diagnostic, sql: &Rendered, offset: Option<usize>) -> Diagnostic {
    let calls = offset.map_or(&[][..], |it| sql.calls_at(it));
    calls.iter().fold(diagnostic, |it, (span, text)| it.and_at(*span, text))
}

/// A test could not be run. It is shown where it is declared; its SQL is the user's own only if it is singular.
pub fn test(
    node: &Node,
    described: &str,
    sql: &Rendered,
    prefix: usize,
    error: &WarehouseError,
) -> Diagnostic {
    if is_singular(node) {
        return self::sql(node, sql, prefix, error);
    }
    let mut lines = error.message.lines().map(str::trim).filter(|it| !it.is_empty());
    let headline = lines.next().unwrap_or("the engine gave no reason");
    let diagnostic = Diagnostic::error("test-error", format!("{described}: {headline}"));
    lines.fold(diagnostic.at(node.span, "declared here"), note)
}

/// What a test is called in its faults: its macro and what it is declared on, or the name of its file.
pub fn test_name(graph: &Graph, node: &Node) -> String {
    let Body::Test(DataTest { kind: TestKind::Generic(generic), column }) = &node.body else {
        return format!("test `{}`", node.name);
    };
    let owner = match &generic.owner {
        Owner::Ref(call) => node.refs.get(call),
        Owner::Source(call) => node.sources.get(call),
    };
    let owner = owner.map_or("", |id| graph.node(*id).name.as_str());
    let column = column.as_ref().map(|it| format!(".{it}")).unwrap_or_default();
    format!("{} on `{owner}{column}`", generic.name)
}

fn is_singular(node: &Node) -> bool {
    matches!(&node.body, Body::Test(DataTest { kind: TestKind::Singular { .. }, .. }))
}

/// Adds a line of the engine, but for advice to look at the engine's own tables.
fn note(diagnostic: Diagnostic, line: &str) -> Diagnostic {
    let is_noise = ["pg_", "information_schema.", "duckdb_"]
        .iter()
        .any(|it| line.contains(&format!("Did you mean \"{it}")));
    if is_noise { diagnostic } else { diagnostic.note(line) }
}

/// The place widened to the word that begins there, so that the caret underlines all of it.
fn word_at(sql: &Rendered, error: &WarehouseError, prefix: usize, span: Span) -> Span {
    let offset = error.position.unwrap_or(0).saturating_sub(prefix);
    let rest = sql.text.get(offset..).unwrap_or_default();
    let length =
        rest.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == '.')).unwrap_or(rest.len());
    Span { end: span.start + u32::try_from(length).unwrap_or(0), ..span }
}
