//! Watches the lines of a seed's file while others read it.
//!
//! In: the bytes of a file. Out: the same bytes, and what no record shows: which line ends a file has, whether it
//! begins with a blank line, and where a line begins that is too long to be meant.

use std::io::{self, Read};

/// Longer lines are refused, as the engine does: what makes them so is a quote that is never closed.
const MAX_LINE: usize = 2_000_000;

/// Passes bytes on and looks at them.
pub(super) struct Lines<R> {
    inner: R,
    delimiter: u8,
    state: State,
    after_return: bool,
    /// Whether lines end with a carriage return too, known after the first one.
    with_return: Option<bool>,
    has_begun: bool,
    line: u64,
    /// Where the record begins that is being read, and how long it is so far.
    record: (u64, usize),
    /// The first line that ends otherwise than the first one of the file.
    pub(super) mixed_at: Option<u64>,
    /// Whether the first line is blank.
    pub(super) begins_blank: bool,
    /// The line that a record begins on that is too long.
    pub(super) too_long_at: Option<u64>,
}

/// Where in a record the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value: only here a quote begins one.
    Begin,
    Plain,
    Quoted,
    /// After a quote that ends the value, or is the first of two that stand for one.
    AfterQuote,
}

impl State {
    fn after(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (State::Quoted, b'"') => State::AfterQuote,
            (State::Quoted, _) | (State::AfterQuote | State::Begin, b'"') => State::Quoted,
            (_, b'\n' | b'\r') => State::Begin,
            (_, it) if it == delimiter => State::Begin,
            _ => State::Plain,
        }
    }
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R, delimiter: u8) -> Self {
        Self {
            inner,
            delimiter,
            state: State::Begin,
            after_return: false,
            with_return: None,
            has_begun: false,
            line: 1,
            record: (1, 0),
            mixed_at: None,
            begins_blank: false,
            too_long_at: None,
        }
    }

    /// Whether there is nothing in the file.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_begun
    }

    fn look_at(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if !self.has_begun && !bytes.is_empty() {
            self.has_begun = true;
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            self.begins_blank = bytes.first().is_some_and(|it| matches!(it, b'\r' | b'\n'));
        }
        for byte in bytes {
            self.record.1 += 1;
            if *byte == b'\n' {
                self.line += 1;
                if self.state != State::Quoted {
                    if *self.with_return.get_or_insert(self.after_return) != self.after_return {
                        self.mixed_at = self.mixed_at.or(Some(self.line - 1));
                    }
                    self.record = (self.line, 0);
                }
            }
            self.after_return = *byte == b'\r';
            self.state = self.state.after(*byte, self.delimiter);
        }
        if self.record.1 > MAX_LINE {
            self.too_long_at = self.too_long_at.or(Some(self.record.0));
        }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.look_at(&buffer[..n]);
        match self.too_long_at {
            Some(_) => Err(io::Error::other("a line is too long")),
            None => Ok(n),
        }
    }
}
