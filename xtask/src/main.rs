//! Development tasks: `cargo xtask test` is what CI and the README call.

mod bench;
mod budget;
mod fuzz;
mod memcheck;
mod python;
mod test;

use std::process::{Command, ExitCode};

const HELP: &str = "\
cargo xtask test                        format, lints, documentation, all tests and examples, and the Python package
cargo xtask python                      the Python package alone: a wheel in an environment of its own, types and tests
cargo xtask memcheck                    the tests of unsafe code under valgrind
cargo xtask kill-matrix                 a run killed at 200 random moments and resumed, against the run left alone
cargo xtask fuzz                        a minute of coverage-guided fuzzing of each target; `fuzz TARGET... --seconds N`
                                        for others, `--keep` adds what was found to the corpus, `fuzz seeds` writes the
                                        first inputs anew
cargo xtask budget                      the command with a budget of 65 s, by the real clock: within 1 % and not over
cargo xtask bench                       all of the next three
cargo xtask bench rows [FILTER]         kernels and steps, as GFLOP/s and share of the machine's peak
cargo xtask bench pairs                 one thread against two, and what listening to events costs
cargo xtask bench scale                 cost per row from 10 thousand to 10 million rows
cargo xtask bench peers [--rounds N] [--only TEXT,TEXT]
                                        against fastai, Keras, PyTorch, JAX, Burn and polars; writes docs/performance.md
cargo xtask bench guard [--record]      instructions of one epoch against the recorded number";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] if test::passes(&test::TEST, &[]) => python::run(),
        ["test"] => ExitCode::FAILURE,
        ["python"] => python::run(),
        ["memcheck"] => memcheck::run(),
        ["kill-matrix"] => {
            test::run(&test::KILL_MATRIX, &[("HIGHMARK_KILLS", "200"), ("HIGHMARK_CASES", "400")])
        }
        ["fuzz", ..] => fuzz::run(&arguments[1..]),
        ["budget"] => budget::run(),
        ["bench", rest @ ..] => match bench::run(rest) {
            Ok(code) => code,
            Err(error) => {
                say(&format!("error: {error}"));
                ExitCode::FAILURE
            }
        },
        _ => {
            say(HELP);
            ExitCode::from(2)
        }
    }
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[expect(clippy::print_stdout, reason = "the tool's output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
