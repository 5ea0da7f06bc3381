//! Text cut into records and values, by the rules of the `csv` crate: a quote counts as one only at the start of a
//! value, what follows the closing quote belongs to the value, and comments and lines without any byte are no records.
//!
//! Values are handed out where they stand in the file, and the ends of 64 bytes are found at once. The crate copies
//! every value, which alone took a quarter of the time of reading a file.

/// The bytes between and around values.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) comment: Option<u8>,
}

/// A place in a text, from which records can be read value by value.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    dialect: Dialect,
    /// Where the next value, or the next line, begins.
    at: usize,
    /// The first of the 64 bytes that `ends` is about; a multiple of 64.
    block: usize,
    /// A bit for each byte of the block from `at` on that ends a value outside of quotes, lowest first.
    ends: u64,
    /// A value that does not stand in the text as it is, because of its quotes.
    unquoted: Vec<u8>,
    unclosed: Option<usize>,
}

impl<'a> Records<'a> {
    /// Of the text from byte `at` on, where a record or a line between records begins.
    pub(super) fn new(bytes: &'a [u8], dialect: Dialect, at: usize) -> Self {
        let unquoted = Vec::new();
        let mut new = Self { bytes, dialect, at: 0, block: 0, ends: 0, unquoted, unclosed: None };
        new.ends = new.ends_of_block();
        new.seek(at);
        new
    }

    /// Where the next value or line begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where a quote was opened that nothing closes: the value, and the text, end with the last byte.
    pub(super) fn unclosed(&self) -> Option<usize> {
        self.unclosed
    }

    /// Passes over comments and lines without values to the next record; false if none begins before byte `end`.
    #[inline]
    pub(super) fn find(&mut self, end: usize) -> bool {
        while self.at < end.min(self.bytes.len()) {
            match self.bytes[self.at] {
                b'\n' | b'\r' => self.seek(self.at + 1),
                byte if self.dialect.comment == Some(byte) => {
                    let line = &self.bytes[self.at..];
                    let length =
                        line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
                    self.seek(self.at + length);
                }
                _ => return true,
            }
        }
        false
    }

    /// The next value of the record, and whether it is the record's last.
    #[inline(always)]
    pub(super) fn value(&mut self) -> (&[u8], bool) {
        let start = self.at;
        if self.bytes.get(start) == Some(&self.dialect.quote) {
            return self.quoted_value();
        }
        let end = self.next_end();
        let last = self.pass(end);
        (&self.bytes[start..end], last)
    }

    fn quoted_value(&mut self) -> (&[u8], bool) {
        let quote = self.dialect.quote;
        let start = self.at + 1;
        // From where on the value is not in `unquoted` yet.
        let mut from = start;
        self.unquoted.clear();
        loop {
            let Some(length) = self.bytes[from..].iter().position(|byte| *byte == quote) else {
                self.unclosed = Some(start - 1);
                self.unquoted.extend_from_slice(&self.bytes[from..]);
                self.seek(self.bytes.len());
                return (&self.unquoted, true);
            };
            let close = from + length;
            if self.bytes.get(close + 1) == Some(&quote) {
                self.unquoted.extend_from_slice(&self.bytes[from..=close]);
                from = close + 2;
                continue;
            }
            self.seek(close + 1);
            let end = self.next_end();
            let last = self.pass(end);
            if from == start && end == close + 1 {
                return (&self.bytes[start..close], last);
            }
            self.unquoted.extend_from_slice(&self.bytes[from..close]);
            self.unquoted.extend_from_slice(&self.bytes[close + 1..end]);
            return (&self.unquoted, last);
        }
    }

    /// Where the value ends that has no quotes from here on.
    #[inline(always)]
    fn next_end(&mut self) -> usize {
        while self.ends == 0 {
            self.block += 64;
            if self.block >= self.bytes.len() {
                return self.bytes.len();
            }
            self.ends = self.ends_of_block();
        }
        self.block + self.ends.trailing_zeros() as usize
    }

    /// Goes behind the end of a value, which is the next one; whether it ends the record, too.
    #[inline(always)]
    fn pass(&mut self, end: usize) -> bool {
        match self.bytes.get(end) {
            None => {
                self.at = end;
                true
            }
            Some(byte) => {
                self.at = end + 1;
                self.ends &= self.ends.wrapping_sub(1);
                *byte != self.dialect.delimiter
            }
        }
    }

    #[inline]
    fn seek(&mut self, at: usize) {
        self.at = at;
        if self.block != at / 64 * 64 {
            self.block = at / 64 * 64;
            self.ends = self.ends_of_block();
        }
        self.ends &= u64::MAX << (at % 64);
    }

    #[inline]
    fn ends_of_block(&self) -> u64 {
        let bytes = self.bytes.get(self.block..).unwrap_or_default();
        if let Some(block) = bytes.first_chunk() {
            return ends(block, self.dialect.delimiter);
        }
        let mut block = [0; 64];
        block[..bytes.len()].copy_from_slice(bytes);
        ends(&block, self.dialect.delimiter) & ((1 << bytes.len()) - 1)
    }
}

/// A bit for each byte that is a delimiter or ends a line, the first lowest.
#[inline]
fn ends(block: &[u8; 64], delimiter: u8) -> u64 {
    // Byte by byte, so that the compiler compares sixteen at once.
    let ends =
        block.map(|byte| u8::from(byte == delimiter) | u8::from(byte == b'\n') | u8::from(byte == b'\r'));
    // Brings the lowest bits of eight bytes together.
    let bits = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let (words, _) = ends.as_chunks();
    words.iter().rev().fold(0, |all, word| all << 8 | bits(word))
}
