//! What training is judged by.

mod accuracy;
mod average_precision;
mod balanced_accuracy;
mod brier;
mod cohen_kappa;
mod collected;
mod confusion;
mod direction;
mod f_beta;
mod fn_metric;
mod log_loss;
mod matthews;
mod names;
mod predictions;
mod r2;
mod ranking;
mod regression;
mod roc_auc;
mod scores;
mod top_k_accuracy;

pub use accuracy::{Accuracy, ErrorRate};
pub use average_precision::AveragePrecision;
pub use balanced_accuracy::BalancedAccuracy;
pub use brier::BrierScore;
pub use cohen_kappa::CohenKappa;
pub use direction::Direction;
pub use f_beta::{Average, FBeta, Precision, Recall};
pub use fn_metric::{BatchMean, FnMetric, batch_mean, metric_fn};
pub use log_loss::LogLoss;
pub use matthews::MatthewsCorrcoef;
pub use names::{METRIC_NAMES, Renamed, metric};
pub use predictions::Predictions;
pub use r2::{ExplainedVariance, R2Score};
pub use regression::{MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError};
pub use roc_auc::RocAuc;
pub use top_k_accuracy::TopKAccuracy;

use std::fmt;

use predictions::Task;

use crate::{Activation, Error, Result, Targets};

/// A number over all rows of an epoch, gathered batch by batch. The result does not depend on how the rows are
/// cut into batches.
///
/// ```
/// use highmark::{Accuracy, Activation, Metric, Predictions, Targets};
/// let mut accuracy = Accuracy::default();
/// let predictions = Predictions { raw: &[2.0, 1.0, 0.0, 1.0], outputs: 2, activation: Activation::Softmax };
/// accuracy.update(&predictions, &Targets::Classes(vec![0, 0]))?;
/// assert_eq!(accuracy.value(), 0.5);
/// # Ok::<(), highmark::Error>(())
/// ```
pub trait Metric: Send {
    /// The name of the column in the table, and what a monitor is called by.
    fn name(&self) -> &str;

    /// Which way is better.
    fn direction(&self) -> Direction;

    /// Forgets all rows.
    fn reset(&mut self);

    /// Takes in the rows of one batch. Fails if predictions and targets do not fit each other.
    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()>;

    /// The number over all rows since the last reset. NaN before the first row and where it is not defined.
    fn value(&self) -> f64;

    /// Whether it fits the task. Asked once before training; the error says what would.
    fn check(&self, outputs: usize, activation: Activation, targets: &Targets) -> Result<()>;

    /// Everything that [`Metric::update`] has gathered, for a checkpoint in the middle of a validation. After a failure there
    /// is no checkpoint; the fit says so and goes on.
    fn save_state(&self) -> Result<Vec<f64>>;

    /// Takes up what [`Metric::save_state`] gave. Fails, and keeps what it had, if that is not of this metric.
    fn load_state(&mut self, state: &[f64]) -> Result<()>;
}

/// Its name.
impl fmt::Debug for dyn Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error of a state that is not of the metric `name`.
fn foreign_state(name: &str) -> Error {
    Error::data(format!("the saved state of the metric `{name}` is damaged or of another metric"))
}

/// Whether predictions and targets are of the same rows, and numbers of the same width.
fn check_rows(name: &str, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
    let (rows, wanted) = (predictions.rows(), targets.rows());
    if rows != wanted || rows * predictions.outputs != predictions.raw.len() {
        return Err(Error::data(format!(
            "{name}: there are {rows} rows of predictions and {wanted} of targets"
        )));
    }
    match targets {
        Targets::Values { width, .. } if *width != predictions.outputs => Err(Error::data(format!(
            "{name}: there are {} outputs and {width} targets a row",
            predictions.outputs
        ))),
        Targets::Classes(classes) => match classes.iter().find(|c| **c as usize >= predictions.classes()) {
            Some(class) => Err(Error::data(format!(
                "{name}: class {class} does not exist in a model of {} outputs",
                predictions.outputs
            ))),
            None => Ok(()),
        },
        Targets::Values { .. } => Ok(()),
    }
}

/// Whether `task` is among those that the metric `name` knows.
fn check_task(name: &str, tasks: &[Task], activation: Activation, targets: &Targets) -> Result<()> {
    let task = Task::of(activation, targets);
    if tasks.contains(&task) {
        return Ok(());
    }
    let (target, instead) = match task {
        Task::Classes => ("one class a row", "accuracy, balanced_accuracy, f1 or roc_auc"),
        Task::Labels => ("several labels a row", "accuracy, f1, precision, recall or roc_auc"),
        Task::Numbers => ("numbers", "mse, rmse, mae, r2 or explained_variance"),
    };
    Err(Error::config("metrics", format!("`{name}` does not fit a target of {target}; use {instead}")))
}

/// Whether the metric `name`, which needs probabilities, gets them.
fn check_probabilities(name: &str, activation: Activation) -> Result<()> {
    if activation == Activation::Identity {
        return Err(Error::config(
            "metrics",
            format!("`{name}` needs probabilities, but the loss gives none; use cross-entropy or bce"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod golden_tests;
