//! The records of a text, window by window: a text that is at hand is one window; a file is fetched in windows that stay in
//! the cache of the core that reads them, so that no copy of it has to be made in memory and read from there again.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::str::from_utf8;

use memchr::{memchr, memchr_iter, memrchr};

use super::records::{Dialect, Records};
use super::source::Source;
use crate::{Error, Result};

/// Where records come from. Bytes are counted without a byte order mark.
pub(super) enum Windows<'a> {
    Whole(&'a Source),
    File(File<'a>),
}

/// A file that is not at hand.
pub(super) struct File<'a> {
    pub(super) path: &'a Path,
    pub(super) dialect: Dialect,
    /// Of the byte order mark.
    pub(super) start: usize,
    pub(super) len: usize,
    /// Bytes of a window, unless more are needed for one record.
    pub(super) window: usize,
}

/// What is wrong with a text. Bytes are of the whole: who has that can tell the line.
pub(super) enum Fault {
    /// The record that begins here has not as many values as there are columns.
    Ragged(usize),
    /// A quote is opened here that the text, or its window, does not close.
    Unclosed(usize),
    /// A window is not UTF-8.
    NotUtf8,
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// How many line ends are in a text.
#[derive(Clone, Copy)]
pub(super) struct LineEnds {
    all: usize,
    /// Those with nothing but white space behind.
    last: usize,
    /// Whether there is nothing else before them.
    blank: bool,
}

impl LineEnds {
    fn of(text: &[u8]) -> Self {
        let end = text.trim_ascii_end().len();
        Self { all: count(text, b'\n'), last: count(&text[end..], b'\n'), blank: end == 0 }
    }

    /// Of this text and what follows it.
    pub(super) fn and(self, next: Self) -> Self {
        Self {
            all: self.all + next.all,
            last: if next.blank { self.last + next.last } else { next.last },
            blank: self.blank && next.blank,
        }
    }

    /// The lines, without blank ones at the end.
    pub(super) fn lines(self) -> usize {
        self.all - self.last + 1
    }
}

impl Windows<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(source) => source.bytes().len(),
            Self::File(file) => file.len,
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Whole(source) => source.path(),
            Self::File(file) => file.path,
        }
    }

    /// Where the line ends that byte `at` is on: behind its line end.
    pub(super) fn line_end(&self, at: usize) -> Result<Option<usize>> {
        let end = |text: &[u8]| memchr(b'\n', text).map(|length| length + 1);
        match self {
            Self::Whole(source) => Ok(end(&source.bytes()[at..]).map(|length| at + length)),
            Self::File(file) => {
                let mut fetched = Fetched::new(file, at)?;
                loop {
                    fetched.fetch()?;
                    if let Some(length) = end(fetched.text()) {
                        return Ok(Some(fetched.begin + length));
                    }
                    if fetched.is_last() {
                        return Ok(None);
                    }
                    fetched.drop_to(fetched.filled);
                }
            }
        }
    }

    /// Gives `visit` the records that begin in `span`, where the first of them begins: the byte that their window begins at,
    /// a window of them, and the byte there before which the last of them begins. It says whether to go on. Returns the line
    /// ends of what was read.
    pub(super) fn visit(
        &self,
        span: Range<usize>,
        mut visit: impl FnMut(usize, &mut Records<'_>, usize) -> Result<bool, Fault>,
    ) -> Result<LineEnds, Fault> {
        match self {
            Self::Whole(source) => {
                let mut records = source.records(span.start);
                visit(0, &mut records, span.end)?;
                let end = records.at();
                match records.unclosed() {
                    Some(quote) => Err(Fault::Unclosed(quote)),
                    None => Ok(LineEnds::of(&source.bytes()[span.start..end])),
                }
            }
            Self::File(file) => {
                let mut fetched = Fetched::new(file, span.start)?;
                let mut ends = LineEnds::of(b"");
                loop {
                    fetched.fetch()?;
                    // The records before may have gone on to behind it.
                    let left = span.end.saturating_sub(fetched.begin);
                    let Some(cut) = fetched.cut(left) else { continue };
                    let text = &fetched.text()[..cut];
                    if !text.is_ascii() && from_utf8(text).is_err() {
                        return Err(Fault::NotUtf8);
                    }
                    let mut records = Records::new(text, file.dialect, 0);
                    let go_on = visit(fetched.begin, &mut records, left.min(cut))?;
                    if let Some(quote) = records.unclosed() {
                        return Err(Fault::Unclosed(fetched.begin + quote));
                    }
                    ends = ends.and(LineEnds::of(&text[..records.at()]));
                    if left <= cut || !go_on {
                        return Ok(ends);
                    }
                    fetched.drop_to(cut);
                }
            }
        }
    }
}

/// A part of a file in memory.
struct Fetched<'a> {
    file: &'a File<'a>,
    open: fs::File,
    /// The first byte of the text that is there.
    begin: usize,
    buffer: Vec<u8>,
    filled: usize,
}

impl<'a> Fetched<'a> {
    /// Nothing yet of the text from byte `begin` on.
    fn new(file: &'a File<'a>, begin: usize) -> Result<Self> {
        let failed = |error| Error::io("read", file.path, error);
        let mut open = fs::File::open(file.path).map_err(failed)?;
        open.seek(SeekFrom::Start((file.start + begin) as u64)).map_err(failed)?;
        Ok(Self { file, open, begin, buffer: Vec::new(), filled: 0 })
    }

    fn text(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Whether the text is there to its end.
    fn is_last(&self) -> bool {
        self.begin + self.filled == self.file.len
    }

    /// Fetches what there is place for; makes place if there is none.
    fn fetch(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize((2 * self.filled).max(self.file.window), 0);
        }
        let end = self.buffer.len().min(self.file.len - self.begin);
        let read = self.open.read_exact(&mut self.buffer[self.filled..end]);
        self.filled = end;
        read.map_err(|error| Error::io("read", self.file.path, error))
    }

    /// Forgets the first bytes.
    fn drop_to(&mut self, at: usize) {
        self.buffer.copy_within(at..self.filled, 0);
        self.begin += at;
        self.filled -= at;
    }

    /// Where to cut what is there, so that records are whole: behind `left` bytes, or, if that is in quotes or is not there yet,
    /// behind the last line end that is not in quotes. That is told by how many quotes there are, of which one in the middle of
    /// a value should not count; where all line ends seem to be in quotes, the last one is taken. So a record may be cut, which
    /// then has a quote that nothing closes.
    fn cut(&self, left: usize) -> Option<usize> {
        let (text, quote) = (self.text(), self.file.dialect.quote);
        let mut quoted = count(text, quote) % 2 == 1;
        if let Some(rest) = text.get(left..)
            && quoted == (count(rest, quote) % 2 == 1)
        {
            return Some(left);
        }
        if self.is_last() {
            return Some(text.len());
        }
        let unquoted_line_end = |byte: &u8| {
            quoted ^= *byte == quote;
            *byte == b'\n' && !quoted
        };
        let end = text.iter().rposition(unquoted_line_end);
        end.or_else(|| memrchr(b'\n', text)).map(|at| at + 1)
    }
}

/// How often a byte is in a text.
fn count(text: &[u8], byte: u8) -> usize {
    memchr_iter(byte, text).count()
}
