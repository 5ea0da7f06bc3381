//! Batch normalisation (Ioffe and Szegedy 2015) as PyTorch's `BatchNorm1d`: eps 1e-5, momentum 0.1, biased
//! variance for the batch, unbiased for the running statistics.

use std::ops::Range;

use crate::engine::{ParamKind, Params, sum, sum_products_from, sum_squares_from};

const EPS: f64 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// A batch norm layer over `features`.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    pub(crate) features: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
    pub(crate) running_mean: Range<usize>,
    pub(crate) running_var: Range<usize>,
    pub(crate) count: usize,
}

/// What a tile of features remembers: of this batch for the backward pass, and over all batches.
pub(crate) struct NormTile<'a> {
    pub(crate) mean: &'a mut [f32],
    /// 1/√(variance + eps).
    pub(crate) inv_std: &'a mut [f32],
    pub(crate) running_mean: &'a mut [f32],
    pub(crate) running_var: &'a mut [f32],
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
        Self { features, weight, bias, running_mean, running_var, count }
    }

    /// Normalises features `first ..` of a training batch by its own statistics; `x` and `y` are [tile, rows].
    pub(crate) fn train_tile(
        &self,
        values: &[f32],
        first: usize,
        x: &[f32],
        y: &mut [f32],
        tile: &mut NormTile<'_>,
        rows: usize,
    ) {
        for (feature, (x, y)) in x.chunks_exact(rows).zip(y.chunks_exact_mut(rows)).enumerate() {
            let mean = (sum(x) / rows as f64) as f32;
            let squares = sum_squares_from(x, mean);
            let inv_std = (1.0 / (squares / rows as f64 + EPS).sqrt()) as f32;
            let unbiased = (squares / (rows as f64 - 1.0)) as f32;
            tile.mean[feature] = mean;
            tile.inv_std[feature] = inv_std;
            let (running_mean, running_var) =
                (&mut tile.running_mean[feature], &mut tile.running_var[feature]);
            *running_mean = (1.0 - MOMENTUM) * *running_mean + MOMENTUM * mean;
            *running_var = (1.0 - MOMENTUM) * *running_var + MOMENTUM * unbiased;
            self.scale(values, first + feature, x, y, mean, inv_std);
        }
    }

    /// Normalises features `first ..` by the running statistics; `x` and `y` are [tile, rows].
    pub(crate) fn eval_tile(
        &self,
        values: &[f32],
        buffers: &[f32],
        first: usize,
        x: &[f32],
        y: &mut [f32],
        rows: usize,
    ) {
        let means = &buffers[self.running_mean.clone()][first..];
        let vars = &buffers[self.running_var.clone()][first..];
        for (feature, (x, y)) in x.chunks_exact(rows).zip(y.chunks_exact_mut(rows)).enumerate() {
            let inv_std = (1.0 / (f64::from(vars[feature]) + EPS).sqrt()) as f32;
            self.scale(values, first + feature, x, y, means[feature], inv_std);
        }
    }

    fn scale(&self, values: &[f32], feature: usize, x: &[f32], y: &mut [f32], mean: f32, inv_std: f32) {
        let scale = inv_std * values[self.weight.start + feature];
        let shift = values[self.bias.start + feature];
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * scale + shift);
    }

    /// The gradient of the input, in place of that of the output in `d` [tile, rows]. `x` is the input,
    /// `mean` and `inv_std` those of all features, `grads` the tile's gradients of weight and bias.
    pub(crate) fn backward_tile(
        &self,
        values: &[f32],
        first: usize,
        x: &[f32],
        d: &mut [f32],
        (mean, inv_std): (&[f32], &[f32]),
        [weight_grad, bias_grad]: [&mut [f32]; 2],
        rows: usize,
        fresh: bool,
    ) {
        for (feature, (x, d)) in x.chunks_exact(rows).zip(d.chunks_exact_mut(rows)).enumerate() {
            let (mean, inv_std) = (mean[first + feature], inv_std[first + feature]);
            let sum_d = sum(d);
            let dot = sum_products_from(d, x, mean) as f32;
            let before = if fresh { (0.0, 0.0) } else { (weight_grad[feature], bias_grad[feature]) };
            weight_grad[feature] = before.0 + dot * inv_std;
            bias_grad[feature] = before.1 + sum_d as f32;
            let (mean_d, slope) = (sum_d as f32 / rows as f32, dot * inv_std * inv_std / rows as f32);
            let scale = values[self.weight.start + first + feature] * inv_std;
            d.iter_mut().zip(x).for_each(|(d, x)| *d = (*d - mean_d - (x - mean) * slope) * scale);
        }
    }
}
