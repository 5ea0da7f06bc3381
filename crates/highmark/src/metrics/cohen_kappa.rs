//! Agreement beyond chance.

use super::confusion::Confusion;
use super::{Direction, Metric, Predictions, Task, check_task};
use crate::{Activation, Result, Targets};

/// The agreement between true and predicted classes beyond what their frequencies give by chance, as
/// scikit-learn's `cohen_kappa_score` without weights (Cohen 1960). NaN if chance alone agrees everywhere.
///
/// ```
/// use highmark::{Activation, CohenKappa, Metric, Predictions, Targets};
/// let mut metric = CohenKappa::default();
/// let predictions = Predictions { raw: &[1.0, 0.0, 0.0, 1.0], outputs: 2, activation: Activation::Softmax };
/// metric.update(&predictions, &Targets::Classes(vec![0, 1]))?;
/// assert_eq!(metric.value(), 1.0);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CohenKappa {
    confusion: Confusion,
}

impl Metric for CohenKappa {
    fn name(&self) -> &'static str {
        "kappa"
    }

    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn reset(&mut self) {
        self.confusion.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.confusion.update("kappa", predictions, targets)
    }

    fn value(&self) -> f64 {
        let rows = self.confusion.total() as f64;
        let chance: f64 = (0..self.confusion.classes())
            .map(|class| self.confusion.truths(class) as f64 * self.confusion.predicted(class) as f64)
            .sum();
        let wrong = rows - self.confusion.correct() as f64;
        1.0 - wrong / (rows - chance / rows)
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("kappa", &[Task::Classes], activation, targets)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.confusion.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.confusion.load("kappa", state)
    }
}
