//! Models: what turns a batch into predictions and a gradient into gradients.

mod tabular;

pub use tabular::{TabularConfig, TabularModel, embedding_size};

use std::any::Any;

use crate::Result;
use crate::data::Batch;
use crate::engine::{Params, all_finite, stream_copy};
use crate::nn::Mode;
use crate::optim::Optimizer;

/// The seam between models and everything else: the loop, callbacks, optimizers and files know only this.
///
/// [`TabularModel`] is the one that comes with highmark; its source is the example for another.
pub trait Model: Any + Send {
    /// A word for summaries: `TabularModel`.
    fn name(&self) -> &str;

    /// Parameters, gradients and buffers.
    fn params(&self) -> &Params;

    /// The same, to change.
    fn params_mut(&mut self) -> &mut Params;

    /// Predictions a row.
    fn outputs(&self) -> usize;

    /// Writes predictions, rows × outputs and row by row, before any activation of the loss. What it keeps for `backward` is
    /// gone after the next `forward`, whatever its mode: a callback that predicts does so before or after a whole batch.
    fn forward(&mut self, batch: &Batch, mode: Mode, predictions: &mut Vec<f32>) -> Result<()>;

    /// From the gradient of the predictions of the last training `forward`, rows × outputs, to that of the
    /// parameters, which is added to [`Params::grads_to_add_to`]. `batch` is the one of that `forward`.
    fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()>;

    /// Whether all gradients are finite. A model with threads of its own may share the look out among them.
    fn grads_are_finite(&self) -> bool {
        all_finite(&self.params().grads)
    }

    /// Applies a step of the optimizer. A model with threads of its own shares the work out among them; the
    /// result is that of [`Optimizer::step`], which is also what happens unless a model says otherwise.
    fn step(&mut self, optimizer: &mut Optimizer) {
        optimizer.step(self.params_mut());
    }

    /// Copies numbers for a checkpoint into memory of the same length. A model with threads of its own shares the work out
    /// among them.
    fn copy(&self, from: &[f32], to: &mut [f32]) {
        stream_copy(to, from);
    }

    /// Its layers, for summaries.
    fn layers(&self) -> Vec<LayerSummary>;
}

/// A line of [`crate::Learner::summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// The kind of layer, as PyTorch calls it.
    pub layer: String,
    /// Numbers a row that come out of it.
    pub outputs: usize,
    /// Trained numbers in it.
    pub parameters: usize,
}
