//! Whole processes, from start to end, with their memory.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Options;
use super::programs::Programs;
use crate::bench::pairs::spread;
use crate::bench::{Result, build, machine};
use crate::say;

const FASTAI: &str = "fastai, the article's third run";
const PYTHON: &str = "the same script with the import changed to highmark";

/// Epochs at most in the article's third run, which stops early.
const EPOCHS: &str = "6";

/// The script with the import changed wants to take at most so much of fastai's time, from its first import to its last
/// line.
const PYTHON_SHARE: f64 = 1.0 / 30.0;

/// What a kind of process took, in each round.
pub(crate) struct Runs {
    pub(crate) name: &'static str,
    /// At most so many seconds and so many bytes, as far as there is a target.
    pub(crate) wanted: (Option<f64>, Option<u64>),
    pub(crate) seconds: Vec<f64>,
    /// What a script says of itself: the seconds from its first import to its last line. Without the start and the end of
    /// Python, which is not ours to change.
    pub(crate) script: Vec<f64>,
    /// The most memory of any round, in bytes.
    pub(crate) memory: Option<u64>,
    /// Epochs and best accuracy of each round.
    pub(crate) results: Vec<(u64, f64)>,
}

impl Runs {
    fn is_script(&self) -> bool {
        [FASTAI, PYTHON].contains(&self.name)
    }
}

/// fastai's process and highmark's in turn, as a script and as a command, and highmark's ten epochs.
pub(crate) fn run(programs: &Programs, options: &Options) -> Result<Vec<Runs>> {
    if options.wants(PYTHON) {
        programs.install_highmark()?;
    }
    let folder = build::target()?.join("peers/run");
    let highmark = |arguments: &[&str]| -> Result<Command> {
        let mut command = Command::new(build::program("highmark")?);
        command
            .args(["train", "adult"])
            .args(arguments)
            .args(["--json", "--overwrite", "--out"])
            .arg(&folder);
        Ok(command)
    };
    let script = |package: &str| {
        let mut python = programs.python("article_process");
        python.arg(package).arg(format!("{}/adult.csv", programs.data())).arg(EPOCHS);
        python
    };
    let third = ["--epochs", EPOCHS, "--min-delta", "0.01", "--patience", "3"];
    let small = Some(100_000_000);
    let kinds = [
        (FASTAI, (None, None), script("fastai")),
        (PYTHON, (None, None), script("highmark")),
        ("highmark, the article's third run", (None, small), highmark(&third)?),
        (
            "highmark, 10 epochs to the finished report",
            (Some(1.0), small),
            highmark(&["--no-early-stopping", "--epochs", "10"])?,
        ),
    ];
    let mut all = Vec::new();
    let mut commands = Vec::new();
    for (name, wanted, command) in kinds.into_iter().filter(|(name, ..)| options.wants(name)) {
        all.push(Runs {
            name,
            wanted,
            seconds: Vec::new(),
            script: Vec::new(),
            memory: None,
            results: Vec::new(),
        });
        commands.push(command);
    }
    for round in 1..=options.rounds {
        for (runs, command) in all.iter_mut().zip(&mut commands) {
            say(&format!("process {round} of {}: {}", options.rounds, runs.name));
            let process = Finished::of(command)?;
            let answer = json(&process.text);
            let number = |names: [&str; 2]| names.iter().find_map(|name| answer[*name].as_f64());
            let (Some(epochs), Some(accuracy)) =
                (number(["epochs_run", "epochs"]), number(["best_value", "accuracy"]))
            else {
                return Err(
                    format!("{}: `{}` says no epochs and no accuracy", runs.name, process.text).into()
                );
            };
            runs.seconds.push(process.seconds);
            runs.script.extend(answer["seconds"].as_f64().filter(|_| runs.is_script()));
            runs.memory = runs.memory.max(process.memory);
            runs.results.push((epochs as u64, accuracy));
        }
    }
    let median = |name: &str| all.iter().find(|runs| runs.name == name).map(|runs| spread(&runs.script).0);
    let most = median(FASTAI).map(|seconds| seconds * PYTHON_SHARE);
    all.iter_mut().filter(|runs| runs.name == PYTHON).for_each(|runs| runs.wanted.0 = most);
    Ok(all)
}

/// The answer: all of the text, or its last line that is an object.
fn json(text: &str) -> Value {
    let object = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
    object(text).or_else(|| text.lines().rev().find_map(object)).unwrap_or_default()
}

/// A process that has ended.
struct Finished {
    seconds: f64,
    memory: Option<u64>,
    text: String,
}

impl Finished {
    fn of(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{name} cannot be run: {error}"))?;
        // The system keeps the highest mark while the process lives, so the last look before its end counts.
        let mut memory = None;
        let status = loop {
            memory = memory.max(high_mark(&child));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let seconds = begin.elapsed().as_secs_f64();
        let text = child.stdout.take().map(std::io::read_to_string).transpose()?.unwrap_or_default();
        if status.success() {
            Ok(Self { seconds, memory, text })
        } else {
            Err(format!("{name} failed ({status})").into())
        }
    }
}

fn high_mark(child: &Child) -> Option<u64> {
    machine::number_after(&format!("/proc/{}/status", child.id()), "VmHWM:").map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_one_line_and_of_many() {
        assert_eq!(json("loading\n{\"epochs\": 4}\n")["epochs"], 4);
        assert_eq!(json("{\n  \"epochs_run\": 6\n}\n")["epochs_run"], 6);
        assert!(json("nothing").is_null());
    }

    #[test]
    fn a_process_is_timed_and_a_failed_one_is_an_error() {
        let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let finished = Finished::of(cargo().arg("--version")).unwrap();
        assert!(finished.seconds > 0.0 && finished.text.starts_with("cargo"), "{}", finished.text);
        assert!(Finished::of(cargo().arg("no-such-command")).is_err());
    }
}
