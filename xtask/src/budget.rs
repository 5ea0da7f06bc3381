//! `cargo xtask budget`: whether the command keeps to its limit of time by the real clock.

use std::io::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::{cargo, say};

const SECONDS: f64 = 65.0;

pub(crate) fn run() -> ExitCode {
    match measure() {
        Ok(seconds) => {
            let share = 100.0 * seconds / SECONDS;
            say(&format!("── {seconds:.2} s of {SECONDS} s: {share:.2} %"));
            if (99.0..=100.0).contains(&share) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            say(&format!("── {error}"));
            ExitCode::FAILURE
        }
    }
}

/// From before the process begins to after it has ended.
fn measure() -> Result<f64, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "-p", "highmark-cli"]).current_dir(&root);
    if !build.status()?.success() {
        return Err(Error::other("the command does not build"));
    }
    let out = std::env::temp_dir().join(format!("highmark-budget-{}", std::process::id()));
    // Itself, since cargo takes its time before it runs anything. It is built beside this program.
    let own = std::env::current_exe()?;
    let built = own.ancestors().nth(2).ok_or_else(|| Error::other("this program is in no folder"))?;
    let mut train = Command::new(built.join("release").join("highmark"));
    train
        .args(["train", "adult"])
        .arg(format!("--max-time={SECONDS}s"))
        .args(["--no-early-stopping", "--overwrite", "--out"])
        .arg(&out);
    let begin = Instant::now();
    let status = train.current_dir(&root).status()?;
    let seconds = begin.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&out)?;
    if status.success() { Ok(seconds) } else { Err(Error::other(format!("the command failed: {status}"))) }
}
