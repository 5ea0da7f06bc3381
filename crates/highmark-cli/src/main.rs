//! The command `highmark`.

use std::process::ExitCode;

fn main() -> ExitCode {
    highmark_cli::main()
}
