//! `cargo xtask test`: every check of the project.

use std::process::ExitCode;

use crate::{cargo, say};

/// A step of `test`: what it is, and the arguments of cargo.
pub(crate) type Step = (&'static str, &'static [&'static str]);

/// The module for Python is left to `python::run`: outside of an interpreter it would need Python to link.
pub(crate) const TEST: [Step; 8] = [
    ("format", &["fmt", "--all", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    (
        "lints without Parquet",
        &["clippy", "-p", "highmark", "--all-targets", "--locked", "--", "-D", "warnings"],
    ),
    (
        "unit and integration tests",
        &[
            "test",
            "--workspace",
            "--exclude",
            "highmark-py",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
            "--locked",
        ],
    ),
    ("example article", &["run", "--quiet", "--locked", "-p", "highmark", "--example", "article"]),
    (
        "example custom_callback",
        &["run", "--quiet", "--locked", "-p", "highmark", "--example", "custom_callback"],
    ),
    ("documentation tests", &["test", "--workspace", "--exclude", "highmark-py", "--doc", "--locked"]),
    ("documentation", &["doc", "--workspace", "--exclude", "highmark-py", "--no-deps", "--locked"]),
];

/// The whole of what `test` runs in a short form. `HIGHMARK_KILLS` and `HIGHMARK_KILL_SEED` override it.
pub(crate) const KILL_MATRIX: [Step; 2] = [
    ("kill matrix", &["test", "-p", "highmark-cli", "--test", "cli", "--locked", "kill_matrix"]),
    ("random configurations", &["test", "-p", "highmark", "--test", "it", "--locked", "left_anywhere"]),
];

/// Runs the steps in order, up to the first that fails, with these variables where they are not set.
pub(crate) fn run(steps: &[Step], variables: &[(&str, &str)]) -> ExitCode {
    if !passes(steps, variables) {
        return ExitCode::FAILURE;
    }
    say("── all is well");
    ExitCode::SUCCESS
}

/// The same, and whether all were well.
pub(crate) fn passes(steps: &[Step], variables: &[(&str, &str)]) -> bool {
    for (what, arguments) in steps {
        say(&format!("── {what}: cargo {}", arguments.join(" ")));
        let mut cargo = cargo();
        for (name, value) in variables.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
            cargo.env(name, value);
        }
        let status = cargo.args(*arguments).env("RUSTDOCFLAGS", "-D warnings").status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                say(&format!("── {what}: failed ({status})"));
                return false;
            }
            Err(error) => {
                say(&format!("── cargo cannot be run: {error}"));
                return false;
            }
        }
    }
    true
}
