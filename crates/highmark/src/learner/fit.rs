//! The ways to fit.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use super::event::RunKind;
use super::report::Report;
use super::run::Run;
use super::{Budget, Callback, Learner};
use crate::callbacks::{ParamScheduler, SaveBest};
use crate::optim::Schedule;
use crate::{Error, Result};

/// The shape of one cycle (Smith 2018, with fastai's cosines and defaults).
///
/// ```
/// use highmark::OneCycle;
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// learn.fit_one_cycle(4, &OneCycle { lr_max: Some(0.01), div: 10.0, ..OneCycle::default() })?;
/// let lrs = &learn.history().lrs;
/// let highest = lrs.iter().copied().fold(0.0, f64::max);
/// assert!((lrs[0] - 0.001).abs() < 1e-12 && (highest - 0.01).abs() < 1e-12);
/// // A quarter of the way up, the rest down.
/// assert_eq!(lrs[lrs.len() / 4], highest);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// The highest learning rate; the learner's if `None`.
    pub lr_max: Option<f64>,
    /// The cycle begins at `lr_max / div`. Default 25.
    pub div: f64,
    /// It ends at `lr_max / div_final`. Default 1e5.
    pub div_final: f64,
    /// The fraction in which the rate rises. Default 0.25.
    pub pct_start: f64,
    /// Momentum at the start, at the highest rate and at the end. Default 0.95, 0.85, 0.95.
    pub moms: (f64, f64, f64),
}

impl Default for OneCycle {
    fn default() -> Self {
        Self { lr_max: None, div: 25.0, div_final: 1e5, pct_start: 0.25, moms: (0.95, 0.85, 0.95) }
    }
}

/// A flat rate that falls at the end as a cosine (fastai's `fit_flat_cos`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlatCos {
    /// The rate; the learner's if `None`.
    pub lr: Option<f64>,
    /// It ends at `lr / div_final`. Default 1e5.
    pub div_final: f64,
    /// The fraction in which it is flat. Default 0.75.
    pub pct_start: f64,
}

impl Default for FlatCos {
    fn default() -> Self {
        Self { lr: None, div_final: 1e5, pct_start: 0.75 }
    }
}

impl Learner {
    /// Trains for `epochs` epochs at a constant rate: `lr`, or the learner's.
    pub fn fit(&mut self, epochs: usize, lr: Option<f64>) -> Result<Report> {
        self.fit_with(epochs, lr, &Schedule::Flat, Vec::new())
    }

    /// Trains for `epochs` epochs in one cycle.
    pub fn fit_one_cycle(&mut self, epochs: usize, cycle: &OneCycle) -> Result<Report> {
        self.fit_one_cycle_with(epochs, cycle, Vec::new())
    }

    /// The same, with callbacks for this fit alone.
    pub fn fit_one_cycle_with(
        &mut self,
        epochs: usize,
        cycle: &OneCycle,
        callbacks: Vec<Box<dyn Callback>>,
    ) -> Result<Report> {
        let OneCycle { lr_max, div, div_final, pct_start, moms } = *cycle;
        self.fit_with(epochs, lr_max, &Schedule::OneCycle { div, div_final, pct_start, moms }, callbacks)
    }

    /// Trains for `epochs` epochs at a rate that is flat and then falls.
    pub fn fit_flat_cos(&mut self, epochs: usize, shape: &FlatCos) -> Result<Report> {
        let FlatCos { lr, div_final, pct_start } = *shape;
        self.fit_with(epochs, lr, &Schedule::FlatCos { div_final, pct_start }, Vec::new())
    }

    /// Trains for `epochs` epochs under any schedule of at most `lr` (the learner's if `None`), with `callbacks`
    /// for this fit alone.
    ///
    /// The optimizer's state goes on from the last fit. The model is what the callbacks leave: with [`crate::SaveBest`]
    /// the best one, else that of the last epoch.
    pub fn fit_with(
        &mut self,
        epochs: usize,
        lr: Option<f64>,
        schedule: &Schedule,
        callbacks: Vec<Box<dyn Callback>>,
    ) -> Result<Report> {
        let lr = lr.unwrap_or(self.lr);
        if !(lr.is_finite() && lr > 0.0) {
            return Err(Error::config("lr", format!("{lr} is not a positive number")));
        }
        if self.trainer.planner.is_none() && epochs.checked_mul(self.trainer.train.batches()).is_none() {
            return Err(Error::config("epochs", format!("{epochs} are more than can be counted in batches")));
        }
        let (mut extra, mut scheduler) = (callbacks, None);
        if *schedule != Schedule::Flat {
            schedule.check()?;
            if self.trainer.planner.is_some() && matches!(schedule, Schedule::CosineRestarts { .. }) {
                let message = "cosine-restarts counts its cycles in epochs, and a budget decides how many there are; choose another";
                return Err(Error::config("schedule", message));
            }
            if self.callbacks.get::<ParamScheduler>().is_some()
                || extra.iter().any(|callback| callback.name() == ParamScheduler::NAME)
            {
                let message = "this kind of fit has a schedule of its own, and there is a ParamScheduler among the callbacks; \
                               take it out, or use `fit`, which has none";
                return Err(Error::config("callbacks", message));
            }
            let (lr, mom) = schedule.curves(lr, epochs);
            scheduler = Some(ParamScheduler::new(lr, mom));
        }
        if self.checkpoint.is_some() || self.resume.is_some() {
            let identity = self.identity(lr, schedule, &extra)?;
            self.prepare_resume(epochs, identity)?;
        }
        extra.extend(scheduler.map(|scheduler| Box::new(scheduler) as Box<dyn Callback>));
        self.trainer.optimizer.set_lr(lr);
        self.trainer.plan(epochs);
        let fitted = self.with_callbacks(extra, |learner| {
            SaveBest::check_apart(learner.callbacks.all(), &learner.trainer)?;
            if let Some(found) =
                learner.resume.as_ref().filter(|found| !found.checkpoint.meta.position.finished)
            {
                learner.callbacks.check_states(&found.checkpoint)?;
            }
            // Until here what was wrong can be put right, and the next fit still goes on from it.
            let from = learner.resume.take();
            let from = from.as_ref().map(|found| &found.checkpoint);
            Run::new(&mut learner.trainer, &mut learner.callbacks).fit(RunKind::Fit, from)
        });
        // After a panic in a hook too.
        self.trainer.finish_saving();
        fitted.unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(Report {
            outcome: self.trainer.outcome().clone(),
            epochs_planned: if self.trainer.planner.is_some() {
                self.trainer.progress().n_epoch
            } else {
                epochs
            },
            epochs_run: self.trainer.history.rows.len(),
            timings: self.trainer.timings,
            non_finite: self.trainer.non_finite(),
            budget: self.trainer.budget_use(),
            checkpoint: self.trainer.checkpoint.take(),
        })
    }

    /// Gives the fits from now on a limit of time; `None` takes it away. It counts from [`Budget::new`] on, whatever is done
    /// meanwhile: a second fit has what the first has left of it. Asked for `usize::MAX` epochs, a fit makes as many as fit in.
    pub fn set_budget(&mut self, budget: Option<Budget>) {
        self.trainer.set_budget(budget);
    }

    /// Counts the time of the fits from now on from `start`, in place of their own beginning: what a process has loaded before
    /// counts too. It goes into checkpoints, for a limit that a fit is given when it is resumed. A budget has a clock of its
    /// own.
    pub fn count_from(&mut self, start: Instant) {
        self.trainer.counts_from = Some(start);
    }

    /// Calls `act` with more callbacks and takes them out again on every way out. A panic is given back.
    fn with_callbacks<T>(
        &mut self,
        extra: Vec<Box<dyn Callback>>,
        act: impl FnOnce(&mut Self) -> Result<T>,
    ) -> std::thread::Result<Result<T>> {
        let mut names = Vec::new();
        let mut added = Ok(());
        for callback in extra {
            let name = callback.name().to_string();
            added = self.callbacks.add(callback);
            if added.is_err() {
                break;
            }
            names.push(name);
        }
        let result = catch_unwind(AssertUnwindSafe(|| added.and_then(|()| act(self))));
        // A panic leaves the loop in the middle.
        self.trainer.stop_deferring();
        for name in names {
            self.callbacks.remove(&name);
        }
        result
    }
}
