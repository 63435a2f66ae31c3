//! The only place that prints: events, diagnostics and results, for people or for programs.
//!
//! In: what a command has to say. Out: bytes. Where they go: results and the report of a run to
//! standard output; diagnostics, logs and the live area to standard error; with `--log-format json`
//! everything is one JSON object a line on standard output. A reader that closed the pipe is no error.

mod chart;
mod diff;
pub mod files;
pub mod json;
pub mod layout;
mod live;
pub mod numbers;
pub mod orphans;
pub mod past;
pub mod profile;
pub mod recording;
mod summary;
pub mod table;
pub mod terminal;

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use crate::diagnostics::scrub::Scrubber;
use crate::diagnostics::{Diagnostic, Sources};
use crate::report::json::JsonLines;
use crate::report::terminal::{Terminal, TerminalOptions};
use crate::run::event::{LogLevel, RunEvent};

/// Width of lines where no terminal says one.
const PIPE_WIDTH: usize = 120;

/// Tells a user or a program what happens.
pub trait Reporter {
    /// Reports a step of a run; the sources are those that the event's diagnostics point into.
    fn event(&mut self, sources: &Sources, event: &RunEvent);

    /// Reports faults, in the order given.
    fn diagnostics(&mut self, sources: &Sources, diagnostics: &[Diagnostic]);

    /// Writes the result of a command, which programs may read; a missing line break at the end is added.
    fn data(&mut self, text: &str);

    /// Says in a last line that the command stopped because of the errors reported before.
    fn stopped(&mut self);

    /// Ends the output and says whether all of it could be written.
    fn finish(&mut self) -> io::Result<()>;

    /// Reports a text about the command itself.
    fn log(&mut self, level: LogLevel, message: &str) {
        let event = RunEvent::Log { level, message: message.to_owned() };
        self.event(&Sources::default(), &event);
    }
}

/// How much is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only what failed, and results.
    Quiet,
    /// What a user wants to know.
    Normal,
    /// Statements and debug logs too.
    Debug,
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// People.
    Text,
    /// Programs: JSON lines.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set; elsewhere if `CLICOLOR_FORCE` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The time as text, in RFC 3339; given by `cli`, since nothing else may look at a clock.
pub type Clock = Box<dyn Fn() -> String>;

/// How a command reports.
pub struct ReportOptions {
    /// Who reads.
    pub format: Format,
    /// How much.
    pub verbosity: Verbosity,
    /// When to use colour.
    pub color: Color,
    /// Columns; asked from the terminal if `None`.
    pub width: Option<usize>,
    /// Whether only ASCII is drawn, even where the terminal could show more.
    pub is_plain: bool,
    /// Whether a terminal, if there is one, shows UTF-8.
    pub is_utf8: bool,
    /// Time of each JSON line.
    pub clock: Clock,
    /// Id of this invocation in each JSON line.
    pub invocation_id: String,
    /// What must not be shown.
    pub scrubber: Scrubber,
}

/// A stream that hides secrets, and writes ASCII where nothing else can be shown. Each write is a whole line or more, so none is cut in two.
struct Hiding<W> {
    stream: W,
    scrubber: Scrubber,
    is_plain: bool,
}

impl<W: Write> Write for Hiding<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) if self.is_plain => {
                self.stream.write_all(chart::plain(&self.scrubber.hide(text)).as_bytes())?;
            }
            Ok(text) if !self.scrubber.is_empty() => {
                self.stream.write_all(self.scrubber.hide(text).as_bytes())?;
            }
            Ok(_) | Err(_) => self.stream.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The reporter for the process's own standard output and standard error.
pub fn for_standard_streams(options: ReportOptions) -> Box<dyn Reporter> {
    match options.format {
        Format::Json => {
            let hiding = Hiding { stream: io::stdout(), scrubber: options.scrubber, is_plain: false };
            Box::new(JsonLines::new(hiding, options.verbosity, options.invocation_id, options.clock))
        }
        Format::Text => {
            let width = options.width.or_else(terminal_width).unwrap_or(PIPE_WIDTH);
            let is_live =
                options.verbosity > Verbosity::Quiet && io::stderr().is_terminal() && !options.is_plain;
            // A file or a program reads UTF-8; what a terminal shows depends on its settings.
            let plain = |is_terminal: bool| options.is_plain || is_terminal && !options.is_utf8;
            let choice = match options.color {
                Color::Auto if options.is_plain => ColorChoice::Never,
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            };
            let out = Hiding {
                is_plain: plain(io::stdout().is_terminal()),
                stream: AutoStream::new(io::stdout(), choice),
                scrubber: options.scrubber.clone(),
            };
            let err = Hiding {
                is_plain: plain(io::stderr().is_terminal()),
                stream: AutoStream::new(io::stderr(), choice),
                scrubber: options.scrubber,
            };
            let terminal_options = TerminalOptions { width, verbosity: options.verbosity, is_live };
            Box::new(Terminal::new(out, err, terminal_options))
        }
    }
}

/// Columns of the terminal that standard output is; `None` elsewhere, where nothing needs to be cropped.
pub fn standard_output_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|size| usize::from(size.0.0)).filter(|width| *width > 0)
}

/// Columns of the terminal that standard output is, or standard error where output goes elsewhere:
/// then diagnostics still fit.
fn terminal_width() -> Option<usize> {
    let on_standard_error = || terminal_size::terminal_size_of(io::stderr());
    let columns = || on_standard_error().map(|size| usize::from(size.0.0)).filter(|width| *width > 0);
    standard_output_width().or_else(columns)
}

/// A stream that forgives a closed pipe and remembers the first other error until the end.
struct Output<W> {
    stream: W,
    is_closed: bool,
    error: Option<io::Error>,
}

impl<W: Write> Output<W> {
    fn new(stream: W) -> Self {
        Self { stream, is_closed: false, error: None }
    }

    fn write(&mut self, text: &str) {
        if self.is_closed {
            return;
        }
        let written = self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush());
        if let Err(error) = written {
            self.is_closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.error = Some(error);
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}
