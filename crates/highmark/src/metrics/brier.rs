//! Squared errors of probabilities.

use super::scores::Scores;
use super::{Direction, Metric, Predictions, Task, check_probabilities, check_task};
use crate::{Activation, Result, Targets};

/// The mean squared difference between probabilities and what happened, as scikit-learn's `brier_score_loss`
/// (Brier 1950): of the positive of two classes, from 0 to 1; summed over more classes, from 0 to 2; the mean over
/// labels.
///
/// ```
/// use highmark::{Activation, BrierScore, Metric, Predictions, Targets};
/// let mut metric = BrierScore::default();
/// let predictions = Predictions { raw: &[0.0, 0.0], outputs: 2, activation: Activation::Softmax };
/// metric.update(&predictions, &Targets::Classes(vec![1]))?;
/// assert_eq!(metric.value(), 0.25);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct BrierScore {
    scores: Scores,
}

fn of_class(row: &[f32], class: usize) -> f64 {
    if let [_, positive] = row {
        return of_label(*positive, class as f32);
    }
    row.iter().enumerate().map(|(i, p)| of_label(*p, if i == class { 1.0 } else { 0.0 })).sum()
}

fn of_label(p: f32, y: f32) -> f64 {
    (f64::from(p) - f64::from(y)).powi(2)
}

impl Metric for BrierScore {
    fn name(&self) -> &'static str {
        "brier"
    }

    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn reset(&mut self) {
        self.scores.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.scores.update("brier", predictions, targets, of_class, of_label)
    }

    fn value(&self) -> f64 {
        self.scores.mean()
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("brier", &[Task::Classes, Task::Labels], activation, targets)?;
        check_probabilities("brier", activation)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.scores.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.scores.load("brier", state)
    }
}
