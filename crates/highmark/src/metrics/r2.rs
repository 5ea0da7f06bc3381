//! How much of the targets' variance is explained.

use super::regression::numbers;
use super::{Direction, Metric, Predictions, Task, check_task, foreign_state};
use crate::{Activation, Error, Result, Targets};

/// Mean and squared deviations from it, updated row by row without cancellation (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, x: f64, count: f64) {
        let before = x - self.mean;
        self.mean += before / count;
        self.squares += before * (x - self.mean);
    }
}

/// Of one output: targets, and what the predictions leave over of them.
#[derive(Clone, Copy, Debug, Default)]
struct Output {
    target: Spread,
    residual: Spread,
    residual_squares: f64,
}

#[derive(Clone, Debug, Default)]
struct Variances {
    rows: u64,
    each: Vec<Output>,
}

impl Variances {
    fn update(&mut self, name: &str, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        let numbers = numbers(name, predictions, targets)?;
        if self.each.is_empty() {
            self.each.resize(predictions.outputs, Output::default());
        } else if self.each.len() != predictions.outputs {
            return Err(Error::data(format!("{name}: the number of outputs changed between batches")));
        }
        let outputs = self.each.len();
        for (i, (p, y)) in numbers.enumerate() {
            let count = (self.rows + (i / outputs) as u64 + 1) as f64;
            let output = &mut self.each[i % outputs];
            output.target.add(y, count);
            output.residual.add(y - p, count);
            output.residual_squares += (y - p) * (y - p);
        }
        self.rows += predictions.rows() as u64;
        Ok(())
    }

    /// The mean over the outputs of 1 - left(output) / the targets' squared deviations.
    fn explained(&self, left: impl Fn(&Output) -> f64) -> f64 {
        let explained = self.each.iter().map(|output| {
            let (left, all) = (left(output), output.target.squares);
            // Constant targets: scikit-learn's finite answers instead of 0/0 and -inf.
            if left == 0.0 {
                1.0
            } else if all == 0.0 {
                0.0
            } else {
                1.0 - left / all
            }
        });
        explained.sum::<f64>() / self.each.len() as f64
    }

    fn save(&self) -> Vec<f64> {
        let each = self.each.iter().flat_map(|o| {
            [o.target.mean, o.target.squares, o.residual.mean, o.residual.squares, o.residual_squares]
        });
        std::iter::once(self.rows as f64).chain(each).collect()
    }

    fn load(&mut self, name: &str, state: &[f64]) -> Result<()> {
        let Some((rows, each)) = state.split_first().filter(|(_, each)| each.len() % 5 == 0) else {
            return Err(foreign_state(name));
        };
        let each = each.chunks_exact(5).map(|n| Output {
            target: Spread { mean: n[0], squares: n[1] },
            residual: Spread { mean: n[2], squares: n[3] },
            residual_squares: n[4],
        });
        *self = Self { rows: *rows as u64, each: each.collect() };
        Ok(())
    }
}

macro_rules! variances_metric {
    ($(#[$doc:meta])* $metric:ident, $name:literal, |$variances:ident| $value:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $metric {
            variances: Variances,
        }

        impl Metric for $metric {
            fn name(&self) -> &'static str {
                $name
            }

            fn direction(&self) -> Direction {
                Direction::Higher
            }

            fn reset(&mut self) {
                self.variances = Variances::default();
            }

            fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
                self.variances.update($name, predictions, targets)
            }

            fn value(&self) -> f64 {
                let $variances = &self.variances;
                $value
            }

            fn check(&self, _outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
                check_task($name, &[Task::Numbers], activation, targets)
            }

            fn save_state(&self) -> Result<Vec<f64>> {
                Ok(self.variances.save())
            }

            fn load_state(&mut self, state: &[f64]) -> Result<()> {
                self.variances.load($name, state)
            }
        }
    };
}

variances_metric! {
    /// The coefficient of determination, as scikit-learn's `r2_score`: 1 is perfect, 0 as good as the mean; the mean
    /// over several outputs. NaN for fewer than two rows.
    ///
    /// ```
    /// use highmark::{Activation, Metric, Predictions, R2Score, Targets};
    /// let mut metric = R2Score::default();
    /// let predictions = Predictions { raw: &[2.0, 2.0], outputs: 1, activation: Activation::Identity };
    /// metric.update(&predictions, &Targets::Values { values: vec![1.0, 3.0], width: 1 })?;
    /// assert_eq!(metric.value(), 0.0);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    R2Score, "r2", |all| if all.rows < 2 { f64::NAN } else { all.explained(|o| o.residual_squares) }
}

variances_metric! {
    /// [`R2Score`] with the mean error left out of the errors, as scikit-learn's `explained_variance_score`.
    ///
    /// ```
    /// use highmark::{Activation, ExplainedVariance, Metric, Predictions, Targets};
    /// let mut metric = ExplainedVariance::default();
    /// let predictions = Predictions { raw: &[11.0, 13.0], outputs: 1, activation: Activation::Identity };
    /// metric.update(&predictions, &Targets::Values { values: vec![1.0, 3.0], width: 1 })?;
    /// assert_eq!(metric.value(), 1.0);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    ExplainedVariance, "explained_variance", |all| all.explained(|o| o.residual.squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_and_constant_targets() {
        let one = Predictions { raw: &[2.0], outputs: 1, activation: Activation::Identity };
        let target = Targets::Values { values: vec![1.0], width: 1 };
        let mut r2 = R2Score::default();
        r2.update(&one, &target).unwrap();
        assert!(r2.value().is_nan());
        r2.update(&one, &target).unwrap();
        assert_eq!(r2.value(), 0.0);
        assert!(r2.update(&one, &Targets::Classes(vec![0])).is_err());
    }

    #[test]
    fn far_from_zero_is_exact() {
        let mut r2 = R2Score::default();
        let raw = [1e6, 1e6 + 2.0, 1e6 + 4.0, 1e6 + 8.0];
        let predictions = Predictions { raw: &raw, outputs: 1, activation: Activation::Identity };
        let values = vec![1e6, 1e6 + 2.0, 1e6 + 4.0, 1e6 + 6.0];
        r2.update(&predictions, &Targets::Values { values, width: 1 }).unwrap();
        assert!((r2.value() - 0.8).abs() < 1e-12);
    }
}
