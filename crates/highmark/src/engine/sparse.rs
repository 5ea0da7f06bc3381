//! Matrix multiplication whose left factor is zero in many places, as a gradient before a ReLU is in about half of them: the
//! zeros are left out. Each of its other numbers meets a row of a panel of the right factor, while the sums of a row of the
//! result are held in registers. So the panel is read once for every number, and not once for a strip of them as in
//! [`gemm`](super::gemm()): one vector read for each multiplied, which processors do at about the same rate.

use pulp::{Arch, Simd, WithSimd};

use super::gemm::Scratch;
use super::lines::LINE;
use super::matrix::{Matrix, MatrixMut};
use super::panels::{Block, Panel, Vectors};

/// Lines in the widest row of a panel: as many as there are registers for, of any processor's vectors.
const LINES: usize = 7;

/// Rows of a panel, over which a sum goes by itself. A panel stays in the first cache, and which numbers of as long a piece of
/// the left factor are not zero is a word of bits.
const DEPTH: usize = 64;

/// Rows of the left factor that meet a panel before the next one is packed: what they add to stays in the second cache.
const ROWS: usize = 256;

/// c = a · b, or c += a · b when `add`. One thread. The numbers of a row of `a` must lie side by side.
/// Every number of c is the sum of sums over [`DEPTH`] products each, in order, whatever the shapes. What a zero of `a` meets
/// is not looked at, and may be infinite.
pub(crate) fn sparse_gemm(scratch: &mut Scratch, c: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    assert!(
        a.cols == b.rows && c.rows == a.rows && c.cols == b.cols && a.col_stride == 1,
        "{} x {} times {} x {} into {} x {}",
        a.rows,
        a.cols,
        b.rows,
        b.cols,
        c.rows,
        c.cols
    );
    if b.cols == 0 {
        return;
    }
    // What `gemm` has for its panels is more.
    let memory = &mut scratch.panels[..DEPTH * LINES * LINE];
    Arch::new().dispatch(Product { memory, c, a, b, add });
}

struct Product<'a> {
    memory: &'a mut [f32],
    c: MatrixMut<'a>,
    a: Matrix<'a>,
    b: Matrix<'a>,
    add: bool,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.blocks::<S, 1>(simd),
            8 => self.blocks::<S, 2>(simd),
            4 => self.blocks::<S, 4>(simd),
            2 => self.blocks::<S, 8>(simd),
            _ => self.blocks::<S, LINE>(simd),
        }
    }
}

impl Product<'_> {
    /// `V` vectors are a line.
    #[inline(always)]
    fn blocks<S: Simd, const V: usize>(mut self, simd: S) {
        let Matrix { rows, cols: depth, .. } = self.a;
        let widest = if V < LINE { LINES } else { 1 };
        let lines = Vectors::new(LINE, widest);
        for top in (0..rows).step_by(ROWS) {
            for start in (0..depth.max(1)).step_by(DEPTH) {
                let a =
                    self.a.take_rows(top, ROWS.min(rows - top)).take_cols(start, DEPTH.min(depth - start));
                let mut words = [0; ROWS];
                let words = &mut words[..a.rows];
                not_zero(a, words);
                for panel in lines.panels(Block { start, depth: a.cols, first: 0, width: self.b.cols }) {
                    panel.pack(self.b, &mut self.memory[..panel.len()]);
                    match lines.in_panel(panel).min(widest) {
                        1 => self.rows::<S, V, 1>(simd, (a, words), top, panel),
                        2 => self.rows::<S, V, 2>(simd, (a, words), top, panel),
                        3 => self.rows::<S, V, 3>(simd, (a, words), top, panel),
                        4 => self.rows::<S, V, 4>(simd, (a, words), top, panel),
                        5 => self.rows::<S, V, 5>(simd, (a, words), top, panel),
                        6 => self.rows::<S, V, 6>(simd, (a, words), top, panel),
                        _ => self.rows::<S, V, LINES>(simd, (a, words), top, panel),
                    }
                }
            }
        }
    }

    /// Adds to the rows of c from `top` on what these rows of a give with a panel of `L` lines.
    #[inline(always)]
    fn rows<S: Simd, const V: usize, const L: usize>(
        &mut self,
        simd: S,
        (a, words): (Matrix<'_>, &[u64]),
        top: usize,
        panel: Panel,
    ) {
        let b = &self.memory.as_chunks::<LINE>().0.as_chunks::<L>().0[..DEPTH];
        let add = self.add || panel.start > 0;
        for (row, word) in words.iter().enumerate() {
            let a = a.row(row);
            let mut sums = [[simd.splat_f32s(0.0); V]; L];
            let mut left = *word;
            while left != 0 {
                let k = left.trailing_zeros() as usize;
                left &= left - 1;
                // Nothing here can fail: with a way out in the loop, the compiler keeps the sums in memory too where registers are few.
                let x = simd.splat_f32s(a.get(k).copied().unwrap_or_default());
                for (sums, line) in sums.iter_mut().zip(&b[k % DEPTH]) {
                    for (sum, b) in sums.iter_mut().zip(S::as_simd_f32s(line).0) {
                        *sum = simd.mul_add_e_f32s(x, *b, *sum);
                    }
                }
            }
            let c = &mut self.c.row(top + row)[panel.from..panel.to];
            // Each sum by its number, so that none has to be in memory.
            for (number, sum) in sums.as_flattened().iter().enumerate() {
                let Some(c) = c.get_mut(number * S::F32_LANES..) else { break };
                if let Some(c) = S::as_mut_simd_f32s(c).0.first_mut() {
                    *c = if add { simd.add_f32s(*c, *sum) } else { *sum };
                } else if !c.is_empty() {
                    let sum = if add { simd.add_f32s(simd.partial_load_f32s(c), *sum) } else { *sum };
                    simd.partial_store_f32s(c, sum);
                }
            }
        }
    }
}

/// Bit k of `words[i]` = whether number k of row i of `a` is not zero.
fn not_zero(a: Matrix<'_>, words: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        struct OfRows<'a>(Matrix<'a>, &'a mut [u64], pulp::x86::V3);
        impl pulp::NullaryFnOnce for OfRows<'_> {
            type Output = ();

            #[inline(always)]
            fn call(self) {
                use std::arch::x86_64::_CMP_NEQ_UQ;
                let Self(a, words, simd) = self;
                let zeros = simd.avx._mm256_setzero_ps();
                words_of(a, words, |numbers| {
                    let differ = simd.avx._mm256_cmp_ps::<_CMP_NEQ_UQ>(pulp::cast(*numbers), zeros);
                    simd.avx._mm256_movemask_ps(differ) as u64
                });
            }
        }
        return simd.vectorize(OfRows(a, words, simd));
    }
    words_of(a, words, eight_bits);
}

fn eight_bits(numbers: &[f32; 8]) -> u64 {
    numbers.iter().rev().fold(0, |bits, x| bits << 1 | u64::from(*x != 0.0))
}

/// The same, with the eight bits of eight numbers from `of_eight`.
#[inline(always)]
fn words_of(a: Matrix<'_>, words: &mut [u64], of_eight: impl Fn(&[f32; 8]) -> u64) {
    for (row, word) in words.iter_mut().enumerate() {
        let (eights, rest) = a.row(row).as_chunks();
        *word = rest.iter().rev().fold(0, |bits, x| bits << 1 | u64::from(*x != 0.0));
        for eight in eights.iter().rev() {
            *word = *word << 8 | of_eight(eight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::super::panels::Factor;
    use super::*;
    use crate::engine::gemm;

    /// About half of them zero, in runs and alone; the others are whole, so that every order of summation gives the same.
    fn half_zeros(len: usize) -> Vec<f32> {
        (0..len).map(|i| if i * i % 7 < 4 { 0.0 } else { (i * 31 % 23) as f32 - 11.0 }).collect()
    }

    fn numbers(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i * 29 % 19) as f32 - 9.0).collect()
    }

    fn product(arch: Arch, a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
        let (mut memory, mut c) = (Lines::zeros(DEPTH * LINES * LINE), vec![0.0; a.rows * b.cols]);
        let view = MatrixMut::new(&mut c, a.rows, b.cols);
        arch.dispatch(Product { memory: &mut memory, c: view, a, b, add: false });
        c
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        numbers.iter().map(|x| x.to_bits()).collect()
    }

    const SHAPES: [[usize; 3]; 12] = [
        [1, 1, 1],
        [3, 2, 5],
        [5, 9, 0],
        [0, 4, 3],
        [4, 0, 3],
        [7, 15, 8],
        [64, 200, 50],
        [50, 200, 64],
        [9, LINES * LINE, DEPTH + 1],
        [2, LINES * LINE + 1, 2 * DEPTH],
        [ROWS + 3, 33, 2 * DEPTH + 7],
        [3, 3 * LINES * LINE + 23, 9],
    ];

    #[test]
    fn it_is_the_product_with_the_zeros() {
        let mut scratch = Scratch::new();
        for [rows, cols, depth] in SHAPES {
            let (a, b) = (half_zeros(rows * depth), numbers(depth * cols));
            let a = Matrix::new(&a, rows, depth);
            for b in [Matrix::new(&b, depth, cols), Matrix::new(&b, cols, depth).transposed()] {
                for add in [false, true] {
                    let [mut got, mut want] = [vec![2.0; rows * cols], vec![2.0; rows * cols]];
                    sparse_gemm(&mut scratch, MatrixMut::new(&mut got, rows, cols), a, b, add);
                    gemm(&mut scratch, MatrixMut::new(&mut want, rows, cols), a, Factor::Unpacked(b), add);
                    assert!(got == want, "{rows} x {depth} x {cols}, {add}");
                    let plain = cols == 0 || add || product(Arch::Scalar, a, b) == want;
                    assert!(plain, "{rows} x {depth} x {cols} without vectors");
                }
            }
        }
    }

    /// And not even looked at.
    #[test]
    fn what_a_zero_meets_changes_nothing() {
        let (mut a, mut b) = (half_zeros(3 * 80), numbers(80 * 40));
        a[..80].fill(0.0);
        a[80..160].fill(-0.0);
        (a[160], a[161]) = (f32::NAN, 0.0);
        b[40..80].fill(f32::INFINITY);
        let mut c = vec![1.0; 3 * 40];
        let (a, b) = (Matrix::new(&a, 3, 80), Matrix::new(&b, 80, 40));
        sparse_gemm(&mut Scratch::new(), MatrixMut::new(&mut c, 3, 40), a, b, false);
        assert!(c[..80].iter().all(|x| *x == 0.0));
        assert!(c[80..].iter().all(|x| x.is_nan()));
    }

    #[test]
    fn every_place_of_a_number_that_is_not_zero_is_found() {
        for len in 0..=DEPTH {
            for k in 0..len {
                let mut a = vec![0.0; 2 * len];
                (a[k], a[2 * len - 1 - k]) = (f32::MIN_POSITIVE / 4.0, f32::NAN);
                let mut words = [0; 2];
                not_zero(Matrix::new(&a, 2, len), &mut words);
                assert_eq!(words, [1 << k, 1 << (len - 1 - k)]);
                let mut plain = [0; 2];
                words_of(Matrix::new(&a, 2, len), &mut plain, eight_bits);
                assert_eq!(plain, words);
            }
        }
    }

    /// A number is computed the same way by all vectors, and wherever rows and columns are cut.
    #[test]
    fn vectors_and_cuts_change_no_bit() {
        let (rows, cols, depth) = (11, 2 * LINES * LINE + 21, 2 * DEPTH + 9);
        let sevenths = |x: Vec<f32>| -> Vec<f32> { x.into_iter().map(|x| x / 7.0).collect() };
        let (a, b) = (sevenths(half_zeros(rows * depth)), sevenths(numbers(depth * cols)));
        let (a, b) = (Matrix::new(&a, rows, depth), Matrix::new(&b, depth, cols));
        let whole = product(Arch::new(), a, b);
        #[cfg(target_arch = "x86_64")]
        if let (Some(wide), Some(narrow)) = (pulp::x86::V4::try_new(), pulp::x86::V3::try_new()) {
            assert!(bits(&product(Arch::V4(wide), a, b)) == bits(&product(Arch::V3(narrow), a, b)));
        }
        let part = product(Arch::new(), a.take_rows(4, 5), b.take_cols(130, 60));
        for row in 0..5 {
            assert!(bits(&part[row * 60..][..60]) == bits(&whole[(row + 4) * cols + 130..][..60]));
        }
    }
}
