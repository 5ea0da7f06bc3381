//! Gives the predictions of a regression the mean and the spread of its target, so that the layers before need
//! not learn them: without it a network whose weights start near 0 takes thousands of steps to reach a price.

use serde::{Deserialize, Serialize};

/// y = x · std + mean for one output.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputScale {
    /// The target's mean over the training rows.
    pub mean: f32,
    /// The target's standard deviation over the training rows.
    pub std: f32,
    /// What the gradient of y is multiplied with to give that of x. `std` is the derivative; 1/std under a squared loss
    /// and 1 under an absolute one give the gradient of the loss of the standardised target, whose size does not depend on
    /// the unit, and in which several targets weigh the same.
    pub gradient: f32,
}

/// `predictions` are rows × outputs.
pub(crate) fn forward(scales: &[OutputScale], predictions: &mut [f32]) {
    if scales.is_empty() {
        return;
    }
    for row in predictions.chunks_exact_mut(scales.len()) {
        row.iter_mut().zip(scales).for_each(|(x, scale)| *x = *x * scale.std + scale.mean);
    }
}

/// `d` is [outputs, rows]: the gradient of x in place of that of y.
pub(crate) fn backward(scales: &[OutputScale], d: &mut [f32], rows: usize) {
    for (d, scale) in d.chunks_exact_mut(rows).zip(scales) {
        d.iter_mut().for_each(|d| *d *= scale.gradient);
    }
}
