//! Matrix multiplication for the shapes of tabular networks: `a` is read where it lies, `b` too when its rows are
//! short, and is packed into panels otherwise. After Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication" (2008), with the vectors along the columns of `b`.
#![expect(unsafe_code, reason = "the kernel takes raw pointers; the shapes are checked here")]

use pulp::{Arch, Simd, WithSimd};

use super::kernel::{self, Strip};
use super::lines::Lines;
use super::matrix::{Matrix, MatrixMut};
use super::panels::{Block, DEPTH, Factor, Panel, Panels, Vectors, WIDTH};

/// Memory for each tile: for packed panels of `b`, for a copy of weights or a gradient that is turned, and for what a layer
/// puts down on its way.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(super) panels: Lines,
    pub(crate) weights: Lines,
    pub(crate) lines: [Lines; 3],
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { panels: Lines::zeros(DEPTH * WIDTH), weights: Lines::default(), lines: Default::default() }
    }
}

/// c = a · b, or c += a · b when `add`. One thread. Every number of c is one sum in the order of the summed
/// dimension, whatever the shapes.
pub(crate) fn gemm(scratch: &mut Scratch, c: MatrixMut<'_>, a: Matrix<'_>, b: Factor<'_>, add: bool) {
    assert!(
        a.cols == b.rows() && c.rows == a.rows && c.cols == b.cols(),
        "{} x {} times {} x {} into {} x {}",
        a.rows,
        a.cols,
        b.rows(),
        b.cols(),
        c.rows,
        c.cols
    );
    Arch::new().dispatch(Product { scratch, c, a, b, add });
}

struct Product<'a> {
    scratch: &'a mut Scratch,
    c: MatrixMut<'a>,
    a: Matrix<'a>,
    b: Factor<'a>,
    add: bool,
}

/// Where the kernel finds the panels of b.
enum Source<'a> {
    InPlace(Matrix<'a>),
    /// In the memory of this thread.
    Own,
    Shared(&'a Panels),
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (vectors, mut panels) = (Vectors::of::<S>(), 0);
        for block in Block::all(self.a.cols, self.b.cols()) {
            self.block(simd, vectors, block, panels);
            panels += vectors.panels(block).count();
        }
    }
}

impl Product<'_> {
    /// Adds to c what a block of b gives, the panels of which follow so many others.
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, vectors: Vectors, block: Block, before: usize) {
        let a = self.a.take_cols(block.start, block.depth);
        // Of a panel in the memory of this thread: they lie as they follow each other.
        let place = |panel: Panel| (panel.from - block.first) * block.depth;
        let source = match self.b {
            Factor::Packed(panels) => Source::Shared(panels),
            Factor::Unpacked(b) if vectors.read_in_place(b, block.first..block.first + block.width) => {
                Source::InPlace(b)
            }
            Factor::Unpacked(b) => {
                for panel in vectors.panels(block) {
                    panel.pack(b, &mut self.scratch.panels[place(panel)..][..panel.len()]);
                }
                Source::Own
            }
        };
        let widest = vectors.panels(block).map(|panel| vectors.in_panel(panel)).max().unwrap_or(1);
        let strips = a.rows.div_ceil(kernel::max_rows::<S>(widest));
        for strip in 0..strips {
            let (top, bottom) = (a.rows * strip / strips, a.rows * (strip + 1) / strips);
            let rows = bottom - top;
            let a = a.take_rows(top, rows);
            for (i, panel) in vectors.panels(block).enumerate() {
                let (b, b_row) = match source {
                    Source::InPlace(b) => {
                        let part = b.take_rows(panel.start, panel.depth);
                        (part.take_cols(panel.from, panel.to - panel.from).as_ptr(), b.row_stride)
                    }
                    Source::Own => (self.scratch.panels[place(panel)..][..panel.len()].as_ptr(), panel.width),
                    Source::Shared(panels) => (panels.get(before + i)[..panel.len()].as_ptr(), panel.width),
                };
                let c_row = self.c.cols;
                let strip = Strip {
                    depth: block.depth,
                    a: a.as_ptr(),
                    a_row: a.row_stride,
                    a_col: a.col_stride,
                    b,
                    b_row,
                    c: self.c.as_mut_ptr().wrapping_add(top * c_row + panel.from),
                    c_row,
                    cols: panel.to - panel.from,
                    add: self.add || block.start > 0,
                };
                // SAFETY: a is rows × depth within its slice. b is depth × panel.width, packed in memory of that
                // size, or in place, where whole vectors reach no further than what is borrowed. c is exclusively
                // ours, and `top + rows` and `panel.to` stay within its shape, which `gemm` has compared with a and b.
                unsafe { kernel::run(simd, rows, vectors.in_panel(panel), &strip) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::Pool;
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
                gemm(&mut scratch, MatrixMut::new(&mut c, m, n), a_view, Factor::Unpacked(b_view), add);
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
        // One row, of which the last block has one column: nothing may be read behind it.
        check(3, WIDTH + 1, 1);
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
        gemm(&mut scratch, MatrixMut::new(&mut whole, m, n), a, Factor::Unpacked(b), false);
        for i in 0..m {
            for j in (0..n).step_by(7) {
                let mut one = [0.0];
                gemm(
                    &mut scratch,
                    MatrixMut::new(&mut one, 1, 1),
                    a.take_rows(i, 1),
                    Factor::Unpacked(b.take_cols(j, 1)),
                    false,
                );
                assert_eq!(one[0].to_bits(), whole[i * n + j].to_bits());
            }
        }
    }

    #[test]
    fn panels_that_threads_share_give_the_same_bits() {
        let (m, n, k) = (7, WIDTH + 41, DEPTH + 3);
        let fraction = |x: &f32| x / 7.0;
        let a: Vec<f32> = numbers(m * k, 3).iter().map(fraction).collect();
        let b: Vec<f32> = numbers(k * n, 4).iter().map(fraction).collect();
        let (a, mut scratch, mut shared) = (Matrix::new(&a, m, k), Scratch::new(), Panels::default());
        for b in [Matrix::new(&b, k, n), Matrix::new(&b, n, k).transposed()] {
            let mut product = |b: Factor<'_>| {
                let mut c = vec![0.0; m * n];
                gemm(&mut scratch, MatrixMut::new(&mut c, m, n), a, b, false);
                c
            };
            let alone = product(Factor::Unpacked(b));
            let packed = shared.share(&Pool::new(3), 3, b);
            assert!(matches!(packed, Factor::Packed(_)));
            assert_eq!(product(packed), alone);
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
                b: Factor::Unpacked(Matrix::new(&b, k, n)),
                add: false,
            });
            c
        };
        assert!(product(Arch::V4(wide)) == product(Arch::V3(narrow)));
    }
}
