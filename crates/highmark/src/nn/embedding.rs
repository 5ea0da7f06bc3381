//! Embeddings: a learned row of numbers for every level of a categorical column.

use std::ops::Range;

use super::init;
use crate::engine::{ParamKind, Params};

/// One table of embeddings, [levels, size].
#[derive(Clone, Debug)]
pub(crate) struct Embedding {
    pub(crate) levels: usize,
    pub(crate) size: usize,
    weight: Range<usize>,
}

impl Embedding {
    pub(crate) fn new(params: &mut Params, name: &str, levels: usize, size: usize, seed: u64) -> Self {
        let number = params.list().len();
        let weight = params.add(format!("{name}.weight"), &[levels, size], ParamKind::Embedding);
        init::embedding(&mut params.values[weight.clone()], seed, number);
        Self { levels, size, weight }
    }

    /// `y` [size, rows] = the embeddings of `codes`.
    pub(crate) fn forward(
        &self,
        values: &[f32],
        codes: impl Iterator<Item = u32>,
        y: &mut [f32],
        rows: usize,
    ) {
        let table = &values[self.weight.clone()];
        for (row, code) in codes.enumerate() {
            let embedding = &table[code as usize * self.size..][..self.size];
            for (feature, number) in embedding.iter().enumerate() {
                y[feature * rows + row] = *number;
            }
        }
    }

    /// Adds `dy` [size, rows] to the gradients of the rows that were used, or to zeros when `fresh`.
    pub(crate) fn backward(
        &self,
        grads: &mut [f32],
        codes: impl Iterator<Item = u32>,
        dy: &[f32],
        rows: usize,
        fresh: bool,
    ) {
        let table = &mut grads[self.weight.clone()];
        if fresh {
            table.fill(0.0);
        }
        for (row, code) in codes.enumerate() {
            let embedding = &mut table[code as usize * self.size..][..self.size];
            for (feature, number) in embedding.iter_mut().enumerate() {
                *number += dy[feature * rows + row];
            }
        }
    }
}
