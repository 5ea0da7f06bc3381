//! Judging a column of the table: what the trackers share.

use serde::{Deserialize, Serialize};

use crate::learner::{RunKind, Trainer, json_float};
use crate::metrics::Direction;
use crate::{Error, Result};

/// By how much a value has to beat the best one to count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum MinDelta {
    /// By more than this number (fastai, Keras). A negative number lets a slightly worse value count, as in fastai.
    Absolute(f64),
    /// By more than this fraction of the best value's size.
    Relative(f64),
}

/// A monitored column and the best value so far.
///
/// The direction is the metric's own, or the one that is asked for; losses go down. NaN is never better.
///
/// ```
/// use highmark::Monitor;
/// let monitor = Monitor::new("accuracy").min_delta(0.01);
/// assert_eq!(monitor.best(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    name: String,
    asked: Option<Direction>,
    direction: Direction,
    min_delta: MinDelta,
    #[serde(with = "json_float::option")]
    best: Option<f64>,
    /// Not there in checkpoints of before.
    #[serde(default)]
    first_is_best: bool,
}

impl Monitor {
    /// Monitors the column `name`: `train_loss`, `valid_loss` or a metric.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            asked: None,
            direction: Direction::Lower,
            min_delta: MinDelta::Absolute(0.0),
            best: None,
            first_is_best: false,
        }
    }

    /// Decides the direction instead of the metric.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.asked = Some(direction);
        self
    }

    /// Asks for an improvement of more than `delta`.
    #[must_use]
    pub fn min_delta(self, delta: f64) -> Self {
        self.needs(MinDelta::Absolute(delta))
    }

    /// Asks for an improvement of more than this.
    #[must_use]
    pub fn needs(mut self, min_delta: MinDelta) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// Whether the first value is the best one, whatever it is but NaN (Keras). Default no, as in fastai: it has to be better
    /// than the worst infinity.
    #[must_use]
    pub fn first_is_best(mut self, yes: bool) -> Self {
        self.first_is_best = yes;
        self
    }

    /// The column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Looks the column up and finds its direction, at the start of a fit; forgets the best value when `reset`.
    /// Fails on a column that does not exist.
    pub fn start(&mut self, t: &Trainer, reset: bool) -> Result<()> {
        let of_column = match self.name.as_str() {
            "train_loss" | "valid_loss" => Direction::Lower,
            name => {
                let metric = t.metrics().iter().find(|m| m.name() == name);
                metric.ok_or_else(|| Error::unknown("monitor", name, t.history.monitors()))?.direction()
            }
        };
        self.direction = self.asked.unwrap_or(of_column);
        if let MinDelta::Absolute(delta) | MinDelta::Relative(delta) = self.min_delta
            && !delta.is_finite()
        {
            return Err(Error::config("min-delta", format!("{delta} is not a number")));
        }
        if reset && t.run_kind() == RunKind::Fit {
            self.best = None;
        }
        Ok(())
    }

    /// `settings`, an object, with what it was itself made with.
    pub(super) fn with_settings(&self, mut settings: serde_json::Value) -> serde_json::Value {
        settings["monitor"] = serde_json::json!(self.name);
        settings["direction"] = serde_json::json!(self.asked);
        settings["min_delta"] = serde_json::json!(self.min_delta);
        settings["first_is_best"] = serde_json::json!(self.first_is_best);
        settings
    }

    /// Whether `value` beats `reference` by enough.
    pub fn improves(&self, value: f64, reference: f64) -> bool {
        let delta = match self.min_delta {
            MinDelta::Absolute(delta) => delta,
            MinDelta::Relative(fraction) if reference.is_finite() => fraction * reference.abs(),
            MinDelta::Relative(_) => 0.0,
        };
        let value = match self.direction {
            Direction::Lower => value + delta,
            Direction::Higher => value - delta,
        };
        self.direction.improves(value, reference)
    }

    /// Takes `value` as the best one if it is an improvement; says whether it was.
    pub fn update(&mut self, value: f64) -> bool {
        let improved = match self.best {
            None if self.first_is_best => !value.is_nan(),
            best => self.improves(value, best.unwrap_or(self.direction.worst())),
        };
        if improved {
            self.best = Some(value);
        }
        improved
    }

    /// Starts from this best value, as if an earlier run had reached it.
    #[must_use]
    pub fn starting_from(mut self, best: f64) -> Self {
        self.best = Some(best);
        self
    }
}
