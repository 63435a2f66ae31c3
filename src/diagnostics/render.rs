//! Draws diagnostics for people: the only printer of source excerpts.
//!
//! In: diagnostics and the texts they point into. Out: text in the order given, one blank line between
//! two. Deliberately absent: where the text is written to (that is `report/`).
//!
//! Only the lines that carry a label are handed to the drawing crate, so that a diagnostic in a large
//! file costs no more than one in a small file, and spans are first brought inside that window, so that
//! a wrong offset can spoil a caret but never stop the program.

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};

use crate::diagnostics::{Diagnostic, FileId, Label, Severity, Sources, Span};

/// How far a label may be from the primary one, in lines, to be drawn in the same excerpt.
const NEAR: usize = 6;

/// Narrower than this an excerpt shows nothing useful.
const MIN_WIDTH: usize = 20;

/// Looks of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to write terminal colours.
    pub color: bool,
    /// Columns to crop long source lines to.
    pub width: usize,
}

/// All diagnostics in the order given, with excerpts; ends with a line break unless there are none.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = if style.color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.max(MIN_WIDTH));
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let excerpts = excerpts(sources, diagnostic);
        let groups = groups(sources, diagnostic, &excerpts);
        // Without an excerpt the advice is drawn by itself, or a gutter would be drawn between the two.
        let (first, rest) = groups.split_at(if excerpts.is_empty() { 1 } else { groups.len() });
        for part in [first, rest].into_iter().filter(|part| !part.is_empty()) {
            for line in renderer.render(part).lines() {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
    }
    text
}

/// `path:line:column: error[code]: message`, in one line; without the place if none is known.
pub fn concise(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let word = word(diagnostic.severity);
    let message = normalize_untrusted_str(&diagnostic.message.replace('\n', " "));
    let headline = format!("{word}[{}]: {message}", diagnostic.code);
    match &diagnostic.primary {
        Some(label) => format!("{}: {headline}", sources.place(label.span)),
        None => headline,
    }
}

/// `2 errors, 1 warning`; `no errors` when there is nothing to count.
pub fn summary(n_errors: usize, n_warnings: usize) -> String {
    let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    match (n_errors, n_warnings) {
        (0, 0) => "no errors".to_owned(),
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

/// The word for a severity in every format.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn groups<'a>(sources: &'a Sources, diagnostic: &'a Diagnostic, excerpts: &[Excerpt<'a>]) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let snippets = excerpts.iter().map(|excerpt| excerpt.snippet(sources));
    let mut groups = vec![Group::with_title(title).elements(snippets)];
    let footers = [(Level::NOTE, &diagnostic.notes), (Level::HELP, &diagnostic.helps)];
    for (level, texts) in footers {
        for text in texts {
            let text = normalize_untrusted_str(&text.replace("\r\n", "\n"));
            groups.push(Group::with_title(level.clone().secondary_title(text)));
        }
    }
    groups
}

/// Labels that are drawn under one `path:line:column`, the first of them giving the place.
struct Excerpt<'a> {
    file: FileId,
    labels: Vec<(AnnotationKind, &'a Label)>,
}

/// The primary label with those near it, then every other label by itself, in the order given.
fn excerpts<'a>(sources: &Sources, diagnostic: &'a Diagnostic) -> Vec<Excerpt<'a>> {
    let line_of = |span: Span| sources.line_column(span.file, span.start as usize).0;
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    if let Some(label) = &diagnostic.primary {
        let labels = vec![(AnnotationKind::Primary, label)];
        excerpts.push(Excerpt { file: label.span.file, labels });
    }
    for label in &diagnostic.secondary {
        let near = diagnostic.primary.as_ref().is_some_and(|primary| {
            primary.span.file == label.span.file
                && line_of(primary.span).abs_diff(line_of(label.span)) <= NEAR
        });
        match excerpts.first_mut() {
            Some(first) if near => first.labels.push((AnnotationKind::Context, label)),
            _ => {
                let labels = vec![(AnnotationKind::Context, label)];
                excerpts.push(Excerpt { file: label.span.file, labels });
            }
        }
    }
    excerpts
}

impl<'a> Excerpt<'a> {
    fn snippet(&self, sources: &'a Sources) -> Snippet<'a, Annotation<'a>> {
        let file = sources.get(self.file);
        let spans: Vec<Range<usize>> =
            self.labels.iter().map(|(_, label)| first_line_of(&file.text, label.span.range())).collect();
        let start = spans.iter().map(|span| line_start(&file.text, span.start)).min().unwrap_or(0);
        let end = spans.iter().map(|span| line_end(&file.text, span.end)).max().unwrap_or(start);
        let annotations = self.labels.iter().zip(spans).map(|((kind, label), span)| {
            let text = (!label.text.is_empty()).then_some(label.text.as_str());
            kind.span(span.start - start..span.end - start).label(text)
        });
        Snippet::source(file.text.get(start..end).unwrap_or_default())
            .path(normalize_untrusted_str(&file.path))
            .line_start(sources.line_column(self.file, start).0)
            .annotations(annotations)
    }
}

/// A span brought onto character boundaries and cut at the end of the line it starts in: one caret line
/// says where a fault is better than a bracket around many.
fn first_line_of(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.min(text.len()));
    let line_end = line_end(text, start);
    let start = start.min(line_end);
    start..end.clamp(start, line_end)
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |it| it + 1)
}

/// The end of a line without its `\n` or `\r\n`.
fn line_end(text: &str, offset: usize) -> usize {
    let end = text[offset..].find('\n').map_or(text.len(), |it| offset + it);
    let start = line_start(text, offset);
    if text[start..end].ends_with('\r') { end - 1 } else { end }
}

#[cfg(test)]
mod tests;
