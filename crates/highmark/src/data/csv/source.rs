//! The bytes of a file, checked before they are parsed.

use std::path::{Path, PathBuf};

use super::super::parallel::map;
use super::records::{Dialect, Records};
use super::{CsvOptions, PIECE};
use crate::error::ErrorKind;
use crate::{Error, Result};

/// A whole file: UTF-8, without a byte order mark.
pub(super) struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where the text begins, behind the byte order mark.
    start: usize,
    dialect: Dialect,
}

impl Source {
    /// Checks the contents and the options that say how to read them.
    pub(super) fn new(path: &Path, bytes: Vec<u8>, options: &CsvOptions) -> Result<Self> {
        let tabs = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv"));
        let delimiter = options.delimiter.unwrap_or(if tabs { b'\t' } else { b',' });
        for (setting, byte) in [
            ("delimiter", Some(delimiter)),
            ("quote", Some(options.quote)),
            ("comment", options.comment),
            ("decimal", Some(options.decimal)),
        ] {
            if byte.is_some_and(|byte| !byte.is_ascii() || byte == b'\n' || byte == b'\r') {
                return Err(Error::config(setting, "must be one ASCII character that does not end lines"));
            }
        }
        if options.decimal == options.quote {
            return Err(Error::config("decimal", "is also the quote, so that numbers fall apart"));
        }
        if options.decimal == delimiter {
            let message = "is also the delimiter, so that numbers fall apart; say what separates the columns";
            return Err(Error::config("decimal", message));
        }
        if delimiter == options.quote {
            return Err(Error::config("delimiter", "must not be the quote"));
        }
        if let Some(problem) = foreign(&bytes) {
            return Err(Error::file(path, problem));
        }
        let start = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let dialect = Dialect { delimiter, quote: options.quote, comment: options.comment };
        let mut source = Self { path: path.into(), bytes, start, dialect };
        if source.bytes().iter().all(u8::is_ascii_whitespace) {
            return Err(Error::file(path, "the file is empty"));
        }
        // Most files are ASCII, which several threads can tell.
        let ascii =
            map(source.bytes().chunks(PIECE).collect(), <[u8]>::is_ascii).into_iter().all(|part| part);
        if !ascii && let Err(error) = std::str::from_utf8(source.bytes()) {
            let line = source.line(error.valid_up_to());
            return Err(source.error_at(
                line,
                "not UTF-8; convert the file to UTF-8, such as with iconv -f latin1 -t utf-8",
            ));
        }
        if options.trim {
            source.bytes = without_initial_blanks(source.bytes(), delimiter, options.quote);
            source.start = 0;
        }
        Ok(source)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Bytes of the byte order mark.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The records from byte `at` on, where one must begin.
    pub(super) fn records(&self, at: usize) -> Records<'_> {
        Records::new(self.bytes(), self.dialect, at)
    }

    /// An error about the line with byte number `byte`.
    pub(super) fn error(&self, byte: usize, message: impl Into<String>) -> Error {
        self.error_at(self.line(byte), message)
    }

    /// What is wrong with a quote at byte number `byte`: all that follows would be one value.
    pub(super) fn unclosed(&self, byte: usize) -> Error {
        let line = self.line(byte);
        self.error_at(line, format!("a quote opened in line {line} is never closed"))
    }

    fn error_at(&self, line: usize, message: impl Into<String>) -> Error {
        let message = message.into();
        ErrorKind::File { path: self.path.clone(), line: Some(line as u64), column: None, message }.into()
    }

    /// The line, from 1, that byte number `byte` is on.
    pub(super) fn line(&self, byte: usize) -> usize {
        let before = &self.bytes()[..byte.min(self.bytes().len())];
        before.split(|byte| *byte == b'\n').count()
    }
}

/// What to say of a file that is plainly something else.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 6] = [
        (b"\xFF\xFE", "is UTF-16 (little endian), not UTF-8; convert the file to UTF-8"),
        (b"\xFE\xFF", "is UTF-16 (big endian), not UTF-8; convert the file to UTF-8"),
        (b"\x1F\x8B", "is compressed with gzip; unpack it first"),
        (b"\x28\xB5\x2F\xFD", "is compressed with zstd; unpack it first"),
        (b"PK\x03\x04", "is a zip archive or a spreadsheet; save it as CSV"),
        (b"PAR1", "is a Parquet file; give it the ending .parquet"),
    ];
    known.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, message)| *message)
}

/// Drops the blanks at the start of every value, outside of quotes. Done before parsing, because a quote
/// counts as one only at the start of a value.
fn without_initial_blanks(bytes: &[u8], delimiter: u8, quote: u8) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let (mut quoted, mut at_start) = (false, true);
    for &byte in bytes {
        if at_start && byte == b' ' && delimiter != b' ' {
            continue;
        }
        if byte == quote && (at_start || quoted) {
            // A doubled quote closes and opens again, which comes to the same.
            quoted = !quoted;
            at_start = false;
        } else if byte == quote {
            quoted = kept.last() == Some(&quote);
        } else {
            at_start = !quoted && (byte == delimiter || byte == b'\n' || byte == b'\r');
        }
        kept.push(byte);
    }
    kept
}
