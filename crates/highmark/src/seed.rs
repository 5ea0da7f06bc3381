//! Counter-based random numbers: every number is a pure function of (seed, stream, index, position), so
//! nothing depends on who drew before, on the number of threads, or on where a run was resumed.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
//! 1, 2, 3", SC 2011), checked against the authors' known answers.

use crate::engine::simd;

/// What a stream of random numbers is for. Two streams of one seed are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial parameters; the index is the parameter's number.
    Init = 1,
    /// The order of the training rows; the index is the epoch.
    Order = 2,
    /// Dropout masks; the index is made of the step and the layer, the position of feature and row.
    Dropout = 3,
    /// The split into training and validation rows.
    Split = 4,
    /// For the user's own callbacks.
    User = 5,
}

/// A position in one stream of random numbers.
///
/// ```
/// use highmark::{Random, Stream};
/// let mut a = Random::new(42, Stream::User, 0);
/// let mut b = Random::new(42, Stream::User, 0);
/// assert_eq!(a.next_u32(), b.next_u32());
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    key: [u32; 2],
    /// Index and stream, the upper half of each counter.
    index: [u32; 2],
    /// Number of the block behind those that are drawn.
    next: u64,
    /// Of blocks that are drawn together, as [`Random::blocks_at`] gives them.
    words: [[u32; BLOCKS]; 4],
    /// How many of their words were given out.
    used: usize,
}

/// Blocks that are drawn together: so many products of 64 bits are one of the widest vectors.
const BLOCKS: usize = 8;

impl Random {
    /// The stream for `stream` and `index` under `seed`, at its start.
    pub fn new(seed: u64, stream: Stream, index: u64) -> Self {
        let key = [seed as u32, (seed >> 32) as u32];
        // The upper bits of the index share a word with the stream: 2^58 steps are out of reach.
        let index = [index as u32, ((index >> 32) as u32) << 6 | stream as u32];
        Self { key, index, next: 0, words: [[0; BLOCKS]; 4], used: 4 * BLOCKS }
    }

    /// The first words of `N` blocks from `block` on, their second words, and so on, without moving the position: the
    /// counter-based way to draw number `4 * block + lane`. Blocks side by side make vectors.
    #[inline(always)]
    pub(crate) fn blocks_at<const N: usize>(&self, block: u64) -> [[u32; N]; 4] {
        let low = std::array::from_fn(|i| (block + i as u64) as u32);
        let high = std::array::from_fn(|i| ((block + i as u64) >> 32) as u32);
        philox([low, high, [self.index[0]; N], [self.index[1]; N]], self.key)
    }

    /// The next 32 random bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 * BLOCKS {
            self.draw();
        }
        let word = self.words[self.used % 4][self.used / 4];
        self.used += 1;
        word
    }

    #[inline(never)]
    fn draw(&mut self) {
        let mut words = [[0; BLOCKS]; 4];
        simd(
            #[inline(always)]
            || words = self.blocks_at(self.next),
        );
        self.words = words;
        self.next += BLOCKS as u64;
        self.used = 0;
    }

    /// Uniform in [0, 1), with 24 random bits.
    #[inline]
    pub fn uniform(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Standard normal (Box and Muller 1958), computed in f64.
    pub fn normal(&mut self) -> f32 {
        let (a, b) = (self.next_u32(), self.next_u32());
        let u = (f64::from(a) + 1.0) / 4_294_967_296.0;
        let angle = f64::from(b) / 4_294_967_296.0 * std::f64::consts::TAU;
        ((-2.0 * u.ln()).sqrt() * angle.cos()) as f32
    }

    /// Uniform in 0..n without bias (Lemire, "Fast random integer generation in an interval", 2019). `n` is at least 1.
    pub fn below(&mut self, n: u32) -> u32 {
        loop {
            let wide = u64::from(self.next_u32()) * u64::from(n);
            let low = wide as u32;
            // The threshold, which takes a division, is below n.
            if low >= n || low >= n.wrapping_neg() % n.max(1) {
                return (wide >> 32) as u32;
            }
        }
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u32 + 1) as usize;
            items.swap(i, j);
        }
    }
}

/// Ten rounds of Philox4x32, for `N` counters side by side.
#[inline(always)]
fn philox<const N: usize>(mut counter: [[u32; N]; 4], mut key: [u32; 2]) -> [[u32; N]; 4] {
    for _ in 0..10 {
        let [mut c0, mut c1, mut c2, mut c3] = counter;
        for i in 0..N {
            let a = u64::from(c0[i]) * 0xD251_1F53;
            let b = u64::from(c2[i]) * 0xCD9E_8D57;
            (c0[i], c1[i]) = ((b >> 32) as u32 ^ c1[i] ^ key[0], b as u32);
            (c2[i], c3[i]) = ((a >> 32) as u32 ^ c3[i] ^ key[1], a as u32);
        }
        counter = [c0, c1, c2, c3];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // From the known-answer file of the Random123 distribution.
        let philox = |counter: [u32; 4], key| philox(counter.map(|word| [word]), key).map(|[word]| word);
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..1000).collect();
        Random::new(7, Stream::Order, 3).shuffle(&mut items);
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn sequence_and_random_access_agree() {
        let mut random = Random::new(1 << 40 | 5, Stream::Dropout, 1 << 33);
        let blocks = random.clone();
        for block in (0..20).step_by(5) {
            let side_by_side: [[u32; 5]; 4] = blocks.blocks_at(block);
            for number in 0..5 {
                let words: [u32; 4] = std::array::from_fn(|_| random.next_u32());
                assert_eq!(side_by_side.map(|word| word[number]), words);
            }
        }
    }

    #[test]
    fn moments() {
        let mut random = Random::new(3, Stream::User, 0);
        let n = 100_000;
        let (mut mean, mut square, mut uniform) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = f64::from(random.normal());
            mean += x;
            square += x * x;
            uniform += f64::from(random.uniform());
        }
        assert!((mean / n as f64).abs() < 0.02);
        assert!((square / n as f64 - 1.0).abs() < 0.02);
        assert!((uniform / n as f64 - 0.5).abs() < 0.01);
    }
}
