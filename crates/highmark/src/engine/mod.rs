//! Numbers in memory and the kernels over them. Activations lie feature by feature, [features, rows], so
//! that a tile of features is one piece of memory that one thread can have to itself.

mod gemm;
mod params;
mod pool;
mod sum;

pub(crate) use gemm::{Matrix, gemm};
pub use params::{Buffer, ParamKind, Parameter, Params, Snapshot};
pub(crate) use pool::{Pool, Rows};
pub(crate) use sum::{sum, sum_products_from, sum_squares_from};

/// Features in one tile of work. Fixed, so that results do not depend on the number of threads.
pub(crate) const TILE: usize = 32;

/// Multiplications from which a second thread pays for the hand-over (about a microsecond).
pub(crate) const WORTH_THREADS: usize = 100_000;
