//! What happens when a loss or a gradient is no longer a number.
//!
//! It is found before the step that it would go into, so the parameters stay numbers whatever the policy. The forward pass
//! has by then moved the running statistics of batch norm; they are put back, too.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::callback::CallbackState;
use super::event::{RunKind, Signal, Span};
use super::history::Smooth;
use super::trainer::{Phase, Trainer};
use crate::engine::Snapshot;
use crate::optim::OptimizerState;
use crate::{Error, Result};

/// What to do about a loss or a gradient that is NaN or infinite.
///
/// A step that is left out is left out whole: parameters, moments, the optimizer's count of steps and the running statistics
/// are those of before the batch, and the smoothed loss passes over it. Ten such steps in a row end the fit under every policy.
/// What is looked at are the loss and the gradients as the backward pass leaves them: a hook that makes them infinite in
/// `before_step`, or a learning rate that is no number, is not found before the next batch; nor is a parameter
/// that is infinite, as long as a ReLU answers 0 to it: the gradient there is 0, which is not multiplied.
///
/// ```
/// use highmark::NonFinite;
/// assert_eq!(NonFinite::default(), NonFinite::Stop);
/// assert_eq!(NonFinite::parse("rollback")?, NonFinite::Rollback { every: 100, factor: 0.5 });
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case", deny_unknown_fields)]
pub enum NonFinite {
    /// The fit ends, in validation too. The best model is handed back if [`crate::SaveBest`] keeps one, else the last one
    /// whose step was sound.
    #[default]
    Stop,
    /// The step is left out. A validation loss that is not finite is counted.
    Skip,
    /// Parameters and optimizer go back to the last sound ones kept, and the learning rate is lowered for the rest of the
    /// fit, whatever its schedule; the fit goes on with the next batch. A validation loss that is not finite does the same
    /// before the next epoch.
    Rollback {
        /// Steps between two copies kept in memory, at least 1. Default 100.
        #[serde(default = "default_every")]
        every: u64,
        /// What the rate is multiplied by each time, between 0 and 1. Default 0.5.
        #[serde(default = "default_factor")]
        factor: f64,
    },
}

fn default_every() -> u64 {
    100
}

fn default_factor() -> f64 {
    0.5
}

impl NonFinite {
    /// The names that [`NonFinite::parse`] knows.
    pub const NAMES: [&'static str; 3] = ["stop", "skip", "rollback"];

    /// The policy called `name` with its defaults.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "stop" => Self::Stop,
            "skip" => Self::Skip,
            "rollback" => Self::Rollback { every: default_every(), factor: default_factor() },
            _ => return Err(Error::unknown("policy for values that are not finite", name, Self::NAMES)),
        })
    }

    /// Whether its numbers make sense.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Rollback { every: 0, .. } => {
                Err(Error::config("non-finite", "every: keep a copy every 1 step or more"))
            }
            Self::Rollback { factor, .. } if !(*factor > 0.0 && *factor < 1.0) => {
                let message = format!("factor: must be between 0 and 1, not {factor}");
                Err(Error::config("non-finite", message))
            }
            _ => Ok(()),
        }
    }
}

/// How often a fit met a value that is not finite, and what came of it.
///
/// ```
/// use highmark::{Event, NonFinite, Span, on};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// // The first training batch has a number that is none.
/// let spoil = on("spoil", Event::Before(Span::Batch), |t| {
///     if t.progress().train_iter == 0 {
///         t.batch.x_cont[0] = f32::NAN;
///     }
///     Ok(())
/// });
/// learn.callbacks_mut().add(spoil)?;
/// learn.set_non_finite(NonFinite::Skip)?;
/// let counts = learn.fit(1, None)?.non_finite;
/// assert_eq!((counts.skipped, counts.rolled_back, counts.validations), (1, 0, 0));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonFiniteCounts {
    /// Steps left out, the one that ended the fit among them.
    pub skipped: usize,
    /// Times that the fit went back to an earlier state.
    pub rolled_back: usize,
    /// Validation passes with a loss that was not finite.
    pub validations: usize,
}

impl NonFiniteCounts {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// After so many steps in a row, going on is a waste.
const IN_A_ROW: usize = 10;

/// The policy at work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    policy: NonFinite,
    state: State,
    /// What the batch under way is taken back to: the running statistics. (Parameters only change in a step.)
    buffers: Vec<f32>,
    smooth: Smooth,
    good: Option<Good>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    counts: NonFiniteCounts,
    in_a_row: usize,
    /// What the learning rate is multiplied by.
    scale: f64,
    /// Gradients that wait for a step are not all finite.
    poisoned: bool,
    /// A validation asks for a rollback before the next training batch.
    rollback_due: bool,
    /// The last epoch whose validation loss was not finite.
    lost_validation: Option<usize>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            counts: NonFiniteCounts::default(),
            in_a_row: 0,
            scale: 1.0,
            poisoned: false,
            rollback_due: false,
            lost_validation: None,
        }
    }
}

/// A sound state to go back to.
#[derive(Clone, Debug)]
struct Good {
    params: Snapshot,
    optimizer: OptimizerState,
    at: GoodAt,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct GoodAt {
    optimizer_steps: u64,
    train_iter: usize,
    epoch: usize,
    smooth: Smooth,
}

/// What a checkpoint holds of it.
#[derive(Serialize, Deserialize)]
struct Saved {
    state: State,
    good: Option<GoodAt>,
}

impl Guard {
    pub(crate) fn new(policy: NonFinite) -> Self {
        Self { policy, ..Self::default() }
    }

    pub(crate) fn start(&mut self) {
        (self.state, self.good) = (State::default(), None);
    }

    pub(crate) fn policy(&self) -> NonFinite {
        self.policy
    }

    pub(crate) fn counts(&self) -> NonFiniteCounts {
        self.state.counts
    }

    /// Everything that a resumed fit needs to go on alike.
    pub(crate) fn save_state(&self) -> Result<CallbackState> {
        let saved = Saved { state: self.state.clone(), good: self.good.as_ref().map(|good| good.at) };
        let mut state = CallbackState::of(&saved)?;
        if let Some(good) = &self.good {
            good.params.write_to(&mut state.tensors);
            let moments = good.optimizer.tensors.iter();
            state.tensors.extend(moments.map(|(name, tensor)| (name.clone(), Arc::clone(tensor))));
        }
        Ok(state)
    }

    /// Takes back what [`Guard::save_state`] gave.
    pub(crate) fn load_state(&mut self, saved: &CallbackState) -> Result<()> {
        let Saved { state, good } = saved.read()?;
        let params = Snapshot::read_from(&saved.tensors);
        let moment = |name: &str| Some((name.to_string(), Arc::clone(saved.tensors.get(name)?)));
        let tensors = ["grad_avg", "sqr_avg"].into_iter().filter_map(moment).collect();
        self.good = good.zip(params).map(|(at, params)| {
            let optimizer = OptimizerState { steps: at.optimizer_steps, hypers: Vec::new(), tensors };
            Good { params, optimizer, at }
        });
        self.state = state;
        Ok(())
    }
}

impl Trainer {
    /// How often this fit, or the last, met a value that is not finite.
    pub fn non_finite(&self) -> NonFiniteCounts {
        self.guard.counts()
    }

    /// What the learning rate is multiplied by.
    pub(crate) fn lr_scale(&self) -> f64 {
        if self.run_kind() == RunKind::Fit { self.guard.state.scale } else { 1.0 }
    }

    /// A step at the lowered rate. For this step alone: schedules and callbacks go on to set and to see the full one.
    pub(crate) fn scaled_step(&mut self) {
        let scale = self.lr_scale();
        let lrs: Vec<f64> = self.optimizer.groups().iter().map(|group| group.hypers.lr).collect();
        let lowered: Vec<f64> = lrs.iter().map(|lr| lr * scale).collect();
        // There is one for each group, so this cannot fail.
        drop(self.optimizer.set_lrs(&lowered));
        self.model.step(&mut self.optimizer);
        drop(self.optimizer.set_lrs(&lrs));
    }

    /// Before a training batch: remembers what its forward pass changes.
    pub(crate) fn mark_batch(&mut self) {
        if self.run_kind() != RunKind::Fit {
            return;
        }
        if std::mem::take(&mut self.guard.state.rollback_due) {
            self.roll_back("the validation loss");
        }
        // While gradients wait that are not finite, these are what the batch before was taken back to.
        self.guard.buffers.clone_from(&self.model.params().buffers);
        self.guard.smooth = self.history.smooth;
    }

    /// After a backward pass: whether its gradients may go into a step. What is not finite is dealt with here; a cancel
    /// ends the fit.
    pub(crate) fn examine(&mut self) -> Result<bool, Signal> {
        if self.run_kind() != RunKind::Fit {
            return Ok(true);
        }
        let loss = self.loss_value();
        if loss.is_finite() && self.model.grads_are_finite() {
            self.guard.state.in_a_row = 0;
            self.keep_good();
            return Ok(true);
        }
        let what = self.what_is_not_finite();
        let params = self.model.params_mut();
        params.buffers.copy_from_slice(&self.guard.buffers);
        self.history.smooth = self.guard.smooth;
        self.guard.state.poisoned = true;
        if self.guard.policy == NonFinite::Stop {
            self.guard.state.counts.skipped += 1;
            return Err(self.give_up(&what));
        }
        if !self.step_is_due() {
            return Ok(false);
        }
        self.zero_grad();
        let state = &mut self.guard.state;
        state.poisoned = false;
        state.counts.skipped += 1;
        state.in_a_row += 1;
        if state.in_a_row >= IN_A_ROW {
            return Err(self.give_up(&format!("{what}, after {IN_A_ROW} such steps in a row")));
        }
        if let NonFinite::Rollback { .. } = self.guard.policy {
            self.roll_back(&what);
        } else if self.guard.state.counts.skipped == 1 {
            self.say(&format!("{what}: the step is skipped (later ones are only counted)"));
        }
        Ok(false)
    }

    /// After the loss of a validation batch.
    pub(crate) fn examine_validation(&mut self) -> Result<(), Signal> {
        let (at, loss) = (self.progress(), self.loss_value());
        if self.run_kind() != RunKind::Fit || loss.is_finite() {
            return Ok(());
        }
        match self.guard.policy {
            NonFinite::Stop => {
                self.guard.state.counts.validations += 1;
                let what = self.what_is_not_finite();
                Err(self.give_up(&what))
            }
            policy => {
                // Once a pass: the sum of its losses is lost with the first.
                if self.guard.state.lost_validation.replace(at.epoch) != Some(at.epoch) {
                    self.guard.state.counts.validations += 1;
                    self.say(&format!("the validation loss of epoch {} is {loss}", at.epoch));
                }
                self.guard.state.rollback_due = matches!(policy, NonFinite::Rollback { .. });
                Ok(())
            }
        }
    }

    /// Keeps a copy to go back to, when it is time. The parameters are those that gave a finite loss and gradient.
    fn keep_good(&mut self) {
        let NonFinite::Rollback { every, .. } = self.guard.policy else { return };
        let (progress, smooth) = (self.progress(), self.guard.smooth);
        let kept = self.guard.good.as_ref().map(|good| good.at.train_iter);
        // Not in the middle of gradients that come together from several batches.
        if kept.is_some_and(|at| progress.train_iter < at + every as usize) || !self.step_is_due() {
            return;
        }
        let optimizer = self.optimizer.state();
        let at = GoodAt {
            optimizer_steps: optimizer.steps,
            train_iter: progress.train_iter,
            epoch: progress.epoch,
            smooth,
        };
        // As of before the batch, running statistics included.
        let params = self.model.params_mut();
        std::mem::swap(&mut params.buffers, &mut self.guard.buffers);
        let before = params.snapshot();
        std::mem::swap(&mut params.buffers, &mut self.guard.buffers);
        self.guard.good = Some(Good { params: before, optimizer, at });
    }

    fn roll_back(&mut self, what: &str) {
        let NonFinite::Rollback { factor, .. } = self.guard.policy else { return };
        self.guard.state.scale *= factor;
        self.guard.state.counts.rolled_back += 1;
        let mut to = "the rate is lowered".to_string();
        if let Some(good) = &self.guard.good {
            let hypers = self.optimizer.groups().iter().map(|group| group.hypers.clone()).collect();
            let before = OptimizerState { hypers, ..good.optimizer.clone() };
            // They were taken from this very model and optimizer, so they fit.
            let restored = self.model.params_mut().restore(&good.params);
            drop(restored.and(self.optimizer.restore(&before)));
            self.history.smooth = good.at.smooth;
            to = format!("back to batch {} of the fit (epoch {})", good.at.train_iter, good.at.epoch);
        }
        let scale = self.lr_scale();
        self.say(&format!("{what}: {to}, and on with {scale} times the scheduled rate"));
    }

    /// Names it, for the user.
    fn what_is_not_finite(&self) -> String {
        let (phase, at, loss) = (self.phase(), self.progress(), self.loss_value());
        let place = format!("at batch {} of epoch {} ({phase})", at.iter, at.epoch);
        if !loss.is_finite() || phase == Phase::Validate {
            return format!("the loss is {loss} {place}");
        }
        let params = self.model.params();
        let bad = params.list().iter().find(|p| !params.grads[p.range.clone()].iter().all(|x| x.is_finite()));
        let name = bad.map_or("a parameter", |p| p.name.as_str());
        format!("the gradient of {name} is not finite {place}")
    }

    /// Ends the fit.
    fn give_up(&mut self, what: &str) -> Signal {
        // Before the first step the rate has done nothing yet.
        let advice = if self.optimizer.steps() == 0 {
            "look for values in the data that are not finite or huge"
        } else {
            "a lower learning rate may help"
        };
        let reason = format!("{what}; {advice}");
        self.say(&reason);
        match self.cancel(Span::Fit, reason) {
            Err(signal) => signal,
            Ok(()) => Signal::Cancel(Span::Fit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_by_name() {
        for name in NonFinite::NAMES {
            NonFinite::parse(name).unwrap().check().unwrap();
        }
        assert!(NonFinite::parse("skipp").unwrap_err().to_string().contains("did you mean `skip`?"));
        assert!(NonFinite::Rollback { every: 0, factor: 0.5 }.check().is_err());
        for factor in [0.0, 1.0, -1.0, f64::NAN] {
            assert!(NonFinite::Rollback { every: 1, factor }.check().is_err());
        }
    }
}
