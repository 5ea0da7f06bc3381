//! Batch norm, then dropout, each if it is there: the half of a block that treats each feature by itself.

use std::ops::Range;

use super::{BatchNorm, Dropout, Mode, NormTile};
use crate::engine::{Params, Rows, TILE};

/// The two layers and what a training batch leaves for the backward pass.
#[derive(Clone, Debug)]
pub(crate) struct NormDrop {
    norm: Option<BatchNorm>,
    dropout: Option<Dropout>,
    features: usize,
    mean: Vec<f32>,
    inv_std: Vec<f32>,
    /// [features, rows]: 0 or 1/(1−p).
    mask: Vec<f32>,
}

/// The layers alone, to share between threads while their memory is lent out in tiles.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    norm: Option<&'a BatchNorm>,
    dropout: Option<&'a Dropout>,
}

impl NormDrop {
    pub(crate) fn new(norm: Option<BatchNorm>, dropout: Option<Dropout>, features: usize) -> Self {
        let statistics = if norm.is_some() { features } else { 0 };
        Self {
            norm,
            dropout,
            features,
            mean: vec![0.0; statistics],
            inv_std: vec![0.0; statistics],
            mask: Vec::new(),
        }
    }

    pub(crate) fn norm(&self) -> Option<&BatchNorm> {
        self.norm.as_ref()
    }

    pub(crate) fn dropout(&self) -> Option<&Dropout> {
        self.dropout.as_ref()
    }

    /// Memory for a training batch of `rows`.
    pub(crate) fn reserve(&mut self, rows: usize) {
        if self.dropout.is_some() && self.mask.len() < self.features * rows {
            self.mask.resize(self.features * rows, 0.0);
        }
    }

    /// For a training batch: the layers, and their memory in tiles. Counts the batch.
    pub(crate) fn train<'a>(
        &'a mut self,
        buffers: &'a mut [f32],
        rows: usize,
    ) -> (Layers<'a>, [Rows<'a>; 5]) {
        let (running_mean, running_var) = match &self.norm {
            Some(norm) => {
                buffers[norm.count] += 1.0;
                buffers[norm.running_mean.start..norm.running_var.end].split_at_mut(self.features)
            }
            None => Default::default(),
        };
        let mask = if self.dropout.is_some() { self.features * rows } else { 0 };
        let layers = Layers { norm: self.norm.as_ref(), dropout: self.dropout.as_ref() };
        let tiles = [
            Rows::new(&mut self.mean, TILE, 1),
            Rows::new(&mut self.inv_std, TILE, 1),
            Rows::new(running_mean, TILE, 1),
            Rows::new(running_var, TILE, 1),
            Rows::new(&mut self.mask[..mask], TILE, rows),
        ];
        (layers, tiles)
    }

    /// `y` [tile, rows] from `x` as prediction wants it: running statistics, no dropout.
    pub(crate) fn eval_tile(&self, params: &Params, first: usize, x: &[f32], y: &mut [f32], rows: usize) {
        match &self.norm {
            Some(norm) => norm.eval_tile(&params.values, &params.buffers, first, x, y, rows),
            None => y.copy_from_slice(x),
        }
    }

    /// Both layers on all features of a training batch at once, on this thread.
    pub(crate) fn train_whole(
        &mut self,
        values: &[f32],
        buffers: &mut [f32],
        x: &[f32],
        y: &mut [f32],
        rows: usize,
        mode: Mode,
    ) {
        let (layers, tiles) = self.train(buffers, rows);
        layers.train_tile(values, 0, x, y, tiles.map(Rows::whole), rows, mode);
    }

    /// The backward pass of [`NormDrop::train_whole`].
    pub(crate) fn backward_whole(
        &self,
        values: &[f32],
        grads: &mut [f32],
        x: &[f32],
        d: &mut [f32],
        rows: usize,
        fresh: bool,
    ) {
        let end = grads.len();
        // Weight and bias are two parameters, so they never overlap.
        let Ok(grads) = grads.get_disjoint_mut(self.grad_ranges(&(end..end))) else { return };
        self.backward_tile(values, 0, &x[..d.len()], d, grads, rows, fresh);
    }

    /// Where the gradients of the norm's weight and bias lie; `empty` without a norm.
    pub(crate) fn grad_ranges(&self, empty: &Range<usize>) -> [Range<usize>; 2] {
        self.norm.as_ref().map_or([empty.clone(), empty.clone()], |n| [n.weight.clone(), n.bias.clone()])
    }

    /// The gradient of the input in place of that of the output in `d` [tile, rows]; `x` is the input.
    pub(crate) fn backward_tile(
        &self,
        values: &[f32],
        first: usize,
        x: &[f32],
        d: &mut [f32],
        grads: [&mut [f32]; 2],
        rows: usize,
        fresh: bool,
    ) {
        if self.dropout.is_some() {
            let mask = &self.mask[first * rows..][..d.len()];
            d.iter_mut().zip(mask).for_each(|(d, m)| *d *= m);
        }
        if let Some(norm) = &self.norm {
            norm.backward_tile(values, first, x, d, (&self.mean, &self.inv_std), grads, rows, fresh);
        }
    }
}

impl Layers<'_> {
    /// `y` [tile, rows] from `x`, with the tiles that [`NormDrop::train`] gave.
    pub(crate) fn train_tile(
        self,
        values: &[f32],
        first: usize,
        x: &[f32],
        y: &mut [f32],
        tiles: [&mut [f32]; 5],
        rows: usize,
        mode: Mode,
    ) {
        let [mean, inv_std, running_mean, running_var, mask] = tiles;
        match self.norm {
            Some(norm) => norm.train_tile(
                values,
                first,
                x,
                y,
                &mut NormTile { mean, inv_std, running_mean, running_var },
                rows,
            ),
            None => y.copy_from_slice(x),
        }
        if let Some(dropout) = self.dropout {
            dropout.mask_tile(mode, first, mask, rows);
            y.iter_mut().zip(mask).for_each(|(y, m)| *y *= *m);
        }
    }
}
