//! Batch normalisation (Ioffe and Szegedy 2015) as PyTorch's `BatchNorm1d`: eps 1e-5, momentum 0.1, biased
//! variance for the batch, unbiased for the running statistics.

use std::ops::Range;

use crate::engine::{ParamKind, Params, sum, sum_products_from, sum_squares_from};

const EPS: f64 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// A batch norm layer: where its numbers lie.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
    pub(crate) running_mean: Range<usize>,
    pub(crate) running_var: Range<usize>,
    pub(crate) count: usize,
}

impl BatchNorm {
    /// `shift` is the initial bias: 0 in PyTorch, 1e-3 in fastai's blocks.
    pub(crate) fn new(params: &mut Params, name: &str, features: usize, shift: f32) -> Self {
        let weight = params.add(format!("{name}.weight"), &[features], ParamKind::Norm);
        params.values[weight.clone()].fill(1.0);
        let bias = params.add(format!("{name}.bias"), &[features], ParamKind::Norm);
        params.values[bias.clone()].fill(shift);
        let running_mean = params.add_buffer(format!("{name}.running_mean"), features, 0.0);
        let running_var = params.add_buffer(format!("{name}.running_var"), features, 1.0);
        let count = params.add_count(format!("{name}.num_batches_tracked")).start;
        Self { weight, bias, running_mean, running_var, count }
    }

    /// Normalises one feature of a training batch by its own statistics and takes them into the running ones.
    /// Returns its mean and 1/√(variance + eps).
    #[inline(always)]
    pub(crate) fn train(
        &self,
        values: &[f32],
        feature: usize,
        x: &[f32],
        y: &mut [f32],
        [running_mean, running_var]: [&mut f32; 2],
    ) -> (f32, f32) {
        let rows = x.len() as f64;
        let mean = (sum(x) / rows) as f32;
        let squares = sum_squares_from(x, mean);
        let inv_std = (1.0 / (squares / rows + EPS).sqrt()) as f32;
        let unbiased = (squares / (rows - 1.0)) as f32;
        *running_mean = (1.0 - MOMENTUM) * *running_mean + MOMENTUM * mean;
        *running_var = (1.0 - MOMENTUM) * *running_var + MOMENTUM * unbiased;
        self.scale(values, feature, x, y, mean, inv_std);
        (mean, inv_std)
    }

    /// Normalises one feature by the running statistics.
    #[inline(always)]
    pub(crate) fn eval(
        &self,
        values: &[f32],
        feature: usize,
        x: &[f32],
        y: &mut [f32],
        [running_mean, running_var]: [&mut f32; 2],
    ) {
        let inv_std = (1.0 / (f64::from(*running_var) + EPS).sqrt()) as f32;
        self.scale(values, feature, x, y, *running_mean, inv_std);
    }

    #[inline(always)]
    fn scale(&self, values: &[f32], feature: usize, x: &[f32], y: &mut [f32], mean: f32, inv_std: f32) {
        let scale = inv_std * values[self.weight.start + feature];
        let shift = values[self.bias.start + feature];
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * scale + shift);
    }

    /// The gradient of the input of one feature, in place of that of the output in `d`. `x` is the input, and the
    /// statistics are those that [`BatchNorm::train`] returned. The gradients of weight and bias are replaced
    /// when `fresh`, and added to otherwise.
    #[inline(always)]
    pub(crate) fn backward(
        &self,
        values: &[f32],
        feature: usize,
        x: &[f32],
        d: &mut [f32],
        (mean, inv_std): (f32, f32),
        [weight_grad, bias_grad]: [&mut f32; 2],
        fresh: bool,
    ) {
        let rows = x.len() as f32;
        let sum_d = sum(d) as f32;
        let dot = sum_products_from(d, x, mean) as f32;
        let before = if fresh { (0.0, 0.0) } else { (*weight_grad, *bias_grad) };
        *weight_grad = before.0 + dot * inv_std;
        *bias_grad = before.1 + sum_d;
        let (mean_d, slope) = (sum_d / rows, dot * inv_std * inv_std / rows);
        let scale = values[self.weight.start + feature] * inv_std;
        d.iter_mut().zip(x).for_each(|(d, x)| *d = (*d - mean_d - (x - mean) * slope) * scale);
    }
}
