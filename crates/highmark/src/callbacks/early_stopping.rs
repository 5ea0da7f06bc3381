//! Ends a fit that no longer improves (fastai's `EarlyStoppingCallback`, with the options of Keras's `EarlyStopping`).

use serde::{Deserialize, Serialize};

use super::Monitor;
use crate::Result;
use crate::engine::Snapshot;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Span, Stage, Trainer};
use crate::plural::plural;

/// One epoch in so many is waited for, when the patience is that of the fit.
const LEAST_SHARE: usize = 10;
/// And so many batches.
const LEAST_BATCHES: usize = 500;

/// Cancels the fit when the monitored column has not improved for `patience` epochs.
///
/// ```
/// use highmark::{EarlyStopping, Monitor};
/// let stop = EarlyStopping::new(Monitor::new("accuracy").min_delta(0.01)).patience(3);
/// # let _ = stop;
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    start_from_epoch: usize,
    restore_best: bool,
    reset_on_fit: bool,
    scaled_to_fit: bool,
    state: State,
    best: Option<Snapshot>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    wait: usize,
    best_epoch: Option<usize>,
    highest_lr: f64,
    stopped: bool,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    monitor: Monitor,
    state: State,
}

impl EarlyStopping {
    /// Patience 1, no baseline, from the first epoch, weights left as they are.
    pub fn new(monitor: Monitor) -> Self {
        Self {
            monitor,
            patience: 1,
            baseline: None,
            start_from_epoch: 0,
            restore_best: false,
            reset_on_fit: true,
            scaled_to_fit: false,
            state: State::default(),
            best: None,
        }
    }

    /// Epochs without improvement after which it stops; 0 is the same as 1.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Only an improvement that also beats this value ends the wait (Keras).
    #[must_use]
    pub fn baseline(mut self, value: f64) -> Self {
        self.baseline = Some(value);
        self
    }

    /// Epochs before this one, counted from 0, are not judged (Keras).
    #[must_use]
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// Hands back the weights of the best epoch, from memory, whatever ends the fit (Keras's `restore_best_weights`).
    #[must_use]
    pub fn restore_best(mut self, restore: bool) -> Self {
        self.restore_best = restore;
        self
    }

    /// Whether the best value is forgotten when a new fit begins. Default yes.
    #[must_use]
    pub fn reset_on_fit(mut self, reset: bool) -> Self {
        self.reset_on_fit = reset;
        self
    }

    /// Is as patient as the fit is long: `patience` is the least number of epochs, and it waits for a tenth of the epochs
    /// that are planned, and for 500 batches, if those are more. Epochs in which the learning rate is higher than ever
    /// before do not count: what the metric does in a warm-up says nothing about what it will do. Default no: only
    /// `patience` decides.
    #[must_use]
    pub fn scaled_to_fit(mut self, scaled: bool) -> Self {
        self.scaled_to_fit = scaled;
        self
    }

    /// Epochs without improvement after which it stops in a fit of `epochs` epochs, each of `batches` batches.
    pub fn waits(&self, epochs: usize, batches: usize) -> usize {
        let patience = self.patience.max(1);
        if !self.scaled_to_fit {
            return patience;
        }
        patience.max(epochs.div_ceil(LEAST_SHARE)).max(LEAST_BATCHES.div_ceil(batches.max(1)))
    }

    /// The epoch of the last improvement in this fit, from 0.
    pub fn best_epoch(&self) -> Option<usize> {
        self.state.best_epoch
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "early_stopping"
    }

    fn stage(&self) -> Stage {
        Stage::Stop
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Epoch), Event::After(Span::Fit)])
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        self.state = State::default();
        if self.reset_on_fit {
            self.best = None;
        }
        Ok(self.monitor.start(t, self.reset_on_fit)?)
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        // An epoch whose validation was cancelled says nothing.
        let Some(value) = t.history.this_epoch(self.monitor.name()) else { return Ok(()) };
        let epoch = t.progress().epoch;
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        self.state.wait += 1;
        let improved = self.monitor.update(value);
        if improved {
            self.state.best_epoch = Some(epoch);
            if self.restore_best {
                self.best = Some(t.model.params().snapshot());
            }
        }
        let lr = t.optimizer.highest_lr();
        let rising = self.scaled_to_fit && lr > self.state.highest_lr;
        self.state.highest_lr = self.state.highest_lr.max(lr);
        if rising || improved && self.baseline.is_none_or(|baseline| self.monitor.improves(value, baseline)) {
            self.state.wait = 0;
        }
        let progress = t.progress();
        let batches = progress.train_iter / (progress.epoch + 1);
        if improved || self.state.wait < self.waits(progress.n_epoch, batches) {
            return Ok(());
        }
        self.state.stopped = true;
        // As fastai counts: -1 when nothing was ever an improvement.
        let counted = epoch as i64 - self.state.wait as i64;
        let since = match self.state.best_epoch {
            Some(best) if self.scaled_to_fit => best as i64,
            _ => counted,
        };
        t.say(&format!("No improvement since epoch {since}: early stopping"));
        let (name, epochs) = (self.monitor.name(), plural((epoch as i64 - since) as usize, "epoch"));
        t.cancel(Span::Fit, format!("{name} has not improved for {epochs}"))
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        if let Some(best) = &self.best {
            t.model.params_mut().restore(best)?;
        }
        if self.reset_on_fit {
            self.best = None;
        }
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(self.monitor.with_settings(serde_json::json!({
            "patience": self.patience,
            "baseline": self.baseline,
            "start_from_epoch": self.start_from_epoch,
            "restore_best": self.restore_best,
            "reset_on_fit": self.reset_on_fit,
            "scaled_to_fit": self.scaled_to_fit,
        })))
    }

    fn save_state(&self) -> Result<CallbackState> {
        let mut state =
            CallbackState::of(&Saved { monitor: self.monitor.clone(), state: self.state.clone() })?;
        if let Some(best) = &self.best {
            best.write_to(&mut state.tensors);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        let saved: Saved = state.read()?;
        self.best = Snapshot::read_from(&state.tensors);
        (self.monitor, self.state) = (saved.monitor, saved.state);
        if std::mem::take(&mut self.state.stopped) {
            // It had ended the fit, so if epochs follow, somebody has asked for more of them: it is patient anew.
            self.state.wait = 0;
        }
        Ok(())
    }
}
