//! The area under the curve of precision over recall.

use super::collected::Collected;
use super::ranking::{Tie, macro_average};
use super::{Direction, Metric, Predictions, Task, check_task};
use crate::{Activation, Result, Targets};

/// The mean of the precision at every positive row, from the highest score down, as scikit-learn's
/// `average_precision_score`; classes and labels as for [`crate::RocAuc`]. NaN where a class has no rows.
///
/// ```
/// use highmark::{Activation, AveragePrecision, Metric, Predictions, Targets};
/// let mut metric = AveragePrecision::default();
/// let predictions = Predictions { raw: &[3.0, 2.0, 1.0], outputs: 1, activation: Activation::Sigmoid };
/// metric.update(&predictions, &Targets::Classes(vec![0, 1, 0]))?;
/// assert_eq!(metric.value(), 0.5);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AveragePrecision {
    rows: Collected,
}

/// Precision at each score, weighted by the positives of that score.
fn area(ties: &[Tie]) -> f64 {
    let (mut positives, mut rows, mut sum) = (0, 0, 0.0);
    for tie in ties {
        positives += tie.positives;
        rows += tie.positives + tie.negatives;
        sum += tie.positives as f64 * positives as f64 / rows as f64;
    }
    sum / positives as f64
}

impl Metric for AveragePrecision {
    fn name(&self) -> &'static str {
        "average_precision"
    }

    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn reset(&mut self) {
        self.rows.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.rows.update("average_precision", predictions, targets)
    }

    fn value(&self) -> f64 {
        self.rows.get().map_or(f64::NAN, |(predictions, targets)| macro_average(&predictions, targets, area))
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("average_precision", &[Task::Classes, Task::Labels], activation, targets)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.rows.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.rows.load("average_precision", state)
    }
}
