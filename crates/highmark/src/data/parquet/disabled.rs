//! What a build without Parquet says.

use std::path::Path;

use super::super::Table;
use crate::{Error, Result};

fn disabled(path: &Path) -> Error {
    Error::file(path, "this build cannot handle Parquet files; build with `--features parquet`, or use CSV")
}

/// Reads a Parquet file; in this build, an error that says how to build with Parquet.
///
/// ```
/// let error = highmark::read_parquet("people.parquet").unwrap_err().to_string();
/// assert!(error.contains("--features parquet"), "{error}");
/// ```
pub fn read_parquet(path: impl AsRef<Path>) -> Result<Table> {
    Err(disabled(path.as_ref()))
}

/// Writes a Parquet file; in this build, an error that says how to build with Parquet.
pub fn write_parquet(_table: &Table, path: impl AsRef<Path>) -> Result<()> {
    Err(disabled(path.as_ref()))
}
