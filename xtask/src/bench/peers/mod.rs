//! `cargo xtask bench peers`: highmark beside what people would use instead, in turn, on the same work.

mod chart;
mod contenders;
mod page;
mod process;
mod programs;

use super::pairs::Times;
use super::worker::Worker;
use super::{Result, build};
use crate::say;
use contenders::{Contender, contenders};
use programs::Programs;

/// Turns of both that are not measured, after which their accuracy is taken; beside the one that a worker begins with.
const BEFORE: usize = 4;

/// What was asked for.
pub(crate) struct Options {
    rounds: usize,
    only: Option<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self { rounds: 5, only: None };
        let mut rest = arguments;
        while let [name, value, more @ ..] = rest {
            match *name {
                "--rounds" => {
                    options.rounds = value
                        .parse()
                        .ok()
                        .filter(|rounds| *rounds > 0)
                        .ok_or_else(|| format!("--rounds: `{value}` is not a number from 1"))?;
                }
                "--only" => options.only = Some((*value).to_string()),
                other => return Err(format!("`{other}` is neither --rounds nor --only").into()),
            }
            rest = more;
        }
        match rest {
            [] => Ok(options),
            [name, ..] => Err(format!("`{name}` needs a value").into()),
        }
    }

    /// Whether a comparison of this name is to be made: `--only` lists parts of names.
    fn wants(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.only.as_ref().is_none_or(|only| only.to_lowercase().split(',').any(|part| name.contains(part)))
    }
}

/// A comparison while it is under way.
struct Bout {
    ours: Worker,
    theirs: Worker,
    outcome: Outcome,
}

/// What a comparison came to.
pub(crate) struct Outcome {
    contender: Contender,
    /// A is highmark, B the other.
    times: Times,
    /// Highmark's accuracy and the other's, both after the same number of epochs.
    accuracy: [Option<f64>; 2],
    version: String,
}

/// Measures, and writes the page unless only some comparisons were asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    build::release(&["highmark-bench", "highmark-cli"])?;
    let programs = Programs::prepare()?;
    let mut bouts = Vec::new();
    for contender in contenders(&programs) {
        if !options.wants(&contender.name) {
            continue;
        }
        say(&format!("starting {}", contender.name));
        let ours: Vec<_> = contender.ours.iter().map(String::as_str).collect();
        let mut ours = Worker::ours(&ours)?;
        let mut theirs = Worker::start(&contender.name, &mut programs.command(&contender.theirs)?)?;
        let accuracy = [trained(&mut ours)?, trained(&mut theirs)?];
        let version = [theirs.version.as_str(), &theirs.detail].join(" ").trim().to_string();
        let outcome = Outcome { contender, times: Times::default(), accuracy, version };
        bouts.push(Bout { ours, theirs, outcome });
    }
    for round in 1..=options.rounds {
        say(&format!("round {round} of {}", options.rounds));
        for bout in &mut bouts {
            bout.outcome.times.round(&mut bout.ours, &mut bout.theirs)?;
        }
    }
    // Their workers go with the bouts.
    let outcomes: Vec<Outcome> = bouts.into_iter().map(|bout| bout.outcome).collect();
    let processes = process::run(&programs, options)?;
    let text = page::text(&outcomes, &processes, options.rounds);
    say(&format!("\n{text}"));
    let picture = chart::draw(&outcomes);
    if options.only.is_none() {
        page::write(&text, &picture)?;
        say("written to docs/performance.md and docs/performance.svg");
    } else {
        // A part is no page, but worth a look.
        let path = build::target()?.join("peers/performance.svg");
        std::fs::write(&path, picture)?;
        say(&format!("docs/performance.md stays as it is; the picture is {}", path.display()));
    }
    Ok(())
}

/// Its accuracy after these turns, if its work is to train.
fn trained(worker: &mut Worker) -> Result<Option<f64>> {
    for _ in 0..BEFORE {
        worker.turn()?;
    }
    worker.accuracy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let options = Options::parse(&["--rounds", "3", "--only", "keras,jax"]).unwrap();
        assert_eq!(options.rounds, 3);
        assert!(options.wants("JAX, one core") && !options.wants("Burn"));
        assert!(Options::parse(&[]).unwrap().wants("Burn"));
        for wrong in [&["--rounds", "0"][..], &["--rounds"], &["--round", "2"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
