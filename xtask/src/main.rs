//! Development tasks: `cargo xtask test` is what CI and the README call.

mod budget;
mod fuzz;

use std::process::{Command, ExitCode};

const HELP: &str = "\
cargo xtask test           format, lints, documentation, and all tests and examples
cargo xtask kill-matrix    a run killed at 200 random moments and resumed, against the run left alone
cargo xtask fuzz           a minute of coverage-guided fuzzing of each target; `fuzz TARGET... --seconds N` for others,
                           `--keep` adds what was found to the corpus, `fuzz seeds` writes the first inputs anew
cargo xtask budget         the command with a budget of 65 s, by the real clock: within 1 % of it and not over";

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

/// The whole of what `test` runs in a short form. `HIGHMARK_KILLS` and `HIGHMARK_KILL_SEED` override it.
const KILL_MATRIX: [Step; 2] = [
    ("kill matrix", &["test", "-p", "highmark-cli", "--test", "cli", "--locked", "kill_matrix"]),
    ("random configurations", &["test", "-p", "highmark", "--test", "it", "--locked", "left_anywhere"]),
];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("test") => return run(&TEST, &[]),
        Some("kill-matrix") => {
            return run(&KILL_MATRIX, &[("HIGHMARK_KILLS", "200"), ("HIGHMARK_CASES", "400")]);
        }
        Some("fuzz") => return fuzz::run(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("budget") => return budget::run(),
        _ => {}
    }
    say(HELP);
    ExitCode::from(2)
}

/// Runs the steps, with these variables where they are not set.
fn run(steps: &[Step], variables: &[(&str, &str)]) -> ExitCode {
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

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[expect(clippy::print_stdout, reason = "the tool's output")]
fn say(line: &str) {
    println!("{line}");
}
