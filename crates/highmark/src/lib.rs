//! highmark
mod data;
mod engine;
mod error;
mod models;
mod nn;
mod seed;

pub use data::{Batch, Targets};
pub use engine::{Buffer, ParamKind, Parameter, Params, Snapshot};
pub use error::{Error, ErrorKind, Result};
pub use models::{LayerSummary, Model, TabularConfig, TabularModel, embedding_size};
pub use nn::{ActivationFn, Mode};
pub use seed::{Random, Stream};
