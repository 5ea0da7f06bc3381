//! Models: what turns a batch into predictions and a gradient into gradients.

mod look_ahead;
mod tabular;

pub use tabular::{TabularConfig, TabularModel, embedding_size};

use std::any::Any;
use std::sync::Arc;

use crate::Result;
use crate::data::{Batch, NextBatch};
use crate::engine::{Params, all_finite, stream_copy};
use crate::nn::Mode;
use crate::optim::Optimizer;

/// The seam between models and everything else: the loop, callbacks, optimizers and files know only this.
///
/// [`TabularModel`] is the one that comes with highmark. One of your own:
///
/// ```
/// use std::sync::Arc;
/// use highmark::{
///     Batch, Dataset, LayerSummary, Learner, LearnerConfig, Mode, Model, Mse, ParamKind, Params, Result, Targets,
/// };
///
/// /// y = w·x + b over the continuous columns.
/// struct Linear(Params);
///
/// impl Linear {
///     fn new(inputs: usize) -> Self {
///         let mut params = Params::default();
///         params.add("weight", &[inputs], ParamKind::Weight);
///         params.add("bias", &[1], ParamKind::Bias);
///         Self(params)
///     }
/// }
///
/// impl Model for Linear {
///     fn name(&self) -> &str { "Linear" }
///     fn params(&self) -> &Params { &self.0 }
///     fn params_mut(&mut self) -> &mut Params { &mut self.0 }
///     fn outputs(&self) -> usize { 1 }
///     fn forward(&mut self, batch: &Batch, _: Mode, predictions: &mut Vec<f32>) -> Result<()> {
///         let (weight, bias) = self.0.values.split_at(self.0.len() - 1);
///         let rows = batch.x_cont.chunks_exact(weight.len());
///         predictions.clear();
///         predictions.extend(rows.map(|row| bias[0] + row.iter().zip(weight).map(|(x, w)| x * w).sum::<f32>()));
///         Ok(())
///     }
///     fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()> {
///         let inputs = self.0.len() - 1;
///         let (weight, bias) = self.0.grads_to_add_to().split_at_mut(inputs);
///         for (row, grad) in batch.x_cont.chunks_exact(inputs).zip(grad) {
///             bias[0] += grad;
///             weight.iter_mut().zip(row).for_each(|(w, x)| *w += x * grad);
///         }
///         Ok(())
///     }
///     fn layers(&self) -> Vec<LayerSummary> {
///         vec![LayerSummary { layer: "Linear".into(), outputs: 1, parameters: self.0.len() }]
///     }
/// }
///
/// let x: Vec<f32> = (0..64).map(|i| i as f32 / 64.0).collect();
/// let y = Targets::Values { values: x.iter().map(|x| 2.0 * x + 1.0).collect(), width: 1 };
/// let data = Arc::new(Dataset::new(0, 1, vec![], x, Some(y))?);
/// let config = LearnerConfig { batch_size: 8, ..LearnerConfig::default() };
/// let mut learn = Learner::new(Box::new(Linear::new(1)), Box::new(Mse), Arc::clone(&data), data, config)?;
/// # learn.quiet();
/// let before = learn.validate()?[0].1;
/// learn.fit(1, Some(0.1))?;
/// assert!(learn.history().this_epoch("valid_loss") < Some(before / 4.0));
/// # Ok::<(), highmark::Error>(())
/// ```
pub trait Model: Any + Send {
    /// A word for summaries: `TabularModel`.
    fn name(&self) -> &str;

    /// Parameters, gradients and buffers.
    fn params(&self) -> &Params;

    /// The same, to change.
    fn params_mut(&mut self) -> &mut Params;

    /// Predictions a row.
    fn outputs(&self) -> usize;

    /// Writes predictions, rows × outputs and row by row, before any activation of the loss. `predictions` arrives with what
    /// an earlier batch has left: clear it or overwrite it, so that it holds these rows × outputs numbers and no others.
    ///
    /// What it keeps for `backward` is gone after the next `forward`, whatever its mode: a callback that predicts does so before or after a whole batch.
    fn forward(&mut self, batch: &Batch, mode: Mode, predictions: &mut Vec<f32>) -> Result<()>;

    /// From the gradient of the predictions of the last training `forward`, rows × outputs, to that of the
    /// parameters, which is added to [`Params::grads_to_add_to`]. `batch` is the one of that `forward`.
    fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()>;

    /// Whether all gradients are finite. A model with threads of its own may share the look out among them.
    fn grads_are_finite(&self) -> bool {
        all_finite(&self.params().grads)
    }

    /// Marks the gradients as spent: [`Params::zero_grad`].
    fn zero_grad(&mut self) {
        self.params_mut().zero_grad();
    }

    /// Applies a step of the optimizer. A model with threads of its own shares the work out among them; the
    /// result is that of [`Optimizer::step`], which is also what happens unless a model says otherwise.
    fn step(&mut self, optimizer: &mut Optimizer) {
        optimizer.step(self.params_mut());
    }

    /// Lets steps wait from now on whose results nobody sees: while a fit trains on batches of `rows` and no callback
    /// [looks at the model](crate::Callback::looks_at_model). [`TabularModel`] does for rows of large embeddings that no row of a
    /// batch uses; a model around one passes both calls on, or neither.
    fn defer_steps(&mut self, optimizer: &mut Optimizer, rows: usize) {
        let _ = (optimizer, rows);
    }

    /// Makes the steps that have waited: on what `batch` reads, before its `forward`; or all, when somebody is about to look.
    fn catch_up(&mut self, optimizer: &mut Optimizer, batch: Option<&Batch>) {
        let _ = (optimizer, batch);
    }

    /// Hands over, before the batches of each epoch, what can [load](NextBatch::load) the next one while a step is computed. A model
    /// with threads of its own may have one of them do that, as [`TabularModel`] does during the output layer and the loss; whoever does
    /// not gets the same batches. Keep it as a `Weak`, for it holds the training data. A model around another passes it on.
    fn look_ahead(&mut self, next: &Arc<NextBatch>) {
        let _ = next;
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
