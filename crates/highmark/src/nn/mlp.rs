//! A stack of linear layers with what comes before, between and after them: fastai's `LinBnDrop` blocks, in either
//! order. A level is a place between two linear layers; level 0 is the input of the first, the last one the output.

use super::epilogue::{Epilogue, Tile};
use super::{Linear, Mode};
use crate::engine::{Cut, Matrix, MatrixMut, Params, Pool, Rows, gemm};

/// The layers and their activations.
#[derive(Clone, Debug)]
pub(crate) struct Mlp {
    pub(crate) linears: Vec<Linear>,
    /// One more than there are linear layers.
    pub(crate) levels: Vec<Epilogue>,
}

impl Mlp {
    /// Memory for batches of `rows`; does nothing when there is enough.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.levels.iter_mut().for_each(|level| level.reserve(rows));
    }

    /// Where the input of a batch goes, [inputs, rows].
    pub(crate) fn input(&mut self, rows: usize) -> &mut [f32] {
        self.levels[0].input(rows)
    }

    /// The output of the last forward pass, [outputs, rows].
    pub(crate) fn output(&self, rows: usize) -> &[f32] {
        self.levels[self.linears.len()].output(rows)
    }

    /// The gradient of the output before the backward pass, [outputs, rows].
    pub(crate) fn output_gradient(&mut self, rows: usize) -> &mut [f32] {
        self.levels[self.linears.len()].gradient(rows)
    }

    /// [`Mlp::output`], and [`Mlp::output_gradient`] to change by it.
    pub(crate) fn output_and_gradient(&mut self, rows: usize) -> (&[f32], &mut [f32]) {
        let (_, output, gradient) = self.levels[self.linears.len()].backward_parts(rows);
        (output, gradient)
    }

    /// The gradient of the input after the backward pass, [inputs, rows].
    pub(crate) fn input_gradient(&mut self, rows: usize) -> &mut [f32] {
        self.levels[0].gradient(rows)
    }

    /// Computes [`Mlp::output`] from [`Mlp::input`]. Each linear layer and what follows it are one call of the pool.
    pub(crate) fn forward(&mut self, params: &mut Params, pool: &Pool, rows: usize, mode: Mode) {
        if !self.levels[0].is_identity() {
            self.levels[0].forward_whole(params, rows, mode, None);
        }
        let Params { values, buffers, .. } = params;
        for (l, linear) in self.linears.iter().enumerate() {
            let (before, after) = self.levels.split_at_mut(l + 1);
            let x = Matrix::new(before[l].output(rows), linear.inputs, rows);
            let tiles = pool.tiles(linear.multiplications(rows));
            let cut = Cut::new(linear.outputs, tiles);
            let (layers, memory) = after[0].forward_parts(buffers, rows, mode);
            pool.run(tiles, Tile::lend(memory, cut, rows), |i, tile, scratch| {
                let (features, mut tile) = (cut.range(i), Tile::new(tile));
                linear.forward_tile(values, features.clone(), x, tile.input(), scratch);
                layers.forward_tile(values, features, tile, rows, mode);
            });
        }
    }

    /// From [`Mlp::output_gradient`] to the gradients of the parameters and to [`Mlp::input_gradient`]. Each linear
    /// layer and what comes before it are one call of the pool: a tile has some of the layer's outputs, for the
    /// gradient of the weight, and some of its inputs, for theirs.
    pub(crate) fn backward(&mut self, params: &mut Params, pool: &Pool, rows: usize) {
        let (fresh, end) = (params.grads_spent, params.grads.len());
        let Params { values, grads, .. } = params;
        let none = end..end;
        for l in (0..=self.linears.len()).rev() {
            // What lies above this level: the layer that its output goes into. What lies below: a layer with a bias.
            let (levels, above) = self.levels.split_at_mut(l + 1);
            let linear = self.linears.get(l);
            let weight_range = linear.map_or(none.clone(), |linear| linear.weight.clone());
            let below = l.checked_sub(1).and_then(|below| self.linears[below].bias.clone());
            let [norm_weight, norm_bias] = levels[l].grad_ranges(&none);
            // Ranges of one buffer that `Params::add` handed out one after another never overlap.
            let Ok([weight, norm_weight, norm_bias, bias]) =
                grads.get_disjoint_mut([weight_range, norm_weight, norm_bias, below.unwrap_or(none.clone())])
            else {
                return;
            };
            let level_grads = [norm_weight, norm_bias, bias];
            let features = levels[l].features;
            let (kept, x, d) = levels[l].backward_parts(rows);
            let Some(linear) = linear else {
                kept.backward_tile(values, 0..features, d, level_grads, rows, fresh);
                continue;
            };
            let tiles = pool.tiles(linear.multiplications(rows));
            let (outputs, inputs) = (Cut::new(linear.outputs, tiles), Cut::new(features, tiles));
            let dy = Matrix::new(above[0].gradient(rows), linear.outputs, rows);
            let x = Matrix::new(x, features, rows);
            let weight = Rows::new(weight, linear.inputs, outputs);
            let lent = (Rows::new(d, rows, inputs), level_grads.map(|grads| Rows::new(grads, 1, inputs)));
            pool.run(tiles, (weight, lent), |i, (weight, (d, level_grads)), scratch| {
                let (outputs, inputs) = (outputs.range(i), inputs.range(i));
                let weight = MatrixMut::new(weight, outputs.len(), linear.inputs);
                gemm(scratch, weight, dy.rows(outputs.start, outputs.len()), x.transposed(), !fresh);
                linear.input_tile(values, inputs.clone(), dy, d, scratch);
                kept.backward_tile(values, inputs, d, level_grads, rows, fresh);
            });
        }
    }
}
