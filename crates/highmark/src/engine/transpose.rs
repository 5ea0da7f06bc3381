//! Rows and columns exchanged, in blocks of eight by eight that stay in registers.

use pulp::Arch;

use super::matrix::Matrix;

const SIDE: usize = 8;

/// `to` [columns of `from`, width] = `from` turned, with zeros behind its rows. The numbers of a row of `from` must lie
/// side by side, and `width` must be at least its number of rows.
#[inline(always)]
pub(crate) fn transpose(from: Matrix<'_>, width: usize, to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    match Arch::new() {
        Arch::V4(simd) => return x86::vectorized(*simd, from, width, to),
        Arch::V3(simd) => return x86::vectorized(simd, from, width, to),
        _ => {}
    }
    blocks(from, width, to, |block| std::array::from_fn(|i| std::array::from_fn(|j| block[j][i])));
}

/// Cuts it into blocks for `turn`; what is left at the edges goes number by number.
#[inline(always)]
fn blocks(
    from: Matrix<'_>,
    width: usize,
    to: &mut [f32],
    turn: impl Fn([[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE],
) {
    let (rows, cols) = (from.rows - from.rows % SIDE, from.cols - from.cols % SIDE);
    for row in (0..rows).step_by(SIDE) {
        let lines: [&[f32]; SIDE] = std::array::from_fn(|i| from.row(row + i));
        for col in (0..cols).step_by(SIDE) {
            let mut block = [[0.0; SIDE]; SIDE];
            for (numbers, line) in block.iter_mut().zip(lines) {
                numbers.copy_from_slice(&line[col..col + SIDE]);
            }
            for (i, numbers) in turn(block).iter().enumerate() {
                to[(col + i) * width + row..][..SIDE].copy_from_slice(numbers);
            }
        }
    }
    for (col, to) in to.chunks_exact_mut(width.max(1)).enumerate() {
        let done = if col < cols { rows } else { 0 };
        let (numbers, behind) = to.split_at_mut(from.rows);
        for (row, number) in numbers.iter_mut().enumerate().skip(done) {
            *number = from.row(row)[col];
        }
        behind.fill(0.0);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use pulp::cast;
    use pulp::x86::V3;
    use std::arch::x86_64::__m256;

    use super::super::matrix::Matrix;
    use super::{SIDE, blocks};

    #[inline(always)]
    pub(super) fn vectorized(simd: V3, from: Matrix<'_>, width: usize, to: &mut [f32]) {
        simd.vectorize(
            #[inline(always)]
            || {
                blocks(
                    from,
                    width,
                    to,
                    #[inline(always)]
                    |block| turn(simd, block),
                );
            },
        );
    }

    /// Three rounds: numbers of neighbouring rows, then pairs, then halves change places.
    #[inline(always)]
    fn turn(simd: V3, block: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
        let avx = simd.avx;
        let r: [__m256; SIDE] = cast(block);
        let pairs =
            |a: usize| (avx._mm256_unpacklo_ps(r[a], r[a + 1]), avx._mm256_unpackhi_ps(r[a], r[a + 1]));
        let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (pairs(0), pairs(2), pairs(4), pairs(6));
        let low = |a, b| avx._mm256_shuffle_ps::<0b01_00_01_00>(a, b);
        let high = |a, b| avx._mm256_shuffle_ps::<0b11_10_11_10>(a, b);
        let top = [low(a0, b0), high(a0, b0), low(a1, b1), high(a1, b1)];
        let bottom = [low(c0, d0), high(c0, d0), low(c1, d1), high(c1, d1)];
        let mut turned = r;
        for i in 0..SIDE / 2 {
            turned[i] = avx._mm256_permute2f128_ps::<0x20>(top[i], bottom[i]);
            turned[i + SIDE / 2] = avx._mm256_permute2f128_ps::<0x31>(top[i], bottom[i]);
        }
        cast(turned)
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
