//! The record of a fit: a row an epoch, and series by step.

use serde::{Deserialize, Serialize};

use super::budget::Plan;
use super::json_float;

/// One epoch. What a cancelled pass left out is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Counted from 0.
    pub epoch: usize,
    /// The smoothed training loss at the end of the epoch.
    #[serde(with = "json_float::option")]
    pub train_loss: Option<f64>,
    /// The mean loss of the validation rows.
    #[serde(with = "json_float::option")]
    pub valid_loss: Option<f64>,
    /// Metrics of the validation rows, in the order of [`History::metric_names`].
    #[serde(with = "json_float::options")]
    pub metrics: Vec<Option<f64>>,
    /// Seconds for training and validation.
    pub seconds: f64,
}

/// What a fit has recorded (fastai's Recorder).
///
/// ```
/// use highmark::{Direction, History};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// learn.fit(2, Some(0.01))?;
/// let history: &History = learn.history();
/// assert_eq!(history.monitors(), ["train_loss", "valid_loss"]);
/// assert_eq!((history.rows.len(), history.losses.len()), (2, history.iters[1]));
/// let best = history.best("valid_loss", Direction::Lower).map(|best| best.value);
/// assert!(best.is_some() && best <= history.this_epoch("valid_loss"));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The metrics' names.
    pub metric_names: Vec<String>,
    /// One row for each epoch that has ended, and the one under way.
    pub rows: Vec<EpochRow>,
    /// The loss of each training batch.
    pub losses: Vec<f32>,
    /// The same, smoothed: see [`Smooth`].
    pub smooth_losses: Vec<f32>,
    /// The learning rate of the last parameter group at each training batch.
    pub lrs: Vec<f64>,
    /// The momentum of the last parameter group at each training batch.
    pub moms: Vec<f64>,
    /// Training batches at the end of each epoch.
    pub iters: Vec<usize>,
    /// How a budget was planned, from the start of the fit; see [`crate::Budget`].
    #[serde(default)]
    pub plans: Vec<Plan>,
    pub(crate) smooth: Smooth,
}

/// fastai's smoothed loss: an exponentially weighted mean with β = 0.98 that starts without a bias. It goes
/// on from epoch to epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Smooth {
    value: f32,
    count: i32,
}

impl Smooth {
    const BETA: f32 = 0.98;

    fn add(&mut self, loss: f32) -> f32 {
        // torch.lerp, as fastai has it: loss + β · (value − loss).
        self.value = loss + Self::BETA * (self.value - loss);
        self.count += 1;
        self.value()
    }

    pub(crate) fn value(self) -> f32 {
        (f64::from(self.value) / (1.0 - f64::from(Self::BETA).powi(self.count))) as f32
    }
}

impl History {
    /// The columns that can be monitored: losses and metrics.
    pub fn monitors(&self) -> Vec<&str> {
        ["train_loss", "valid_loss"].into_iter().chain(self.metric_names.iter().map(String::as_str)).collect()
    }

    /// The value of `column` (one of [`History::monitors`]) in the latest row, if that pass took place.
    pub fn this_epoch(&self, column: &str) -> Option<f64> {
        self.value(self.rows.last()?, column)
    }

    /// The value of `column` in `row`.
    pub fn value(&self, row: &EpochRow, column: &str) -> Option<f64> {
        match column {
            "train_loss" => row.train_loss,
            "valid_loss" => row.valid_loss,
            name => *row.metrics.get(self.metric_names.iter().position(|m| m == name)?)?,
        }
    }

    /// The smoothed training loss now; NaN before the first batch.
    pub fn smooth_loss(&self) -> f32 {
        self.smooth.value()
    }

    /// Memory for so many more steps, so that none of them waits for it.
    pub(crate) fn reserve(&mut self, steps: usize) {
        self.losses.reserve(steps);
        self.smooth_losses.reserve(steps);
        self.lrs.reserve(steps);
        self.moms.reserve(steps);
    }

    pub(crate) fn add_step(&mut self, loss: f32, lr: f64, mom: f64) {
        self.losses.push(loss);
        let smooth = self.smooth.add(loss);
        self.smooth_losses.push(smooth);
        self.lrs.push(lr);
        self.moms.push(mom);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_as_fastai() {
        let mut smooth = Smooth::default();
        for (loss, want) in [(1.0, 1.0), (0.8, 0.898_989_9), (0.6, 0.797_306_5), (0.7, 0.772_237_8)] {
            assert!((smooth.add(loss) - want).abs() < 1e-6);
        }
    }
}
