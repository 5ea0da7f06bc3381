//! Text columns while they are read.

use std::collections::TryReserveError;
use std::num::NonZeroU32;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Int32Array, StringArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};

use super::hash::fold;
use crate::{Error, Result};

/// Text while it is read: each distinct one is kept once.
///
/// The values stand in one block of memory and are found through a table of their own, since a look-up in the standard
/// library's by small allocations took a quarter of the time of reading a file.
#[derive(Default)]
pub(crate) struct Text {
    /// Per row the number of a value, or -1 for a missing one.
    keys: Vec<i32>,
    /// The values, one behind the other, in order of first appearance.
    bytes: Vec<u8>,
    /// Where in `bytes` each value ends.
    ends: Vec<usize>,
    /// A power of two of slots, at most half of them taken; a value is in the first free one from its hash on.
    slots: Vec<Option<Slot>>,
    /// The rows that follow.
    later: Vec<Later>,
}

/// Rows that were read apart.
struct Later {
    /// Per row the number that its value had there, or -1.
    keys: Vec<i32>,
    /// The number of each of those values here; first of all -1 for missing ones.
    numbers: Vec<i32>,
}

/// Where a value is found.
#[derive(Clone, Copy)]
struct Slot {
    /// The upper half of the value's hash, which tells most others from it.
    tag: u32,
    /// The value's number plus one.
    number: NonZeroU32,
}

impl Text {
    /// So many missing values.
    pub(crate) fn missing(rows: usize) -> Self {
        Self { keys: vec![-1; rows], ..Self::default() }
    }

    /// Rows so far, but for appended ones.
    pub(crate) fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Appends a missing value.
    pub(crate) fn push_missing(&mut self) {
        self.keys.push(-1);
    }

    /// Replaces the value of an earlier row.
    pub(crate) fn set(&mut self, row: usize, field: &[u8]) {
        self.keys[row] = self.key(field);
    }

    /// Appends a value.
    #[inline]
    pub(crate) fn push(&mut self, field: &[u8]) {
        let key = self.key(field);
        self.keys.push(key);
    }

    /// Makes place for so many more rows.
    pub(crate) fn try_reserve(&mut self, rows: usize) -> Result<(), TryReserveError> {
        self.keys.try_reserve_exact(rows)
    }

    /// Appends the rows that follow, to which nothing was appended itself.
    pub(crate) fn append(&mut self, next: Self) {
        let mut numbers = vec![-1];
        numbers.extend((0..next.ends.len()).map(|number| self.key(next.value(number))));
        self.later.push(Later { keys: next.keys, numbers });
    }

    /// Value number `number`.
    #[inline]
    fn value(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[number]]
    }

    #[inline]
    fn key(&mut self, field: &[u8]) -> i32 {
        let hash = hash(field);
        let mut at = hash as usize;
        let tag = (hash >> 32) as u32;
        while let Some(Some(slot)) = self.slots.get(at & self.slots.len().wrapping_sub(1)) {
            let number = slot.number.get() - 1;
            if slot.tag == tag && equal(self.value(number as usize), field) {
                return number as i32;
            }
            at = at.wrapping_add(1);
        }
        self.add(field, hash)
    }

    #[cold]
    fn add(&mut self, field: &[u8], hash: u64) -> i32 {
        self.bytes.extend_from_slice(field);
        self.ends.push(self.bytes.len());
        if self.ends.len() * 2 > self.slots.len() {
            self.slots = vec![None; (self.ends.len() * 4).next_power_of_two()];
            for number in 0..self.ends.len() - 1 {
                self.enter(number, self::hash(self.value(number)));
            }
        }
        let number = self.ends.len() - 1;
        self.enter(number, hash);
        number as i32
    }

    fn enter(&mut self, number: usize, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].is_some() {
            at = (at + 1) & mask;
        }
        let number = NonZeroU32::MIN.saturating_add(number as u32);
        self.slots[at] = Some(Slot { tag: (hash >> 32) as u32, number });
    }
}

/// By sixteen bytes, the last of which may be read twice, so that most values take one multiplication: the look-up cannot
/// begin before it is known.
#[inline]
fn hash(text: &[u8]) -> u64 {
    let word = |at: usize| text[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let (mut hash, mut at) = (text.len() as u64, 0);
    while text.len() - at > 16 {
        hash = fold(hash ^ word(at), word(at + 8));
        at += 16;
    }
    fold(hash ^ word(at), tail(text))
}

/// Quicker for short texts than a call of the system's comparison.
#[inline]
fn equal(a: &[u8], b: &[u8]) -> bool {
    let words = |text| <[u8]>::as_chunks::<8>(text).0.iter().map(|word| u64::from_le_bytes(*word));
    a.len() == b.len() && tail(a) == tail(b) && words(a).eq(words(b))
}

/// The last eight bytes; all bytes of a shorter text.
#[inline]
fn tail(text: &[u8]) -> u64 {
    if let Some(last) = text.last_chunk() {
        return u64::from_le_bytes(*last);
    }
    // The two halves may overlap.
    match (text.first_chunk(), text.last_chunk(), text) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        (.., [first, .., last]) => u64::from(u32::from_le_bytes([*first, text[text.len() / 2], *last, 0])),
        (.., [only]) => u64::from(*only),
        _ => 0,
    }
}

/// The column as a dictionary with its values sorted by their bytes, which for UTF-8 is the order of code
/// points. Fails when the distinct texts exceed 2 GB, and for text that is not UTF-8.
pub(crate) fn dictionary(name: &str, text: Text) -> Result<DictionaryArray<Int32Type>> {
    if text.bytes.len() > i32::MAX as usize {
        return Err(Error::column(
            name,
            "has more than 2 GB of distinct text; leave the column out of the file",
        ));
    }
    let mut order: Vec<usize> = (0..text.ends.len()).collect();
    order.sort_unstable_by(|a, b| text.value(*a).cmp(text.value(*b)));
    // The first for missing values.
    let mut rank = vec![-1; order.len() + 1];
    let mut sorted = Vec::with_capacity(order.len());
    for (position, number) in order.into_iter().enumerate() {
        rank[number + 1] = position as i32;
        let value = std::str::from_utf8(text.value(number));
        sorted.push(value.map_err(|_| Error::column(name, "holds text that is not UTF-8"))?);
    }
    let values = StringArray::from(sorted);
    let mut keys = text.keys;
    for key in &mut keys {
        *key = rank[(*key + 1) as usize];
    }
    for later in text.later {
        let ranks: Vec<i32> = later.numbers.iter().map(|number| rank[(number + 1) as usize]).collect();
        keys.extend(later.keys.iter().map(|key| ranks[(key + 1) as usize]));
    }
    let nulls: Option<NullBuffer> = (keys.iter().fold(0, |least, key| least.min(*key)) < 0)
        .then(|| keys.iter().map(|key| *key >= 0).collect());
    if nulls.is_some() {
        // Arrow wants keys of missing values to be some, too.
        keys.iter_mut().for_each(|key| *key = (*key).max(0));
    }
    let keys = Int32Array::new(ScalarBuffer::from(keys), nulls);
    DictionaryArray::try_new(keys, Arc::new(values)).map_err(|error| Error::column(name, error.to_string()))
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn every_text_is_found_again_and_no_other() {
        // All lengths around those of words, also texts that differ in one byte or end in others.
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 1..40 {
            for at in 0..length {
                for byte in [0, b'a', b'b'] {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    texts.push(text);
                }
            }
        }
        texts.extend((0..5000_u32).map(|number| number.to_string().into_bytes()));
        texts.sort();
        texts.dedup();
        let mut text = Text::default();
        texts.iter().for_each(|value| text.push(value));
        texts.iter().rev().for_each(|value| text.push(value));
        let numbers: Vec<i32> = (0..texts.len() as i32).collect();
        assert!(text.keys.iter().copied().eq(numbers.iter().copied().chain(numbers.iter().rev().copied())));
        assert!(texts.iter().enumerate().all(|(number, value)| text.value(number) == value));
    }

    #[test]
    fn parts_share_their_values() {
        let of = |values: &[&str]| {
            let mut text = Text::default();
            values.iter().for_each(|value| text.push(value.as_bytes()));
            text
        };
        let (mut whole, mut next) = (of(&["b", "a"]), of(&["c", "a"]));
        next.push_missing();
        whole.append(next);
        whole.append(of(&["a", "B"]));
        let array = dictionary("x", whole).unwrap();
        let values: Vec<_> = array.downcast_dict::<StringArray>().unwrap().into_iter().collect();
        assert_eq!(values, [Some("b"), Some("a"), Some("c"), Some("a"), None, Some("a"), Some("B")]);
        assert_eq!(array.values().as_string::<i32>().iter().flatten().collect::<String>(), "Babc");
    }
}
