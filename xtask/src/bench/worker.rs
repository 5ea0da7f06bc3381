//! A process that does a piece of work whenever it is told to; see `bench/src/turns.rs` for what is said.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{Result, build, machine};

/// How long a worker works at least before it is another's go, in seconds. One epoch of 40 ms would mostly tell what the
/// machine did in that moment, and how cold the caches were that the other worker has left.
const GO: f64 = 0.25;

/// A worker, ready and waiting.
pub(crate) struct Worker {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Of what it runs on.
    pub(crate) version: String,
    /// What else it said of itself.
    pub(crate) detail: String,
}

impl Worker {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| {
                format!("{name}: {} cannot be run: {error}", command.get_program().display())
            })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{name}: no pipes").into());
        };
        let output = BufReader::new(output);
        let (version, detail) = (String::new(), String::new());
        let mut worker = Self { name: name.into(), child, input: Some(input), output, version, detail };
        let ready = worker.answer()?;
        let text = |key: &str| ready[key].as_str().unwrap_or_default().to_string();
        (worker.version, worker.detail) = (text("version"), text("detail"));
        Ok(worker)
    }

    /// One of highmark's own.
    pub(crate) fn ours(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(build::program("highmark-bench")?);
        Self::start(&format!("highmark {}", arguments.join(" ")), command.arg("worker").args(arguments))
    }

    /// Lets it do its work again and again for a quarter of a second at least; returns the mean, in seconds.
    pub(crate) fn turns(&mut self) -> Result<f64> {
        let (mut sum, mut times) = (0.0, 0.0);
        while sum < GO {
            sum += self.turn()?;
            times += 1.0;
        }
        Ok(sum / times)
    }

    /// Lets it do its work once; returns seconds.
    pub(crate) fn turn(&mut self) -> Result<f64> {
        match self.ask("turn")?["seconds"].as_f64() {
            Some(seconds) if seconds > 0.0 => Ok(seconds),
            other => Err(format!("{}: {other:?} is not a time", self.name).into()),
        }
    }

    /// The share of right answers on rows that it was not trained on, if its work is to train.
    pub(crate) fn accuracy(&mut self) -> Result<Option<f64>> {
        Ok(self.ask("accuracy")?["accuracy"].as_f64())
    }

    /// The most memory that it has had, in bytes, where the system tells.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        machine::number_after(&format!("/proc/{}/status", self.child.id()), "VmHWM:").map(|kb| kb * 1024)
    }

    fn ask(&mut self, what: &str) -> Result<Value> {
        if let Some(input) = &mut self.input {
            writeln!(input, "{what}")
                .and_then(|()| input.flush())
                .map_err(|e| format!("{}: {e}", self.name))?;
        }
        self.answer()
    }

    /// The next line of JSON; libraries may print other things.
    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if line.starts_with('{')
                && let Ok(value) = serde_json::from_str(&line)
            {
                return Ok(value);
            }
            line.clear();
        }
        Err(format!("{} has ended without an answer; what it printed stands above", self.name).into())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input is the sign to go.
        self.input = None;
        let _ = self.child.wait();
    }
}
