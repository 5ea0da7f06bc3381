//! How a fit ended, and who had a hand in it.

use serde::{Deserialize, Serialize};

use super::event::{Event, Span};

/// How a fit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended yet.
    Running,
    /// All planned epochs ran.
    Completed,
    /// A callback cancelled it.
    Cancelled(Cancel),
    /// The stop flag ended it between two batches; with a checkpoint it can be resumed from there.
    Interrupted,
    /// An error ended it.
    Failed(String),
}

/// Who cancelled what, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The span that was left.
    pub span: Span,
    /// The callback's name.
    pub by: String,
    /// The event at which it did so.
    pub at: Event,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Its reason.
    pub reason: String,
}
