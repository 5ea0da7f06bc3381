//! Batch normalisation (Ioffe and Szegedy 2015) as PyTorch's `BatchNorm1d`: eps 1e-5, momentum 0.1, biased
//! variance for the batch, unbiased for the running statistics.

use std::ops::Range;

use crate::engine::{ParamKind, Params, simd, sums, sums_of_products_from, sums_of_squares_from};

const EPS: f64 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// Features that are gone through together, at most.
pub(super) const GROUP: usize = 32;

/// Numbers that they have, unless that are fewer than two features: as many as stay in the first cache from their sums to
/// their use.
const TOGETHER: usize = 4096;

/// So many features in groups: by eight, as they are summed, or few.
fn groups(features: usize, rows: usize) -> impl Iterator<Item = Range<usize>> {
    let size = (TOGETHER / rows / 8 * 8).clamp(2, GROUP);
    (0..features).step_by(size).map(move |start| start..features.min(start + size))
}

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

    /// Normalises the features of a tile of a training batch, `x` and `y` [tile, rows], by their own statistics and takes
    /// them into the running ones. `mean` and `inv_std` (1/√(variance + eps)) are for the backward pass.
    pub(crate) fn train(
        &self,
        values: &[f32],
        first: usize,
        (x, y, rows): (&[f32], &mut [f32], usize),
        [mean, inv_std, running_mean, running_var]: [&mut [f32]; 4],
    ) {
        let count = rows as f64;
        let mut of_group = [0.0; GROUP];
        for features in groups(mean.len(), rows) {
            let (first, numbers) = (first + features.start, features.start * rows..features.end * rows);
            let (x, y) = (&x[numbers.clone()], &mut y[numbers]);
            let totals = &mut of_group[..features.len()];
            let [mean, inv_std, running_mean, running_var] =
                [&mut *mean, &mut *inv_std, &mut *running_mean, &mut *running_var]
                    .map(|all| &mut all[features.clone()]);
            sums(x, totals);
            mean.iter_mut().zip(&*totals).for_each(|(mean, sum)| *mean = (sum / count) as f32);
            sums_of_squares_from(x, mean, totals);
            simd(
                #[inline(always)]
                || {
                    for (inv_std, squares) in inv_std.iter_mut().zip(&*totals) {
                        *inv_std = (1.0 / (squares / count + EPS).sqrt()) as f32;
                    }
                    // One row says nothing of the variance: it is normalised to the shift, and the running statistics stay.
                    if rows > 1 {
                        for (running, mean) in running_mean.iter_mut().zip(&*mean) {
                            *running = (1.0 - MOMENTUM) * *running + MOMENTUM * mean;
                        }
                        for (running, squares) in running_var.iter_mut().zip(&*totals) {
                            let unbiased = (squares / (count - 1.0)) as f32;
                            *running = (1.0 - MOMENTUM) * *running + MOMENTUM * unbiased;
                        }
                    }
                    for (i, (x, y)) in x.chunks_exact(rows).zip(y.chunks_exact_mut(rows)).enumerate() {
                        self.scale(values, first + i, x, y, mean[i], inv_std[i]);
                    }
                },
            );
        }
    }

    /// Normalises the features of a tile by the running statistics.
    pub(crate) fn eval(
        &self,
        values: &[f32],
        first: usize,
        (x, y, rows): (&[f32], &mut [f32], usize),
        [running_mean, running_var]: [&[f32]; 2],
    ) {
        simd(
            #[inline(always)]
            || {
                for (i, (x, y)) in x.chunks_exact(rows).zip(y.chunks_exact_mut(rows)).enumerate() {
                    let inv_std = (1.0 / (f64::from(running_var[i]) + EPS).sqrt()) as f32;
                    self.scale(values, first + i, x, y, running_mean[i], inv_std);
                }
            },
        );
    }

    #[inline(always)]
    fn scale(&self, values: &[f32], feature: usize, x: &[f32], y: &mut [f32], mean: f32, inv_std: f32) {
        let scale = inv_std * values[self.weight.start + feature];
        let shift = values[self.bias.start + feature];
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * scale + shift);
    }

    /// The gradient of the input of a tile, in place of that of the output in `d` [tile, rows]. `x` is the input, and the
    /// statistics are those of [`BatchNorm::train`]. The gradients of weight and bias are replaced when `fresh`, and
    /// added to otherwise.
    pub(crate) fn backward(
        &self,
        values: &[f32],
        first: usize,
        (x, d, rows): (&[f32], &mut [f32], usize),
        [mean, inv_std]: [&[f32]; 2],
        [weight_grad, bias_grad]: [&mut [f32]; 2],
        fresh: bool,
    ) {
        let count = rows as f32;
        let (mut of_d, mut of_products) = ([0.0; GROUP], [0.0; GROUP]);
        for features in groups(mean.len(), rows) {
            let (first, numbers) = (first + features.start, features.start * rows..features.end * rows);
            let (x, d) = (&x[numbers.clone()], &mut d[numbers]);
            let (of_d, of_products) = (&mut of_d[..features.len()], &mut of_products[..features.len()]);
            let [mean, inv_std] = [mean, inv_std].map(|all| &all[features.clone()]);
            let [weight_grad, bias_grad] =
                [&mut *weight_grad, &mut *bias_grad].map(|all| &mut all[features.clone()]);
            sums(d, of_d);
            sums_of_products_from(d, (x, mean), of_products);
            simd(
                #[inline(always)]
                || {
                    for (i, (x, d)) in x.chunks_exact(rows).zip(d.chunks_exact_mut(rows)).enumerate() {
                        let (sum, dot, mean, inv_std) =
                            (of_d[i] as f32, of_products[i] as f32, mean[i], inv_std[i]);
                        let before = if fresh { (0.0, 0.0) } else { (weight_grad[i], bias_grad[i]) };
                        weight_grad[i] = before.0 + dot * inv_std;
                        bias_grad[i] = before.1 + sum;
                        let (mean_d, slope) = (sum / count, dot * inv_std * inv_std / count);
                        let scale = values[self.weight.start + first + i] * inv_std;
                        d.iter_mut()
                            .zip(x)
                            .for_each(|(d, x)| *d = (*d - mean_d - (x - mean) * slope) * scale);
                    }
                },
            );
        }
    }
}
