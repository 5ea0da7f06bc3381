//! A stack of linear layers with what comes before, between and after them: fastai's `LinBnDrop` blocks, in either
//! order. A level is a place between two linear layers; level 0 is the input of the first, the last one the output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::epilogue::{Epilogue, Tile};
use super::{ActivationFn, ByLevel, EmbeddedLinear, Linear, Mode};
use crate::engine::{Cut, Errand, Factor, Matrix, Panels, Params, Pool, Rows, all_finite};

/// Numbers of a tile that are claimed before they are written, at most: a part of a core's second cache.
const CLAIMED: usize = 1 << 16;

/// The layers and their activations.
#[derive(Clone, Debug)]
pub(crate) struct Mlp {
    pub(crate) linears: Vec<Linear>,
    /// One more than there are linear layers.
    pub(crate) levels: Vec<Epilogue>,
    /// The input of the first linear layer where that goes level by level of its columns; then there is no level 0.
    pub(crate) by_level: Option<ByLevel>,
    /// For the right factors of a level's products: the input of the linear layer below it, and the gradient of the output of
    /// that above.
    panels: [Panels; 2],
}

/// The input of a linear layer.
#[derive(Clone, Copy)]
enum Input<'a> {
    Dense(Factor<'a>),
    ByLevel(EmbeddedLinear<'a>),
}

impl Mlp {
    pub(crate) fn new(mut linears: Vec<Linear>, levels: Vec<Epilogue>) -> Self {
        for (linear, level) in linears.iter_mut().zip(levels.iter().skip(1)) {
            linear.before_relu = level.activation == Some(ActivationFn::Relu);
        }
        Self { linears, levels, by_level: None, panels: Default::default() }
    }

    /// Memory for batches of `rows`; does nothing when there is enough.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let first = usize::from(self.by_level.is_some());
        self.levels[first..].iter_mut().for_each(|level| level.reserve(rows));
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
        let (_, output, gradient, _) = self.levels[self.linears.len()].backward_parts(rows);
        (output, gradient)
    }

    /// The gradient of the input after the backward pass, [inputs, rows].
    pub(crate) fn input_gradient(&mut self, rows: usize) -> &mut [f32] {
        self.levels[0].gradient(rows)
    }

    /// Computes [`Mlp::output`] from [`Mlp::input`]. Each linear layer and what follows it are one call of the pool. `errand` is
    /// sent where the next threads would wait.
    pub(crate) fn forward(
        &mut self,
        params: &mut Params,
        pool: &Pool,
        rows: usize,
        mode: Mode,
        mut errand: Option<Arc<dyn Errand>>,
    ) {
        if !self.levels[0].is_identity() {
            self.levels[0].forward(params, pool, rows, mode, None);
        }
        let Params { values, buffers, .. } = params;
        let last = self.linears.len() - 1;
        for (l, linear) in self.linears.iter().enumerate() {
            let (before, after) = self.levels.split_at_mut(l + 1);
            let tiles = pool.tiles(linear.multiplications(rows));
            let cut = Cut::new(linear.outputs, tiles);
            if tiles == 1 && l == last {
                errand.take().into_iter().for_each(|errand| pool.send(errand));
            }
            let x = if let Some(by_level) = self.by_level.as_ref().filter(|_| l == 0) {
                Input::ByLevel(EmbeddedLinear::new(by_level, linear, values))
            } else {
                let x = Matrix::new(before[l].output(rows), linear.inputs, rows);
                Input::Dense(self.panels[0].share(pool, tiles, x))
            };
            let (layers, memory) = after[0].forward_parts(buffers, rows, mode);
            pool.run(tiles, memory.lend(cut, rows), |i, tile, scratch| {
                let (features, mut tile) = (cut.range(i), Tile::new(tile));
                match x {
                    Input::Dense(x) => {
                        linear.forward_tile(values, features.clone(), x, tile.input(), scratch);
                    }
                    Input::ByLevel(layer) => {
                        let (y, next) = tile.input_and_output();
                        // With one tile nobody else has read these lines; and too many would not stay in the cache.
                        let next = if tiles > 1 && next.len() <= CLAIMED { next } else { &mut [] };
                        layer.forward_tile(features.clone(), y, next, scratch);
                    }
                }
                layers.forward_tile(values, features, tile, rows, mode);
            });
        }
        errand.into_iter().for_each(|errand| pool.send(errand));
    }

    /// From [`Mlp::output_gradient`] to the gradients of the parameters and to [`Mlp::input_gradient`]. Each level is one
    /// call of the pool: a tile goes from the gradient above to that of its features, and on to the gradient of their
    /// weights in the layer that they come from. Two threads also form each one half of the gradient of that layer's
    /// inputs where [the layer has halves](Linear::halves). Returns whether all gradients of the parameters are finite.
    pub(crate) fn backward(&mut self, params: &mut Params, pool: &Pool, rows: usize) -> bool {
        let (fresh, end) = (params.grads_spent, params.grads.len());
        let Params { values, grads, .. } = params;
        let none = end..end;
        let mut of_inputs = self.by_level.as_mut().map(ByLevel::take_halves).unwrap_or_default();
        let (mut in_halves, finite) = (false, AtomicBool::new(true));
        for l in (usize::from(self.by_level.is_some())..=self.linears.len()).rev() {
            let (levels, levels_above) = self.levels.split_at_mut(l + 1);
            let Some((level, levels_below)) = levels.split_last_mut() else { return false };
            let above = self.linears.get(l).zip(levels_above.first_mut());
            let below = l.checked_sub(1).map(|l| &self.linears[l]).zip(levels_below.last_mut());
            let linear_below = below.as_ref().map(|(linear, _)| *linear);
            // Of halves only the sum is left.
            let linear_above = above.as_ref().map(|(linear, _)| *linear).filter(|_| !in_halves);
            let multiplications = [linear_above, linear_below].into_iter().flatten();
            let tiles = pool.tiles(multiplications.map(|linear| linear.multiplications(rows)).sum());
            let cut = Cut::new(level.features, tiles);
            let from_halves = std::mem::replace(
                &mut in_halves,
                tiles == 2 && linear_below.is_some_and(|linear| linear.halves(rows)),
            );

            let [norm_weight, norm_bias] = level.grad_ranges(&none);
            let [weight, bias] = linear_below.map_or([none.clone(), none.clone()], |linear| {
                [linear.weight.clone(), linear.bias.clone().unwrap_or(none.clone())]
            });
            // Ranges of one buffer that `Params::add` handed out one after another never overlap.
            let Ok([weight, norm_weight, norm_bias, bias]) =
                grads.get_disjoint_mut([weight, norm_weight, norm_bias, bias])
            else {
                return false;
            };
            let level_grads = [norm_weight, norm_bias, bias].map(|grads| Rows::new(grads, 1, cut));
            let (kept, _, d, halves) = level.backward_parts(rows);
            let [panels_below, panels_above] = &mut self.panels;
            let dy = above.map(|(linear, level)| {
                let dy = Matrix::new(level.gradient(rows), linear.outputs, rows);
                let as_it_lies = linear.is_sparse() || linear.halves(rows);
                (linear, if as_it_lies { Factor::Unpacked(dy) } else { panels_above.share(pool, tiles, dy) })
            });
            let (x, half) = match (below, self.by_level.as_ref().filter(|_| l == 1)) {
                (Some((linear, _)), Some(by_level)) => {
                    let here = if tiles > 2 { 0 } else { 2 * by_level.len() };
                    let half = Rows::new(&mut of_inputs[..here], by_level.len(), Cut::new(2, tiles));
                    (Some((linear, Input::ByLevel(EmbeddedLinear::new(by_level, linear, values)))), half)
                }
                (Some((linear, level)), None) => {
                    let (x, halves) = level.output_and_halves(rows, in_halves);
                    let half = Rows::new(halves, linear.inputs * rows, Cut::new(2, tiles));
                    let x = Matrix::new(x, linear.inputs, rows).transposed();
                    let as_it_lies = linear.is_sparse();
                    let x = if as_it_lies { Factor::Unpacked(x) } else { panels_below.share(pool, tiles, x) };
                    (Some((linear, Input::Dense(x))), half)
                }
                (None, _) => (None, Rows::new(&mut [], 0, cut)),
            };
            let weight = Rows::new(weight, linear_below.map_or(0, |linear| linear.inputs), cut);
            let lent = ((Rows::new(d, rows, cut), level_grads), (weight, half));
            pool.run(tiles, lent, |i, ((d, mut level_grads), (weight, half)), scratch| {
                let features = cut.range(i);
                match dy {
                    Some((linear, _)) if from_halves => {
                        linear.add_halves(features.clone(), halves, d, rows, scratch);
                    }
                    Some((linear, dy)) => linear.input_tile(values, features.clone(), dy, d, scratch),
                    None => {}
                }
                let grads = level_grads.each_mut().map(|grads| &mut **grads);
                kept.backward_tile(values, features.clone(), d, grads, rows, fresh);
                // At once, while they are in the cache.
                let mut sound = level_grads.iter().all(|grads| all_finite(grads));
                match x {
                    Some((linear, Input::Dense(x))) => {
                        let dy = Matrix::new(d, features.len(), rows);
                        linear.weight_tile(dy, x, weight, !fresh, scratch);
                        if !half.is_empty() {
                            linear.input_half(values, features, dy, half, scratch);
                        }
                    }
                    Some((_, Input::ByLevel(layer))) => {
                        layer.backward_tile(features, d, weight, half, fresh, scratch);
                    }
                    None => {}
                }
                sound &= all_finite(weight);
                if !sound {
                    finite.store(false, Ordering::Relaxed);
                }
            });
            if let Some((_, Input::ByLevel(layer))) = x
                && tiles > 2
            {
                layer.input_halves(pool, d, &mut of_inputs);
            }
        }
        if let Some(by_level) = &mut self.by_level {
            by_level.put_halves(of_inputs);
        }
        finite.into_inner()
    }
}
