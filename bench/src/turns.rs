//! The talk between `xtask` and a worker: a line in, a line of JSON out.
//!
//! First the worker says what it is, `{"version": …, "detail": …}`. To `turn` it answers with the seconds that the
//! work took, to `accuracy` with the share of right answers on the test rows (or null). It ends with its input.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use crate::Failure;

/// What a worker can do.
pub(crate) trait Work {
    /// Does the work once; returns seconds.
    fn turn(&mut self) -> Result<f64, Failure>;

    /// The share of right answers on rows that it has not seen, for work that trains.
    fn accuracy(&mut self) -> Result<Option<f64>, Failure> {
        Ok(None)
    }
}

/// Answers until the input ends.
pub(crate) fn serve(detail: &str, work: &mut dyn Work) -> Result<(), Failure> {
    answer(&json!({ "version": env!("CARGO_PKG_VERSION"), "detail": detail }))?;
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "turn" => answer(&json!({ "seconds": work.turn()? }))?,
            "accuracy" => answer(&json!({ "accuracy": work.accuracy()? }))?,
            other => return Err(format!("`{other}` is neither `turn` nor `accuracy`").into()),
        }
    }
    Ok(())
}

fn answer(value: &Value) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}
