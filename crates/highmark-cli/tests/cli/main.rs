//! The command from the outside: what it prints, writes and exits with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod bad_input;
mod budget;
mod doubts;
mod folder;
mod fuzz_corpus;
mod identifiers;
mod kill_matrix;
mod mended;
mod messy;
mod missing_target;
#[cfg(unix)]
mod moved;
mod other_limits;
mod overwritten;
mod result_file;
mod resume;
mod run;
mod samples;
mod settings;
#[cfg(target_os = "linux")]
mod signals;
mod train;
mod trained;
