//! The linear layer: y = W·x + b.

use std::ops::Range;

use super::init;
use crate::engine::{
    Cut, DEPTH, Factor, Lines, Matrix, MatrixMut, ParamKind, Params, Scratch, gemm, simd, sparse_gemm,
    transpose_into,
};

/// Inputs from which it pays to leave out the zeros of a gradient: for fewer, finding them takes longer than they do.
const WORTH_SPARSE: usize = 64;

/// Rows of the gradient of the inputs that are computed at a time where it is turned afterwards.
const ROWS: usize = 256;

/// A linear layer, its weight [outputs, inputs] as PyTorch has it.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Option<Range<usize>>,
    /// Whether a ReLU follows. Then the gradient of the outputs is zero wherever they were negative.
    pub(crate) before_relu: bool,
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
        Self { inputs, outputs, weight, bias, before_relu: false }
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

    /// Whether the products with the gradient of its outputs leave out what is zero there. They need their factors as they
    /// lie, not packed.
    pub(crate) fn is_sparse(&self) -> bool {
        self.before_relu && self.inputs >= WORTH_SPARSE
    }

    /// `dw` [tile, inputs] = the gradient of the weights of these outputs, from their `dy` [tile, rows] and `x` [rows, inputs];
    /// added to what is there when `add`.
    pub(crate) fn weight_tile(
        &self,
        dy: Matrix<'_>,
        x: Factor<'_>,
        dw: &mut [f32],
        add: bool,
        scratch: &mut Scratch,
    ) {
        let dw = MatrixMut::new(dw, dy.rows(), self.inputs);
        match x {
            Factor::Unpacked(x) if self.is_sparse() => sparse_gemm(scratch, dw, dy, x, add),
            _ => {
                debug_assert!(!self.is_sparse(), "a sparse layer needs `x` as it lies");
                gemm(scratch, dw, dy, x, add);
            }
        }
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
            Factor::Unpacked(dy) if self.is_sparse() => self.sparse_input_tile(weight, dy, dx, scratch),
            Factor::Unpacked(dy) if self.halves(rows) => {
                for half in 0..2 {
                    let outputs = Cut::new(self.outputs, 2).range(half);
                    let [weight, dy] = [weight, dy].map(|m| m.take_rows(outputs.start, outputs.len()));
                    product(weight, Factor::Unpacked(dy), half > 0);
                }
            }
            _ => {
                debug_assert!(!self.is_sparse(), "a sparse layer needs `dy` as it lies");
                product(weight, dy, false);
            }
        }
    }

    /// The same, of the inputs whose `weight` [outputs, tile] is.
    fn sparse_input_tile(&self, weight: Matrix<'_>, dy: Matrix<'_>, dx: &mut [f32], scratch: &mut Scratch) {
        let (rows, inputs) = (dy.cols(), weight.cols());
        if self.halves(rows) {
            let mut lines = self.take_lines(rows, scratch);
            let [first, second, sum] = &mut lines;
            for (half, to) in [&mut *first, &mut *second].into_iter().enumerate() {
                let outputs = Cut::new(self.outputs, 2).range(half);
                let [weight, dy] = [weight, dy].map(|m| m.take_rows(outputs.start, outputs.len()));
                self.inputs_by_row(weight, dy, to, scratch);
            }
            turned_sum([first, second].map(|half| Matrix::new(half, rows, inputs)), sum, dx);
            scratch.lines = lines;
            return;
        }
        let mut by_row = std::mem::take(&mut scratch.lines[0]);
        by_row.grow(ROWS.min(rows) * self.inputs);
        for start in (0..rows).step_by(ROWS) {
            let dy = dy.take_cols(start, ROWS.min(rows - start));
            self.inputs_by_row(weight, dy, &mut by_row, scratch);
            transpose_into(Matrix::new(&by_row, dy.cols(), inputs), rows, &mut dx[start..]);
        }
        scratch.lines[0] = by_row;
    }

    /// Memory for the two halves and their sum, [rows, inputs] each: all three and for the layer, whoever has what of the work in
    /// this step, so that no later one allocates.
    fn take_lines(&self, rows: usize, scratch: &mut Scratch) -> [Lines; 3] {
        let mut lines = std::mem::take(&mut scratch.lines);
        lines.iter_mut().for_each(|lines| lines.grow(rows * self.inputs));
        lines
    }

    /// `dx` [rows, tile] = what some outputs give to the gradient of some inputs, from `dy` [these outputs, rows] and the
    /// `weight` [these outputs, tile] between them.
    fn inputs_by_row(&self, weight: Matrix<'_>, dy: Matrix<'_>, dx: &mut [f32], scratch: &mut Scratch) {
        let (outputs, rows) = (dy.rows(), dy.cols());
        let mut turned = std::mem::take(&mut scratch.weights);
        turned.grow(self.outputs * rows);
        transpose_into(dy, outputs, &mut turned[..outputs * rows]);
        let dy = Matrix::new(&turned, rows, outputs);
        sparse_gemm(scratch, MatrixMut::new(dx, rows, weight.cols()), dy, weight, false);
        scratch.weights = turned;
    }

    /// Whether the gradient of the inputs is formed in two sums, over either half of the outputs: there a thread that has
    /// `dy` of one half can go on with it and its own rows of the weight. They stay in the cache of that thread's core;
    /// what the other gets is the sum, the smaller of the two.
    pub(crate) fn halves(&self, rows: usize) -> bool {
        rows <= self.outputs && self.outputs <= 2 * DEPTH
    }

    /// `half` = what these outputs, one half, give to the gradient of the inputs, from their `dy` [outputs, rows]. It is for
    /// [`Linear::add_halves`].
    pub(crate) fn input_half(
        &self,
        values: &[f32],
        outputs: Range<usize>,
        dy: Matrix<'_>,
        half: &mut [f32],
        scratch: &mut Scratch,
    ) {
        if self.is_sparse() {
            // It packs its panels from the weight: those are its copy.
            let weight = self.weight(values).take_rows(outputs.start, outputs.len());
            return self.inputs_by_row(weight, dy, half, scratch);
        }
        // From a copy. A walk across the rows makes the processor guess where it goes on, and fetch rows from behind the last:
        // those that the other thread is about to change.
        let mut copy = std::mem::take(&mut scratch.weights);
        copy.grow(outputs.len() * self.inputs);
        let own = &values[self.weight.clone()][outputs.start * self.inputs..outputs.end * self.inputs];
        copy[..own.len()].copy_from_slice(own);
        let weight = Matrix::new(&copy, outputs.len(), self.inputs);
        let half = MatrixMut::new(half, self.inputs, dy.cols());
        gemm(scratch, half, weight.transposed(), Factor::Unpacked(dy), false);
        scratch.weights = copy;
    }

    /// `dx` [tile, rows] = the gradient of these inputs, the sum of both halves.
    pub(crate) fn add_halves(
        &self,
        inputs: Range<usize>,
        halves: [&[f32]; 2],
        dx: &mut [f32],
        rows: usize,
        scratch: &mut Scratch,
    ) {
        if self.is_sparse() {
            let halves =
                halves.map(|half| Matrix::new(half, rows, self.inputs).take_cols(inputs.start, inputs.len()));
            let mut lines = self.take_lines(rows, scratch);
            turned_sum(halves, &mut lines[2], dx);
            scratch.lines = lines;
        } else {
            let [first, second] = halves.map(|half| &half[inputs.start * rows..inputs.end * rows]);
            add(first, second, dx);
        }
    }

    pub(super) fn weight<'a>(&self, values: &'a [f32]) -> Matrix<'a> {
        Matrix::new(&values[self.weight.clone()], self.outputs, self.inputs)
    }
}

/// `to` [inputs, rows] = the sum of two [rows, inputs], turned. `sum` is memory for it before that.
fn turned_sum([first, second]: [Matrix<'_>; 2], sum: &mut [f32], to: &mut [f32]) {
    let (rows, inputs) = (first.rows(), first.cols());
    for row in 0..rows {
        add(first.row(row), second.row(row), &mut sum[row * inputs..][..inputs]);
    }
    transpose_into(Matrix::new(sum, rows, inputs), rows, to);
}

/// to = a + b
fn add(a: &[f32], b: &[f32], to: &mut [f32]) {
    simd(
        #[inline(always)]
        || {
            for (to, (a, b)) in to.iter_mut().zip(a.iter().zip(b)) {
                *to = a + b;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(inputs: usize, outputs: usize, before_relu: bool) -> (Linear, Params) {
        let mut params = Params::default();
        let linear = Linear::new(&mut params, "layer", inputs, outputs, false, 1);
        (Linear { before_relu, ..linear }, params)
    }

    /// A gradient, about half of it zero.
    fn gradient(len: usize) -> Vec<f32> {
        (0..len).map(|i| if i * i % 7 < 4 { 0.0 } else { (i * 37 % 101) as f32 / 7.0 - 5.0 }).collect()
    }

    #[test]
    fn two_halves_are_the_whole_to_the_bit() {
        for (inputs, outputs, rows) in [(7, 9, 5), (61, 64, 64), (70, 300, 90), (20, 2 * DEPTH, 3), (3, 1, 1)]
        {
            for (linear, params) in [layer(inputs, outputs, false), layer(inputs, outputs, true)] {
                assert!(linear.halves(rows));
                let dy = gradient(outputs * rows);
                let dy = Matrix::new(&dy, outputs, rows);
                let (mut whole, mut scratch) = (vec![0.0; inputs * rows], Scratch::new());
                linear.input_tile(&params.values, 0..inputs, Factor::Unpacked(dy), &mut whole, &mut scratch);
                let halves = [0, 1].map(|half| {
                    let (outputs, mut half) = (Cut::new(outputs, 2).range(half), vec![0.0; inputs * rows]);
                    let dy = dy.take_rows(outputs.start, outputs.len());
                    linear.input_half(&params.values, outputs, dy, &mut half, &mut scratch);
                    half
                });
                for tile in [0..inputs / 3, inputs / 3..inputs] {
                    let numbers = tile.start * rows..tile.end * rows;
                    let mut sum = vec![0.0; numbers.len()];
                    linear.add_halves(
                        tile,
                        halves.each_ref().map(|half| &**half),
                        &mut sum,
                        rows,
                        &mut scratch,
                    );
                    let same = sum.iter().zip(&whole[numbers]).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{inputs} {outputs} {rows}");
                }
            }
        }
        let (linear, _) = layer(2, 2 * DEPTH + 1, false);
        assert!(!linear.halves(3), "a half would be cut again");
    }

    #[test]
    fn a_gradient_without_its_zeros_gives_the_same() {
        for (inputs, outputs, rows) in [(64, 9, 5), (70, 300, 90), (100, 3, ROWS + 9)] {
            let [(dense, params), (sparse, _)] =
                [layer(inputs, outputs, false), layer(inputs, outputs, true)];
            assert!(sparse.is_sparse() && !dense.is_sparse());
            let (dy, x) = (gradient(outputs * rows), gradient(inputs * rows));
            let (dy, x) = (Matrix::new(&dy, outputs, rows), Matrix::new(&x, inputs, rows).transposed());
            let (tile, mut scratch) = (3..inputs - 1, Scratch::new());
            let [a, b] = [dense, sparse].map(|linear| {
                let (mut dx, mut dw) = (vec![0.0; tile.len() * rows], vec![1.0; outputs * inputs]);
                linear.input_tile(&params.values, tile.clone(), Factor::Unpacked(dy), &mut dx, &mut scratch);
                linear.weight_tile(dy, Factor::Unpacked(x), &mut dw, true, &mut scratch);
                [dx, dw].concat()
            });
            let most = a.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6 * most), "{inputs} {outputs} {rows}");
        }
    }
}
