//! The way back from compiled SQL to the files of the project, for programs that read compiled SQL.
//!
//! In: a [`Rendered`]. Out: JSON with a version, in which every stretch of the SQL has its place in a file. Lines and
//! columns begin with 1 and columns count characters; offsets begin with 0 and count bytes.

use std::ops::Range;

use serde::Serialize;

use crate::diagnostics::{Sources, Span};
use crate::template::{Rendered, SegmentKind};

/// The version of the format. It changes if a reader of the old one would go wrong.
const VERSION: u32 = 1;

/// A file `*.sql.map.json`.
#[derive(Debug, Serialize)]
pub(super) struct SourceMap<'a> {
    version: u32,
    /// The node, by its unique id.
    node: &'a str,
    /// The file with the node's SQL, relative to the project.
    file: &'a str,
    /// Stretches in order, not overlapping. What is in none has no known source.
    segments: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    /// `copied`: the same bytes. `computed`: the value of the template's expression at `source`.
    kind: &'static str,
    compiled: Place,
    file: &'a str,
    source: Place,
    /// The calls of macros that led there, innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<Call<'a>>,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    file: &'a str,
    source: Place,
    text: &'a str,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Place {
    start: usize,
    end: usize,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// The map of a node's SQL.
pub(super) fn source_map<'a>(
    sources: &'a Sources,
    node: &'a str,
    file: &'a str,
    sql: &'a Rendered,
) -> SourceMap<'a> {
    let lines = Lines::new(&sql.text);
    let of = |span: Span| (sources.get(span.file).path.as_str(), in_file(sources, span));
    let segments = sql.segments.iter().map(|it| {
        let (file, source) = of(it.source);
        let call = |(span, text): &'a (Span, String)| {
            let (file, source) = of(*span);
            Call { file, source, text }
        };
        Entry {
            kind: match it.kind {
                SegmentKind::Verbatim => "copied",
                SegmentKind::Expression => "computed",
            },
            compiled: lines.place(it.output.clone()),
            file,
            source,
            calls: it.calls.iter().map(call).collect(),
        }
    });
    SourceMap { version: VERSION, node, file, segments: segments.collect() }
}

fn in_file(sources: &Sources, span: Span) -> Place {
    let range = span.range();
    let (line, column) = sources.line_column(span.file, range.start);
    let (end_line, end_column) = sources.line_column(span.file, range.end);
    Place { start: range.start, end: range.end, line, column, end_line, end_column }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|it| it.0 + 1)).collect();
        Self { text, starts }
    }

    fn line_column(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|it| *it <= offset);
        let start = self.starts[line - 1];
        (line, self.text.get(start..offset).unwrap_or_default().chars().count() + 1)
    }

    fn place(&self, range: Range<usize>) -> Place {
        let (line, column) = self.line_column(range.start);
        let (end_line, end_column) = self.line_column(range.end);
        Place { start: range.start, end: range.end, line, column, end_line, end_column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_begin_with_one_and_count_characters() {
        let lines = Lines::new("é x\ny");
        assert_eq!(lines.line_column(0), (1, 1));
        assert_eq!(lines.line_column(3), (1, 3));
        assert_eq!(lines.line_column(5), (2, 1));
        assert_eq!(lines.line_column(6), (2, 2));
    }
}
