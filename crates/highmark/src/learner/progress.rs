//! Where a fit is, and where its time goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a fit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The epoch under way, from 0.
    pub epoch: usize,
    /// Epochs planned.
    pub n_epoch: usize,
    /// The batch under way in this pass, from 0; in `after_batch` and between two batches, how many are done.
    pub iter: usize,
    /// Batches of this pass.
    pub n_iter: usize,
    /// Training batches of this fit so far.
    pub train_iter: usize,
}

/// Time spent, by what it was spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timings {
    /// In training batches and their callbacks.
    pub train: Duration,
    /// In validation.
    pub validate: Duration,
    /// In writing files.
    pub save: Duration,
}

/// What goes on from fit to fit, so that a second fit draws other random numbers than the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Training batches ever.
    pub(crate) steps: u64,
    /// Epochs ever begun.
    pub(crate) epochs: u64,
    /// Batches whose gradients wait for a step.
    pub(crate) waiting: usize,
}
