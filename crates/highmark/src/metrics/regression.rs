//! Errors of numbers.

use super::{Direction, Metric, Predictions, Task, check_rows, check_task, foreign_state};
use crate::{Activation, Error, Result, Targets};

/// The mean of a function of the differences, over rows and outputs.
#[derive(Clone, Debug, Default)]
struct Differences {
    sum: f64,
    count: u64,
}

impl Differences {
    fn update(
        &mut self,
        name: &str,
        predictions: &Predictions<'_>,
        targets: &Targets,
        of: impl Fn(f64) -> f64,
    ) -> Result<()> {
        for (p, y) in numbers(name, predictions, targets)? {
            self.sum += of(p - y);
            self.count += 1;
        }
        Ok(())
    }

    fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// Predictions and target numbers side by side.
pub(super) fn numbers<'a>(
    name: &str,
    predictions: &Predictions<'a>,
    targets: &'a Targets,
) -> Result<impl Iterator<Item = (f64, f64)> + use<'a>> {
    check_rows(name, predictions, targets)?;
    let Targets::Values { values, .. } = targets else {
        return Err(Error::data(format!("{name} needs numbers, but the targets are classes")));
    };
    Ok(predictions.raw.iter().zip(values).map(|(p, y)| (f64::from(*p), f64::from(*y))))
}

macro_rules! differences_metric {
    ($(#[$doc:meta])* $metric:ident, $name:literal, $of:expr, $finish:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $metric {
            differences: Differences,
        }

        impl Metric for $metric {
            fn name(&self) -> &'static str {
                $name
            }

            fn direction(&self) -> Direction {
                Direction::Lower
            }

            fn reset(&mut self) {
                self.differences = Differences::default();
            }

            fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
                self.differences.update($name, predictions, targets, $of)
            }

            fn value(&self) -> f64 {
                $finish(self.differences.mean())
            }

            fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
                check_task($name, &[Task::Numbers], activation, targets)
            }

            fn save_state(&self) -> Result<Vec<f64>> {
                Ok(vec![self.differences.sum, self.differences.count as f64])
            }

            fn load_state(&mut self, state: &[f64]) -> Result<()> {
                let [sum, count] = state else { return Err(foreign_state($name)) };
                self.differences = Differences { sum: *sum, count: *count as u64 };
                Ok(())
            }
        }
    };
}

differences_metric! {
    /// The mean squared error over rows and outputs, in squared units of the target.
    ///
    /// ```
    /// use highmark::{Activation, MeanSquaredError, Metric, Predictions, Targets};
    /// let mut metric = MeanSquaredError::default();
    /// let predictions = Predictions { raw: &[1.0, 5.0], outputs: 1, activation: Activation::Identity };
    /// metric.update(&predictions, &Targets::Values { values: vec![1.0, 3.0], width: 1 })?;
    /// assert_eq!(metric.value(), 2.0);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    MeanSquaredError, "mse", |d| d * d, std::convert::identity
}

differences_metric! {
    /// The square root of the mean squared error over rows and outputs, in units of the target.
    ///
    /// ```
    /// use highmark::{Activation, Metric, Predictions, RootMeanSquaredError, Targets};
    /// let mut metric = RootMeanSquaredError::default();
    /// let predictions = Predictions { raw: &[1.0], outputs: 1, activation: Activation::Identity };
    /// metric.update(&predictions, &Targets::Values { values: vec![3.0], width: 1 })?;
    /// assert_eq!(metric.value(), 2.0);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    RootMeanSquaredError, "rmse", |d| d * d, f64::sqrt
}

differences_metric! {
    /// The mean absolute error over rows and outputs, in units of the target.
    ///
    /// ```
    /// use highmark::{Activation, MeanAbsoluteError, Metric, Predictions, Targets};
    /// let mut metric = MeanAbsoluteError::default();
    /// let predictions = Predictions { raw: &[1.0, 5.0], outputs: 1, activation: Activation::Identity };
    /// metric.update(&predictions, &Targets::Values { values: vec![1.0, 3.0], width: 1 })?;
    /// assert_eq!(metric.value(), 1.0);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    MeanAbsoluteError, "mae", f64::abs, std::convert::identity
}
