//! From a file to a batch.
mod batch;
pub use batch::{Batch, Targets};
