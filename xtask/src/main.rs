//! Development tasks: `cargo xtask test` is what CI and the README call.

mod bench;
mod memcheck;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test                        format, lints, documentation, and all tests and examples
cargo xtask memcheck                    the tests of unsafe code under valgrind
cargo xtask bench                       all of the next three
cargo xtask bench rows [FILTER]         kernels and steps, as GFLOP/s and share of the machine's peak
cargo xtask bench pairs                 one thread against two, and what listening to events costs
cargo xtask bench scale                 cost per row from 10 thousand to 10 million rows
cargo xtask bench peers [--rounds N] [--only TEXT,TEXT]
                                        against fastai, Keras, PyTorch, JAX, Burn and polars; writes docs/performance.md
cargo xtask bench guard [--record]      instructions of one epoch against the recorded number";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test"] => test::run(),
        ["memcheck"] => memcheck::run(),
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

#[expect(clippy::print_stdout, reason = "the tool's output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
