//! The checksum of a file that is written in pieces.

use std::hash::Hasher;
use std::io::{self, Write};

use crate::data::FastHasher;

/// Words that are summed side by side: one sum would wait for each multiplication before the next.
const LANES: usize = 4;
const BLOCK: usize = 8 * LANES;

/// Passes bytes on and sums them up. The sum does not depend on how they are cut into pieces.
pub(crate) struct Summing<W> {
    out: W,
    lanes: [FastHasher; LANES],
    /// Bytes that do not fill a block yet.
    rest: [u8; BLOCK],
    waiting: usize,
    length: u64,
}

impl<W: Write> Summing<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, lanes: Default::default(), rest: [0; BLOCK], waiting: 0, length: 0 }
    }

    /// The sum of all bytes so far, after which there may come no more of them.
    pub(crate) fn finish(self) -> (W, u64) {
        let mut sum = FastHasher::default();
        sum.write(&self.rest[..self.waiting]);
        self.lanes.iter().for_each(|lane| sum.write_u64(lane.finish()));
        // Tells apart what differs in zeros at the end.
        sum.write_u64(self.length);
        (self.out, sum.finish())
    }

    /// Sums up bytes without passing them on.
    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.waiting > 0 {
            let taken = bytes.len().min(BLOCK - self.waiting);
            self.rest[self.waiting..self.waiting + taken].copy_from_slice(&bytes[..taken]);
            self.waiting += taken;
            bytes = &bytes[taken..];
            if self.waiting < BLOCK {
                return;
            }
            self.add_blocks(&[self.rest]);
            self.waiting = 0;
        }
        let (blocks, rest) = bytes.as_chunks();
        self.add_blocks(blocks);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.waiting = rest.len();
    }

    fn add_blocks(&mut self, blocks: &[[u8; BLOCK]]) {
        let mut lanes = self.lanes.clone();
        for block in blocks {
            for (lane, word) in lanes.iter_mut().zip(block.as_chunks().0) {
                lane.write_u64(u64::from_le_bytes(*word));
            }
        }
        self.lanes = lanes;
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The sum of bytes that are all there.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = Summing::new(io::sink());
    sum.add(bytes);
    sum.finish().1
}

/// Writes the right checksum over the last 8 bytes of a checkpoint, so that fuzzing gets past it.
#[doc(hidden)]
pub fn seal_checkpoint(file: &mut [u8]) {
    if let Some((content, sum)) = file.split_last_chunk_mut::<8>() {
        *sum = checksum(content).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_of_the_bytes_and_not_of_the_pieces() {
        let bytes: Vec<u8> = (0..251_u8).cycle().take(1000).collect();
        let whole = checksum(&bytes);
        for piece in [1, 3, 8, 31, 32, 33, 64, 999] {
            let mut sum = Summing::new(Vec::new());
            bytes.chunks(piece).for_each(|chunk| sum.write_all(chunk).unwrap());
            let (out, found) = sum.finish();
            assert_eq!((out == bytes, found), (true, whole), "{piece}");
        }
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert_ne!(checksum(&other), whole, "{place}");
        }
        assert_ne!(checksum(&bytes[..999]), whole);
        assert_ne!(checksum(&[0]), checksum(&[0, 0]));
    }
}
