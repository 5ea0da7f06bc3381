//! Accuracy that counts every class the same.

use super::confusion::Confusion;
use super::{Direction, Metric, Predictions, Task, check_task};
use crate::{Activation, Result, Targets};

/// The mean over the classes of the share of their rows that are predicted right, as scikit-learn's
/// `balanced_accuracy_score`: classes without rows do not count.
///
/// ```
/// use highmark::{Activation, BalancedAccuracy, Metric, Predictions, Targets};
/// let mut metric = BalancedAccuracy::default();
/// let raw = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
/// let predictions = Predictions { raw: &raw, outputs: 2, activation: Activation::Softmax };
/// metric.update(&predictions, &Targets::Classes(vec![0, 0, 1]))?;
/// assert_eq!(metric.value(), 0.5);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct BalancedAccuracy {
    confusion: Confusion,
}

impl Metric for BalancedAccuracy {
    fn name(&self) -> &'static str {
        "balanced_accuracy"
    }

    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn reset(&mut self) {
        self.confusion.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.confusion.update("balanced_accuracy", predictions, targets)
    }

    fn value(&self) -> f64 {
        let (mut sum, mut classes) = (0.0, 0.0);
        for class in 0..self.confusion.classes() {
            let rows = self.confusion.truths(class);
            if rows > 0 {
                sum += self.confusion.get(class, class) as f64 / rows as f64;
                classes += 1.0;
            }
        }
        sum / classes
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("balanced_accuracy", &[Task::Classes], activation, targets)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.confusion.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.confusion.load("balanced_accuracy", state)
    }
}
