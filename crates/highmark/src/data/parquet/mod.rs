//! Parquet files. The cargo feature `parquet` picks the file; both have the same functions.

#[cfg(not(feature = "parquet"))]
mod disabled;
#[cfg(feature = "parquet")]
mod enabled;

#[cfg(not(feature = "parquet"))]
pub use disabled::{read_parquet, write_parquet};
#[cfg(feature = "parquet")]
pub use enabled::{read_parquet, write_parquet};
