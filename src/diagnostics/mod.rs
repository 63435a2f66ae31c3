//! Faults and where they are: the words every phase uses to say what is wrong with the user's input.
//!
//! In: a phase finds a fault and pushes a [`Diagnostic`]. Out: [`render`] draws all of them with excerpts.
//! A phase reports the broken thing, skips it and goes on, so that many faults are shown at once;
//! [`Diagnostics::abort_on_error`] is where a phase that needs sound input stops.

pub mod render;
pub mod scrub;
pub mod suggest;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A file's index in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl FileId {
    /// The index as a number, for use as a key.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file the range is in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte; equal to `start` for a place between two bytes.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; offsets past 4 GiB are cut off there.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file, start: clamp(range.start), end: clamp(range.end) }
    }

    /// The span as a range of byte offsets.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and the place it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value made from this one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// A file that was read: its path as the user knows it, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// Whole text, as decoded.
    pub text: Arc<str>,
    /// The line of the file that the text begins with, from 1: of a large file there may be a part only.
    pub first_line: usize,
}

/// All texts that a diagnostic may point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and gives the id to point into it with.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { path: path.into(), text: text.into(), first_line: 1 });
        id
    }

    /// Takes in the line that a diagnostic brings along, and points into it.
    pub fn take_in_line(&mut self, diagnostic: &mut Diagnostic) {
        if let Some(line) = diagnostic.line.take() {
            let file = self.add(line.path, line.text);
            self.files[file.index()].first_line = line.number;
            diagnostic.primary = Some(Label { span: Span::new(file, line.range), text: line.label });
        }
    }

    /// The file behind an id that this collection gave.
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// The text a span covers.
    pub fn text_of(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.range()).unwrap_or_default()
    }

    /// 1-based line and column (in characters) of a byte offset.
    pub fn line_column(&self, file: FileId, offset: usize) -> (usize, usize) {
        let text = &self.get(file).text;
        let before = text.get(..offset.min(text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + self.get(file).first_line;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// Whether a word stands in a file that is not in a folder.
    pub fn mention_outside(&self, word: &str, folder: &str) -> bool {
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        let has = |text: &str| {
            text.match_indices(word).any(|(at, _)| {
                !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
            })
        };
        self.files.iter().any(|it| !it.path.starts_with(folder) && has(&it.text))
    }

    /// `path:line:column` of the start of a span.
    pub fn place(&self, span: Span) -> String {
        let (line, column) = self.line_column(span.file, span.start as usize);
        format!("{}:{line}:{column}", self.get(span.file).path)
    }
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The command cannot go on, or a node cannot be built.
    Error,
    /// Something is probably not as meant; work goes on.
    Warning,
}

/// A second place that helps to understand the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there, in a few words; may be empty.
    pub text: String,
}

/// A place in a file whose text is not among the [`Sources`], with the line that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOfFile {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// Which line it is, from 1.
    pub number: usize,
    /// The line's text.
    pub text: String,
    /// The bytes of the text that are meant.
    pub range: Range<usize>,
    /// What is there, in a few words.
    pub label: String,
}

/// One fault: what, where, why, how to fix. See the rules in `CONTRIBUTING.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Kebab-case name of this kind of fault.
    pub code: &'static str,
    /// The headline; makes sense alone.
    pub message: String,
    /// The place, where one is known.
    pub primary: Option<Label>,
    /// The place, as long as it is in a file that is not among the sources: [`Sources::take_in_line`].
    pub line: Option<Box<LineOfFile>>,
    /// Further places, such as the calls that led here, innermost first.
    pub secondary: Vec<Label>,
    /// Causes and facts.
    pub notes: Vec<String>,
    /// What to do, with the exact words to write.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// An error with its kebab-case code and headline.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// A warning with its kebab-case code and headline.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        let (secondary, notes, helps) = (Vec::new(), Vec::new(), Vec::new());
        Self { severity, code, message, primary: None, line: None, secondary, notes, helps }
    }

    /// Sets the place and what to say under the caret.
    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: label.into() });
        self
    }

    /// Sets the place if there is one.
    #[must_use]
    pub fn at_opt(self, span: Option<Span>, label: impl Into<String>) -> Self {
        match span {
            Some(span) => self.at(span, label),
            None => self,
        }
    }

    /// Sets the place in a file that is not among the sources.
    #[must_use]
    pub fn in_line(mut self, line: LineOfFile) -> Self {
        self.line = Some(Box::new(line));
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn and_at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: label.into() });
        self
    }

    /// Adds a cause or a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }

    /// Adds what to do, if there is something to say.
    #[must_use]
    pub fn help_opt(self, text: Option<String>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }
}

/// The faults found so far, in the order they are to be shown.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

/// A phase stopped because of errors that are already among the diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped because of the errors above")
    }
}

impl Diagnostics {
    /// Takes up one fault.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Takes up the faults of a part that was worked on alone (a file read in parallel, say).
    pub fn append(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    /// Puts the faults of one file into the order in which it is read.
    pub fn sort_by_place(&mut self) {
        self.list.sort_by_key(|it| it.primary.as_ref().map(|label| label.span.start));
    }

    /// All faults so far.
    pub fn all(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Hands over the faults so far and forgets them.
    pub fn take(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.list)
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|it| it.severity == Severity::Error)
    }

    /// Stops the caller if anything so far is an error.
    pub fn abort_on_error(&self) -> Result<(), Aborted> {
        if self.has_errors() { Err(Aborted) } else { Ok(()) }
    }
}
