//! What comes between two linear layers and concerns each feature by itself: activation → batch norm → dropout, each
//! if it is there. It follows the matrix product at once, while a tile of features is still in the cache.

use std::ops::Range;

use super::batch_norm::GROUP;
use super::{ActivationFn, BatchNorm, Dropout, Mode};
use crate::engine::{Cut, Lines, PER_NUMBER, Params, Pool, Rows, sums};

/// The layers, and what a training batch leaves for the backward pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epilogue {
    pub(crate) activation: Option<ActivationFn>,
    pub(crate) norm: Option<BatchNorm>,
    pub(crate) dropout: Option<Dropout>,
    pub(crate) features: usize,
    /// [features, rows] each, as far as they are needed: the input, where the slope of the activation depends on it;
    /// after the activation; after all; dropout's factors, 0 or 1/(1−p); and the gradient of the output, which
    /// the backward pass turns into that of the input.
    pre: Lines,
    post: Lines,
    out: Lines,
    mask: Lines,
    d: Lines,
    /// Two halves of that gradient, before they are added up; empty where it is never halved.
    halves: Lines,
    /// Of each feature in the last training batch.
    mean: Lines,
    inv_std: Lines,
}

/// The layers alone, to share between threads while their memory is lent out in tiles.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    activation: Option<ActivationFn>,
    norm: Option<&'a BatchNorm>,
    dropout: Option<&'a Dropout>,
}

/// The memory of a tile of features: `pre`, `post`, `out` and `mask` [tile, rows], the others [tile]; empty where
/// nothing needs them.
pub(crate) struct Tile<'a> {
    pre: &'a mut [f32],
    post: &'a mut [f32],
    out: &'a mut [f32],
    mask: &'a mut [f32],
    mean: &'a mut [f32],
    inv_std: &'a mut [f32],
    running_mean: &'a mut [f32],
    running_var: &'a mut [f32],
}

impl<'a> Tile<'a> {
    /// A tile of what [`Tile::lend`] lends.
    pub(crate) fn new(
        [pre, post, out, mask, mean, inv_std, running_mean, running_var]: [&'a mut [f32]; 8],
    ) -> Self {
        Self { pre, post, out, mask, mean, inv_std, running_mean, running_var }
    }

    /// Cuts it, to lend it to threads.
    pub(crate) fn lend(self, cut: Cut, rows: usize) -> [Rows<'a>; 8] {
        let Self { pre, post, out, mask, mean, inv_std, running_mean, running_var } = self;
        let lines = [pre, post, out, mask].map(|numbers| Rows::new(numbers, rows, cut));
        let single = [mean, inv_std, running_mean, running_var].map(|numbers| Rows::new(numbers, 1, cut));
        let ([a, b, c, d], [e, f, g, h]) = (lines, single);
        [a, b, c, d, e, f, g, h]
    }

    /// Where the layer before writes.
    pub(crate) fn input(&mut self) -> &mut [f32] {
        self.input_and_output().0
    }

    /// The same, and where the output goes unless it is in the same place.
    pub(crate) fn input_and_output(&mut self) -> (&mut [f32], &mut [f32]) {
        (if self.pre.is_empty() { self.post } else { self.pre }, self.out)
    }
}

impl Epilogue {
    pub(crate) fn new(
        features: usize,
        activation: Option<ActivationFn>,
        norm: Option<BatchNorm>,
        dropout: Option<Dropout>,
    ) -> Self {
        Self { activation, norm, dropout, features, ..Self::default() }
    }

    /// Memory for batches of `rows`; does nothing when there is enough.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let (pre, out) = (self.keeps_pre(), self.keeps_out());
        let buffers = [
            (&mut self.pre, pre, rows),
            (&mut self.post, true, rows),
            (&mut self.out, out, rows),
            (&mut self.mask, self.dropout.is_some(), rows),
            (&mut self.d, true, rows),
            (&mut self.mean, self.norm.is_some(), 1),
            (&mut self.inv_std, self.norm.is_some(), 1),
        ];
        for (buffer, needed, width) in buffers {
            let len = if needed { self.features * width } else { 0 };
            buffer.grow(len);
        }
    }

    fn keeps_pre(&self) -> bool {
        self.activation.is_some_and(|activation| !activation.works_in_place())
    }

    fn keeps_out(&self) -> bool {
        self.norm.is_some() || self.dropout.is_some()
    }

    /// Whether it leaves its input as it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.activation.is_none() && !self.keeps_out()
    }

    /// Where the input of a batch goes that no linear layer computes, [features, rows].
    pub(crate) fn input(&mut self, rows: usize) -> &mut [f32] {
        let input = if self.keeps_pre() { &mut self.pre } else { &mut self.post };
        &mut input[..self.features * rows]
    }

    /// The output of the last forward pass, [features, rows].
    pub(crate) fn output(&self, rows: usize) -> &[f32] {
        let output = if self.keeps_out() { &self.out } else { &self.post };
        &output[..self.features * rows]
    }

    /// The gradient of the output before the backward pass, and that of the input after it, [features, rows].
    pub(crate) fn gradient(&mut self, rows: usize) -> &mut [f32] {
        &mut self.d[..self.features * rows]
    }

    /// Its memory for a forward pass, of all features. Counts the batch when training.
    pub(crate) fn forward_parts<'a>(
        &'a mut self,
        buffers: &'a mut [f32],
        rows: usize,
        mode: Mode,
    ) -> (Layers<'a>, Tile<'a>) {
        let (running_mean, running_var) = match &self.norm {
            Some(norm) => {
                if mode.is_train() {
                    buffers[norm.count] += 1.0;
                }
                buffers[norm.running_mean.start..norm.running_var.end].split_at_mut(self.features)
            }
            None => Default::default(),
        };
        let layers =
            Layers { activation: self.activation, norm: self.norm.as_ref(), dropout: self.dropout.as_ref() };
        let all = self.features * rows;
        let up_to = |buffer: &'a mut Lines| {
            let len = buffer.len().min(all);
            &mut buffer[..len]
        };
        let [pre, post, out, mask] =
            [&mut self.pre, &mut self.post, &mut self.out, &mut self.mask].map(up_to);
        let (mean, inv_std) = (&mut self.mean[..], &mut self.inv_std[..]);
        (layers, Tile { pre, post, out, mask, mean, inv_std, running_mean, running_var })
    }

    /// Its output, and memory for the two halves of its gradient, [features, rows] one after the other, if it comes in
    /// halves.
    pub(crate) fn output_and_halves(&mut self, rows: usize, in_halves: bool) -> (&[f32], &mut [f32]) {
        let (has_out, all) = (self.keeps_out(), self.features * rows);
        let both = if in_halves { 2 * all } else { 0 };
        self.halves.grow(both);
        let output = if has_out { &self.out } else { &self.post };
        (&output[..all], &mut self.halves[..both])
    }

    /// For a backward pass: what the forward pass has kept, its output, and the gradient with its two halves.
    pub(crate) fn backward_parts(&mut self, rows: usize) -> (Kept<'_>, &[f32], &mut [f32], [&[f32]; 2]) {
        let (has_out, all) = (self.keeps_out(), self.features * rows);
        let Self { activation, norm, dropout, pre, post, out, mask, d, halves, mean, inv_std, .. } = self;
        let (first, second) = halves.split_at(all.min(halves.len()));
        let kept = Kept {
            layers: Layers { activation: *activation, norm: norm.as_ref(), dropout: dropout.as_ref() },
            pre: if pre.is_empty() { &*post } else { &*pre },
            post: &*post,
            mask: &*mask,
            mean: &*mean,
            inv_std: &*inv_std,
        };
        let output = if has_out { &*out } else { &*post };
        (kept, &output[..all], &mut d[..all], [first, second])
    }

    /// Where the gradients of the norm's weight and bias lie; `empty` without a norm.
    pub(crate) fn grad_ranges(&self, empty: &Range<usize>) -> [Range<usize>; 2] {
        self.norm.as_ref().map_or([empty.clone(), empty.clone()], |n| [n.weight.clone(), n.bias.clone()])
    }

    /// A forward pass by itself, from [`Epilogue::input`] to `out`, or to its own output without one.
    pub(crate) fn forward(
        &mut self,
        params: &mut Params,
        pool: &Pool,
        rows: usize,
        mode: Mode,
        out: Option<&mut [f32]>,
    ) {
        let Params { values, buffers, .. } = params;
        let (tiles, cut) = self.tiles(pool, rows);
        let (layers, mut memory) = self.forward_parts(buffers, rows, mode);
        if let Some(out) = out {
            memory.out = out;
        }
        pool.run(tiles, memory.lend(cut, rows), |i, tile, _| {
            layers.forward_tile(values, cut.range(i), Tile::new(tile), rows, mode);
        });
    }

    /// A backward pass by itself, of [`Epilogue::gradient`] in place.
    pub(crate) fn backward(&mut self, params: &mut Params, pool: &Pool, rows: usize) {
        let (end, fresh) = (params.grads.len(), params.grads_spent);
        let Params { values, grads, .. } = params;
        // Weight and bias are two parameters, so they never overlap.
        let Ok(grads) = grads.get_disjoint_mut(self.grad_ranges(&(end..end))) else { return };
        let (tiles, cut) = self.tiles(pool, rows);
        let (kept, _, d, _) = self.backward_parts(rows);
        let lent = (Rows::new(d, rows, cut), grads.map(|grads| Rows::new(grads, 1, cut)));
        pool.run(tiles, lent, |i, (d, [weight, bias]), _| {
            kept.backward_tile(values, cut.range(i), d, [weight, bias, &mut []], rows, fresh);
        });
    }

    /// Into how many tiles it is cut where it is by itself.
    fn tiles(&self, pool: &Pool, rows: usize) -> (usize, Cut) {
        let tiles = pool.tiles(self.features * rows * PER_NUMBER);
        (tiles, Cut::new(self.features, tiles))
    }
}

impl Layers<'_> {
    /// `tile.out`, or `tile.post` if nothing follows the activation, from what is in the tile's input.
    pub(crate) fn forward_tile(
        self,
        values: &[f32],
        features: Range<usize>,
        tile: Tile<'_>,
        rows: usize,
        mode: Mode,
    ) {
        let Tile { pre, post, out, mask, mean, inv_std, running_mean, running_var } = tile;
        if let Some(activation) = self.activation {
            if pre.is_empty() {
                activation.forward_in_place(post);
            } else {
                activation.forward(pre, post);
            }
        }
        if let Some(norm) = self.norm {
            let lines = (&*post, &mut *out, rows);
            if mode.is_train() {
                norm.train(values, features.start, lines, [mean, inv_std, running_mean, running_var]);
            } else {
                norm.eval(values, features.start, lines, [running_mean, running_var]);
            }
        }
        let Some(dropout) = self.dropout else { return };
        if self.norm.is_none() {
            out.copy_from_slice(post);
        }
        if let Mode::Train { seed, step } = mode {
            dropout.mask_tile((seed, step), features.start, mask, rows);
            out.iter_mut().zip(mask).for_each(|(y, m)| *y *= *m);
        }
    }
}

/// What the backward pass reads.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    layers: Layers<'a>,
    /// What the slope of the activation is computed from: its input, or its output where that will do.
    pre: &'a [f32],
    post: &'a [f32],
    mask: &'a [f32],
    mean: &'a [f32],
    inv_std: &'a [f32],
}

impl Kept<'_> {
    /// The gradient of the input in place of that of the output in `d` [tile, rows]. `grads` are those of the norm's
    /// weight and bias and of the bias of the linear layer before, each [tile] or empty; they are replaced when
    /// `fresh`, and added to otherwise.
    pub(crate) fn backward_tile(
        &self,
        values: &[f32],
        features: Range<usize>,
        d: &mut [f32],
        grads: [&mut [f32]; 3],
        rows: usize,
        fresh: bool,
    ) {
        let [weight_grad, bias_grad, linear_bias] = grads;
        let numbers = features.start * rows..features.end * rows;
        if self.layers.dropout.is_some() {
            d.iter_mut().zip(&self.mask[numbers.clone()]).for_each(|(d, m)| *d *= m);
        }
        if let Some(norm) = self.layers.norm {
            let lines = (&self.post[numbers.clone()], &mut *d, rows);
            let statistics = [self.mean, self.inv_std].map(|all| &all[features.clone()]);
            norm.backward(values, features.start, lines, statistics, [weight_grad, bias_grad], fresh);
        }
        if let Some(activation) = self.layers.activation {
            activation.backward(&self.pre[numbers], d);
        }
        for (biases, d) in linear_bias.chunks_mut(GROUP).zip(d.chunks(GROUP * rows)) {
            let mut of_group = [0.0; GROUP];
            let of_group = &mut of_group[..biases.len()];
            sums(d, of_group);
            for (b, sum) in biases.iter_mut().zip(of_group) {
                *b = if fresh { 0.0 } else { *b } + *sum as f32;
            }
        }
    }
}
