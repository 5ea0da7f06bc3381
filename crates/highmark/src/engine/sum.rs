//! Sums of the lines of a matrix in one fixed order, which depends on their length alone: sixteen running sums side by
//! side, folded in halves, and from block to block in 64 bits, so that long sums keep their digits.

use pulp::{Arch, Simd, WithSimd};

const LANES: usize = 16;

/// Numbers that are summed in 32 bits: some hundred for each lane.
const BLOCK: usize = 256 * LANES;

/// Numbers in a short line, at most.
const SHORT: usize = 256;

/// `to[i]` = Σ x of line i of `x` [lines, length].
pub(crate) fn sums(x: &[f32], to: &mut [f64]) {
    Arch::new().dispatch(Sums { a: x, b: x, of: Terms::Numbers, to });
}

/// `to[i]` = Σ x·(y − centre) of lines i of `x` and `y` [lines, length]. The centre is taken off first: where it is
/// large, the products alone would lose the digits.
pub(crate) fn sums_of_products_from(x: &[f32], (y, centres): (&[f32], &[f32]), to: &mut [f64]) {
    Arch::new().dispatch(Sums { a: x, b: y, of: Terms::Products(centres), to });
}

/// `to[i]` = Σ (x − centre)² of line i of `x` [lines, length].
pub(crate) fn sums_of_squares_from(x: &[f32], centres: &[f32], to: &mut [f64]) {
    Arch::new().dispatch(Sums { a: x, b: x, of: Terms::Squares(centres), to });
}

struct Sums<'a> {
    a: &'a [f32],
    b: &'a [f32],
    of: Terms<'a>,
    to: &'a mut [f64],
}

/// What is summed; with a centre for each line.
#[derive(Clone, Copy)]
enum Terms<'a> {
    /// a
    Numbers,
    /// a·(b − centre)
    Products(&'a [f32]),
    /// (a − centre)²
    Squares(&'a [f32]),
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many short lines at once as the registers hold: one alone would wait for its last addition. Of longer ones batch
        // norm has few at a time, and by eight they were slower.
        let short = self.a.len() <= SHORT * self.to.len();
        match (S::F32_LANES, short) {
            (16, true) => self.all::<S, 8, 1>(simd),
            (16, false) => self.all::<S, 2, 1>(simd),
            (8, true) => self.all::<S, 4, 2>(simd),
            (8, false) => self.all::<S, 2, 2>(simd),
            (4, _) => self.all::<S, 2, 4>(simd),
            (2, _) => self.all::<S, 1, 8>(simd),
            _ => self.all::<S, 1, 16>(simd),
        }
    }
}

impl Sums<'_> {
    /// `N` lines at once; `V` vectors are [`LANES`] numbers.
    #[inline(always)]
    fn all<S: Simd, const N: usize, const V: usize>(self, simd: S) {
        let Self { a, b, of, to } = self;
        let Some(len) = a.len().checked_div(to.len()) else { return };
        assert!(a.len() == b.len() && a.len() == len * to.len(), "{} and {} numbers", a.len(), b.len());
        let grouped = to.len() / N * N;
        let (groups, rest) = to.split_at_mut(grouped);
        for (group, to) in groups.chunks_exact_mut(N).enumerate() {
            let at = group * N;
            let lines = [a, b].map(|numbers| &numbers[at * len..(at + N) * len]);
            to.copy_from_slice(&of.sums::<S, N, V>(simd, at, lines));
        }
        for (i, to) in rest.iter_mut().enumerate() {
            let at = grouped + i;
            let lines = [a, b].map(|numbers| &numbers[at * len..(at + 1) * len]);
            [*to] = of.sums::<S, 1, V>(simd, at, lines);
        }
    }
}

impl Terms<'_> {
    /// Of `N` lines of a and b, of which `first` is the first.
    #[inline(always)]
    fn sums<S: Simd, const N: usize, const V: usize>(
        self,
        simd: S,
        first: usize,
        [a, b]: [&[f32]; 2],
    ) -> [f64; N] {
        let mut own = [0.0; N];
        if let Self::Products(centres) | Self::Squares(centres) = self {
            own.copy_from_slice(&centres[first..first + N]);
        }
        let mut centres = [simd.splat_f32s(0.0); N];
        for (centre, own) in centres.iter_mut().zip(own) {
            *centre = simd.splat_f32s(own);
        }
        let zeros = [0.0; N];
        match self {
            Self::Numbers => line_sums::<S, N, V>(
                simd,
                [(a, zeros), (b, zeros)],
                #[inline(always)]
                |_, a, _| a,
            ),
            Self::Products(_) => line_sums::<S, N, V>(
                simd,
                [(a, zeros), (b, own)],
                #[inline(always)]
                |n, a, b| simd.mul_f32s(a, simd.sub_f32s(b, centres[n])),
            ),
            Self::Squares(_) => line_sums::<S, N, V>(
                simd,
                [(a, own), (b, own)],
                #[inline(always)]
                |n, a, _| {
                    let a = simd.sub_f32s(a, centres[n]);
                    simd.mul_f32s(a, a)
                },
            ),
        }
    }
}

/// The sums of the terms of `N` lines; each side has, for each line, a number that adds nothing behind its end (or, if the
/// line is not finite, nothing that is).
#[inline(always)]
fn line_sums<S: Simd, const N: usize, const V: usize>(
    simd: S,
    [(a, a_nothing), (b, b_nothing)]: [(&[f32], [f32; N]); 2],
    term: impl Fn(usize, S::f32s, S::f32s) -> S::f32s,
) -> [f64; N] {
    let len = a.len() / N;
    let mut totals = [0.0; N];
    for start in (0..len).step_by(BLOCK) {
        let end = len.min(start + BLOCK);
        let whole = (end - start) / LANES * LANES;
        let mut chunks = [[&[][..]; 2]; N];
        for (n, chunks) in chunks.iter_mut().enumerate() {
            let block = n * len + start..n * len + start + whole;
            *chunks = [a[block.clone()].as_chunks::<LANES>().0, b[block].as_chunks::<LANES>().0];
        }
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        for chunk in 0..whole / LANES {
            for (sums, (n, [a, b])) in sums.iter_mut().zip(chunks.iter().enumerate()) {
                let (a, b) = (S::as_simd_f32s(&a[chunk]).0, S::as_simd_f32s(&b[chunk]).0);
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.add_f32s(*sum, term(n, a[v], b[v]));
                }
            }
        }
        if start + whole < end {
            for (n, sums) in sums.iter_mut().enumerate() {
                let (mut a_end, mut b_end) = ([a_nothing[n]; LANES], [b_nothing[n]; LANES]);
                let last = n * len + start + whole..n * len + end;
                a_end[..last.len()].copy_from_slice(&a[last.clone()]);
                b_end[..last.len()].copy_from_slice(&b[last]);
                let (a, b) = (S::as_simd_f32s(&a_end).0, S::as_simd_f32s(&b_end).0);
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.add_f32s(*sum, term(n, a[v], b[v]));
                }
            }
        }
        for (total, sums) in totals.iter_mut().zip(sums) {
            *total += f64::from(fold_vectors::<S, V>(simd, sums));
        }
    }
    totals
}

/// [`fold`] of numbers in vectors.
#[inline(always)]
fn fold_vectors<S: Simd, const V: usize>(simd: S, sums: [S::f32s; V]) -> f32 {
    match sums[..] {
        // These fold in halves too.
        [sum] => simd.reduce_sum_f32s(sum),
        [first, second] => simd.reduce_sum_f32s(simd.add_f32s(first, second)),
        _ => {
            let mut lanes = [0.0; LANES];
            S::as_mut_simd_f32s(&mut lanes).0.copy_from_slice(&sums);
            fold(lanes)
        }
    }
}

/// Σ x: halves on halves.
#[inline(always)]
fn fold(lanes: [f32; LANES]) -> f32 {
    let mut eight = [0.0; 8];
    for (i, sum) in eight.iter_mut().enumerate() {
        *sum = lanes[i] + lanes[i + 8];
    }
    let mut four = [0.0; 4];
    for (i, sum) in four.iter_mut().enumerate() {
        *sum = eight[i] + eight[i + 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line by itself, in plain loops.
    fn plain(terms: &[Vec<f32>]) -> Vec<f64> {
        let block = |block: &[f32]| {
            let mut lanes = [0.0; LANES];
            block.iter().enumerate().for_each(|(i, x)| lanes[i % LANES] += x);
            f64::from(fold(lanes))
        };
        terms.iter().map(|line| line.chunks(BLOCK).map(block).sum()).collect()
    }

    #[test]
    fn every_line_in_the_same_order_on_any_processor() {
        let mut processors = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        processors.extend(pulp::x86::V3::try_new().map(Arch::V3));
        let number = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 7.0;
        for (len, count) in [0, 1, 15, 16, 17, 64, 100, BLOCK + 5]
            .into_iter()
            .flat_map(|len| [0, 1, 3, 8, 13].map(|n| (len, n)))
        {
            let a: Vec<f32> = (0..len * count).map(number).collect();
            let b: Vec<f32> = (0..len * count).map(|i| number(i * 5 + 3) * 2.5).collect();
            let centres: Vec<f32> = (0..count).map(|n| n as f32 / 3.0).collect();
            let check = |of: Terms<'_>, term: &dyn Fn(usize, f32, f32) -> f32| {
                let line = |n: usize| (n * len..(n + 1) * len).map(|i| term(n, a[i], b[i])).collect();
                let expected = plain(&(0..count).map(line).collect::<Vec<_>>());
                for processor in &processors {
                    let mut to = vec![f64::NAN; count];
                    processor.dispatch(Sums { a: &a, b: &b, of, to: &mut to });
                    assert_eq!(to, expected, "{count} lines of {len}");
                }
            };
            check(Terms::Numbers, &|_, a, _| a);
            check(Terms::Products(&centres), &|n, a, b| a * (b - centres[n]));
            check(Terms::Squares(&centres), &|n, a, _| (a - centres[n]) * (a - centres[n]));
        }
    }

    #[test]
    fn long_sums_keep_their_digits() {
        let x: Vec<f32> = (0..100 * BLOCK).map(|i| ((i * 37 % 101) as f32 - 20.0) / 7.0).collect();
        let exact: f64 = x.iter().map(|x| f64::from(*x)).sum();
        let mut sum = [0.0];
        sums(&x, &mut sum);
        assert!((sum[0] / exact - 1.0).abs() < 1e-6, "{} {exact}", sum[0]);
    }
}
