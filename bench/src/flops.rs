//! Floating-point operations, counted from the shapes.

/// Operations of the matrix products of one forward pass. `widths` are the inputs, the hidden layers and the outputs.
pub fn forward_flops(widths: &[usize], rows: usize) -> u64 {
    let weights: usize = widths.windows(2).map(|pair| pair[0] * pair[1]).sum();
    (2 * rows * weights) as u64
}

/// Operations of the matrix products of one training step: forward, gradient of the weights, gradient of the inputs.
///
/// ```
/// // The article's model: an epoch of 505 steps of 64 rows are 6.28 GFLOP.
/// assert_eq!(505 * highmark_bench::step_flops(&[61, 200, 100, 2], 64), 6_283_008_000);
/// ```
pub fn step_flops(widths: &[usize], rows: usize) -> u64 {
    3 * forward_flops(widths, rows)
}
