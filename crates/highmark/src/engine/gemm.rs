//! Matrix multiplication for the shapes of tabular networks: `a` is read where it lies, `b` too when its rows are
//! short, and is packed into panels otherwise. After Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication" (2008), with the vectors along the columns of `b`.
#![expect(unsafe_code, reason = "the kernel takes raw pointers; the shapes are checked here")]

use pulp::{Arch, Simd, WithSimd};

use super::kernel::{self, Strip};
use super::lines::Lines;
use super::matrix::{Matrix, MatrixMut};
use super::transpose::transpose;

/// How much of the summed dimension goes into one pass, one sum by itself: a strip of `a` stays in the first cache.
pub(crate) const DEPTH: usize = 256;

/// Columns of `b` that are packed at a time: `DEPTH` × `WIDTH` numbers stay in the second cache.
const WIDTH: usize = 512;

/// Rows of `b` that are at most so long are read where they lie. Longer ones fall into the same few sets of the cache.
const SHORT_ROW: usize = 144;

/// Memory of each thread: for packed panels of `b`, and for a copy of weights.
#[derive(Debug)]
pub(crate) struct Scratch {
    panels: Lines,
    pub(crate) weights: Lines,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { panels: Lines::zeros(DEPTH * WIDTH), weights: Lines::default() }
    }
}

/// c = a · b, or c += a · b when `add`. One thread. Every number of c is one sum in the order of the summed
/// dimension, whatever the shapes.
pub(crate) fn gemm(scratch: &mut Scratch, c: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    assert!(
        a.cols == b.rows && c.rows == a.rows && c.cols == b.cols,
        "{} x {} times {} x {} into {} x {}",
        a.rows,
        a.cols,
        b.rows,
        b.cols,
        c.rows,
        c.cols
    );
    Arch::new().dispatch(Product { scratch, c, a, b, add });
}

struct Product<'a> {
    scratch: &'a mut Scratch,
    c: MatrixMut<'a>,
    a: Matrix<'a>,
    b: Matrix<'a>,
    add: bool,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (depth, cols) = (self.a.cols, self.b.cols);
        for first in (0..cols).step_by(WIDTH) {
            let width = WIDTH.min(cols - first);
            // Once even without anything to sum, for the zeros.
            for start in (0..depth.max(1)).step_by(DEPTH) {
                self.block(simd, (first, width), (start, DEPTH.min(depth - start)));
            }
        }
    }
}

impl Product<'_> {
    /// Adds to the columns `first .. first + width` of c what the summed indices `start .. start + depth` give.
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, (first, width): (usize, usize), (start, depth): (usize, usize)) {
        let (a, b) = (self.a.take_cols(start, depth), self.b.take_rows(start, depth).take_cols(first, width));
        let vectors = width.div_ceil(S::F32_LANES);
        let panels = vectors.div_ceil(kernel::max_vectors::<S>()).max(1);
        // Panels of nearly one width: a narrow last one would waste the registers.
        let cut = |panel: usize| vectors * panel / panels;
        let direct = b.col_stride == 1 && b.row_stride <= SHORT_ROW && width.is_multiple_of(S::F32_LANES);
        if !direct {
            if b.col_stride == 1 {
                // Row by row through all panels: a long row is a page of memory of its own.
                for row in 0..depth {
                    let numbers = b.row(row);
                    for panel in 0..panels {
                        let (from, to) = (cut(panel) * S::F32_LANES, cut(panel + 1) * S::F32_LANES);
                        let packed =
                            &mut self.scratch.panels[from * depth + row * (to - from)..][..to - from];
                        copy_row(&numbers[from..to.min(width)], packed);
                    }
                }
            } else {
                for panel in 0..panels {
                    let (from, to) = (cut(panel) * S::F32_LANES, cut(panel + 1) * S::F32_LANES);
                    let packed = &mut self.scratch.panels[from * depth..to * depth];
                    pack(b.take_cols(from, to.min(width) - from), to - from, packed);
                }
            }
        }
        let rows_at_most = kernel::max_rows::<S>(vectors.div_ceil(panels));
        let strips = a.rows.div_ceil(rows_at_most);
        for strip in 0..strips {
            let (top, bottom) = (a.rows * strip / strips, a.rows * (strip + 1) / strips);
            let rows = bottom - top;
            let a = a.take_rows(top, rows);
            for panel in 0..panels {
                let (from, to) = (cut(panel) * S::F32_LANES, cut(panel + 1) * S::F32_LANES);
                let (panel_b, b_row) = if direct {
                    (b.take_cols(from, to - from).as_ptr(), b.row_stride)
                } else {
                    (self.scratch.panels[from * depth..to * depth].as_ptr(), to - from)
                };
                let c_row = self.c.cols;
                let strip = Strip {
                    depth,
                    a: a.as_ptr(),
                    a_row: a.row_stride,
                    a_col: a.col_stride,
                    b: panel_b,
                    b_row,
                    c: self.c.as_mut_ptr().wrapping_add(top * c_row + first + from),
                    c_row,
                    cols: to.min(width) - from,
                    add: self.add || start > 0,
                };
                // SAFETY: a is rows × depth within its slice. b is depth × (to - from), in scratch memory of that
                // size, or in place, where `width` is whole vectors. c is exclusively ours, and `top + rows` and
                // `first + from + cols` stay within its shape, which `gemm` has compared with a and b.
                unsafe { kernel::run(simd, rows, cut(panel + 1) - cut(panel), &strip) };
            }
        }
    }
}

/// Copies a row of a panel, with zeros behind it, in pieces that stay inline.
#[inline(always)]
fn copy_row(from: &[f32], to: &mut [f32]) {
    const PIECE: usize = 8;
    let (pieces, rest) = from.as_chunks::<PIECE>();
    let (head, tail) = to.split_at_mut(from.len() - rest.len());
    head.as_chunks_mut::<PIECE>().0.iter_mut().zip(pieces).for_each(|(to, from)| *to = *from);
    tail.fill(0.0);
    tail.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
}

/// `to` [rows, width] = `from` [rows, cols], with zeros behind its columns.
#[inline(always)]
fn pack(from: Matrix<'_>, width: usize, to: &mut [f32]) {
    if from.col_stride > 1 && from.row_stride == 1 {
        return transpose(from.transposed(), width, to);
    }
    for (row, to) in to.chunks_exact_mut(width.max(1)).enumerate() {
        let (numbers, rest) = to.split_at_mut(from.cols);
        from.copy_row(row, numbers);
        rest.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 31 + seed * 17) % 23) as f32 - 11.0).collect()
    }

    /// Whole numbers, so that every order of summation gives the same.
    fn check(m: usize, n: usize, k: usize) {
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let turned = |x: &[f32], rows: usize, cols: usize| {
            let mut t = vec![0.0; x.len()];
            for i in 0..rows {
                for j in 0..cols {
                    t[j * rows + i] = x[i * cols + j];
                }
            }
            t
        };
        let (a_turned, b_turned) = (turned(&a, m, k), turned(&b, k, n));
        let mut scratch = Scratch::new();
        for (case, (a_view, b_view)) in [
            (Matrix::new(&a, m, k), Matrix::new(&b, k, n)),
            (Matrix::new(&a, m, k), Matrix::new(&b_turned, n, k).transposed()),
            (Matrix::new(&a_turned, k, m).transposed(), Matrix::new(&b, k, n)),
            (Matrix::new(&a_turned, k, m).transposed(), Matrix::new(&b_turned, n, k).transposed()),
        ]
        .into_iter()
        .enumerate()
        {
            for add in [false, true] {
                let mut c = vec![1.0; m * n];
                gemm(&mut scratch, MatrixMut::new(&mut c, m, n), a_view, b_view, add);
                for i in 0..m {
                    for j in 0..n {
                        let product: f32 = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
                        let want = product + if add { 1.0 } else { 0.0 };
                        assert_eq!(c[i * n + j], want, "{m} {n} {k}, case {case}, at {i} {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn against_the_definition() {
        for (m, n, k) in [
            (1, 1, 1),
            (3, 5, 2),
            (64, 70, 61),
            (2, 64, 100),
            (7, 1, 9),
            (1, 9, 4),
            (5, 4, 0),
            (0, 3, 2),
            (3, 0, 2),
        ] {
            check(m, n, k);
        }
        check(13, WIDTH + 41, 37);
        check(25, 80, DEPTH + 3);
        check(2, 300, 2 * DEPTH + 1);
    }

    #[test]
    fn a_number_does_not_depend_on_where_it_is_cut() {
        let (m, n, k) = (29, 83, 300);
        let fraction = |x: &f32| x / 7.0;
        let a: Vec<f32> = numbers(m * k, 3).iter().map(fraction).collect();
        let b: Vec<f32> = numbers(k * n, 4).iter().map(fraction).collect();
        let mut scratch = Scratch::new();
        let mut whole = vec![0.0; m * n];
        let (a, b) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        gemm(&mut scratch, MatrixMut::new(&mut whole, m, n), a, b, false);
        for i in 0..m {
            for j in (0..n).step_by(7) {
                let mut one = [0.0];
                gemm(
                    &mut scratch,
                    MatrixMut::new(&mut one, 1, 1),
                    a.take_rows(i, 1),
                    b.take_cols(j, 1),
                    false,
                );
                assert_eq!(one[0].to_bits(), whole[i * n + j].to_bits());
            }
        }
    }

    /// Every sum is a chain of fused multiply-adds of its own, whatever lies beside it in the vector.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn avx2_and_avx512_give_the_same_bits() {
        let (Some(wide), Some(narrow)) = (pulp::x86::V4::try_new(), pulp::x86::V3::try_new()) else { return };
        let (m, n, k) = (23, 75, 300);
        let fraction = |x: &f32| x / 7.0;
        let a: Vec<f32> = numbers(m * k, 5).iter().map(fraction).collect();
        let b: Vec<f32> = numbers(k * n, 6).iter().map(fraction).collect();
        let product = |arch: Arch| {
            let (mut scratch, mut c) = (Scratch::new(), vec![0.0; m * n]);
            arch.dispatch(Product {
                scratch: &mut scratch,
                c: MatrixMut::new(&mut c, m, n),
                a: Matrix::new(&a, m, k),
                b: Matrix::new(&b, k, n),
                add: false,
            });
            c
        };
        assert!(product(Arch::V4(wide)) == product(Arch::V3(narrow)));
    }
}
