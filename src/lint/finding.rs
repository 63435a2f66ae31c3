//! What rules find, and the models that they look at.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value as Json;

use super::rules::Rule;
use super::scanner::{Piece, PieceKind};
use super::tree::Part;
use super::world::World;
use crate::diagnostics::{Diagnostic, FileId, Span};
use crate::graph::Node;
use crate::node::NodeId;
use crate::template::{Rendered, SegmentKind};

/// Something that a rule found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    /// The node that it is about, if it is about one.
    pub(super) node: Option<NodeId>,
    pub(super) diagnostic: Diagnostic,
}

/// A finding of a rule, of any severity: that is decided by the project.
pub(super) fn of(rule: Rule, message: String, span: Span, label: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(rule.code(), message).at(span, label)
}

/// A model or snapshot as rules look at it.
pub(super) struct Model<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) id: NodeId,
    pub(super) node: &'a Node,
    pub(super) sql: &'a Rendered,
    /// Its SQL in pieces.
    pub(super) pieces: Vec<Piece>,
    /// Its queries.
    pub(super) parts: Vec<Part<'a>>,
    /// The whole of its query.
    pub(super) tree: &'a Json,
}

impl Model<'_> {
    /// A finding at a place of its SQL. `None` where nobody here wrote that place, such as in a macro of a package.
    pub(super) fn at(&self, rule: Rule, offset: usize, message: String, label: &str) -> Option<Finding> {
        let span = self.place(self.piece_at(offset))?;
        let diagnostic = of(rule, message, span, label);
        let calls = self.sql.calls_at(offset).iter().filter(|it| it.0 != span);
        let diagnostic = calls.fold(diagnostic, |it, (span, text)| it.and_at(*span, text));
        Some(Finding { rule, node: Some(self.id), diagnostic })
    }

    /// The file's place of a range of the SQL, if it is a file of the project.
    pub(super) fn place(&self, range: Range<usize>) -> Option<Span> {
        let (span, kind) = self.sql.source_of(range.start)?;
        if !self.world.own_files.contains(&span.file) {
            return None;
        }
        match kind {
            SegmentKind::Verbatim if self.is_written(&range) => {
                Some(Span::new(span.file, span.start as usize..span.start as usize + range.len()))
            }
            SegmentKind::Verbatim => Some(span),
            // What a macro only passes on is its caller's.
            SegmentKind::Expression => match self.sql.calls_at(range.start).last() {
                Some((call, _)) => Some(*call).filter(|it| self.world.own_files.contains(&it.file)),
                None => Some(span),
            },
        }
    }

    /// Whether somebody wrote a range of the SQL as it is, so that nothing in it came from a variable.
    pub(super) fn is_written(&self, range: &Range<usize>) -> bool {
        let exact = |offset| match self.sql.source_of(offset) {
            Some((span, SegmentKind::Verbatim)) => Some((span.file, span.start as usize)),
            Some((_, SegmentKind::Expression)) | None => None,
        };
        let Some(last) = range.end.checked_sub(1).filter(|it| *it >= range.start) else { return false };
        let ends: Option<((FileId, usize), (FileId, usize))> = exact(range.start).zip(exact(last));
        ends.is_some_and(|((file, start), (other, end))| file == other && end == start + (last - range.start))
    }

    /// The piece of SQL that begins at an offset, or the empty range there.
    pub(super) fn piece_at(&self, offset: usize) -> Range<usize> {
        let index = self.pieces.partition_point(|it| it.range.end <= offset);
        match self.pieces.get(index) {
            Some(piece) if piece.range.contains(&offset) => {
                // A minus before a number is a part of it.
                let number = self.pieces.get(index + 1).filter(|it| it.kind == PieceKind::Number);
                let end = number.filter(|_| self.text(piece) == "-").map(|it| it.range.end);
                offset..end.unwrap_or(piece.range.end)
            }
            _ => offset..offset,
        }
    }

    /// The start of the last word before an offset that is one of these.
    pub(super) fn word_before(&self, offset: usize, words: &[&str]) -> Option<usize> {
        let end = self.pieces.partition_point(|it| it.range.start < offset);
        let word = |it: &&Piece| {
            it.kind == PieceKind::Word && words.iter().any(|word| self.text(it).eq_ignore_ascii_case(word))
        };
        self.pieces[..end].iter().rev().find(word).map(|it| it.range.start)
    }

    /// The piece after the one that begins at an offset.
    pub(super) fn next_word(&self, offset: usize) -> Option<&str> {
        let mut after = self.pieces.iter().skip_while(|it| it.range.start <= offset);
        after.find(|it| it.kind != PieceKind::Comment).map(|it| self.text(it))
    }

    /// A piece's text.
    pub(super) fn text(&self, piece: &Piece) -> &str {
        &self.sql.text[piece.range.clone()]
    }

    /// The start of the name of a common table expression whose query has something at `inside`.
    pub(super) fn cte_name(&self, name: &str, inside: usize) -> Option<usize> {
        let end = self.pieces.partition_point(|it| it.range.start < inside);
        let is_name = |index: &usize| {
            let piece = &self.pieces[*index];
            let own = self.text(piece);
            let after = self.pieces[index + 1..].iter().find(|it| it.kind != PieceKind::Comment);
            matches!(piece.kind, PieceKind::Word | PieceKind::Name)
                && own.trim_matches('"').eq_ignore_ascii_case(name)
                && after
                    .is_some_and(|it| ["as", "("].iter().any(|word| self.text(it).eq_ignore_ascii_case(word)))
        };
        (0..end).rev().find(is_name).map(|index| self.pieces[index].range.start)
    }
}

/// Names as people list them: `a`, `b` and `c`; of many only the first.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = names.into_iter().map(|it| format!("`{it}`")).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if first.len() < SHOWN => format!("{} and {last}", first.join(", ")),
        more => format!("{} and {} more", more[..SHOWN].join(", "), more.len() - SHOWN),
    }
}

/// Names once each, in order.
pub(super) fn once(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|it| seen.insert(it.to_lowercase())).collect()
}
