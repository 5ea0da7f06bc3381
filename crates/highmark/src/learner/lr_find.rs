//! The learning rate range test (Smith 2017) with fastai's stopping rule and suggestions.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use super::event::{Event, EventSet, Flow, RunKind, RunsOn, Span, Stage};
use super::run::Run;
use super::trainer::{Phase, Trainer};
use super::{Callback, CallbackState, Callbacks, Learner, lr_plot};
use crate::{Error, Result};

/// How the test runs; fastai's defaults.
///
/// ```
/// use highmark::LrFindConfig;
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// let config = LrFindConfig { start_lr: 1e-5, end_lr: 1.0, steps: 20, stop_diverging: false };
/// let found = learn.lr_find(&config)?;
/// assert_eq!((found.lrs.len(), found.lrs[0]), (20, 1e-5));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrFindConfig {
    /// The first rate. Default 1e-7.
    pub start_lr: f64,
    /// The last rate. Default 10.
    pub end_lr: f64,
    /// Steps; the rate grows by the same factor at each. Default 100, at least 6.
    pub steps: usize,
    /// Whether to stop once the smoothed loss is above 4 times its lowest. Default yes.
    pub stop_diverging: bool,
}

impl Default for LrFindConfig {
    fn default() -> Self {
        Self { start_lr: 1e-7, end_lr: 10.0, steps: 100, stop_diverging: true }
    }
}

impl LrFindConfig {
    fn rate(&self, step: usize, steps: usize) -> f64 {
        self.start_lr * (self.end_lr / self.start_lr).powf(step as f64 / steps as f64)
    }
}

/// A suggested rate and the smoothed loss there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// The learning rate to use.
    pub lr: f64,
    /// The point of the curve that it was taken from.
    pub point: (f64, f32),
}

/// What the test measured.
///
/// ```
/// use highmark::{LrFind, LrFindConfig, OneCycle};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// let found: LrFind = learn.lr_find(&LrFindConfig::default())?;
/// assert!(found.lrs.is_sorted() && found.lrs.len() == found.losses.len());
/// let lr_max = found.valley().map(|suggestion| suggestion.lr);
/// assert!(lr_max > Some(1e-7));
/// learn.fit_one_cycle(1, &OneCycle { lr_max, ..OneCycle::default() })?;
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LrFind {
    /// The rate of each step.
    pub lrs: Vec<f64>,
    /// The smoothed loss after it.
    pub losses: Vec<f32>,
    /// Steps planned, which decides how much of the beginning is left out of suggestions.
    pub steps: usize,
}

impl Learner {
    /// Trains on a fork of the whole state with a growing rate, to see where learning is fastest and where it diverges.
    /// Afterwards everything is as before: parameters, optimizer, random streams, history.
    pub fn lr_find(&mut self, config: &LrFindConfig) -> Result<LrFind> {
        self.lr_find_with(config, Vec::new())
    }

    /// The same, with callbacks that run on everything ([`RunsOn::Everything`]). The learner's own are not called.
    pub fn lr_find_with(&mut self, config: &LrFindConfig, extra: Vec<Box<dyn Callback>>) -> Result<LrFind> {
        let steps = config.steps.max(6);
        if !(config.start_lr > 0.0 && config.end_lr > config.start_lr && config.end_lr.is_finite()) {
            return Err(Error::config("lr-find", "the rates must be above 0 and growing"));
        }
        let sweep = Sweep { config: *config, steps, best: f32::INFINITY };
        let mut callbacks = Callbacks::default();
        callbacks.add(Box::new(sweep))?;
        extra.into_iter().try_for_each(|callback| callbacks.add(callback))?;
        let trainer = &mut self.trainer;
        let params = trainer.model.params().snapshot();
        let before = (trainer.optimizer.clone(), trainer.counters, trainer.timings, trainer.progress());
        let history = std::mem::take(&mut trainer.history);
        trainer.plan(steps / trainer.train.batches().max(1) + 1);
        let run = Run::new(trainer, &mut callbacks);
        let ended = catch_unwind(AssertUnwindSafe(|| run.fit(RunKind::LrFind, None)));
        // After a panic in a hook too.
        let measured = std::mem::replace(&mut trainer.history, history);
        (trainer.optimizer, trainer.counters, trainer.timings) = (before.0, before.1, before.2);
        trainer.resume_progress(before.3);
        trainer.model.params_mut().restore(&params)?;
        trainer.zero_grad();
        ended.unwrap_or_else(|panic| resume_unwind(panic))?;
        // Of the fit that it is for: the history has those of the last group, whose factor may be another than 1.
        let lrs = (0..measured.lrs.len()).map(|step| config.rate(step, steps)).collect();
        Ok(LrFind { lrs, losses: measured.smooth_losses, steps })
    }
}

/// The callback that turns the rate up.
struct Sweep {
    config: LrFindConfig,
    steps: usize,
    best: f32,
}

impl Callback for Sweep {
    fn name(&self) -> &'static str {
        "lr_find"
    }

    fn stage(&self) -> Stage {
        Stage::Schedule
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::Everything
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Batch), Event::After(Span::Batch), Event::Before(Span::Validate)])
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn before_batch(&mut self, t: &mut Trainer) -> Flow {
        let rate = self.config.rate(t.progress().train_iter, self.steps);
        t.optimizer.set_lr(rate);
        Ok(())
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        if t.phase() != Phase::Train {
            return Ok(());
        }
        let loss = t.history.smooth_loss();
        self.best = self.best.min(loss);
        if self.config.stop_diverging && loss > 4.0 * self.best {
            return t.cancel(Span::Fit, "the loss diverges");
        }
        if t.progress().train_iter >= self.steps {
            return t.cancel(Span::Fit, "all steps are done");
        }
        Ok(())
    }

    fn before_validate(&mut self, t: &mut Trainer) -> Flow {
        t.cancel(Span::Validate, "only training counts here")
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

impl LrFind {
    /// The part of the curve that suggestions look at: without the first tenth of the planned steps, the last five,
    /// and anything from the first NaN on.
    fn middle(&self) -> (&[f64], &[f32]) {
        let end = self.losses.len().saturating_sub(5);
        let start = (self.steps / 10).min(end);
        let losses = &self.losses[start..end];
        let finite = losses.iter().position(|loss| loss.is_nan()).unwrap_or(losses.len());
        (&self.lrs[start..start + finite], &losses[..finite])
    }

    fn at(&self, i: usize) -> Option<Suggestion> {
        let (lrs, losses) = self.middle();
        let (lr, loss) = (*lrs.get(i)?, *losses.get(i)?);
        Some(Suggestion { lr, point: (lr, loss) })
    }

    /// A point two thirds down the longest fall of the loss. `None` when the test ended too early to tell.
    pub fn valley(&self) -> Option<Suggestion> {
        let (_, losses) = self.middle();
        self.at(valley(losses))
    }

    /// The lowest loss, at a tenth of its rate.
    pub fn minimum(&self) -> Option<Suggestion> {
        let (_, losses) = self.middle();
        let lowest = (0..losses.len()).reduce(|best, i| if losses[i] < losses[best] { i } else { best })?;
        self.at(lowest).map(|found| Suggestion { lr: found.lr / 10.0, ..found })
    }

    /// Where the loss falls fastest over the logarithm of the rate.
    pub fn steep(&self) -> Option<Suggestion> {
        let (lrs, losses) = self.middle();
        let slope = |i: usize| f64::from(losses[i + 1] - losses[i]) / (lrs[i + 1].ln() - lrs[i].ln());
        let steepest = (0..losses.len().checked_sub(1)?)
            .reduce(|best, i| if slope(i) < slope(best) { i } else { best })?;
        self.at(steepest)
    }

    /// The right end of the stretch before the loss turns: two points 15 steps apart slide from the end to the
    /// left until the slopes at both differ by no more than 0.005 of the loss at the start. fastai takes 0.005 of anything,
    /// which no curve of a loss in thousands comes down to.
    pub fn slide(&self) -> Option<Suggestion> {
        const APART: usize = 15;
        const THRESHOLD: f32 = 0.005;
        let (_, losses) = self.middle();
        let n = losses.len();
        if n <= APART {
            return None;
        }
        let slopes = gradient(losses);
        let (mut right, mut left) = (n - 1, n - 1 - APART);
        let mut found = left;
        let threshold = THRESHOLD * losses[0].abs();
        while (slopes[right] - slopes[left]).abs() > threshold {
            found = left;
            if left == 0 {
                break;
            }
            (right, left) = (right - 1, left - 1);
        }
        self.at(found)
    }

    /// Draws the curve and the suggestions as an SVG.
    pub fn plot(&self, path: impl AsRef<Path>) -> Result<()> {
        lr_plot::draw(self, path.as_ref())
    }

    /// Whether a file is a picture of [`LrFind::plot`], by what is in it.
    pub fn has_drawn(path: impl AsRef<Path>) -> bool {
        lr_plot::is_drawn(path.as_ref())
    }
}

/// numpy's `gradient` over the index: central differences, one-sided at the ends.
fn gradient(y: &[f32]) -> Vec<f32> {
    let n = y.len();
    let slope = |i: usize| match i {
        0 => y[1] - y[0],
        i if i == n - 1 => y[n - 1] - y[n - 2],
        i => (y[i + 1] - y[i - 1]) / 2.0,
    };
    (0..n).map(slope).collect()
}

/// The index two thirds down the longest strictly falling subsequence, as fastai computes it.
fn valley(losses: &[f32]) -> usize {
    let mut longest = vec![1_i64; losses.len()];
    for i in 1..losses.len() {
        let before = (0..i).filter(|j| losses[i] < losses[*j]).map(|j| longest[j]).max();
        longest[i] = 1 + before.unwrap_or(0);
    }
    let most = longest.iter().copied().max().unwrap_or(1);
    // When nothing falls, fastai's start and end both stay 0.
    let (start, end) = if most == 1 {
        (0, 0)
    } else {
        let end = longest.iter().position(|length| *length == most).unwrap_or(0) as i64;
        (end - most, end)
    };
    let sections = (end - start) as f64 / 3.0;
    (start + sections as i64 + (sections / 2.0) as i64).max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valley_as_fastai() {
        let falls = [3.0, 2.9, 2.95, 2.7, 2.5, 2.6, 2.2, 1.9, 1.5, 1.6, 1.4, 2.0, 3.0];
        assert_eq!(valley(&falls), 5);
        assert_eq!(valley(&[5.0, 4.0, 3.0, 2.0, 1.0]), 0);
        assert_eq!(valley(&[1.0, 2.0, 3.0]), 0);
    }

    #[test]
    fn suggestions_on_a_known_curve() {
        let steps = 100;
        let lrs: Vec<f64> = (0..steps).map(|i| 1e-7 * 1e8_f64.powf(i as f64 / steps as f64)).collect();
        // A parabola over the step with its minimum at step 70.
        let losses: Vec<f32> = (0..steps).map(|i| ((i as f32 - 70.0) / 30.0).powi(2)).collect();
        let found = LrFind { lrs: lrs.clone(), losses, steps };
        assert_eq!(found.minimum().unwrap().lr, lrs[70] / 10.0);
        assert_eq!(found.steep().unwrap().lr, lrs[10]);
        assert!(found.slide().is_some() && found.valley().unwrap().lr < lrs[70]);
        // What unit the loss is in does not matter.
        for scale in [1e-6, 1e9] {
            let losses = found.losses.iter().map(|loss| loss * scale).collect();
            let scaled = LrFind { lrs: lrs.clone(), losses, steps };
            assert_eq!(scaled.slide().unwrap().lr, found.slide().unwrap().lr);
        }
        let short = LrFind { lrs: lrs[..4].to_vec(), losses: vec![1.0; 4], steps };
        assert_eq!((short.valley(), short.slide(), short.minimum(), short.steep()), (None, None, None, None));
    }
}
