//! Numbers in memory and the kernels over them. Activations lie feature by feature, [features, rows], so
//! that a tile of features is one piece of memory that one thread can have to itself.

mod cache;
mod cut;
mod elementary;
mod finite;
mod gemm;
mod indexed;
mod kernel;
mod lines;
mod matrix;
mod pace;
mod pages;
mod panels;
mod params;
mod pool;
mod simd;
mod sparse;
mod stream;
mod sum;
mod transpose;

pub(crate) use cache::{Claims, fetch};
pub(crate) use cut::{Cut, Rows, Shard, Shards, Spans};
pub(crate) use elementary::{exp, exp_m1, normal, sigmoid, tanh};
pub(crate) use finite::all_finite;
pub(crate) use gemm::{Scratch, gemm};
pub(crate) use indexed::{Group, Index, Picked, Thin, gather_add, sum_groups, thin_products};
pub(crate) use lines::{LINE, Lines};
pub(crate) use matrix::{Matrix, MatrixMut};
pub(crate) use pages::{LARGE_PAGE, large_pages, large_zeros};
pub(crate) use panels::{DEPTH, Factor, Panels};
pub use params::{Buffer, ParamKind, Parameter, Params, Snapshot};
pub(crate) use pool::{Errand, PER_NUMBER, Pool};
pub(crate) use simd::simd;
pub(crate) use sparse::sparse_gemm;
pub(crate) use stream::{stream_copy, stream_copy_on};
pub(crate) use sum::{sums, sums_of_products_from, sums_of_squares_from};
pub(crate) use transpose::{transpose_into, transpose_on};
