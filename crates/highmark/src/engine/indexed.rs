//! Rows of matrices that are found by number: added up, and multiplied by thin matrices. Rows are whole cache lines.

use pulp::{Arch, Simd, WithSimd};

use super::cache::Claims;
use super::lines::LINE;
use super::matrix::Matrix;

/// Vectors of a row that are held in registers at a time: of one row, and of each of two.
const ONE: usize = 8;
const EACH: usize = 4;

/// Does `$work` for the vectors `$at .. $at + $n` of a row of `$width`, `$most` at a time, until it ends; the counts that
/// the last time can have are listed.
macro_rules! vectors {
    ($width:expr, $most:ident, [$($count:literal)*], |$at:ident, $n:ident| $work:expr) => {
        for $at in (0..$width).step_by($most) {
            match $width - $at {
                $($count => { const $n: usize = $count; $work })*
                _ => { const $n: usize = $most; $work }
            }
        }
    };
}

/// Which rows of a matrix belong to each row of another: `columns` numbers of rows for each.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a> {
    pub(crate) numbers: &'a [u32],
    pub(crate) columns: usize,
}

impl<'a> Index<'a> {
    #[inline(always)]
    fn of(self, row: usize) -> &'a [u32] {
        &self.numbers[row * self.columns..(row + 1) * self.columns]
    }
}

/// Each row of `to` = `base` + xᵀ·`weights` + the rows of `table` that `index` has for it, in this order. All rows have
/// the width of `base`, a multiple of [`LINE`]. `x` is [inputs, rows], and of `weights` as many rows are read as it has
/// inputs. As many numbers as are written to `to` are claimed meanwhile.
pub(crate) fn gather_add(
    to: &mut [f32],
    base: &[f32],
    (x, weights): (Matrix<'_>, &[f32]),
    table: &[f32],
    index: Index<'_>,
    claims: &mut Claims<'_>,
) {
    assert!(base.len().is_multiple_of(LINE), "rows of {}", base.len());
    Arch::new().dispatch(GatherAdd { to, base, x, weights, table, index, claims });
}

struct GatherAdd<'a, 'c> {
    to: &'a mut [f32],
    base: &'a [f32],
    x: Matrix<'a>,
    weights: &'a [f32],
    table: &'a [f32],
    index: Index<'a>,
    claims: &'a mut Claims<'c>,
}

impl WithSimd for GatherAdd<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = self.base.len() / S::F32_LANES;
        vectors!(width, EACH, [1 2 3], |at, N| {
            let rows = self.to.len() / self.base.len();
            for row in (0..rows).step_by(2) {
                self.claims.claim(2 * N * S::F32_LANES);
                if row + 1 < rows {
                    self.rows::<S, 2, N>(simd, row, at);
                } else {
                    self.rows::<S, 1, N>(simd, row, at);
                }
            }
        });
    }
}

impl GatherAdd<'_, '_> {
    /// The vectors `at .. at + N` of `R` rows from `row` on.
    #[inline(always)]
    fn rows<S: Simd, const R: usize, const N: usize>(&mut self, simd: S, row: usize, at: usize) {
        let [base, weights, table] =
            [self.base, self.weights, self.table].map(|numbers| S::as_simd_f32s(numbers).0);
        let width = base.len();
        let to = &mut S::as_mut_simd_f32s(self.to).0[row * width..(row + R) * width];
        let mut sums: [[S::f32s; N]; R] = [std::array::from_fn(|v| base[at + v]); R];
        for (input, weights) in (0..self.x.rows).zip(weights.chunks_exact(width)) {
            let x = &self.x.row(input)[row..row + R];
            let weights: [S::f32s; N] = std::array::from_fn(|v| weights[at + v]);
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = simd.splat_f32s(*x);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = simd.mul_add_e_f32s(x, weight, *sum);
                }
            }
        }
        let index: [&[u32]; R] = std::array::from_fn(|r| self.index.of(row + r));
        for column in 0..self.index.columns {
            for (sums, index) in sums.iter_mut().zip(index) {
                let found = &table[index[column] as usize * width + at..][..N];
                for (sum, found) in sums.iter_mut().zip(found) {
                    *sum = simd.add_f32s(*sum, *found);
                }
            }
        }
        for (sums, to) in sums.iter().zip(to.chunks_exact_mut(width)) {
            to[at..at + N].copy_from_slice(sums);
        }
    }
}

/// Rows of one matrix that are added up into a row of another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    /// The row that they are added to.
    pub(crate) to: u32,
    /// Which they are, a bit each from the lowest on.
    pub(crate) rows: u64,
    /// Whether the row is `fresh`: what is in it does not count.
    pub(crate) fresh: bool,
}

/// Adds up the rows of `from` by group, each row after row, into rows of `to`. All rows have `width` numbers, a multiple of
/// [`LINE`].
pub(crate) fn sum_groups(groups: &[Group], from: &[f32], to: &mut [f32], width: usize) {
    assert!(width.is_multiple_of(LINE), "rows of {width}");
    Arch::new().dispatch(SumGroups { groups, from, to, width });
}

struct SumGroups<'a> {
    groups: &'a [Group],
    from: &'a [f32],
    to: &'a mut [f32],
    width: usize,
}

impl WithSimd for SumGroups<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = self.width / S::F32_LANES;
        vectors!(width, ONE, [1 2 3 4 5 6 7], |at, N| self.vectors::<S, N>(simd, at));
    }
}

impl SumGroups<'_> {
    /// The vectors `first .. first + N` of every row.
    #[inline(always)]
    fn vectors<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let (from, to) = (S::as_simd_f32s(self.from).0, S::as_mut_simd_f32s(self.to).0);
        let width = self.width / S::F32_LANES;
        for group in self.groups {
            let to = &mut to[group.to as usize * width + first..][..N];
            let mut sums: [S::f32s; N] =
                std::array::from_fn(|v| if group.fresh { simd.splat_f32s(0.0) } else { to[v] });
            let mut rows = group.rows;
            while rows != 0 {
                let from = &from[rows.trailing_zeros() as usize * width + first..][..N];
                for (sum, from) in sums.iter_mut().zip(from) {
                    *sum = simd.add_f32s(*sum, *from);
                }
                rows &= rows - 1;
            }
            to.copy_from_slice(&sums);
        }
    }
}

/// Rows of a table that are a thin matrix together.
#[derive(Clone, Copy)]
pub(crate) struct Picked<'a> {
    /// Rows of `size` numbers.
    pub(crate) table: &'a [f32],
    pub(crate) size: usize,
    pub(crate) rows: &'a [u32],
}

/// A thin matrix as left factor of a product, the other factor and the result being rows among others.
pub(crate) struct Thin<'a> {
    pub(crate) a: Picked<'a>,
    /// The row with which the right factor begins.
    pub(crate) from: usize,
    /// The row with which the result begins.
    pub(crate) to: usize,
}

/// Rows of `to` = a · rows of `b`, or aᵀ · rows of `b`, for each of these products. All rows have `width` numbers, a
/// multiple of [`LINE`]. Each sum is in the order of the summed dimension.
pub(crate) fn thin_products<'a, const TRANSPOSED: bool>(
    products: impl Iterator<Item = Thin<'a>>,
    b: &[f32],
    to: &mut [f32],
    width: usize,
) {
    assert!(width.is_multiple_of(LINE), "rows of {width}");
    Arch::new().dispatch(ThinProducts::<_, TRANSPOSED> { products, b, to, width });
}

struct ThinProducts<'a, P, const TRANSPOSED: bool> {
    products: P,
    b: &'a [f32],
    to: &'a mut [f32],
    width: usize,
}

impl<'a, P: Iterator<Item = Thin<'a>>, const TRANSPOSED: bool> WithSimd for ThinProducts<'_, P, TRANSPOSED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.width / S::F32_LANES;
        let (b, to) = (S::as_simd_f32s(self.b).0, S::as_mut_simd_f32s(self.to).0);
        for Thin { a, from, to: first } in self.products {
            let (rows, cols) = if TRANSPOSED { (a.size, a.rows.len()) } else { (a.rows.len(), a.size) };
            let b = &b[from * width..(from + cols) * width];
            let to = &mut to[first * width..(first + rows) * width];
            for row in (0..rows).step_by(2) {
                let to = &mut to[row * width..];
                vectors!(width, EACH, [1 2 3], |at, N| {
                    if row + 1 < rows {
                        thin::<S, TRANSPOSED, 2, N>(simd, a, row, b, to, width, at);
                    } else {
                        thin::<S, TRANSPOSED, 1, N>(simd, a, row, b, to, width, at);
                    }
                });
            }
        }
    }
}

/// The vectors `at .. at + N` of `R` rows from `row` on.
#[inline(always)]
fn thin<S: Simd, const TRANSPOSED: bool, const R: usize, const N: usize>(
    simd: S,
    a: Picked<'_>,
    row: usize,
    b: &[S::f32s],
    to: &mut [S::f32s],
    width: usize,
    at: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for (col, b) in b.chunks_exact(width).enumerate() {
        let b: [S::f32s; N] = std::array::from_fn(|v| b[at + v]);
        let numbers: [f32; R] = if TRANSPOSED {
            let from = &a.table[a.rows[col] as usize * a.size + row..][..R];
            std::array::from_fn(|r| from[r])
        } else {
            std::array::from_fn(|r| a.table[a.rows[row + r] as usize * a.size + col])
        };
        for (sums, x) in sums.iter_mut().zip(numbers) {
            let x = simd.splat_f32s(x);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(x, b, *sum);
            }
        }
    }
    for (sums, to) in sums.iter().zip(to.chunks_exact_mut(width)) {
        to[at..at + N].copy_from_slice(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 31 + seed * 17) % 23) as f32 / 7.0 - 1.5).collect()
    }

    /// Three numbers of rows, two inputs and rows of every count of vectors.
    #[test]
    fn gathered_rows_against_the_definition() {
        let (rows, columns, inputs) = (5, 3, 2);
        let index: Vec<u32> = (0..rows * columns).map(|i| (i * i % 7) as u32).collect();
        let index = Index { numbers: &index, columns };
        for width in (LINE..=9 * LINE).step_by(LINE) {
            let (base, weights, table) =
                (numbers(width, 1), numbers(inputs * width, 2), numbers(7 * width, 3));
            let x = numbers(inputs * rows, 4);
            let x = Matrix::new(&x, inputs, rows);
            let mut to = vec![f32::NAN; rows * width];
            gather_add(&mut to, &base, (x, &weights), &table, index, &mut Claims::new(&mut []));
            for row in 0..rows {
                for i in 0..width {
                    let products = (0..inputs).map(|input| x.row(input)[row] * weights[input * width + i]);
                    let found = index.of(row).iter().map(|n| table[*n as usize * width + i]);
                    let want = base[i] + products.chain(found).sum::<f32>();
                    assert!((to[row * width + i] - want).abs() < 1e-5, "{width}, row {row}, number {i}");
                }
            }
        }
    }

    /// Rows 0 and 2 make up row 1, which is fresh, row 1 is added to row 0.
    const GROUPS: [Group; 2] =
        [Group { to: 1, rows: 0b101, fresh: true }, Group { to: 0, rows: 0b10, fresh: false }];

    #[test]
    fn groups_against_the_definition() {
        for width in (LINE..=9 * LINE).step_by(LINE) {
            let from = numbers(3 * width, 1);
            let before = numbers(2 * width, 2);
            let mut to = before.clone();
            sum_groups(&GROUPS, &from, &mut to, width);
            for i in 0..width {
                assert_eq!(to[i], before[i] + from[width + i]);
                assert_eq!(to[width + i], from[i] + from[2 * width + i]);
            }
        }
    }

    #[test]
    fn thin_products_against_the_definition() {
        let (size, rows) = (5, [4, 0, 2]);
        let table = numbers(6 * size, 1);
        let a = Picked { table: &table, size, rows: &rows };
        let at = |row: usize, col: usize| table[rows[row] as usize * size + col];
        for width in (LINE..=9 * LINE).step_by(LINE) {
            let b = numbers(7 * width, 2);
            let (mut to, mut turned) = (vec![0.0; 5 * width], vec![0.0; 6 * width]);
            thin_products::<false>([Thin { a, from: 2, to: 1 }].into_iter(), &b, &mut to, width);
            thin_products::<true>([Thin { a, from: 2, to: 1 }].into_iter(), &b, &mut turned, width);
            for i in 0..width {
                for row in 0..3 {
                    let want: f32 = (0..size).map(|k| at(row, k) * b[(2 + k) * width + i]).sum();
                    assert!((to[(1 + row) * width + i] - want).abs() < 1e-5, "{width}, row {row}, {i}");
                }
                for col in 0..size {
                    let want: f32 = (0..3).map(|k| at(k, col) * b[(2 + k) * width + i]).sum();
                    assert!(
                        (turned[(1 + col) * width + i] - want).abs() < 1e-5,
                        "{width}, column {col}, {i}"
                    );
                }
            }
            assert!(to[..width].iter().chain(&to[4 * width..]).all(|x| *x == 0.0), "beside the product");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn avx2_and_avx512_give_the_same_bits() {
        let (Some(wide), Some(narrow)) = (pulp::x86::V4::try_new(), pulp::x86::V3::try_new()) else { return };
        let (rows, columns, width) = (6, 4, 7 * LINE);
        let index: Vec<u32> = (0..rows * columns).map(|i| (i * i % 11) as u32).collect();
        let (x, base) = (numbers(3 * rows, 1), numbers(width, 2));
        let (weights, table) = (numbers(3 * width, 3), numbers(11 * width, 4));
        let all = |arch: Arch| {
            let (mut to, mut sums) = (vec![0.0; rows * width], vec![0.0; 2 * width]);
            let mut products = vec![0.0; 5 * width];
            let (x, index) = (Matrix::new(&x, 3, rows), Index { numbers: &index, columns });
            let (base, weights, table) = (&base[..], &weights[..], &table[..]);
            let claims = &mut Claims::new(&mut []);
            arch.dispatch(GatherAdd { to: &mut to, base, x, weights, table, index, claims });
            arch.dispatch(SumGroups { groups: &GROUPS, from: &to, to: &mut sums, width });
            let thin = Thin { a: Picked { table, size: 5, rows: &[3, 1] }, from: 0, to: 0 };
            let (b, to_product) = (&to[..2 * width], &mut products[..]);
            let products_of = [thin].into_iter();
            arch.dispatch(ThinProducts::<_, true> { products: products_of, b, to: to_product, width });
            [to, sums, products]
        };
        assert!(all(Arch::V4(wide)) == all(Arch::V3(narrow)));
    }
}
