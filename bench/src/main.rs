//! One side of each comparison of `cargo xtask bench`: a process that does a piece of work whenever it is told to.
//!
//! ```text
//! highmark-bench worker article 2 flat     an epoch a turn, on 2 threads; also `large-batch`, `wide`; `one-cycle`, `watched`
//! highmark-bench worker ids 2              the article's layers on a table with a column of 10,000 levels
//! highmark-bench worker floor 2 FLOP       so many multiply-adds a turn
//! highmark-bench worker gemm 2             1024 x 1024 x 1024 a turn
//! highmark-bench worker csv FILE TARGET    from the file to encoded rows
//! highmark-bench worker rows 1000000       an epoch of the article's model on so many synthetic rows
//! highmark-bench export DIR                the Adult data for the others, as CSV and encoded; and that table, in DIR/ids
//! highmark-bench epoch                     an epoch of a tenth of the Adult data, for counting instructions
//! ```

mod export;
mod gemm;
mod turns;
mod worker;

use std::path::Path;
use std::process::ExitCode;

use highmark::Learner;
use highmark_bench::{Shape, tenth_of_adult};

/// Whatever went wrong, for the one who started this.
pub(crate) type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["worker", work @ ..] => worker::run(work),
        ["export", folder] => export::all(Path::new(folder)),
        ["epoch"] => epoch(),
        _ => Err("see the first lines of bench/src/main.rs for how to call it".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn epoch() -> Result<(), Failure> {
    let mut learner = Shape::ARTICLE.learner(&tenth_of_adult()?, 1)?;
    counted_epoch(&mut learner)
}

/// `bench guard` counts the instructions between entering and leaving this function, which it knows by name.
#[inline(never)]
fn counted_epoch(learner: &mut Learner) -> Result<(), Failure> {
    learner.fit(1, None)?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the process's way to say what is wrong")]
fn complain(error: &Failure) {
    eprintln!("highmark-bench: {error}");
}
