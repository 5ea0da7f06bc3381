//! Whether the class is among the best guesses.

use super::{Direction, Metric, Predictions, Task, check_rows, check_task, foreign_state};
use crate::{Activation, Error, Result, Targets};

/// The share of rows whose class is among the `k` largest outputs, 5 by default. Of equal outputs the first counts
/// as larger. Rounded to 32 bits, as [`crate::Accuracy`].
///
/// ```
/// use highmark::{Activation, Metric, Predictions, Targets, TopKAccuracy};
/// let mut metric = TopKAccuracy::new(2);
/// let predictions = Predictions { raw: &[3.0, 2.0, 1.0], outputs: 3, activation: Activation::Softmax };
/// metric.update(&predictions, &Targets::Classes(vec![1]))?;
/// assert_eq!(metric.value(), 1.0);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TopKAccuracy {
    k: usize,
    right: u64,
    rows: u64,
}

impl Default for TopKAccuracy {
    fn default() -> Self {
        Self::new(5)
    }
}

impl TopKAccuracy {
    /// Of the `k` best guesses.
    pub fn new(k: usize) -> Self {
        Self { k, right: 0, rows: 0 }
    }
}

impl Metric for TopKAccuracy {
    fn name(&self) -> &'static str {
        "top_k_accuracy"
    }

    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn reset(&mut self) {
        (self.right, self.rows) = (0, 0);
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        check_rows("top_k_accuracy", predictions, targets)?;
        self.check(predictions.outputs, predictions.activation, targets)?;
        let Targets::Classes(classes) = targets else { return Ok(()) };
        for (row, class) in classes.iter().enumerate() {
            let row = predictions.row(row);
            let class = *class as usize;
            let ahead = |(i, x): &(usize, &f32)| **x > row[class] || (**x == row[class] && *i < class);
            self.right += u64::from(row.iter().enumerate().filter(ahead).count() < self.k);
        }
        self.rows += classes.len() as u64;
        Ok(())
    }

    fn value(&self) -> f64 {
        f64::from(self.right as f32 / self.rows as f32)
    }

    fn check(&self, outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        check_task("top_k_accuracy", &[Task::Classes], activation, targets)?;
        if self.k == 0 || self.k > outputs {
            return Err(Error::config(
                "metrics",
                format!(
                    "`top_k_accuracy` of {} needs as many classes, but there are {outputs}; give a number: top_k_accuracy:2",
                    self.k
                ),
            ));
        }
        Ok(())
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(vec![self.right as f64, self.rows as f64])
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        let [right, rows] = state else { return Err(foreign_state("top_k_accuracy")) };
        (self.right, self.rows) = (*right as u64, *rows as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_bounds() {
        let predictions = Predictions { raw: &[1.0, 1.0, 1.0], outputs: 3, activation: Activation::Softmax };
        for (class, right) in [(0, 1.0), (1, 1.0), (2, 0.0)] {
            let mut metric = TopKAccuracy::new(2);
            metric.update(&predictions, &Targets::Classes(vec![class])).unwrap();
            assert_eq!(metric.value(), right);
        }
        assert!(TopKAccuracy::default().check(3, Activation::Softmax, &Targets::Classes(vec![])).is_err());
        assert!(TopKAccuracy::new(0).check(3, Activation::Softmax, &Targets::Classes(vec![])).is_err());
        assert!(TopKAccuracy::new(3).check(3, Activation::Softmax, &Targets::Classes(vec![])).is_ok());
    }
}
