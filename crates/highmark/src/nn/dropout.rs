//! Dropout (Srivastava et al. 2014): in training each number is dropped with probability p and the others
//! grow by 1/(1−p).

use crate::engine::simd;
use crate::seed::{Random, Stream};

/// A dropout layer. `number` tells the layers of one model apart.
#[derive(Clone, Debug)]
pub(crate) struct Dropout {
    pub(crate) p: f32,
    pub(crate) number: u64,
}

/// Dropout layers that one step can tell apart; the other 42 bits of the index count steps.
const LAYERS: u64 = 1 << 16;

/// Blocks of random words that are drawn side by side, for four times as many rows of a feature.
const BLOCKS: usize = 16;

impl Dropout {
    /// The mask of features `first ..`, [tile, rows]: 0 or 1/(1−p). A pure function of seed, step, layer and place.
    pub(crate) fn mask_tile(&self, (seed, step): (u64, u64), first: usize, mask: &mut [f32], rows: usize) {
        let random = Random::new(seed, Stream::Dropout, step * LAYERS + self.number % LAYERS);
        let keep = 1.0 / (1.0 - self.p);
        // Drawn number below this: dropped. The comparison is exact to 2^-32.
        let threshold = (f64::from(self.p) * 4_294_967_296.0) as u32;
        let groups = rows.div_ceil(4 * BLOCKS);
        simd(
            #[inline(always)]
            || {
                for (feature, row) in mask.chunks_exact_mut(rows).enumerate() {
                    let start = (first + feature) * groups;
                    for (group, numbers) in row.chunks_mut(4 * BLOCKS).enumerate() {
                        let words = random.blocks_at::<BLOCKS>(((start + group) * BLOCKS) as u64);
                        for (numbers, words) in numbers.chunks_mut(BLOCKS).zip(&words) {
                            for (x, bits) in numbers.iter_mut().zip(words) {
                                *x = if *bits < threshold { 0.0 } else { keep };
                            }
                        }
                    }
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_scale_and_independence_of_tiles() {
        let dropout = Dropout { p: 0.3, number: 2 };
        let mode = (9, 4);
        let (features, rows) = (50, 150);
        let mut whole = vec![0.0; features * rows];
        dropout.mask_tile(mode, 0, &mut whole, rows);
        let dropped = whole.iter().filter(|x| **x == 0.0).count() as f32 / whole.len() as f32;
        assert!((dropped - 0.3).abs() < 0.03, "{dropped}");
        assert!(whole.iter().all(|x| *x == 0.0 || (*x - 1.0 / 0.7).abs() < 1e-6));
        let mut tile = vec![0.0; 10 * rows];
        dropout.mask_tile(mode, 20, &mut tile, rows);
        assert_eq!(tile, whole[20 * rows..30 * rows]);
        let mut other = vec![0.0; 10 * rows];
        dropout.mask_tile((9, 5), 20, &mut other, rows);
        assert_ne!(tile, other);
        // Sixteen rows that are drawn side by side are like no others of the feature.
        let pieces: Vec<_> = whole[..rows].chunks(BLOCKS).collect();
        for (i, piece) in pieces.iter().enumerate() {
            assert!(pieces[..i].iter().all(|before| before != piece), "piece {i}");
        }
    }
}
