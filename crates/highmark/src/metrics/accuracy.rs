//! How many predictions are right.

use super::{Direction, Metric, Predictions, Task, check_rows, check_task, foreign_state};
use crate::{Activation, Result, Targets};

/// Counts of right predictions.
#[derive(Clone, Debug, Default)]
struct Hits {
    right: u64,
    total: u64,
}

impl Hits {
    fn update(&mut self, name: &str, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        check_rows(name, predictions, targets)?;
        let (right, total) = match targets {
            Targets::Classes(classes) => {
                let right =
                    classes.iter().enumerate().filter(|(row, class)| predictions.argmax(*row) == **class);
                (right.count(), classes.len())
            }
            // A raw output above 0 is a probability above one half.
            Targets::Values { values, .. } => {
                let right = predictions.raw.iter().zip(values).filter(|(x, y)| (**x > 0.0) == (**y > 0.5));
                (right.count(), values.len())
            }
        };
        self.right += right as u64;
        self.total += total as u64;
        Ok(())
    }

    /// `count` of all, rounded as the 32-bit division that torch does.
    fn share(&self, count: u64) -> f64 {
        f64::from(count as f32 / self.total as f32)
    }

    fn save(&self) -> Vec<f64> {
        vec![self.right as f64, self.total as f64]
    }

    fn load(&mut self, name: &str, state: &[f64]) -> Result<()> {
        let [right, total] = state else { return Err(foreign_state(name)) };
        *self = Self { right: *right as u64, total: *total as u64 };
        Ok(())
    }
}

macro_rules! hits_metric {
    ($(#[$doc:meta])* $metric:ident, $name:literal, $direction:ident, |$hits:ident| $count:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $metric {
            hits: Hits,
        }

        impl Metric for $metric {
            fn name(&self) -> &'static str {
                $name
            }

            fn direction(&self) -> Direction {
                Direction::$direction
            }

            fn reset(&mut self) {
                self.hits = Hits::default();
            }

            fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
                self.hits.update($name, predictions, targets)
            }

            fn value(&self) -> f64 {
                let $hits = &self.hits;
                $hits.share($count)
            }

            fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
                check_task($name, &[Task::Classes, Task::Labels], activation, targets)
            }

            fn save_state(&self) -> Result<Vec<f64>> {
                Ok(self.hits.save())
            }

            fn load_state(&mut self, state: &[f64]) -> Result<()> {
                self.hits.load($name, state)
            }
        }
    };
}

hits_metric! {
    /// The share of rows whose class has the largest output; with several labels a row, the share of labels on
    /// the right side of one half (fastai's `accuracy_multi`). Rounded to 32 bits, as fastai's are.
    ///
    /// ```
    /// use highmark::{Accuracy, Activation, Metric, Predictions, Targets};
    /// let mut accuracy = Accuracy::default();
    /// let predictions = Predictions { raw: &[-1.0, 1.0], outputs: 1, activation: Activation::Sigmoid };
    /// accuracy.update(&predictions, &Targets::Classes(vec![0, 0]))?;
    /// assert_eq!(accuracy.value(), 0.5);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    Accuracy, "accuracy", Higher, |hits| hits.right
}

hits_metric! {
    /// The share of predictions that are wrong: 1 - [`Accuracy`].
    ///
    /// ```
    /// use highmark::{Direction, ErrorRate, Metric};
    /// assert_eq!(ErrorRate::default().direction(), Direction::Lower);
    /// assert!(ErrorRate::default().value().is_nan());
    /// ```
    ErrorRate, "error_rate", Lower, |hits| hits.total - hits.right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_as_fastai_prints() {
        let state = [204.0, 236.0];
        let mut accuracy = Accuracy::default();
        accuracy.load_state(&state).unwrap();
        assert_eq!(accuracy.value(), 0.864_406_764_507_293_7);
        assert_eq!(accuracy.save_state().unwrap(), state);
        assert!(accuracy.load_state(&[1.0]).is_err());
        accuracy.reset();
        assert!(accuracy.value().is_nan());
    }

    #[test]
    fn labels_count_one_by_one() {
        let mut error = ErrorRate::default();
        let predictions =
            Predictions { raw: &[1.0, -1.0, 2.0, 3.0], outputs: 2, activation: Activation::Sigmoid };
        let targets = Targets::Values { values: vec![1.0, 0.0, 0.0, 1.0], width: 2 };
        error.update(&predictions, &targets).unwrap();
        assert_eq!(error.value(), 0.25);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let mut accuracy = Accuracy::default();
        let predictions = Predictions { raw: &[0.0, 1.0], outputs: 2, activation: Activation::Softmax };
        assert!(accuracy.update(&predictions, &Targets::Classes(vec![0, 0])).is_err());
        assert!(accuracy.update(&predictions, &Targets::Classes(vec![2])).is_err());
        let numbers = Targets::Values { values: vec![], width: 1 };
        assert!(accuracy.update(&predictions, &numbers).is_err());
        let message = accuracy.check(1, Activation::Identity, &numbers).unwrap_err().to_string();
        assert_eq!(
            message,
            "metrics: `accuracy` does not fit a target of numbers; use mse, rmse, mae, r2 or explained_variance"
        );
    }
}
