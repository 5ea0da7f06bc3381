//! Running the command.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How it went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command in a folder; the arguments are split at blanks.
pub(crate) fn run_in(folder: &Path, arguments: &str) -> Ran {
    Ran::new(command(folder, arguments).output().unwrap())
}

/// The same in a Slurm job that is about to end, so that a training is interrupted after its first batch.
pub(crate) fn run_and_interrupt_in(folder: &Path, arguments: &str) -> Ran {
    Ran::new(command(folder, arguments).env("SLURM_JOB_END_TIME", "1").output().unwrap())
}

/// The same with something on its standard input.
pub(crate) fn run_on(folder: &Path, arguments: &str, input: &str) -> Ran {
    let mut command = command(folder, arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have refused the arguments, and read nothing.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    Ran::new(child.wait_with_output().unwrap())
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
    command.args(arguments.split_whitespace()).current_dir(folder);
    command
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// It has done what it was asked.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It has failed with this exit code, and one message that says all of this.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
