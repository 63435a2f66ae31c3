//! A seed's file as bytes: what it hashes to, and the text of one line.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

/// So much of a line is shown at most.
const SHOWN: u64 = 64 * 1024;

/// Passes bytes on and hashes them.
pub struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R> Hashing<R> {
    /// Hashes what is read through it from now on.
    pub fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    /// SHA-256 of all that was read, in hexadecimal digits.
    pub fn hash(self) -> String {
        hexadecimal(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of a file, in hexadecimal digits. The file is never in memory as a whole.
pub fn content_hash(reader: impl Read) -> io::Result<String> {
    let mut hashing = Hashing::new(reader);
    let mut buffer = vec![0; 256 * 1024];
    while hashing.read(&mut buffer)? > 0 {}
    Ok(hashing.hash())
}

/// The bytes of a line, counted from 1, without its line end and without a byte order mark. Of a very long line only the
/// begin is given.
pub fn line_of(reader: impl Read, line: u64) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::with_capacity(256 * 1024, reader);
    for _ in 1..line {
        reader.skip_until(b'\n')?;
    }
    let mut bytes = Vec::new();
    reader.take(SHOWN).read_until(b'\n', &mut bytes)?;
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    if line == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}
