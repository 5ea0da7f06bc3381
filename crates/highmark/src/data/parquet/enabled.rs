//! Parquet through the column readers and writers of the `parquet` crate, without its Arrow side, which
//! would double the time of a build.

mod read;
mod write;

pub use read::read_parquet;
pub use write::write_parquet;

#[cfg(test)]
mod tests;
