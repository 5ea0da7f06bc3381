//! Replays scripted runs of fastai's and Keras's trackers through highmark's, and compares what they decide.
//!
//! ```text
//! cargo run --release --example trackers -- FILE
//! cargo run --release --example trackers -- crates/highmark/tests/golden/trackers/trackers.json
//! ```
//!
//! FILE is what `make_tracker_golden.py` (in `tests/golden/trackers`) has written. Of each run, the epochs that ran, the
//! learning rates, the epoch whose weights are held at the end, the files and the lines shown must agree. Runs in which
//! highmark differs on purpose are counted apart, by the names in `docs/differences.md`; all others are shown, and the
//! exit code is 1 if there are any.

mod by_design;
mod case;
mod replay;
mod tally;

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use highmark::Result;

fn main() -> Result<ExitCode> {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    let [file] = files.as_slice() else {
        say("usage: cargo run --release --example trackers -- FILE");
        return Ok(ExitCode::from(2));
    };
    let folder = std::env::temp_dir().join(format!("highmark-trackers-{}", std::process::id()));
    let tally = tally::run(Path::new(file), &folder)?;
    tally.failures.iter().for_each(|failure| say(failure));
    say(&tally.differ_by_design());
    say(&format!("{} passed, {} failed", tally.passed, tally.failures.len()));
    Ok(if tally.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A reader that has gone away is no reason to stop.
fn say(line: &str) {
    drop(writeln!(stdout(), "{line}"));
}
