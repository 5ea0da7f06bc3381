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

/// Measures from the end of a batch to the beginning of the next, and asks for a checkpoint after every 30th.
struct Gaps {
    left: Option<Instant>,
    /// Set while the state is copied for a checkpoint.
    saved: AtomicBool,
    milliseconds: Milliseconds,
}

impl Callback for Gaps {
    fn name(&self) -> &'static str {
        "gaps"
    }

    fn stage(&self) -> Stage {
        Stage::Persist
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Batch), Event::After(Span::Batch)])
    }

    fn before_batch(&mut self, t: &mut Trainer) -> Flow {
        if let Some(left) = self.left.take().filter(|_| t.progress().iter > 0) {
            let gap = left.elapsed().as_secs_f64() * 1e3;
            let mut gaps = self.milliseconds.lock().unwrap_or_else(PoisonError::into_inner);
            gaps[usize::from(!*self.saved.get_mut())].push(gap);
        }
        Ok(())
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        *self.saved.get_mut() = false;
        if t.progress().train_iter.is_multiple_of(30) {
            t.ask_for_checkpoint();
        }
        self.left = Some(Instant::now());
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
    let gaps = Gaps { left: None, saved: AtomicBool::new(false), milliseconds: Arc::clone(&measured) };
    let monitor = Monitor::new("valid_loss");
    let mut learn = Learner::tabular(
        data,
        LearnerConfig {
            model: TabularConfig { layers: layers.into(), ..TabularConfig::default() },
            callbacks: vec![Box::new(gaps), Box::new(SaveBest::new(monitor).in_memory())],
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

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn article(data: &TabularData, threads: usize, folder: &Path) -> Result<()> {
    const EPOCHS: usize = 10;
    let (mut seconds, mut waits) = ([Vec::new(), Vec::new()], Vec::new());
    for _ in 0..15 {
        for (saved, seconds) in seconds.iter_mut().enumerate() {
            let mut learn = Learner::tabular(
                data,
                LearnerConfig {
                    callbacks: vec![Box::new(SaveBest::new(Monitor::new("valid_loss")).in_memory())],
                    checkpoint: (saved == 1).then(|| CheckpointConfig::new(folder)),
                    threads,
                    ..LearnerConfig::default()
                },
            )?;
            learn.quiet();
            let begin = Instant::now();
            let report = learn.fit_one_cycle(EPOCHS, &OneCycle::default())?;
            seconds.push(begin.elapsed().as_secs_f64());
            if saved == 1 {
                waits.push(report.timings.save.as_secs_f64());
            }
        }
    }
    let middle = |mut x: Vec<f64>| {
        x.sort_by(f64::total_cmp);
        1e3 * x.get(x.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let ([without, with], waits) = (seconds.map(middle), middle(waits));
    println!(
        "the article's run, {EPOCHS} epochs, threads: {threads}; medians of 15, one with and one without by turns"
    );
    println!("without checkpoints                     {without:.1} ms");
    println!(
        "with one every epoch                    {with:.1} ms: {:+.2} %",
        (with / without - 1.0) * 100.0
    );
    println!("of which training waits, the end included  {waits:.1} ms: {:.2} %", waits / without * 100.0);
    Ok(())
}
