//! Columns whose type becomes clear while they are read.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow_buffer::ScalarBuffer;

use super::super::text::{Text, dictionary};
use super::CsvOptions;
use super::number::{parse_bool, parse_float_with, parse_int};
use crate::Result;

/// How values are written: the spellings of a missing one, quick to tell from others, and where decimals begin.
pub(super) struct Notation {
    decimal: u8,
    empty: bool,
    /// By their first byte.
    spellings: [Vec<Vec<u8>>; 256],
}

impl Notation {
    pub(super) fn new(options: &CsvOptions) -> Self {
        let mut spellings = [const { Vec::new() }; 256];
        for spelling in &options.missing {
            if let Some(byte) = spelling.as_bytes().first() {
                spellings[usize::from(*byte)].push(spelling.clone().into_bytes());
            }
        }
        Self { decimal: options.decimal, empty: options.missing.iter().any(String::is_empty), spellings }
    }

    #[inline]
    fn is_missing(&self, field: &[u8]) -> bool {
        match field.first() {
            None => self.empty,
            Some(byte) => self.spellings[usize::from(*byte)].iter().any(|spelling| spelling == field),
        }
    }

    #[inline]
    fn float(&self, field: &[u8]) -> Option<f64> {
        parse_float_with(field, self.decimal)
    }
}

/// The values of a column so far, in the narrowest type that holds them all.
enum Values {
    /// Only missing ones yet.
    Missing(usize),
    Ints(Vec<i64>),
    /// NaN where missing.
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    Text(Text),
}

/// The types of [`Values`], and of a column without rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Missing,
    Ints,
    Floats,
    Bools,
    Text,
}

impl Kind {
    /// The narrowest that holds the values of both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, kind) | (kind, Self::Nothing) => kind,
            (a, b) if a == b => a,
            (Self::Bools | Self::Text, _) | (_, Self::Bools | Self::Text) => Self::Text,
            _ => Self::Floats,
        }
    }
}

/// A column, or the part of one that is in a piece of the file, while it is read.
pub(super) struct Column {
    values: Values,
    /// How many rows from the start must be read again, because they were no text when they were read.
    unread: usize,
    /// Whether a number was none of the integers.
    decimals: bool,
}

impl Default for Column {
    fn default() -> Self {
        Self { values: Values::Missing(0), unread: 0, decimals: false }
    }
}

impl Column {
    /// Appends one value.
    #[inline]
    pub(super) fn push(&mut self, field: &[u8], notation: &Notation) {
        if notation.is_missing(field) {
            return self.push_missing();
        }
        match &mut self.values {
            Values::Text(text) => text.push(field),
            Values::Ints(ints) => match parse_int(field) {
                Some(value) => ints.push(value),
                None => self.widen(field, notation),
            },
            Values::Floats(floats) => match notation.float(field) {
                Some(value) => {
                    self.decimals = self.decimals || parse_int(field).is_none();
                    floats.push(value);
                }
                None => self.widen(field, notation),
            },
            Values::Bools(bools) => match parse_bool(field) {
                Some(value) => bools.push(value),
                None => self.widen(field, notation),
            },
            Values::Missing(_) => self.widen(field, notation),
        }
    }

    fn push_missing(&mut self) {
        match &mut self.values {
            Values::Missing(count) => *count += 1,
            Values::Floats(floats) => floats.push(f64::NAN),
            Values::Text(text) => text.push_missing(),
            Values::Ints(ints) => {
                let mut floats = as_floats(ints);
                floats.push(f64::NAN);
                self.values = Values::Floats(floats);
            }
            Values::Bools(bools) => {
                let rows = bools.len();
                self.become_text(rows, rows);
                self.push_missing();
            }
        }
    }

    /// Appends a value that the type so far cannot hold.
    #[cold]
    fn widen(&mut self, field: &[u8], notation: &Notation) {
        match &self.values {
            Values::Missing(0) => {
                self.values = if let Some(value) = parse_int(field) {
                    Values::Ints(vec![value])
                } else if let Some(value) = notation.float(field) {
                    self.decimals = true;
                    Values::Floats(vec![value])
                } else if let Some(value) = parse_bool(field) {
                    Values::Bools(vec![value])
                } else {
                    let mut text = Text::default();
                    text.push(field);
                    Values::Text(text)
                };
                return;
            }
            Values::Missing(count) => {
                if let Some(value) = notation.float(field) {
                    let mut floats = vec![f64::NAN; *count];
                    floats.push(value);
                    self.values = Values::Floats(floats);
                    self.decimals = parse_int(field).is_none();
                    return;
                }
                // Nothing is lost by missing values.
                let rows = *count;
                self.become_text(rows, 0);
                return self.push_text(field);
            }
            Values::Ints(ints) => {
                if let Some(value) = notation.float(field) {
                    let mut floats = as_floats(ints);
                    floats.push(value);
                    self.values = Values::Floats(floats);
                    self.decimals = true;
                    return;
                }
            }
            Values::Floats(_) | Values::Bools(_) | Values::Text(_) => {}
        }
        let rows = self.rows();
        self.become_text(rows, rows);
        self.push_text(field);
    }

    fn push_text(&mut self, field: &[u8]) {
        if let Values::Text(text) = &mut self.values {
            text.push(field);
        }
    }

    fn become_text(&mut self, rows: usize, unread: usize) {
        self.values = Values::Text(Text::missing(rows));
        self.unread = unread;
    }

    /// The type so far.
    pub(super) fn kind(&self) -> Kind {
        match &self.values {
            Values::Missing(0) => Kind::Nothing,
            Values::Missing(_) => Kind::Missing,
            Values::Ints(_) => Kind::Ints,
            Values::Floats(_) => Kind::Floats,
            Values::Bools(_) => Kind::Bools,
            Values::Text(_) => Kind::Text,
        }
    }

    /// Makes it one of a type that other parts of the column need.
    pub(super) fn become_kind(&mut self, kind: Kind) {
        match (&self.values, kind) {
            (Values::Missing(rows), Kind::Text) => self.become_text(*rows, 0),
            (Values::Ints(ints), Kind::Text) => self.become_text(ints.len(), ints.len()),
            (Values::Floats(floats), Kind::Text) => self.become_text(floats.len(), floats.len()),
            (Values::Bools(bools), Kind::Text) => self.become_text(bools.len(), bools.len()),
            (Values::Missing(rows), Kind::Floats) => self.values = Values::Floats(vec![f64::NAN; *rows]),
            (Values::Ints(ints), Kind::Floats) => self.values = Values::Floats(as_floats(ints)),
            // Without rows.
            (Values::Missing(_), Kind::Ints) => self.values = Values::Ints(Vec::new()),
            (Values::Missing(_), Kind::Bools) => self.values = Values::Bools(Vec::new()),
            _ => {}
        }
    }

    /// Makes place for `rows` rows altogether, as far as there is memory for what is but expected.
    pub(super) fn reserve(&mut self, rows: usize) {
        let more = rows.saturating_sub(self.rows());
        let _ = match &mut self.values {
            Values::Missing(_) => Ok(()),
            Values::Ints(ints) => ints.try_reserve_exact(more),
            Values::Floats(floats) => floats.try_reserve_exact(more),
            Values::Bools(bools) => bools.try_reserve_exact(more),
            Values::Text(text) => text.try_reserve(more),
        };
    }

    fn rows(&self) -> usize {
        match &self.values {
            Values::Missing(count) => *count,
            Values::Ints(ints) => ints.len(),
            Values::Floats(floats) => floats.len(),
            Values::Bools(bools) => bools.len(),
            Values::Text(text) => text.rows(),
        }
    }

    /// Appends the next part of the column, which has the same type.
    pub(super) fn append(&mut self, next: Self) {
        self.decimals |= next.decimals;
        match (&mut self.values, next.values) {
            (Values::Missing(count), Values::Missing(more)) => *count += more,
            (Values::Ints(ints), Values::Ints(more)) => ints.extend(more),
            (Values::Floats(floats), Values::Floats(more)) => floats.extend(more),
            (Values::Bools(bools), Values::Bools(more)) => bools.extend(more),
            (Values::Text(text), Values::Text(more)) => text.append(more),
            _ => debug_assert!(false, "the parts have one type"),
        }
    }

    /// Whether it has floats for no other reason than that values are missing among its integers.
    pub(super) fn lacks_integers(&self) -> bool {
        matches!(self.values, Values::Floats(_)) && !self.decimals
    }

    /// How many rows from the start must be read again with [`Column::read_again`].
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// Takes the text of an earlier row, if this column has to have it again.
    pub(super) fn read_again(&mut self, row: usize, field: &[u8], notation: &Notation) {
        if row < self.unread
            && !notation.is_missing(field)
            && let Values::Text(text) = &mut self.values
        {
            text.set(row, field);
        }
    }

    /// The column as an Arrow array. Fails when its distinct texts exceed 2 GB.
    pub(super) fn finish(self, name: &str) -> Result<ArrayRef> {
        Ok(match self.values {
            Values::Missing(count) => Arc::new(Float64Array::new_null(count)),
            Values::Ints(ints) => Arc::new(Int64Array::from(ints)),
            Values::Floats(floats) => Arc::new(nullable(floats)),
            Values::Bools(bools) => Arc::new(BooleanArray::from(bools)),
            Values::Text(text) => Arc::new(dictionary(name, text)?),
        })
    }
}

fn as_floats(ints: &[i64]) -> Vec<f64> {
    ints.iter().map(|value| *value as f64).collect()
}

/// Floats with a null for each NaN.
fn nullable(values: Vec<f64>) -> Float64Array {
    let nulls = values.iter().any(|v| v.is_nan()).then(|| values.iter().map(|v| !v.is_nan()).collect());
    Float64Array::new(ScalarBuffer::from(values), nulls)
}
