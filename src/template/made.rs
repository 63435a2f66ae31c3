//! What macros and blocks wrote, so that the text of `{{ m() }}` leads back to the lines of the macro.
//!
//! A macro hands back a plain text, which may be changed before it is written. So what the calls of a
//! template made is kept beside it, and looked for in what the template writes: a text that is found there,
//! as a whole or without the blanks around it, brings its own map along.

use std::ops::Range;

use super::{Segment, SegmentKind};
use crate::diagnostics::Span;

/// Shorter texts are only recognized if they are all that an expression wrote.
const SHORTEST: usize = 8;

/// More calls than this in one template are not looked through for every expression.
const MOST: usize = 2000;

/// What one call wrote.
#[derive(Debug)]
pub(super) struct Made {
    /// What was called, for messages.
    pub(super) callee: String,
    /// The text.
    pub(super) text: String,
    /// Where its parts come from.
    pub(super) segments: Vec<Segment>,
}

/// Finds what calls made in what an expression wrote.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    made: &'a [Made],
    /// Calls are written in the order in which they were made, mostly.
    next: usize,
}

impl<'a> Finder<'a> {
    /// A finder for a template whose calls made these texts.
    pub(super) fn new(made: &'a [Made]) -> Self {
        Self { made: if made.len() > MOST { &[] } else { made }, next: 0 }
    }

    /// The segments of a text that the expression at `place` wrote; `at` is where it stands in the output.
    pub(super) fn segments(&mut self, written: &str, at: usize, place: Span) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut done = 0;
        while let Some((index, found)) = self.find(&written[done..]) {
            let made = &self.made[index];
            let range = done + found.at..done + found.at + found.part.len();
            self.next = index + 1;
            segments.extend(plain(done..range.start, at, place));
            let mut covered = range.start;
            for segment in &made.segments {
                let Some(inner) = moved(segment, &found.part, range.start) else { continue };
                segments.extend(plain(covered..inner.output.start, at, place));
                covered = inner.output.end;
                segments.push(called(inner, at, place, &made.callee));
            }
            segments.extend(plain(covered..range.end, at, place));
            done = range.end;
        }
        segments.extend(plain(done..written.len(), at, place));
        segments
    }

    /// The next call whose text is in `written`: first those that were not written yet.
    fn find(&self, written: &str) -> Option<(usize, Found)> {
        if written.trim().is_empty() {
            return None;
        }
        let all = || (self.next..self.made.len()).chain(0..self.next);
        let whole = all().find_map(|it| Some((it, Found::whole(&self.made[it].text, written)?)));
        whole.or_else(|| {
            let found = all().filter_map(|it| Some((it, Found::inside(&self.made[it].text, written)?)));
            found.min_by_key(|it| it.1.at)
        })
    }
}

/// A text of a call in a text that was written.
#[derive(Debug)]
struct Found {
    /// Where it begins.
    at: usize,
    /// Which bytes of the call's text are there.
    part: Range<usize>,
}

impl Found {
    fn whole(made: &str, written: &str) -> Option<Self> {
        if made == written {
            return Some(Self { at: 0, part: 0..made.len() });
        }
        let inner = made.trim();
        (inner == written).then(|| Self { at: 0, part: within(made, inner) })
    }

    fn inside(made: &str, written: &str) -> Option<Self> {
        let inner = made.trim();
        if !(SHORTEST..=written.len()).contains(&inner.len()) {
            return None;
        }
        let whole = written.find(made).map(|at| Self { at, part: 0..made.len() });
        whole.or_else(|| Some(Self { at: written.find(inner)?, part: within(made, inner) }))
    }
}

/// Where a trimmed text stands in the whole one.
fn within(whole: &str, trimmed: &str) -> Range<usize> {
    let start = whole.len() - whole.trim_start().len();
    start..start + trimmed.len()
}

/// A stretch without a better source than the expression that wrote it.
fn plain(range: Range<usize>, at: usize, place: Span) -> Option<Segment> {
    let output = at + range.start..at + range.end;
    let calls = Vec::new();
    (!range.is_empty()).then_some(Segment { output, source: place, kind: SegmentKind::Expression, calls })
}

/// What a call made, as seen from where it was called.
fn called(mut segment: Segment, at: usize, place: Span, callee: &str) -> Segment {
    segment.output = at + segment.output.start..at + segment.output.end;
    segment.calls.push((place, format!("in {callee}, called here")));
    segment
}

/// The part of a segment that lies in a range of its text, moved to where the range begins now.
pub(crate) fn moved(segment: &Segment, range: &Range<usize>, base: usize) -> Option<Segment> {
    let start = segment.output.start.max(range.start);
    let end = segment.output.end.min(range.end);
    if start >= end {
        return None;
    }
    let mut source = segment.source;
    if segment.kind == SegmentKind::Verbatim {
        let into = u32::try_from(start - segment.output.start).unwrap_or(0);
        let length = u32::try_from(end - start).unwrap_or(0);
        source.start += into;
        source.end = source.start + length;
    }
    let output = base + start - range.start..base + end - range.start;
    Some(Segment { output, source, kind: segment.kind, calls: segment.calls.clone() })
}
