//! A text as minijinja sees it, and the way back from its offsets to the file.
//!
//! What users wrote is changed before it is compiled (see `rewrite`), so every place that minijinja
//! reports is an offset into the changed text. [`OffsetMap`] leads back; [`Unit`] keeps both together.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostics::{FileId, Span};

/// A change to be made to a source text.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    /// Bytes of the source to replace; empty for an insertion.
    pub(super) range: Range<usize>,
    /// Order among edits that start at the same byte.
    pub(super) rank: u8,
    /// How far what it opens reaches: of two that start at the same byte, the longer one is outside.
    pub(super) reach: usize,
    /// What to write there.
    pub(super) text: String,
}

/// A stretch of the changed text.
#[derive(Clone, Debug)]
struct Piece {
    output: usize,
    source: usize,
    is_copy: bool,
}

/// Leads from offsets in a changed text to offsets in the source.
#[derive(Clone, Debug, Default)]
pub(super) struct OffsetMap {
    pieces: Vec<Piece>,
}

impl OffsetMap {
    /// The source offset behind an offset of the changed text.
    pub(super) fn to_source(&self, output: usize) -> usize {
        let index = self.pieces.partition_point(|it| it.output <= output);
        match index.checked_sub(1).map(|it| &self.pieces[it]) {
            Some(piece) if piece.is_copy => piece.source + (output - piece.output),
            Some(piece) => piece.source,
            None => output,
        }
    }

    /// The source range behind a range of the changed text.
    pub(super) fn range_to_source(&self, output: Range<usize>) -> Range<usize> {
        let start = self.to_source(output.start);
        let end = match output.end.checked_sub(1) {
            Some(last) if output.end > output.start => {
                let index = self.pieces.partition_point(|it| it.output <= last);
                match index.checked_sub(1).map(|it| &self.pieces[it]) {
                    Some(piece) if piece.is_copy => piece.source + (last - piece.output) + 1,
                    Some(piece) => piece.source,
                    None => output.end,
                }
            }
            _ => start,
        };
        start..end.max(start)
    }

    /// Cuts a range of the changed text at the borders of copied stretches: `(output, source)` pairs.
    pub(super) fn copies_within(&self, output: &Range<usize>) -> Vec<(Range<usize>, usize)> {
        let mut index = self.pieces.partition_point(|it| it.output <= output.start).saturating_sub(1);
        let mut copies = Vec::new();
        while let Some(piece) = self.pieces.get(index).filter(|it| it.output < output.end) {
            let end = self.pieces.get(index + 1).map_or(usize::MAX, |it| it.output).min(output.end);
            let start = piece.output.max(output.start);
            if piece.is_copy && start < end {
                copies.push((start..end, piece.source + (start - piece.output)));
            }
            index += 1;
        }
        copies
    }
}

/// Writes a changed text and its map side by side.
#[derive(Debug)]
pub(super) struct Assembler<'a> {
    source: &'a str,
    text: String,
    map: OffsetMap,
}

impl<'a> Assembler<'a> {
    /// Starts an empty text over a source.
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, text: String::with_capacity(source.len() + 64), map: OffsetMap::default() }
    }

    /// Adds text of our own; places in it are reported at `place`.
    pub(super) fn generated(&mut self, text: &str, place: usize) {
        if !text.is_empty() {
            self.map.pieces.push(Piece { output: self.text.len(), source: place, is_copy: false });
            self.text.push_str(text);
        }
    }

    /// Adds a range of the source with the edits that lie in it.
    pub(super) fn source(&mut self, range: Range<usize>, mut edits: Vec<Edit>) {
        edits.sort_by_key(|it| (it.range.start, it.rank, std::cmp::Reverse(it.reach)));
        let mut at = range.start;
        for edit in edits {
            if edit.range.start < at || edit.range.end > range.end {
                continue; // inside a stretch that was already replaced
            }
            self.copy(at..edit.range.start);
            self.generated(&edit.text, edit.range.start);
            at = edit.range.end;
        }
        self.copy(at..range.end);
    }

    fn copy(&mut self, range: Range<usize>) {
        if range.start < range.end {
            self.map.pieces.push(Piece { output: self.text.len(), source: range.start, is_copy: true });
            self.text.push_str(&self.source[range]);
        }
    }

    /// The changed text and its map.
    pub(super) fn finish(self) -> (String, OffsetMap) {
        (self.text, self.map)
    }
}

/// A call of `ref`, `source` or `config` as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// Source range of the last positional argument, if there is one.
    pub(super) argument: Option<Range<usize>>,
    /// Source range from the first positional argument to the last.
    pub(super) arguments: Option<Range<usize>>,
    /// Source ranges of the keyword arguments' names.
    pub(super) keywords: Vec<(String, Range<usize>)>,
    /// Source range of the whole call up to its closing parenthesis.
    pub(super) call: Range<usize>,
}

/// A parameter of a macro or of a `{% call %}` block.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: String,
    /// Whether it may be left out.
    pub(super) has_default: bool,
}

/// One text that minijinja compiles: a template, a macro's body, or the body of a `{% call %}` block.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// Name under which minijinja knows it.
    pub(super) name: String,
    /// Package whose macros win.
    pub(super) package: String,
    /// File it is in.
    pub(super) file: FileId,
    /// Offset in the file of the source text's first byte.
    pub(super) offset: usize,
    /// What the user wrote.
    pub(super) source: Arc<str>,
    /// What is compiled.
    pub(super) text: String,
    /// From `text` to `source`.
    pub(super) map: OffsetMap,
    /// Range of `source` it covers.
    pub(super) range: Range<usize>,
    /// Calls with a known place, by the number in their rewritten name.
    pub(super) sites: Vec<Site>,
    /// Bodies of its `{% call %}` blocks, by number.
    pub(super) callers: Vec<Arc<Unit>>,
    /// Parameters, for a macro or a call body.
    pub(super) parameters: Vec<Parameter>,
    /// Identifiers that occur in it, sorted.
    pub(super) identifiers: Vec<String>,
}

impl Unit {
    /// Place in the file of a range of the source text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, self.offset + range.start..self.offset + range.end)
    }

    /// Place in the file of a range of the compiled text.
    pub(super) fn span_of_compiled(&self, range: Range<usize>) -> Span {
        self.span(self.map.range_to_source(range))
    }

    /// The first line that has something on it: where to point when nothing better is known.
    pub(super) fn first_line(&self) -> Span {
        let text = &self.source[self.range.clone()];
        let lead = text.len() - text.trim_start().len();
        let line = text[lead..].lines().next().unwrap_or_default().trim_end();
        let start = self.range.start + lead;
        self.span(start..start + line.len())
    }

    /// Whether an identifier occurs in it.
    pub(super) fn mentions(&self, identifier: &str) -> bool {
        self.identifiers.binary_search_by(|it| it.as_str().cmp(identifier)).is_ok()
    }

    /// The unit with this name among this one and the call bodies inside it.
    pub(super) fn find(self: &Arc<Self>, name: &str) -> Option<Arc<Unit>> {
        if self.name == name {
            return Some(Arc::clone(self));
        }
        self.callers.iter().find(|it| name.starts_with(it.name.as_str())).and_then(|it| it.find(name))
    }
}
