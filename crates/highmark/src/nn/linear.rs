//! The linear layer: y = W·x + b.

use std::ops::Range;

use super::init;
use crate::engine::{Matrix, MatrixMut, ParamKind, Params, Scratch, gemm};

/// A linear layer, its weight [outputs, inputs] as PyTorch has it.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Option<Range<usize>>,
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

    /// Multiplications of one pass over a batch.
    pub(crate) fn multiplications(&self, rows: usize) -> usize {
        self.inputs * self.outputs * rows
    }

    /// `y` [tile, rows] = these outputs of the layer for `x` [inputs, rows].
    pub(crate) fn forward_tile(
        &self,
        values: &[f32],
        outputs: Range<usize>,
        x: Matrix<'_>,
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let rows = x.cols();
        let weight = Matrix::new(&values[self.weight.clone()], self.outputs, self.inputs);
        if let Some(bias) = &self.bias {
            for (row, b) in y.chunks_exact_mut(rows).zip(&values[bias.clone()][outputs.clone()]) {
                row.fill(*b);
            }
        }
        let y = MatrixMut::new(y, outputs.len(), rows);
        gemm(scratch, y, weight.take_rows(outputs.start, outputs.len()), x, self.bias.is_some());
    }

    /// `dx` [tile, rows] = the gradient of these inputs, from `dy` [outputs, rows].
    pub(crate) fn input_tile(
        &self,
        values: &[f32],
        inputs: Range<usize>,
        dy: Matrix<'_>,
        dx: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let weight = Matrix::new(&values[self.weight.clone()], self.outputs, self.inputs);
        let dx = MatrixMut::new(dx, inputs.len(), dy.cols());
        gemm(scratch, dx, weight.take_cols(inputs.start, inputs.len()).transposed(), dy, false);
    }
}
