//! The linear layer: y = W·x + b.

use std::ops::Range;

use super::init;
use crate::engine::{Matrix, ParamKind, Params, gemm, sum};

/// A linear layer, its weight [outputs, inputs] as PyTorch has it.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    weight: Range<usize>,
    bias: Option<Range<usize>>,
}

impl Linear {
    pub(crate) fn new(
        params: &mut Params,
        name: &str,
        inputs: usize,
        outputs: usize,
        bias: bool,
        seed: u64,
    ) -> Self {
        let mut add = |part: &str, shape: &[usize], kind| {
            let number = params.list().len();
            let range = params.add(format!("{name}.{part}"), shape, kind);
            init::linear(&mut params.values[range.clone()], inputs, seed, number);
            range
        };
        let weight = add("weight", &[outputs, inputs], ParamKind::Weight);
        let bias = bias.then(|| add("bias", &[outputs], ParamKind::Bias));
        Self { inputs, outputs, weight, bias }
    }

    /// Trained numbers in it.
    pub(crate) fn parameters(&self) -> usize {
        self.weight.len() + self.bias.as_ref().map_or(0, Range::len)
    }

    /// `y` [tile, rows] = outputs `first ..` of the layer for `x` [inputs, rows].
    pub(crate) fn forward_tile(&self, values: &[f32], first: usize, x: &[f32], y: &mut [f32], rows: usize) {
        let tile = y.len() / rows;
        let weight = &values[self.weight.clone()][first * self.inputs..][..tile * self.inputs];
        if let Some(bias) = &self.bias {
            for (row, b) in y.chunks_exact_mut(rows).zip(&values[bias.clone()][first..]) {
                row.fill(*b);
            }
        }
        gemm(
            y,
            Matrix::new(weight, tile, self.inputs),
            Matrix::new(x, self.inputs, rows),
            self.bias.is_some(),
        );
    }

    /// Where the gradients of weight and bias lie; `empty` without a bias.
    pub(crate) fn grad_ranges(&self, empty: &Range<usize>) -> [Range<usize>; 2] {
        [self.weight.clone(), self.bias.clone().unwrap_or_else(|| empty.clone())]
    }

    /// Gradients of the parameters of a tile of outputs, from `dy` [tile, rows]; they replace those of the
    /// buffer when `fresh`, and are added to them otherwise.
    pub(crate) fn backward_tile(
        &self,
        x: &[f32],
        dy: &[f32],
        grads: [&mut [f32]; 2],
        rows: usize,
        fresh: bool,
    ) {
        let [weight, bias] = grads;
        let tile = dy.len() / rows;
        gemm(weight, Matrix::new(dy, tile, rows), Matrix::new(x, self.inputs, rows).transposed(), !fresh);
        for (b, row) in bias.iter_mut().zip(dy.chunks_exact(rows)) {
            *b = if fresh { 0.0 } else { *b } + sum(row) as f32;
        }
    }

    /// `dx` [tile, rows] = gradient of inputs `first ..`, from `dy` [outputs, rows].
    pub(crate) fn input_tile(&self, values: &[f32], first: usize, dy: &[f32], dx: &mut [f32], rows: usize) {
        let tile = dx.len() / rows;
        let weight = Matrix::new(&values[self.weight.clone()], self.outputs, self.inputs);
        gemm(dx, weight.columns(first, tile).transposed(), Matrix::new(dy, self.outputs, rows), false);
    }
}
