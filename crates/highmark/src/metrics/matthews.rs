//! The correlation of Matthews.

use super::confusion::Confusion;
use super::{Direction, Metric, Predictions, Task, check_task};
use crate::{Activation, Result, Targets};

/// The correlation between true and predicted classes, from -1 to 1 and 0 for guessing, as scikit-learn's
/// `matthews_corrcoef` (Matthews 1975; several classes: Gorodkin 2004). 0 if all rows have, or are predicted as, one
/// class.
///
/// ```
/// use highmark::{Activation, MatthewsCorrcoef, Metric, Predictions, Targets};
/// let mut metric = MatthewsCorrcoef::default();
/// let predictions = Predictions { raw: &[1.0, 0.0, 0.0, 1.0], outputs: 2, activation: Activation::Softmax };
/// metric.update(&predictions, &Targets::Classes(vec![0, 1]))?;
/// assert_eq!(metric.value(), 1.0);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MatthewsCorrcoef {
    confusion: Confusion,
}

impl Metric for MatthewsCorrcoef {
    fn name(&self) -> &'static str {
        "mcc"
    }

    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn reset(&mut self) {
        self.confusion.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.confusion.update("mcc", predictions, targets)
    }

    fn value(&self) -> f64 {
        let rows = self.confusion.total() as f64;
        if rows == 0.0 {
            return f64::NAN;
        }
        let (mut both, mut truths, mut predictions) = (0.0, 0.0, 0.0);
        for class in 0..self.confusion.classes() {
            let truth = self.confusion.truths(class) as f64;
            let predicted = self.confusion.predicted(class) as f64;
            both += truth * predicted;
            truths += truth * truth;
            predictions += predicted * predicted;
        }
        let covariance = self.confusion.correct() as f64 * rows - both;
        let spread = (rows * rows - truths) * (rows * rows - predictions);
        if spread == 0.0 { 0.0 } else { covariance / spread.sqrt() }
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("mcc", &[Task::Classes], activation, targets)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.confusion.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.confusion.load("mcc", state)
    }
}
