//! Rows and columns exchanged, in blocks of eight by eight that stay in registers.
#![expect(unsafe_code, reason = "a function for AVX is called after asking for it")]

use super::matrix::Matrix;

const SIDE: usize = 8;

/// `to` [columns of `from`, width] = `from` turned, with zeros behind its rows. The numbers of a row of `from` must lie
/// side by side, and `width` must be at least its number of rows.
#[inline(always)]
pub(crate) fn transpose(from: Matrix<'_>, width: usize, to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX.
        return unsafe { x86::transpose(from, width, to) };
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
