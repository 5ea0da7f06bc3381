//! The linear layer: y = W·x + b.

use std::ops::Range;

use super::init;
use crate::engine::{Cut, DEPTH, Factor, Matrix, MatrixMut, ParamKind, Params, Scratch, gemm};

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
        x: Factor<'_>,
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let rows = x.cols();
        if let Some(bias) = &self.bias {
            for (row, b) in y.chunks_exact_mut(rows).zip(&values[bias.clone()][outputs.clone()]) {
                row.fill(*b);
            }
        }
        let y = MatrixMut::new(y, outputs.len(), rows);
        let weight = self.weight(values).take_rows(outputs.start, outputs.len());
        gemm(scratch, y, weight, x, self.bias.is_some());
    }

    /// `dx` [tile, rows] = the gradient of these inputs, from `dy` [outputs, rows]. Where it [is halved](Self::halves), it
    /// is the sum of what [`Linear::input_half`] gives, to the bit; `dy` must then lie as it is.
    pub(crate) fn input_tile(
        &self,
        values: &[f32],
        inputs: Range<usize>,
        dy: Factor<'_>,
        dx: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let rows = dy.cols();
        let weight = self.weight(values).take_cols(inputs.start, inputs.len());
        let mut product = |weight: Matrix<'_>, dy: Factor<'_>, add: bool| {
            let dx = MatrixMut::new(dx, inputs.len(), rows);
            gemm(scratch, dx, weight.transposed(), dy, add);
        };
        match dy {
            Factor::Unpacked(dy) if self.halves(rows) => {
                for half in 0..2 {
                    let outputs = Cut::new(self.outputs, 2).range(half);
                    let [weight, dy] = [weight, dy].map(|m| m.take_rows(outputs.start, outputs.len()));
                    product(weight, Factor::Unpacked(dy), half > 0);
                }
            }
            _ => product(weight, dy, false),
        }
    }

    /// Whether the gradient of the inputs is formed in two sums, over either half of the outputs: there a thread that has
    /// `dy` of one half can go on with it and its own rows of the weight. They stay in the cache of that thread's core;
    /// what the other gets is the sum, the smaller of the two.
    pub(crate) fn halves(&self, rows: usize) -> bool {
        rows <= self.outputs && self.outputs <= 2 * DEPTH
    }

    /// `dx` [inputs, rows] = what these outputs, one half, give to the gradient of the inputs, from their `dy`.
    pub(crate) fn input_half(
        &self,
        values: &[f32],
        outputs: Range<usize>,
        dy: Matrix<'_>,
        dx: &mut [f32],
        scratch: &mut Scratch,
    ) {
        // From a copy. A walk across the rows makes the processor guess where it goes on, and fetch rows from behind the last:
        // those that the other thread is about to change.
        let mut copy = std::mem::take(&mut scratch.weights);
        copy.grow(outputs.len() * self.inputs);
        let own = &values[self.weight.clone()][outputs.start * self.inputs..outputs.end * self.inputs];
        copy[..own.len()].copy_from_slice(own);
        let weight = Matrix::new(&copy, outputs.len(), self.inputs);
        let dx = MatrixMut::new(dx, self.inputs, dy.cols());
        gemm(scratch, dx, weight.transposed(), Factor::Unpacked(dy), false);
        scratch.weights = copy;
    }

    pub(super) fn weight<'a>(&self, values: &'a [f32]) -> Matrix<'a> {
        Matrix::new(&values[self.weight.clone()], self.outputs, self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_are_the_whole_to_the_bit() {
        for (inputs, outputs, rows) in [(7, 9, 5), (61, 64, 64), (20, 2 * DEPTH, 3), (3, 1, 1)] {
            let mut params = Params::default();
            let linear = Linear::new(&mut params, "layer", inputs, outputs, false, 1);
            assert!(linear.halves(rows));
            let dy: Vec<f32> = (0..outputs * rows).map(|i| (i * 37 % 101) as f32 / 7.0 - 5.0).collect();
            let dy = Matrix::new(&dy, outputs, rows);
            let (mut whole, mut scratch) = (vec![0.0; inputs * rows], Scratch::new());
            linear.input_tile(&params.values, 0..inputs, Factor::Unpacked(dy), &mut whole, &mut scratch);
            let [first, second] = [0, 1].map(|half| {
                let (outputs, mut dx) = (Cut::new(outputs, 2).range(half), vec![0.0; inputs * rows]);
                let dy = dy.take_rows(outputs.start, outputs.len());
                linear.input_half(&params.values, outputs, dy, &mut dx, &mut scratch);
                dx
            });
            for (whole, (first, second)) in whole.iter().zip(first.iter().zip(&second)) {
                assert_eq!((first + second).to_bits(), whole.to_bits());
            }
        }
        let linear = Linear::new(&mut Params::default(), "layer", 2, 2 * DEPTH + 1, false, 1);
        assert!(!linear.halves(3), "a half would be cut again");
    }
}
