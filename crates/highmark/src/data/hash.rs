//! A small fast hash for look-ups and for fingerprints. Not for keys that an attacker chooses: a table's
//! values come from the user's own files, and the standard hasher costs a third of the time of reading them.

use std::hash::{BuildHasherDefault, Hasher};

/// A look-up table on the fast hash. Never iterated: its order means nothing.
pub(crate) type FastMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// Multiplies and folds 64 bits at a time; the same bytes in the same calls give the same number on every
/// machine.
#[derive(Clone, Default)]
pub(crate) struct FastHasher(u64);

/// Two words made one, after wyhash, by Wang Yi.
#[inline]
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b ^ 0xA076_1D64_78BD_642F);
    wide as u64 ^ (wide >> 64) as u64
}

impl FastHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, 0);
    }
}

impl Hasher for FastHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    /// Slices and texts begin with their length, which keeps "a" and "a\0" apart.
    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.word(value as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
