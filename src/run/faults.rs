//! Faults of a run at the user's own lines.

use crate::diagnostics::{Diagnostic, Span};
use crate::graph::Node;
use crate::template::{Rendered, SegmentKind};
use crate::warehouse::{ErrorKind, WarehouseError};

/// A statement of a node failed. `prefix` is what stands before the node's own SQL in the statement.
pub(super) fn sql(node: &Node, sql: &Rendered, prefix: usize, error: &WarehouseError) -> Diagnostic {
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
        ErrorKind::Sql | ErrorKind::Locked { .. } | ErrorKind::Corrupt | ErrorKind::Unavailable => {
            ("sql-error", headline.to_owned())
        }
    };
    let mut diagnostic = Diagnostic::error(code, message);
    if code != "sql-error" {
        diagnostic = diagnostic.note(headline);
    }
    let place = error.position.and_then(|it| it.checked_sub(prefix)).and_then(|it| sql.source_of(it));
    diagnostic = match place {
        Some((span, SegmentKind::Verbatim)) => diagnostic.at(word_at(sql, error, prefix, span), ""),
        Some((span, SegmentKind::Expression)) => diagnostic.at(span, "in the SQL that this makes"),
        None => diagnostic.at(Span { start: node.span.start, end: node.span.start, ..node.span }, ""),
    };
    for line in lines {
        diagnostic = diagnostic.note(line);
    }
    match &error.kind {
        ErrorKind::OutOfMemory => diagnostic.help(
            "raise `memory_limit` under `settings:` of the target, lower `--threads`, or aggregate earlier",
        ),
        ErrorKind::DiskFull => {
            diagnostic.help("free space beside the database file, where it also spills to")
        }
        _ => diagnostic,
    }
}

/// A query that is no node of a run failed, such as that of `show`; `place` is where it stands.
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
    lines.fold(diagnostic, super::super::diagnostics::Diagnostic::note)
}

/// The place widened to the word that begins there, so that the caret underlines all of it.
fn word_at(sql: &Rendered, error: &WarehouseError, prefix: usize, span: Span) -> Span {
    let offset = error.position.unwrap_or(0).saturating_sub(prefix);
    let rest = sql.text.get(offset..).unwrap_or_default();
    let length =
        rest.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == '.')).unwrap_or(rest.len());
    Span { end: span.start + u32::try_from(length).unwrap_or(0), ..span }
}
