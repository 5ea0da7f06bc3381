//! Sums in one fixed order: eight running sums side by side, which the compiler keeps in a register, then
//! those in pairs. The order depends on the length alone.

const LANES: usize = 8;

/// Σ f(a\[i\], b\[i\]) over two slices of the same length.
#[inline]
fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += f(x[lane], y[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| f64::from(f(*x, *y))).sum();
    lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>() + rest
}

/// Σ x.
pub(crate) fn sum(x: &[f32]) -> f64 {
    sum_of(x, x, |x, _| x)
}

/// Σ x·(y − centre). The centre is taken off first: where it is large, the products alone would lose the digits.
pub(crate) fn sum_products_from(x: &[f32], y: &[f32], centre: f32) -> f64 {
    sum_of(x, y, |x, y| x * (y - centre))
}

/// Σ (x − centre)².
pub(crate) fn sum_squares_from(x: &[f32], centre: f32) -> f64 {
    sum_of(x, x, |x, _| (x - centre) * (x - centre))
}
