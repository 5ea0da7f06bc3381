//! Lowers the learning rate when a column no longer improves (fastai and Keras have it under this name).

use serde::{Deserialize, Serialize};

use super::Monitor;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Span, Stage, Trainer};
use crate::repr::repr;
use crate::{Error, Result};

/// How a rate gets lower.
///
/// ```
/// use highmark::{LrReduction, Monitor, ReduceLrOnPlateau};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// // No epoch is that much better than the first.
/// let plateau = ReduceLrOnPlateau::new(Monitor::new("valid_loss").min_delta(1e9));
/// learn.callbacks_mut().add(Box::new(plateau.by(LrReduction::MultiplyBy(0.5))))?;
/// learn.fit(3, Some(0.01))?;
/// assert_eq!(learn.trainer().optimizer.lr(), 0.0025);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum LrReduction {
    /// Divided by this, as fastai's `factor`; it may raise a rate that is below the least one up to it.
    DivideBy(f64),
    /// Multiplied by this, as Keras's `factor`; a rate that is at the least one or below stays, and the wait goes on.
    MultiplyBy(f64),
}

/// Lowers the rates of all parameter groups after `patience` epochs without an improvement. Under a schedule, which sets
/// the rate before each batch, it has no effect.
///
/// ```
/// use highmark::{LrReduction, Monitor, ReduceLrOnPlateau};
/// let plateau = ReduceLrOnPlateau::new(Monitor::new("valid_loss")).patience(2).by(LrReduction::DivideBy(5.0));
/// # let _ = plateau;
/// ```
#[derive(Clone, Debug)]
pub struct ReduceLrOnPlateau {
    monitor: Monitor,
    patience: usize,
    reduction: LrReduction,
    cooldown: usize,
    min_lr: f64,
    reset_on_fit: bool,
    state: State,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    wait: usize,
    cooling: usize,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    monitor: Monitor,
    state: State,
}

impl ReduceLrOnPlateau {
    /// Patience 1, divided by 10, no cooldown, down to 0: fastai's defaults.
    pub fn new(monitor: Monitor) -> Self {
        let reduction = LrReduction::DivideBy(10.0);
        Self {
            monitor,
            patience: 1,
            reduction,
            cooldown: 0,
            min_lr: 0.0,
            reset_on_fit: true,
            state: State::default(),
        }
    }

    /// Epochs without improvement after which the rate falls; 0 is the same as 1.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// By how much it falls.
    #[must_use]
    pub fn by(mut self, reduction: LrReduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// After a reduction, epochs without improvement do not count for this many epochs less one (Keras counts the epoch of
    /// the reduction itself).
    #[must_use]
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// The least rate.
    #[must_use]
    pub fn min_lr(mut self, lr: f64) -> Self {
        self.min_lr = lr;
        self
    }

    /// Whether the best value is forgotten when a new fit begins. Default yes.
    #[must_use]
    pub fn reset_on_fit(mut self, reset: bool) -> Self {
        self.reset_on_fit = reset;
        self
    }

    /// Down to `min_lr`. That of a frozen group, 0, stays.
    fn lower(&self, lr: f64) -> f64 {
        match self.reduction {
            _ if lr == 0.0 => lr,
            LrReduction::DivideBy(factor) => (lr / factor).max(self.min_lr),
            LrReduction::MultiplyBy(factor) => (lr * factor).max(self.min_lr.min(lr)),
        }
    }
}

impl Callback for ReduceLrOnPlateau {
    fn name(&self) -> &'static str {
        "reduce_lr_on_plateau"
    }

    fn stage(&self) -> Stage {
        Stage::Adjust
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Epoch)])
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        let (factor, lowers, must) = match self.reduction {
            LrReduction::DivideBy(factor) => (factor, factor > 1.0, "be above 1"),
            LrReduction::MultiplyBy(factor) => {
                (factor, factor > 0.0 && factor < 1.0, "lie between 0 and 1, and be neither")
            }
        };
        if !lowers {
            let message = format!("{} does not lower the rate; it must {must}", repr(factor));
            return Err(Error::config("factor", message).into());
        }
        self.state = State::default();
        Ok(self.monitor.start(t, self.reset_on_fit)?)
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        let Some(value) = t.history.this_epoch(self.monitor.name()) else { return Ok(()) };
        let state = &mut self.state;
        if state.cooling > 0 {
            state.cooling -= 1;
            state.wait = 0;
        }
        if self.monitor.update(value) {
            state.wait = 0;
            return Ok(());
        }
        if state.cooling > 0 {
            return Ok(());
        }
        state.wait += 1;
        let before = t.optimizer.highest_lr();
        let stays = matches!(self.reduction, LrReduction::MultiplyBy(_)) && before <= self.min_lr;
        if state.wait < self.patience.max(1) || stays {
            return Ok(());
        }
        (state.wait, state.cooling) = (0, self.cooldown);
        let lrs: Vec<f64> = t.optimizer.groups().iter().map(|group| self.lower(group.hypers.lr)).collect();
        t.optimizer.set_lrs(&lrs)?;
        let after = t.optimizer.highest_lr();
        if after < before {
            t.say(&format!("Epoch {}: reducing lr to {}", t.progress().epoch, repr(after)));
        }
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(self.monitor.with_settings(serde_json::json!({
            "patience": self.patience,
            "reduction": self.reduction,
            "cooldown": self.cooldown,
            "min_lr": self.min_lr,
            "reset_on_fit": self.reset_on_fit,
        })))
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&Saved { monitor: self.monitor.clone(), state: self.state.clone() })
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        let saved: Saved = state.read()?;
        (self.monitor, self.state) = (saved.monitor, saved.state);
        Ok(())
    }
}
