//! The area under the receiver operating characteristic.

use super::collected::Collected;
use super::ranking::{Tie, macro_average};
use super::{Direction, Metric, Predictions, Task, check_task};
use crate::{Activation, Result, Targets};

/// The probability that a positive row scores higher than a negative one, ties counting half, as scikit-learn's
/// `roc_auc_score`: of the last of two classes; the mean of every class against the rest of more; the mean over
/// labels. NaN where a class has no rows, or all of them.
///
/// ```
/// use highmark::{Activation, Metric, Predictions, RocAuc, Targets};
/// let mut auc = RocAuc::default();
/// let predictions = Predictions { raw: &[-1.0, 2.0, 0.5, 3.0], outputs: 1, activation: Activation::Sigmoid };
/// auc.update(&predictions, &Targets::Classes(vec![0, 1, 1, 0]))?;
/// assert_eq!(auc.value(), 0.5);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RocAuc {
    rows: Collected,
}

/// Wins of positives over negatives (Mann and Whitney 1947).
fn area(ties: &[Tie]) -> f64 {
    let (mut above, mut negatives, mut wins) = (0, 0, 0.0);
    for tie in ties {
        wins += tie.negatives as f64 * (above as f64 + 0.5 * tie.positives as f64);
        above += tie.positives;
        negatives += tie.negatives;
    }
    wins / (above as f64 * negatives as f64)
}

impl Metric for RocAuc {
    fn name(&self) -> &'static str {
        "roc_auc"
    }

    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn reset(&mut self) {
        self.rows.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.rows.update("roc_auc", predictions, targets)
    }

    fn value(&self) -> f64 {
        self.rows.get().map_or(f64::NAN, |(predictions, targets)| macro_average(&predictions, targets, area))
    }

    fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("roc_auc", &[Task::Classes, Task::Labels], activation, targets)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.rows.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.rows.load("roc_auc", state)
    }
}
