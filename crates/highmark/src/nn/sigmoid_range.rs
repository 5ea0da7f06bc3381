//! fastai's `SigmoidRange`: squeezes predictions into (low, high).

use crate::engine::sigmoid;

/// σ(x)·(high − low) + low.
#[derive(Clone, Debug)]
pub(crate) struct SigmoidRange {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl SigmoidRange {
    pub(crate) fn forward(&self, x: &mut [f32]) {
        x.iter_mut().for_each(|x| *x = sigmoid(*x) * (self.high - self.low) + self.low);
    }

    /// The gradient of the input in place of that of the output, from the input `x`.
    pub(crate) fn backward(&self, x: &[f32], d: &mut [f32]) {
        for (d, x) in d.iter_mut().zip(x) {
            let s = sigmoid(*x);
            *d *= s * (1.0 - s) * (self.high - self.low);
        }
    }
}
