//! highmark
mod data;
mod engine;
mod error;
mod seed;

pub use data::{Batch, Targets};
pub use engine::{ParamKind, Parameter, Params};
pub use error::{Error, ErrorKind, Result};
pub use seed::{Random, Stream};
