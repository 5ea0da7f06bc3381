//! The innermost loop of a matrix product: a strip of a few rows of `a` times a panel of a few vectors of `b`,
//! the sums held in registers. Each sum goes through the summed dimension in order, by itself; so a number of the
//! result does not depend on where the strips and panels are cut.
#![expect(unsafe_code, reason = "raw pointers; `gemm` checks the shapes")]

use pulp::Simd;

/// Rows of `a` that a strip can have at most.
pub(super) const MAX_ROWS: usize = 12;

/// What a strip and a panel read and write.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    /// The summed dimension.
    pub(super) depth: usize,
    /// `rows` × `depth`, with both distances.
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_col: usize,
    /// `depth` × the panel's width in whole vectors.
    pub(super) b: *const f32,
    pub(super) b_row: usize,
    /// `rows` × `cols`.
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    pub(super) cols: usize,
    /// Whether the products are added to `c`, or replace it.
    pub(super) add: bool,
}

/// Vectors in the widest panel that the registers can hold.
pub(super) fn max_vectors<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

/// Rows of the strips that go with a panel of so many vectors: sums, `b` and one number of `a` fit the registers.
pub(super) fn max_rows<S: Simd>(vectors: usize) -> usize {
    match (S::REGISTER_COUNT >= 32, vectors) {
        (true, 4) | (false, 2) => 6,
        (true, 3) => 8,
        _ => MAX_ROWS,
    }
}

/// Computes `rows` × `strip.cols` numbers of c.
///
/// # Safety
/// The pointers and distances of `strip` reach only numbers that may be read (`a`, `b`) or written (`c`), for
/// `1 ..= max_rows` rows and `vectors` whole vectors of `b`, which are at least `strip.cols` numbers.
#[inline(always)]
pub(super) unsafe fn run<S: Simd>(simd: S, rows: usize, vectors: usize, strip: &Strip) {
    macro_rules! of {
        ($vectors:literal: $($rows:literal)*) => {
            match rows {
                // SAFETY: the caller's promise, for this very number of rows and vectors.
                $($rows => unsafe { multiply::<S, $rows, $vectors>(simd, strip) },)*
                _ => unreachable!("a strip of {rows} rows"),
            }
        };
    }
    match vectors {
        1 => of!(1: 1 2 3 4 5 6 7 8 9 10 11 12),
        2 => of!(2: 1 2 3 4 5 6 7 8 9 10 11 12),
        3 => of!(3: 1 2 3 4 5 6 7 8),
        4 => of!(4: 1 2 3 4 5 6),
        _ => unreachable!("a panel of {vectors} vectors"),
    }
}

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn multiply<S: Simd, const ROWS: usize, const VECTORS: usize>(simd: S, strip: &Strip) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let (mut a, mut b) = (strip.a, strip.b);
    for _ in 0..strip.depth {
        let mut panel = [simd.splat_f32s(0.0); VECTORS];
        for (v, vector) in panel.iter_mut().enumerate() {
            // SAFETY: the caller promises whole vectors of b in every row.
            *vector = unsafe { b.add(v * S::F32_LANES).cast::<S::f32s>().read_unaligned() };
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row < ROWS, which a has.
            let x = simd.splat_f32s(unsafe { *a.add(row * strip.a_row) });
            for (sum, vector) in sums.iter_mut().zip(panel) {
                *sum = simd.mul_add_e_f32s(x, vector, *sum);
            }
        }
        a = a.wrapping_add(strip.a_col);
        b = b.wrapping_add(strip.b_row);
    }
    for (row, sums) in sums.into_iter().enumerate() {
        for (v, mut sum) in sums.into_iter().enumerate() {
            let first = v * S::F32_LANES;
            let at = strip.c.wrapping_add(row * strip.c_row + first);
            if first + S::F32_LANES <= strip.cols {
                let c = at.cast::<S::f32s>();
                // SAFETY: a whole vector of row `row` of c, which may be written, and nobody else has it.
                unsafe {
                    if strip.add {
                        sum = simd.add_f32s(c.read_unaligned(), sum);
                    }
                    c.write_unaligned(sum);
                }
            } else {
                // SAFETY: as above, for what is left of the row.
                let c = unsafe { std::slice::from_raw_parts_mut(at, strip.cols.saturating_sub(first)) };
                if strip.add {
                    sum = simd.add_f32s(simd.partial_load_f32s(c), sum);
                }
                simd.partial_store_f32s(c, sum);
            }
        }
    }
}
