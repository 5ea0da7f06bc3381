//! `cargo xtask memcheck`: the tests of the modules with unsafe code, under valgrind's memcheck. It hides AVX-512 from
//! them, so they run the kernels' AVX2 form; all forms come from one source.

use std::process::{Command, ExitCode, Stdio};

use crate::{cargo, say};

/// Everything that is unsafe, or next to it.
const MODULES: [&str; 3] = ["engine::", "nn::", "optim::golden_tests::"];

/// Builds the library's tests and runs those.
pub(crate) fn run() -> ExitCode {
    match check() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<bool, Box<dyn std::error::Error>> {
    let arguments = ["test", "-p", "highmark", "--lib", "--no-run", "--locked", "--message-format=json"];
    let built = cargo().args(arguments).stderr(Stdio::inherit()).output()?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let mut program = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(str::to_string)
    });
    let program = program.next_back().ok_or("cargo has built no tests")?;
    let status = Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=9"])
        .arg(program)
        .args(MODULES)
        .status()
        .map_err(|error| format!("valgrind cannot be run ({error}); install it from your distribution"))?;
    Ok(status.success())
}
