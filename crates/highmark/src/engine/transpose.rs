//! Rows and columns exchanged, in blocks of eight by eight that stay in registers.
#![expect(
    unsafe_code,
    reason = "blocks are read and written where they lie, the shapes checked once; a function for AVX is called after asking for it"
)]

use super::cut::{Cut, Rows};
use super::lines::LINE;
use super::matrix::Matrix;
use super::pool::{PER_NUMBER, Pool};

const SIDE: usize = 8;

/// `to` [columns of `from`, width] = `from` turned, with zeros behind its rows. The numbers of a row of `from` must lie
/// side by side, and `width` must be at least its number of rows, and `to` as long as it says.
#[inline(always)]
pub(crate) fn transpose(from: Matrix<'_>, width: usize, to: &mut [f32]) {
    transpose_into(from, width, to);
    for to in to.chunks_exact_mut(width.max(1)) {
        to[from.rows..].fill(0.0);
    }
}

/// `from` turned, into the beginnings of rows of `width` in `to`; what is behind them stays as it is. The last row may end
/// there.
#[inline(always)]
pub(crate) fn transpose_into(from: Matrix<'_>, width: usize, to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX.
        return unsafe { x86::transpose(from, width, to) };
    }
    blocks(from, width, to, |block| std::array::from_fn(|i| std::array::from_fn(|j| block[j][i])));
}

/// [`transpose`] on the threads of a pool.
pub(crate) fn transpose_on(pool: &Pool, from: Matrix<'_>, width: usize, to: &mut [f32]) {
    let tiles = pool.tiles(from.rows * from.cols * PER_NUMBER);
    let cut = Cut::new(from.cols, tiles);
    pool.run(tiles, Rows::new(to, width, cut), |i, to, _| {
        let cols = cut.range(i);
        transpose(from.take_cols(cols.start, cols.len()), width, to);
    });
}

/// Cuts it into blocks for `turn`; what is smaller than one goes number by number.
#[inline(always)]
fn blocks(
    from: Matrix<'_>,
    width: usize,
    to: &mut [f32],
    turn: impl Fn([[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE],
) {
    let end = from.cols.checked_sub(1).map_or(0, |last| last * width + from.rows);
    assert!(
        from.col_stride == 1 && from.rows <= width && end <= to.len(),
        "{} x {} turned into {} of {width}",
        from.rows,
        from.cols,
        to.len()
    );
    let (source, target) = (from.as_ptr(), to.as_mut_ptr());
    let block = |row: usize, col: usize| {
        let (mut source, mut target) =
            (source.wrapping_add(row * from.row_stride + col), target.wrapping_add(col * width + row));
        let lines = std::array::from_fn(|_| {
            // SAFETY: a row below row + SIDE <= from.rows, and the SIDE numbers from col on are within it.
            let line = unsafe { source.cast::<[f32; SIDE]>().read() };
            source = source.wrapping_add(from.row_stride);
            line
        });
        for numbers in turn(lines) {
            // SAFETY: a row below col + SIDE <= from.cols, the last of which ends within `to`; row + SIDE <= from.rows <= width.
            unsafe { target.cast::<[f32; SIDE]>().write(numbers) };
            target = target.wrapping_add(width);
        }
    };
    if from.rows < SIDE || from.cols < SIDE {
        for (col, to) in to.chunks_mut(width.max(1)).take(from.cols).enumerate() {
            for (row, number) in to[..from.rows].iter_mut().enumerate() {
                *number = from.row(row)[col];
            }
        }
        return;
    }
    // The last block at each edge begins where it still fits: what it has in common with the one before is written twice.
    let starts = |from: usize, to: usize, len: usize| {
        (from..to.min(len)).step_by(SIDE).map(move |start| start.min(len - SIDE))
    };
    // Line by line of the cache, where it reads and where it writes: rows that lie a power of two apart share so few places
    // there that a line is gone when one comes back to it.
    for top in (0..from.rows).step_by(LINE) {
        for left in (0..from.cols).step_by(LINE) {
            for col in starts(left, left + LINE, from.cols) {
                for row in starts(top, top + LINE, from.rows) {
                    block(row, col);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };

    use super::super::matrix::Matrix;
    use super::{SIDE, blocks};

    #[target_feature(enable = "avx")]
    pub(super) fn transpose(from: Matrix<'_>, width: usize, to: &mut [f32]) {
        blocks(from, width, to, |block| turn(block));
    }

    /// Three rounds: numbers of neighbouring rows, then pairs, then halves change places.
    #[target_feature(enable = "avx")]
    #[inline]
    fn turn(block: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
        let r: [__m256; SIDE] = pulp::cast(block);
        let pairs = |a: usize| (_mm256_unpacklo_ps(r[a], r[a + 1]), _mm256_unpackhi_ps(r[a], r[a + 1]));
        let quads =
            |a, b| (_mm256_shuffle_ps::<0b01_00_01_00>(a, b), _mm256_shuffle_ps::<0b11_10_11_10>(a, b));
        let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (pairs(0), pairs(2), pairs(4), pairs(6));
        let ((t0, t1), (t2, t3)) = (quads(a0, b0), quads(a1, b1));
        let ((u0, u1), (u2, u3)) = (quads(c0, d0), quads(c1, d1));
        let (top, bottom) = ([t0, t1, t2, t3], [u0, u1, u2, u3]);
        let mut turned = r;
        for i in 0..SIDE / 2 {
            turned[i] = _mm256_permute2f128_ps::<0x20>(top[i], bottom[i]);
            turned[i + SIDE / 2] = _mm256_permute2f128_ps::<0x31>(top[i], bottom[i]);
        }
        pulp::cast(turned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_and_zeros_behind() {
        for (rows, cols, width) in
            [(1, 1, 1), (8, 8, 8), (7, 9, 16), (17, 8, 17), (16, 23, 32), (3, 0, 4), (0, 2, 4), (0, 3, 0)]
        {
            let from: Vec<f32> = (1..=rows * cols).map(|x| x as f32).collect();
            let mut to = vec![f32::NAN; cols * width];
            transpose(Matrix::new(&from, rows, cols), width, &mut to);
            for col in 0..cols {
                for row in 0..width {
                    let want = if row < rows { from[row * cols + col] } else { 0.0 };
                    assert_eq!(to[col * width + row], want, "{rows} x {cols} into {width}");
                }
            }
        }
    }
}
