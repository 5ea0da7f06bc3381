//! Whether a row costs the same in a large table as in a small one. The data is made here, in its encoded form.

use super::worker::Worker;
use super::{Result, build, pairs};
use crate::say;

/// Rows of the table, and how often a turn is measured; a turn is at least a million rows.
const SIZES: [(usize, usize); 4] = [(10_000, 3), (100_000, 3), (1_000_000, 3), (10_000_000, 1)];

/// `cargo xtask bench scale`.
pub(crate) fn run() -> Result<()> {
    build::release(&["highmark-bench"])?;
    say("\ncost of a row: the article's model on 2 threads, whole epochs with their shuffle");
    say("      rows    µs a row    against 10 thousand    peak memory");
    let mut first = None;
    for (rows, turns) in SIZES {
        let mut worker = Worker::ours(&["rows", &rows.to_string()])?;
        let seconds = (0..turns).map(|_| worker.turn()).collect::<Result<Vec<_>>>()?;
        // A turn is the time of a million rows.
        let (micros, ..) = pairs::spread(&seconds);
        let against = micros / *first.get_or_insert(micros);
        let memory =
            worker.peak_memory().map_or("unknown".into(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
        say(&format!("{rows:>10}    {micros:>8.3}    {against:>19.3}    {memory:>11}"));
    }
    Ok(())
}
