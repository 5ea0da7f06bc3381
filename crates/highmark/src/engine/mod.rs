//! Numbers in memory and the kernels over them.

mod params;

pub use params::{ParamKind, Parameter, Params};
