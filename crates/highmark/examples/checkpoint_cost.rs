//! What checkpoints cost: how long a step waits for one, with a model of 5 MB and with 5 MB of state in all, and how much longer the article's run takes
//! with one every epoch.
//!
//! `cargo run --release --example checkpoint_cost`

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use highmark::{
    Callback, CallbackState, CheckpointConfig, DataConfig, Event, EventSet, Flow, Learner, LearnerConfig,
    Monitor, NamedData, OneCycle, Result, SaveBest, Span, Split, Stage, TabularConfig, TabularData, Trainer,
};

/// Measures from the end of a batch to the beginning of the next, and asks for a checkpoint after every 20th.
struct Gaps {
    left: Option<Instant>,
    saved: bool,
    /// With and without a checkpoint between.
    milliseconds: Arc<Mutex<[Vec<f64>; 2]>>,
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
            gaps[usize::from(!self.saved)].push(gap);
        }
        Ok(())
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        self.saved = t.progress().train_iter.is_multiple_of(20);
        if self.saved {
            t.ask_for_checkpoint();
        }
        self.left = Some(Instant::now());
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

fn quantiles(mut x: Vec<f64>) -> String {
    x.sort_by(f64::total_cmp);
    let at = |q: f64| x.get(((x.len().max(1) - 1) as f64 * q) as usize).copied().unwrap_or(f64::NAN);
    format!(
        "median {:.3} ms, 90 % {:.3} ms, longest {:.3} ms ({} of them)",
        at(0.5),
        at(0.9),
        at(1.0),
        x.len()
    )
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
    article(&data, &folder)?;
    drop(std::fs::remove_dir_all(folder));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn stall(data: &TabularData, layers: &[usize], folder: &Path) -> Result<()> {
    let gaps = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
    let callback = Gaps { left: None, saved: false, milliseconds: Arc::clone(&gaps) };
    let monitor = Monitor::new("valid_loss");
    let mut learn = Learner::tabular(
        data,
        LearnerConfig {
            model: TabularConfig { layers: layers.into(), ..TabularConfig::default() },
            callbacks: vec![Box::new(callback), Box::new(SaveBest::new(monitor).in_memory())],
            checkpoint: Some(CheckpointConfig {
                epochs: None,
                seconds: None,
                ..CheckpointConfig::new(folder)
            }),
            ..LearnerConfig::default()
        },
    )?;
    learn.quiet();
    learn.fit_one_cycle(2, &OneCycle::default())?;
    let megabytes = learn.trainer().model.params().len() as f64 * 4e-6;
    let size = std::fs::metadata(folder.join("checkpoint.safetensors")).map_or(0, |file| file.len());
    let mut gaps = gaps.lock().unwrap_or_else(PoisonError::into_inner);
    let [with, without] = std::mem::take(&mut *gaps);
    println!("a model of {megabytes:.1} MB, a checkpoint of {:.1} MB", size as f64 * 1e-6);
    println!("between two steps with a checkpoint     {}", quantiles(with));
    println!("between two steps without               {}", quantiles(without));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn article(data: &TabularData, folder: &Path) -> Result<()> {
    let mut seconds = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (saved, seconds) in seconds.iter_mut().enumerate() {
            let mut learn = Learner::tabular(
                data,
                LearnerConfig {
                    callbacks: vec![Box::new(SaveBest::new(Monitor::new("valid_loss")).in_memory())],
                    checkpoint: (saved == 1).then(|| CheckpointConfig::new(folder)),
                    ..LearnerConfig::default()
                },
            )?;
            learn.quiet();
            let begin = Instant::now();
            let report = learn.fit_one_cycle(10, &OneCycle::default())?;
            seconds.push((begin.elapsed().as_secs_f64(), report.timings.save.as_secs_f64()));
        }
    }
    let best = |x: &[(f64, f64)]| x.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
    let ([plain, saved], [plain_of, saved_of]) =
        ([best(&seconds[0]), best(&seconds[1])], ["without", "with"]);
    println!("the article's run, 10 epochs, the fastest of 5");
    println!("{plain_of:<8} a checkpoint every epoch     {:.3} s", plain.0);
    println!(
        "{saved_of:<8} a checkpoint every epoch     {:.3} s: {:+.2} %; the training thread spent {:.1} ms on them",
        saved.0,
        (saved.0 / plain.0 - 1.0) * 100.0,
        saved.1 * 1e3
    );
    Ok(())
}
