//! `cargo xtask test`: every check of the project.

use std::process::{Command, ExitCode};

use crate::say;

/// A step of `test`: what it is, and the arguments of cargo.
type Step = (&'static str, &'static [&'static str]);

const TEST: [Step; 8] = [
    ("format", &["fmt", "--all", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    (
        "lints without Parquet",
        &["clippy", "-p", "highmark", "--all-targets", "--locked", "--", "-D", "warnings"],
    ),
    (
        "unit and integration tests",
        &["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--locked"],
    ),
    ("example article", &["run", "--quiet", "--locked", "-p", "highmark", "--example", "article"]),
    (
        "example custom_callback",
        &["run", "--quiet", "--locked", "-p", "highmark", "--example", "custom_callback"],
    ),
    ("documentation tests", &["test", "--workspace", "--doc", "--locked"]),
    ("documentation", &["doc", "--workspace", "--no-deps", "--locked"]),
];

/// Runs them in order, up to the first that fails.
pub(crate) fn run() -> ExitCode {
    for (what, arguments) in &TEST {
        say(&format!("── {what}: cargo {}", arguments.join(" ")));
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let status = cargo.args(*arguments).env("RUSTDOCFLAGS", "-D warnings").status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                say(&format!("── {what}: failed ({status})"));
                return ExitCode::FAILURE;
            }
            Err(error) => {
                say(&format!("── cargo cannot be run: {error}"));
                return ExitCode::FAILURE;
            }
        }
    }
    say("── all is well");
    ExitCode::SUCCESS
}
