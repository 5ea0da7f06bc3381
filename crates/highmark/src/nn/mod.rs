//! Layers, forward and backward, one a file. They work on tiles of features of buffers
//! [features, rows].

mod activation;
mod batch_norm;
mod by_level;
mod dropout;
mod embedded_linear;
mod embedding;
mod epilogue;
mod init;
mod levels;
mod linear;
mod mlp;
pub(crate) mod output_scale;
mod sigmoid_range;

pub use activation::ActivationFn;
pub(crate) use batch_norm::BatchNorm;
pub(crate) use by_level::ByLevel;
pub(crate) use dropout::Dropout;
pub(crate) use embedded_linear::EmbeddedLinear;
pub(crate) use embedding::{Embedding, Embeddings};
pub(crate) use epilogue::Epilogue;
pub(crate) use levels::Levels;
pub(crate) use linear::Linear;
pub(crate) use mlp::Mlp;
pub use output_scale::OutputScale;
pub(crate) use sigmoid_range::SigmoidRange;

/// How a forward pass is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, dropout; what the backward pass needs is kept. `step` numbers the dropout masks.
    Train {
        /// The seed of the run.
        seed: u64,
        /// Batches trained so far.
        step: u64,
    },
    /// Running statistics, no dropout.
    Eval,
}

impl Mode {
    /// Whether this pass trains.
    pub fn is_train(self) -> bool {
        matches!(self, Self::Train { .. })
    }
}
