//! Sums in one fixed order, which depends on the length alone: sixteen running sums side by side, folded in halves, and
//! from block to block in 64 bits, so that long sums keep their digits.

const LANES: usize = 16;

/// Numbers that are summed in 32 bits: some hundred for each lane.
const BLOCK: usize = 256 * LANES;

/// Σ f(a\[i\], b\[i\]) over two slices of the same length.
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let (a_chunks, a_rest) = a.as_chunks::<LANES>();
        let (b_chunks, b_rest) = b.as_chunks::<LANES>();
        let mut lanes = [0.0_f32; LANES];
        for (x, y) in a_chunks.iter().zip(b_chunks) {
            for lane in 0..LANES {
                lanes[lane] += f(x[lane], y[lane]);
            }
        }
        for (lane, (x, y)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
            *lane += f(*x, *y);
        }
        total += f64::from(fold(lanes));
    }
    total
}

/// Σ x: halves on halves.
#[inline(always)]
fn fold(lanes: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| lanes[i] + lanes[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// Σ x.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f64 {
    sum_of(x, x, |x, _| x)
}

/// Σ x·(y − centre). The centre is taken off first: where it is large, the products alone would lose the digits.
#[inline(always)]
pub(crate) fn sum_products_from(x: &[f32], y: &[f32], centre: f32) -> f64 {
    sum_of(x, y, |x, y| x * (y - centre))
}

/// Σ (x − centre)².
#[inline(always)]
pub(crate) fn sum_squares_from(x: &[f32], centre: f32) -> f64 {
    sum_of(x, x, |x, _| (x - centre) * (x - centre))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_64_bits() {
        for len in [0, 1, 15, 16, 17, 64, BLOCK + 5] {
            let x: Vec<f32> = (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
            let y: Vec<f32> = (0..len).map(|i| ((i * 17 % 89) as f32) / 3.0).collect();
            let exact = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                x.iter().zip(&y).map(|(x, y)| f(f64::from(*x), f64::from(*y))).sum()
            };
            let near =
                |a: f64, b: f64| assert!((a - b).abs() <= 1e-6 * (len as f64 * 100.0), "{len}: {a} {b}");
            near(sum(&x), exact(&|x, _| x));
            near(sum_products_from(&x, &y, 2.0), exact(&|x, y| x * (y - 2.0)));
            near(sum_squares_from(&x, 0.5), exact(&|x, _| (x - 0.5) * (x - 0.5)));
        }
    }
}
