//! The command `highmark`, in the wheel.

use std::ffi::OsString;
use std::panic::catch_unwind;

use pyo3::prelude::*;

/// Runs the command with these arguments, the program's name first, and returns its exit code.
#[pyfunction]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    // The fault itself has been told on the standard error stream.
    py.detach(|| catch_unwind(|| highmark_cli::run(arguments)).unwrap_or(1))
}
