//! What hooks receive: the model, the optimizer, the current batch, the record, and how each step is done.

mod phase;
mod saving;
mod spans;
mod state;
mod step;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub use self::phase::Phase;
pub use self::saving::Saving;
use super::background::Background;
use super::budget::Planner;
use super::checkpoints::Checkpoints;
use super::console::Console;
use super::event::{Flow, RunKind, Signal, Span};
use super::history::History;
use super::model_file::{self, ModelDescription};
use super::non_finite::Guard;
use super::outcome::{Cancel, Outcome};
use super::progress::{Counters, Progress, Timings};
use super::stop_flag::StopFlag;
use super::watch::Watch;
use crate::data::{Batch, Loader, NextBatch, Pipeline};
use crate::losses::Loss;
use crate::metrics::{Metric, Predictions};
use crate::models::Model;
use crate::nn::Mode;
use crate::optim::Optimizer;
use crate::{Error, Result};

/// What hooks receive. It knows how to do each thing; the loop knows the order.
///
/// | field or method | who may change it | there from |
/// |---|---|---|
/// | `model`, `optimizer` | any hook of a fit | `before_fit` |
/// | `batch` | `before_batch` | `before_batch` |
/// | `predictions` | `after_pred` | `after_pred` |
/// | `loss_value()` | nobody | `after_loss` |
/// | `grad` | `after_loss` | `after_loss`, when training |
/// | gradients of parameters | `after_backward`, `before_step` | `after_backward` |
/// | `history` | nobody but the loop | `before_fit`; a row's metrics from `after_validate` |
///
/// ```
/// use highmark::{Event, Span, Trainer, on};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// // In a hook: half the rate after each epoch.
/// let halve = on("halve", Event::After(Span::Epoch), |t: &mut Trainer| {
///     let lr = t.optimizer.lr();
///     t.optimizer.set_lr(lr / 2.0);
///     Ok(())
/// });
/// learn.callbacks_mut().add(halve)?;
/// learn.fit(2, Some(0.01))?;
/// // And between fits: what the last one has left.
/// let t: &Trainer = learn.trainer();
/// assert_eq!((t.optimizer.lr(), t.history.lrs[0], t.history.rows.len()), (0.0025, 0.01, 2));
/// # Ok::<(), highmark::Error>(())
/// ```
pub struct Trainer {
    /// The model.
    pub model: Box<dyn Model>,
    /// The optimizer, its hyper-parameters and its state.
    pub optimizer: Optimizer,
    /// The record of the fit under way, or of the last one.
    pub history: History,
    /// The batch under way.
    pub batch: Batch,
    /// The predictions for it, rows × outputs, before the loss's activation.
    pub predictions: Vec<f32>,
    /// The gradient of the loss with respect to the predictions, when training.
    pub grad: Vec<f32>,
    /// Where lines for the user go.
    pub console: Console,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) metrics: Vec<Box<dyn Metric>>,
    pub(crate) train: Loader,
    /// The next of those of `train`.
    next: Arc<NextBatch>,
    pub(crate) valid: Loader,
    pub(crate) description: ModelDescription,
    pub(crate) model_dir: PathBuf,
    pub(crate) seed: u64,
    pub(crate) accumulate: usize,
    pub(crate) guard: Guard,
    pub(crate) planner: Option<Planner>,
    /// When what a fit is a part of began, if it is to be counted from there.
    pub(crate) counts_from: Option<Instant>,
    pub(crate) watch: Watch,
    pub(crate) stop: StopFlag,
    /// Whether a cancel of the fit in `after_epoch` waits until everybody has been called.
    pub(crate) all_see_epochs_end: bool,
    pub(crate) counters: Counters,
    pub(crate) valid_record: Vec<f64>,
    pub(crate) timings: Timings,
    progress: Progress,
    /// The epochs that the fit was asked for, whatever a budget makes of them.
    asked_epochs: usize,
    kind: RunKind,
    phase: Phase,
    open: Vec<Span>,
    /// Set while no epoch has begun in this run.
    fresh: bool,
    /// Whether the fit goes on from a checkpoint, and the spans that it was in, innermost first.
    resumed: bool,
    reenter: Vec<Span>,
    /// How often the history was put back.
    turn: u32,
    pub(crate) checkpoints: Option<Checkpoints>,
    /// Writes files while a fit goes on.
    background: Option<Background>,
    /// The newest one that the last fit has left.
    pub(crate) checkpoint: Option<PathBuf>,
    started: [Instant; 2],
    loss_value: f32,
    valid_loss: (f64, usize),
    reason: Option<String>,
    cancels: Vec<Cancel>,
    outcome: Outcome,
}

/// Without numbers in bulk.
impl fmt::Debug for Trainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("model", &self.model.name())
            .field("loss", &self.loss.name())
            .field("metrics", &self.metrics)
            .field("progress", &self.progress)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// The parts that a trainer is made of.
pub(crate) struct Parts {
    pub(crate) model: Box<dyn Model>,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) optimizer: Optimizer,
    pub(crate) metrics: Vec<Box<dyn Metric>>,
    pub(crate) train: Loader,
    pub(crate) valid: Loader,
    pub(crate) description: ModelDescription,
    pub(crate) model_dir: PathBuf,
    pub(crate) seed: u64,
    pub(crate) accumulate: usize,
    pub(crate) guard: Guard,
    pub(crate) stop: StopFlag,
}

impl Trainer {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { model, loss, optimizer, metrics, train, valid, description, .. } = parts;
        let Parts { model_dir, seed, accumulate, guard, stop, .. } = parts;
        let now = Instant::now();
        Self {
            batch: train.empty_batch(),
            model,
            optimizer,
            history: History::default(),
            predictions: Vec::new(),
            grad: Vec::new(),
            console: Console::default(),
            loss,
            metrics,
            next: Arc::new(NextBatch::new(&train)),
            train,
            valid,
            description,
            model_dir,
            seed,
            accumulate,
            guard,
            planner: None,
            counts_from: None,
            watch: Watch::since(now),
            stop,
            all_see_epochs_end: false,
            counters: Counters::default(),
            valid_record: Vec::new(),
            timings: Timings::default(),
            progress: Progress::default(),
            asked_epochs: 0,
            kind: RunKind::Fit,
            phase: Phase::Validate,
            open: Vec::new(),
            fresh: true,
            resumed: false,
            reenter: Vec::new(),
            turn: 0,
            checkpoints: None,
            background: None,
            checkpoint: None,
            started: [now; 2],
            loss_value: f32::NAN,
            valid_loss: (0.0, 0),
            reason: None,
            cancels: Vec::new(),
            outcome: Outcome::Running,
        }
    }

    /// Where the fit is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The fraction of all training batches of the fit that lie behind: k / T before batch k of T, as fastai counts.
    pub fn pct_train(&self) -> f64 {
        if let Some(position) = self.planned_position() {
            return position;
        }
        let batches = self.train.batches();
        let ended = self.history.iters.len();
        let done = if self.phase == Phase::Train {
            self.progress.epoch * batches + self.progress.iter
        } else if self.progress.train_iter > self.history.iters.last().copied().unwrap_or(0) {
            (ended + 1) * batches
        } else {
            ended * batches
        };
        done as f64 / (self.progress.n_epoch * batches).max(1) as f64
    }

    /// Training or not.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What the loop is doing it for.
    pub fn run_kind(&self) -> RunKind {
        self.kind
    }

    /// How the run ended; `Running` until then.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Everything that was cancelled in the run, in order.
    pub fn cancels(&self) -> &[Cancel] {
        &self.cancels
    }

    /// The mean loss of the batch, from `after_loss` on.
    pub fn loss_value(&self) -> f32 {
        self.loss_value
    }

    /// The loss's name.
    pub fn loss_name(&self) -> &str {
        self.loss.name()
    }

    /// The metrics, in the order of the table.
    pub fn metrics(&self) -> &[Box<dyn Metric>] {
        &self.metrics
    }

    /// How the training data is prepared, if the model was made for a table.
    pub fn pipeline(&self) -> Option<&Pipeline> {
        self.description.pipeline.as_ref()
    }

    /// The folder for models that callbacks save.
    pub fn model_dir(&self) -> &Path {
        &self.model_dir
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The flag that stops the run between two batches; a hook may raise it.
    pub fn stop_flag(&self) -> &StopFlag {
        &self.stop
    }

    /// Leaves `span` and says why: `return t.cancel(Span::Fit, "good enough")`.
    pub fn cancel(&mut self, span: Span, reason: impl Into<String>) -> Flow {
        self.reason = Some(reason.into());
        Err(Signal::Cancel(span))
    }

    /// Shows the user a line.
    pub fn say(&mut self, line: &str) {
        self.console.line(line);
    }

    /// Saves the model as `NAME.safetensors` in the model folder, with the optimizer's state if asked; returns the path.
    pub fn save(&mut self, name: &str, with_optimizer: bool) -> Result<PathBuf> {
        let path = self.model_dir.join(format!("{name}.safetensors"));
        self.save_to(&path, with_optimizer)?;
        Ok(path)
    }

    /// Saves the model to `path`, whole or not at all.
    pub fn save_to(&mut self, path: impl AsRef<Path>, with_optimizer: bool) -> Result<()> {
        let epoch = self.history.rows.last().map(|row| row.epoch);
        self.save_as_of(path, with_optimizer, epoch, self.counters.steps)
    }

    /// Training batches ever made, which a saved model tells.
    pub fn steps(&self) -> u64 {
        self.counters.steps
    }

    /// Saves a model that is of an earlier epoch, and step, than the one under way.
    pub fn save_as_of(
        &mut self,
        path: impl AsRef<Path>,
        with_optimizer: bool,
        epoch: Option<usize>,
        steps: u64,
    ) -> Result<()> {
        let begin = Instant::now();
        self.catch_up();
        let mut description = self.description.clone();
        (description.provenance.epoch, description.provenance.steps) = (epoch, steps);
        let optimizer = with_optimizer.then_some(&self.optimizer);
        model_file::save(path.as_ref(), &description, self.model.params(), optimizer)?;
        self.timings.save += begin.elapsed();
        Ok(())
    }

    /// Takes the parameters, and the optimizer's state if asked and there, from a file of this model or of fastai's
    /// (as safetensors). Returns whether the optimizer's state came along.
    pub fn load_from(&mut self, path: impl AsRef<Path>, with_optimizer: bool) -> Result<bool> {
        self.catch_up();
        let optimizer = with_optimizer.then_some(&mut self.optimizer);
        model_file::load_into(path.as_ref(), self.model.params_mut(), optimizer)
    }

    /// Notes what a saved model was the best by; it goes into its file.
    pub fn note_monitored(&mut self, monitor: &str, value: f64) {
        self.description.provenance.monitor = Some((monitor.to_string(), value));
    }

    // What the loop calls, in its order.

    pub(crate) fn plan(&mut self, epochs: usize) {
        self.progress = Progress { n_epoch: epochs, ..Progress::default() };
        self.asked_epochs = epochs;
    }

    pub(crate) fn asked_epochs(&self) -> usize {
        self.asked_epochs
    }

    pub(crate) fn set_epochs(&mut self, epochs: usize) {
        self.progress.n_epoch = epochs;
    }

    pub(crate) fn set_pass_len(&mut self, batches: usize) {
        self.progress.n_iter = batches;
    }

    pub(crate) fn is_training(&self) -> bool {
        self.phase == Phase::Train
    }

    pub(crate) fn resume_progress(&mut self, progress: Progress) {
        self.progress = progress;
    }

    pub(crate) fn begin(&mut self, kind: RunKind) {
        self.kind = kind;
        self.cancels.clear();
        self.outcome = Outcome::Running;
        self.open.clear();
        self.reenter.clear();
        self.resumed = false;
        if kind == RunKind::Validate {
            return;
        }
        if kind == RunKind::Fit {
            self.guard.start();
            self.planner.iter_mut().for_each(Planner::start);
            let limited = self.planner.as_ref().and_then(Planner::watch).cloned();
            let start = self.counts_from.unwrap_or_else(Instant::now);
            self.watch = limited.unwrap_or_else(|| Watch::since(start));
        }
        self.fresh = true;
        self.timings = Timings::default();
        self.counters.waiting = 0;
        self.zero_grad();
        let metric_names = self.metrics.iter().map(|m| m.name().to_string()).collect();
        self.history = History { metric_names, ..History::default() };
    }

    pub(crate) fn next_epoch(&mut self) -> bool {
        self.progress.epoch += usize::from(!std::mem::take(&mut self.fresh));
        self.plan_epoch();
        self.progress.epoch < self.progress.n_epoch
    }

    pub(crate) fn is_last_epoch(&self) -> bool {
        self.plan_is_over().unwrap_or(self.progress.epoch + 1 >= self.progress.n_epoch)
    }

    pub(crate) fn next_train_batch(&mut self) -> bool {
        self.plan_batches();
        if self.progress.iter >= self.progress.n_iter {
            return false;
        }
        let position = self.progress.iter;
        if !self.next.take(position, &mut self.batch) {
            self.train.load(position, &mut self.batch);
        }
        self.next.ask(&self.train, position + 1);
        true
    }

    pub(crate) fn next_valid_batch(&mut self) -> bool {
        if self.progress.iter >= self.progress.n_iter {
            return false;
        }
        if !self.plan_validation() {
            // As a cancelled validation: what there is of it would be compared with whole ones.
            self.progress.n_iter = usize::MAX;
            return false;
        }
        self.valid.load(self.progress.iter, &mut self.batch);
        true
    }

    pub(crate) fn forward(&mut self) -> Result<()> {
        let mode = match self.phase {
            Phase::Train => Mode::Train { seed: self.seed, step: self.counters.steps },
            Phase::Validate => Mode::Eval,
        };
        self.catch_up_on_batch();
        self.model.forward(&self.batch, mode, &mut self.predictions)
    }

    pub(crate) fn compute_loss(&mut self) -> Result<()> {
        let Some(targets) = &self.batch.targets else {
            return Err(Error::data("these rows have no targets, so there is no loss"));
        };
        let outputs = self.model.outputs();
        if self.phase == Phase::Validate {
            self.loss_value = self.loss.evaluate(&self.predictions, outputs, targets, None)?;
            self.valid_loss.0 += f64::from(self.loss_value) * self.batch.rows as f64;
            self.valid_loss.1 += self.batch.rows;
            return Ok(());
        }
        self.grad.resize(self.predictions.len(), 0.0);
        self.loss_value = self.loss.evaluate(&self.predictions, outputs, targets, Some(&mut self.grad))?;
        if self.accumulate > 1 {
            let part = 1.0 / self.accumulate as f32;
            self.grad.iter_mut().for_each(|g| *g *= part);
        }
        let lr = self.optimizer.lr() * self.lr_scale();
        self.history.add_step(self.loss_value, lr, self.optimizer.mom());
        Ok(())
    }

    pub(crate) fn backward(&mut self) -> Result<()> {
        self.counters.waiting += 1;
        self.model.backward(&self.batch, &self.grad)
    }

    pub(crate) fn update_metrics(&mut self) -> Result<()> {
        let Some(targets) = &self.batch.targets else { return Ok(()) };
        let (outputs, activation) = (self.model.outputs(), self.loss.activation());
        let predictions = Predictions { raw: &self.predictions, outputs, activation };
        self.metrics.iter_mut().try_for_each(|metric| metric.update(&predictions, targets))
    }
}
