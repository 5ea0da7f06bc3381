//! The command `highmark`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(highmark_cli::run(std::env::args_os()))
}
