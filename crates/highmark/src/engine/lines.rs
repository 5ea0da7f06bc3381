//! A buffer that begins at a cache line, so that no vector of it lies in two.
#![expect(unsafe_code, reason = "lines of numbers seen as numbers")]

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::pages::large_pages;

/// Numbers in a cache line of most machines, and in the widest vectors: whole lines are whole vectors on every processor.
pub(crate) const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Numbers in whole cache lines.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    len: usize,
}

impl Lines {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut lines = Self::default();
        lines.grow(len);
        lines
    }

    /// Makes it at least so long, with zeros in what is new; does nothing when it is.
    pub(crate) fn grow(&mut self, len: usize) {
        if self.len < len {
            let lines = len.div_ceil(LINE);
            self.lines.reserve_exact(lines - self.lines.len());
            large_pages(self.lines.spare_capacity_mut());
            // What is in the last line behind the end was never written: it is zero.
            self.lines.resize(lines, Line([0.0; LINE]));
            self.len = len;
        }
    }
}

impl Clone for Lines {
    /// In large pages too.
    fn clone(&self) -> Self {
        let mut lines = Self::zeros(self.len);
        lines.copy_from_slice(self);
        lines
    }
}

impl Deref for Lines {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is an array of numbers, and there are enough of them for `len`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and they are borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_a_line_and_grows_by_zeros() {
        let mut lines = Lines::zeros(3);
        lines.copy_from_slice(&[1.0, 2.0, 3.0]);
        for len in [0, 3, 16, 17, 1000] {
            lines.grow(len);
            assert_eq!(lines.as_ptr().addr() % 64, 0);
            assert_eq!(lines.len(), len.max(3));
            assert_eq!(lines[..3], [1.0, 2.0, 3.0]);
            assert!(lines[3..].iter().all(|x| *x == 0.0));
        }
        assert_eq!(lines.clone()[..], lines[..]);
        assert!(Lines::default().is_empty());
    }
}
