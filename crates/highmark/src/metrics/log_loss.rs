//! How surprising the targets are.

use super::scores::Scores;
use super::{Direction, Metric, Predictions, Task, check_probabilities, check_task};
use crate::{Activation, Result, Targets};

/// The mean of minus the logarithm of the probability of the true class, as scikit-learn's `log_loss`: probabilities
/// are kept 2⁻²³ away from 0 and 1, so the value is finite where the loss itself can be larger. The mean over labels.
///
/// ```
/// use highmark::{Activation, LogLoss, Metric, Predictions, Targets};
/// let mut metric = LogLoss::default();
/// let predictions = Predictions { raw: &[0.0, 0.0], outputs: 2, activation: Activation::Softmax };
/// metric.update(&predictions, &Targets::Classes(vec![1]))?;
/// assert_eq!(metric.value(), 2f64.ln());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogLoss {
    scores: Scores,
}

fn surprise(p: f64) -> f64 {
    let edge = f64::from(f32::EPSILON);
    -p.clamp(edge, 1.0 - edge).ln()
}

fn of_class(row: &[f32], class: usize) -> f64 {
    surprise(f64::from(row[class]))
}

fn of_label(p: f32, y: f32) -> f64 {
    let (p, y) = (f64::from(p), f64::from(y));
    y * surprise(p) + (1.0 - y) * surprise(1.0 - p)
}

impl Metric for LogLoss {
    fn name(&self) -> &'static str {
        "log_loss"
    }

    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn reset(&mut self) {
        self.scores.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.scores.update("log_loss", predictions, targets, of_class, of_label)
    }

    fn value(&self) -> f64 {
        self.scores.mean()
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("log_loss", &[Task::Classes, Task::Labels], activation, targets)?;
        check_probabilities("log_loss", activation)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.scores.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.scores.load("log_loss", state)
    }
}
