//! `cargo xtask bench guard`: a guard against slow code that needs no clock. It counts the instructions of an epoch of
//! the article's model, on one thread and a tenth of the rows, which hardly differ from run to run.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

use super::{Result, build, machine};
use crate::say;

/// More than this share above the recorded number fails.
const TOLERANCE: f64 = 0.02;

/// The function whose instructions count, callees included.
const FUNCTION: &str = "*counted_epoch*";

fn file() -> PathBuf {
    build::root().join("bench/guard.json")
}

/// Counts and compares.
pub(crate) fn check() -> Result<ExitCode> {
    let text = fs::read_to_string(file())
        .map_err(|error| format!("bench/guard.json: {error}; `cargo xtask bench guard --record` makes it"))?;
    let recorded: Value = serde_json::from_str(&text)?;
    let Some(before) = recorded["instructions"].as_u64() else {
        return Err("bench/guard.json holds no `instructions`; record it again".into());
    };
    let now = count()?;
    let change = now as f64 / before as f64 - 1.0;
    say(&format!("instructions of an epoch: {now}, recorded {before}: {:+.2} %", 100.0 * change));
    let compiler = machine::rustc();
    if recorded["rustc"].as_str() != Some(&compiler) {
        say(&format!("the record is of {}, this is {compiler}", recorded["rustc"]));
    }
    if change > TOLERANCE {
        say(&format!(
            "more than {:.0} % above: make it faster again, or say in the commit why it has to be so and run \
             `cargo xtask bench guard --record`",
            100.0 * TOLERANCE
        ));
        return Ok(ExitCode::FAILURE);
    }
    if change < -TOLERANCE {
        say("well below: `cargo xtask bench guard --record` holds on to it");
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts and writes the number down.
pub(crate) fn record() -> Result<()> {
    let instructions = count()?;
    let record = json!({ "instructions": instructions, "rustc": machine::rustc() });
    fs::write(file(), format!("{record:#}\n"))?;
    say(&format!("recorded {instructions} instructions in bench/guard.json"));
    Ok(())
}

fn count() -> Result<u64> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Err(
            "valgrind is missing: it counts the instructions; install it (Debian: apt-get install valgrind) \
                    and run this again"
                .into(),
        );
    }
    build::release(&["highmark-bench"])?;
    let out = build::target()?.join("guard.callgrind");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", "--collect-atstart=no"]);
    valgrind
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--callgrind-out-file={}", out.display()));
    build::done(valgrind.arg(build::program("highmark-bench")?).arg("epoch"))?;
    let text = fs::read_to_string(&out)?;
    match counted(&text) {
        Some(instructions) if instructions > 0 => Ok(instructions),
        _ => Err(format!("{} holds no count of {FUNCTION}", out.display()).into()),
    }
}

/// The sum in a file of callgrind.
fn counted(text: &str) -> Option<u64> {
    let line =
        text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found() {
        assert_eq!(counted("events: Ir\nsummary: 12345\nfn=(1)\n"), Some(12_345));
        assert_eq!(counted("events: Ir\n\ntotals: 7 9\n"), Some(7));
        assert_eq!(counted("events: Ir\n"), None);
    }
}
