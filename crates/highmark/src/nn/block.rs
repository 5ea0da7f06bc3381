//! fastai's `LinBnDrop`: Linear → activation → BatchNorm → Dropout, or BatchNorm → Dropout → Linear →
//! activation. Everything that concerns one feature is done by the thread that has its tile.

use super::norm_drop::NormDrop;
use super::{ActivationFn, BatchNorm, Dropout, Linear, Mode};
use crate::engine::{Params, Pool, Rows, TILE, WORTH_THREADS};

/// What a block is made of.
#[derive(Clone, Debug)]
pub(crate) struct BlockConfig {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) activation: Option<ActivationFn>,
    pub(crate) norm: bool,
    pub(crate) dropout: f32,
    pub(crate) linear_first: bool,
    pub(crate) seed: u64,
    /// Tells its dropout from that of other layers.
    pub(crate) number: u64,
}

/// A block and its activations, each [features, rows].
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) linear: Linear,
    pub(crate) activation: Option<ActivationFn>,
    pub(crate) norm_drop: NormDrop,
    pub(crate) linear_first: bool,
    /// Before the activation function, and after it.
    pre: Vec<f32>,
    post: Vec<f32>,
    /// After norm and dropout: the block's output, or the linear layer's input when that comes second.
    normed: Vec<f32>,
    /// The gradient of `pre`.
    d_pre: Vec<f32>,
}

impl Block {
    pub(crate) fn new(params: &mut Params, name: &str, config: &BlockConfig) -> Self {
        let BlockConfig { inputs, outputs, activation, norm, dropout, linear_first, seed, number } = *config;
        let dropout = (dropout > 0.0).then_some(Dropout { p: dropout, number });
        // The names carry the layers' places in fastai's Sequential, where an absent layer has none.
        let add_norm = |params: &mut Params, place: usize, features: usize| {
            norm.then(|| BatchNorm::new(params, &format!("{name}.{place}"), features, 1e-3))
        };
        let add_linear = |params: &mut Params, place: usize| {
            Linear::new(params, &format!("{name}.{place}"), inputs, outputs, !norm, seed)
        };
        let (linear, norm_drop) = if linear_first {
            let linear = add_linear(params, 0);
            let norm = add_norm(params, 1 + usize::from(activation.is_some()), outputs);
            (linear, NormDrop::new(norm, dropout, outputs))
        } else {
            let before = usize::from(norm) + usize::from(dropout.is_some());
            let norm = add_norm(params, 0, inputs);
            (add_linear(params, before), NormDrop::new(norm, dropout, inputs))
        };
        let (pre, post, normed, d_pre) = Default::default();
        Self { linear, activation, norm_drop, linear_first, pre, post, normed, d_pre }
    }

    /// The output of the last forward pass, [outputs, rows].
    pub(crate) fn output(&self, rows: usize) -> &[f32] {
        let output = if self.linear_first { &self.normed } else { &self.post };
        &output[..self.linear.outputs * rows]
    }

    /// Memory for batches of `rows`; does nothing when there is enough.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let (inputs, outputs) = (self.linear.inputs * rows, self.linear.outputs * rows);
        let normed = if self.linear_first { outputs } else { inputs };
        let buffers = [
            (&mut self.pre, outputs),
            (&mut self.post, outputs),
            (&mut self.d_pre, outputs),
            (&mut self.normed, normed),
        ];
        for (buffer, len) in buffers {
            if buffer.len() < len {
                buffer.resize(len, 0.0);
            }
        }
        self.norm_drop.reserve(rows);
    }

    fn worth_threads(&self, rows: usize) -> bool {
        self.linear.inputs * self.linear.outputs * rows > WORTH_THREADS
    }

    /// Computes [`Block::output`] from `x` [inputs, rows].
    pub(crate) fn forward(&mut self, params: &mut Params, pool: &Pool, x: &[f32], rows: usize, mode: Mode) {
        self.reserve(rows);
        let (inputs, outputs, worth) = (self.linear.inputs, self.linear.outputs, self.worth_threads(rows));
        let Self { linear, norm_drop, linear_first, pre, post, normed, .. } = self;
        let activation = self.activation;
        let features = if *linear_first { outputs } else { inputs };
        let normed = &mut normed[..features * rows];
        let activate = |pre: &[f32], post: &mut [f32]| match activation {
            Some(activation) => activation.forward(pre, post),
            None => post.copy_from_slice(pre),
        };
        let (in_tiles, out_tiles) = (inputs.div_ceil(TILE), outputs.div_ceil(TILE));
        let pre = Rows::new(&mut pre[..outputs * rows], TILE, rows);
        let post = Rows::new(&mut post[..outputs * rows], TILE, rows);
        match (*linear_first, mode) {
            (true, Mode::Train { .. }) => {
                let Params { values, buffers, .. } = params;
                let (layers, [a, b, c, d, e]) = norm_drop.train(buffers, rows);
                let tiles = [pre, post, Rows::new(normed, TILE, rows), a, b, c, d, e];
                pool.run(worth, out_tiles, tiles, |i, [pre, post, normed, norm @ ..]| {
                    linear.forward_tile(values, i * TILE, x, pre, rows);
                    activate(pre, post);
                    layers.train_tile(values, i * TILE, post, normed, norm, rows, mode);
                });
            }
            (true, Mode::Eval) => {
                let params = &*params;
                pool.run(
                    worth,
                    out_tiles,
                    [pre, post, Rows::new(normed, TILE, rows)],
                    |i, [pre, post, normed]| {
                        linear.forward_tile(&params.values, i * TILE, x, pre, rows);
                        activate(pre, post);
                        norm_drop.eval_tile(params, i * TILE, post, normed, rows);
                    },
                );
            }
            (false, _) => {
                let tile_of = |i: usize, len: usize| &x[i * TILE * rows..][..len];
                if mode.is_train() {
                    let Params { values, buffers, .. } = &mut *params;
                    let (layers, [a, b, c, d, e]) = norm_drop.train(buffers, rows);
                    let tiles = [Rows::new(&mut *normed, TILE, rows), a, b, c, d, e];
                    pool.run(worth, in_tiles, tiles, |i, [normed, norm @ ..]| {
                        layers.train_tile(
                            values,
                            i * TILE,
                            tile_of(i, normed.len()),
                            normed,
                            norm,
                            rows,
                            mode,
                        );
                    });
                } else {
                    let params = &*params;
                    pool.run(worth, in_tiles, [Rows::new(&mut *normed, TILE, rows)], |i, [normed]| {
                        norm_drop.eval_tile(params, i * TILE, tile_of(i, normed.len()), normed, rows);
                    });
                }
                pool.run(worth, out_tiles, [pre, post], |i, [pre, post]| {
                    linear.forward_tile(&params.values, i * TILE, normed, pre, rows);
                    activate(pre, post);
                });
            }
        }
    }

    /// From the gradient of the output, `dy` [outputs, rows], to those of the parameters and to that of the
    /// input, `dx` [inputs, rows], if anybody wants it. `x` is the input of the forward pass.
    pub(crate) fn backward(
        &mut self,
        params: &mut Params,
        pool: &Pool,
        x: &[f32],
        dy: &[f32],
        dx: Option<&mut [f32]>,
        rows: usize,
    ) {
        let (inputs, outputs, worth) = (self.linear.inputs, self.linear.outputs, self.worth_threads(rows));
        let Self { linear, norm_drop, linear_first, pre, post, normed, d_pre, .. } = self;
        let activation = self.activation;
        let (fresh, end) = (params.grads_spent, params.grads.len());
        let Params { values, grads, .. } = params;
        let [linear_weight, linear_bias] = linear.grad_ranges(&(end..end));
        let [norm_weight, norm_bias] = norm_drop.grad_ranges(&(end..end));
        // Ranges of one buffer that `Params::add` handed out one after another never overlap.
        let Ok([w, b, nw, nb]) = grads.get_disjoint_mut([linear_weight, linear_bias, norm_weight, norm_bias])
        else {
            return;
        };
        let (w, b) = (Rows::new(w, TILE, inputs), Rows::new(b, TILE, 1));
        let (nw, nb) = (Rows::new(nw, TILE, 1), Rows::new(nb, TILE, 1));
        let d_pre = &mut d_pre[..outputs * rows];
        d_pre.copy_from_slice(dy);
        let tile_of = |whole: &'_ [f32], i: usize, len: usize| {
            i * TILE * rows..(i * TILE * rows + len).min(whole.len())
        };
        let linear_x = if *linear_first { x } else { &normed[..inputs * rows] };
        let linear_tile = |i: usize, d: &mut [f32], w: &mut [f32], b: &mut [f32]| {
            if let Some(activation) = activation {
                activation.backward(&pre[tile_of(pre, i, d.len())], d);
            }
            linear.backward_tile(linear_x, d, [w, b], rows, fresh);
        };
        let (in_tiles, out_tiles) = (inputs.div_ceil(TILE), outputs.div_ceil(TILE));
        if *linear_first {
            pool.run(
                worth,
                out_tiles,
                [Rows::new(&mut *d_pre, TILE, rows), w, b, nw, nb],
                |i, [d, w, b, nw, nb]| {
                    norm_drop.backward_tile(
                        values,
                        i * TILE,
                        &post[tile_of(post, i, d.len())],
                        d,
                        [nw, nb],
                        rows,
                        fresh,
                    );
                    linear_tile(i, d, w, b);
                },
            );
            if let Some(dx) = dx {
                pool.run(worth, in_tiles, [Rows::new(dx, TILE, rows)], |i, [dx]| {
                    linear.input_tile(values, i * TILE, d_pre, dx, rows);
                });
            }
        } else {
            pool.run(worth, out_tiles, [Rows::new(&mut *d_pre, TILE, rows), w, b], |i, [d, w, b]| {
                linear_tile(i, d, w, b);
            });
            // The norm's own gradients need this one even when nobody else does; `normed` is free by now.
            let dx = dx.unwrap_or(&mut normed[..inputs * rows]);
            pool.run(worth, in_tiles, [Rows::new(dx, TILE, rows), nw, nb], |i, [dx, nw, nb]| {
                linear.input_tile(values, i * TILE, d_pre, dx, rows);
                norm_drop.backward_tile(
                    values,
                    i * TILE,
                    &x[tile_of(x, i, dx.len())],
                    dx,
                    [nw, nb],
                    rows,
                    fresh,
                );
            });
        }
    }
}
