//! What checkpoints cost: how long a step waits for one, with a model of 5 MB and with 5 MB of state in all; and how much
//! longer the article's run takes with one every epoch.
//!
//! `cargo run --release --example checkpoint_cost`

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use highmark::{
    Callback, CallbackState, CheckpointConfig, DataConfig, Event, EventSet, Flow, Learner, LearnerConfig,
    Monitor, NamedData, OneCycle, Result, SaveBest, Span, Split, Stage, TabularConfig, TabularData, Trainer,
};

/// What was measured, in milliseconds, with a checkpoint and without.
type Milliseconds = Arc<Mutex<[Vec<f64>; 2]>>;

/// Asks for a checkpoint every so many batches.
struct Asks {
    every: usize,
    /// Whether to measure from the end of a batch to the beginning of the next, or so many batches, the first of which
    /// waits for a checkpoint every other time.
    gaps: bool,
    left: Option<Instant>,
    /// Set while the state is copied for a checkpoint.
    saved: AtomicBool,
    milliseconds: Milliseconds,
}

impl Callback for Asks {
    fn name(&self) -> &'static str {
        "asks"
    }

    fn stage(&self) -> Stage {
        Stage::Persist
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Batch), Event::After(Span::Batch)])
    }

    fn before_batch(&mut self, t: &mut Trainer) -> Flow {
        if self.gaps
            && let Some(left) = self.left.take().filter(|_| t.progress().iter > 0)
        {
            let saved = *self.saved.get_mut();
            self.note(left, saved);
        }
        Ok(())
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        let now = t.progress().train_iter.is_multiple_of(self.every);
        if self.gaps {
            *self.saved.get_mut() = false;
        } else if now {
            let saved = std::mem::replace(self.saved.get_mut(), false);
            // Not a stretch with validation in it.
            if let Some(left) = self.left.take().filter(|_| t.progress().iter >= self.every) {
                self.note(left, saved);
            }
        }
        if now && (self.gaps || t.progress().train_iter.is_multiple_of(2 * self.every)) {
            t.ask_for_checkpoint();
        }
        if self.gaps || now {
            self.left = Some(Instant::now());
        }
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        self.saved.store(true, Ordering::Relaxed);
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

impl Asks {
    fn new(every: usize, gaps: bool, milliseconds: &Milliseconds) -> Self {
        let milliseconds = Arc::clone(milliseconds);
        Self { every, gaps, left: None, saved: AtomicBool::new(false), milliseconds }
    }

    fn note(&self, since: Instant, saved: bool) {
        let milliseconds = since.elapsed().as_secs_f64() * 1e3;
        self.milliseconds.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(!saved)]
            .push(milliseconds);
    }
}

fn quantiles(mut x: Vec<f64>) -> String {
    x.sort_by(f64::total_cmp);
    let at = |q: f64| x.get(((x.len().max(1) - 1) as f64 * q) as usize).copied().unwrap_or(f64::NAN);
    let [tenth, median, most, longest] = [0.1, 0.5, 0.9, 1.0].map(at);
    let count = x.len();
    format!("10 % {tenth:.3}, median {median:.3}, 90 % {most:.3}, longest {longest:.3} ms ({count} of them)")
}

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("highmark-checkpoint-cost-{}", std::process::id()));
    let config = DataConfig {
        targets: vec!["salary".into()],
        valid: Split::Rows(1024..1260),
        ..DataConfig::default()
    };
    let data = TabularData::new(&NamedData::Adult.table()?, &config)?;
    for layers in [[1100, 1050], [550, 480]] {
        stall(&data, &layers, &folder)?;
    }
    for threads in [LearnerConfig::default().threads, 1] {
        article(&data, threads, &folder)?;
    }
    drop(std::fs::remove_dir_all(folder));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn stall(data: &TabularData, layers: &[usize], folder: &Path) -> Result<()> {
    let measured = Milliseconds::default();
    let monitor = Monitor::new("valid_loss");
    let mut learn = Learner::tabular(
        data,
        LearnerConfig {
            model: TabularConfig { layers: layers.into(), ..TabularConfig::default() },
            callbacks: vec![
                Box::new(Asks::new(30, true, &measured)),
                Box::new(SaveBest::new(monitor).in_memory()),
            ],
            checkpoint: Some(CheckpointConfig {
                epochs: None,
                seconds: None,
                ..CheckpointConfig::new(folder)
            }),
            ..LearnerConfig::default()
        },
    )?;
    learn.quiet();
    learn.fit_one_cycle(3, &OneCycle::default())?;
    let megabytes = learn.trainer().model.params().len() as f64 * 4e-6;
    let size = std::fs::metadata(folder.join("checkpoint.safetensors")).map_or(0, |file| file.len());
    let [with, without] = std::mem::take(&mut *measured.lock().unwrap_or_else(PoisonError::into_inner));
    println!("a model of {megabytes:.1} MB, a checkpoint of {:.1} MB", size as f64 * 1e-6);
    println!("between two steps with a checkpoint     {}", quantiles(with));
    println!("between two steps without               {}", quantiles(without));
    Ok(())
}

/// Batches in which a checkpoint of the article's run is written to its end.
const STRETCH: usize = 84;

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn article(data: &TabularData, threads: usize, folder: &Path) -> Result<()> {
    let (measured, mut ends, mut epochs) = (Milliseconds::default(), Vec::new(), Vec::new());
    for _ in 0..10 {
        let mut learn = Learner::tabular(
            data,
            LearnerConfig {
                callbacks: vec![
                    Box::new(Asks::new(STRETCH, false, &measured)),
                    Box::new(SaveBest::new(Monitor::new("valid_loss")).in_memory()),
                ],
                checkpoint: Some(CheckpointConfig { epochs: None, ..CheckpointConfig::new(folder) }),
                threads,
                ..LearnerConfig::default()
            },
        )?;
        learn.quiet();
        let report = learn.fit_one_cycle(5, &OneCycle::default())?;
        let rows = &learn.history().rows;
        epochs.extend(rows.iter().map(|row| row.seconds * 1e3));
        // One checkpoint is the last, for which the fit waits.
        let save = report.timings.save.as_secs_f64() * 1e3;
        ends.push(save);
    }
    let mut measured = measured.lock().unwrap_or_else(PoisonError::into_inner);
    let [with, without] = std::mem::take(&mut *measured);
    let middle = |mut x: Vec<f64>| {
        x.sort_by(f64::total_cmp);
        x.get(x.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let counts = (with.len(), without.len());
    let (with, without, epoch, end) = (middle(with), middle(without), middle(epochs), middle(ends));
    let cost = with - without;
    println!("the article's run, threads: {threads}; an epoch takes {epoch:.1} ms");
    println!("{STRETCH} batches with a checkpoint           median {with:.3} ms ({} of them)", counts.0);
    println!("{STRETCH} batches without                     median {without:.3} ms ({} of them)", counts.1);
    println!("so one every epoch costs                {cost:.3} ms: {:.2} %", 100.0 * cost / epoch);
    println!("all that a fit of 5 epochs waits for    {end:.2} ms");
    Ok(())
}
