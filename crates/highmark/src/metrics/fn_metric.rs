//! Metrics out of a user's function.

use std::fmt;

use super::collected::Collected;
use super::{Direction, Metric, Predictions, foreign_state};
use crate::{Activation, Result, Targets};

/// A metric computed once over all rows; see [`metric_fn`].
pub struct FnMetric<F> {
    name: String,
    direction: Direction,
    function: F,
    rows: Collected,
}

impl<F> fmt::Debug for FnMetric<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnMetric")
            .field("name", &self.name)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// Makes a metric of `function`, which sees the predictions and targets of all rows at once (fastai's `AccumMetric`).
///
/// ```
/// use highmark::{Activation, Direction, Metric, Predictions, Targets, metric_fn};
/// let mut largest = metric_fn("largest", Direction::Lower, |predictions: &Predictions, _: &Targets| {
///     f64::from(predictions.raw.iter().copied().fold(f32::NAN, f32::max))
/// });
/// let predictions = Predictions { raw: &[1.0, 3.0], outputs: 1, activation: Activation::Identity };
/// largest.update(&predictions, &Targets::Values { values: vec![0.0; 2], width: 1 })?;
/// assert_eq!(largest.value(), 3.0);
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn metric_fn<F>(name: impl Into<String>, direction: Direction, function: F) -> FnMetric<F>
where
    F: Fn(&Predictions<'_>, &Targets) -> f64 + Send,
{
    FnMetric { name: name.into(), direction, function, rows: Collected::default() }
}

impl<F> Metric for FnMetric<F>
where
    F: Fn(&Predictions<'_>, &Targets) -> f64 + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn reset(&mut self) {
        self.rows.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.rows.update(&self.name, predictions, targets)
    }

    fn value(&self) -> f64 {
        self.rows.get().map_or(f64::NAN, |(predictions, targets)| (self.function)(&predictions, targets))
    }

    fn check(&self, _outputs: usize, _activation: Activation, _targets: &Targets) -> Result<()> {
        Ok(())
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(self.rows.save())
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.rows.load(&self.name, state)
    }
}

/// The mean of a number over the batches, each weighted by its rows; see [`batch_mean`].
pub struct BatchMean<F> {
    name: String,
    direction: Direction,
    function: F,
    sum: f64,
    rows: u64,
}

impl<F> fmt::Debug for BatchMean<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchMean")
            .field("name", &self.name)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// Makes a metric of `function`, which sees one batch at a time, by the mean of its values weighted by rows
/// (fastai's `AvgMetric`). That is exact for means over rows; for anything else use [`metric_fn`].
///
/// ```
/// use highmark::{Activation, Direction, Metric, Predictions, Targets, batch_mean};
/// let mut mean = batch_mean("mean", Direction::Higher, |predictions: &Predictions, _: &Targets| {
///     f64::from(predictions.raw.iter().sum::<f32>()) / predictions.rows() as f64
/// });
/// for raw in [&[1.0, 2.0][..], &[6.0]] {
///     let predictions = Predictions { raw, outputs: 1, activation: Activation::Identity };
///     mean.update(&predictions, &Targets::Values { values: vec![0.0; raw.len()], width: 1 })?;
/// }
/// assert_eq!(mean.value(), 3.0);
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn batch_mean<F>(name: impl Into<String>, direction: Direction, function: F) -> BatchMean<F>
where
    F: FnMut(&Predictions<'_>, &Targets) -> f64 + Send,
{
    BatchMean { name: name.into(), direction, function, sum: 0.0, rows: 0 }
}

impl<F> Metric for BatchMean<F>
where
    F: FnMut(&Predictions<'_>, &Targets) -> f64 + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn reset(&mut self) {
        (self.sum, self.rows) = (0.0, 0);
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        let rows = predictions.rows();
        if rows > 0 {
            self.sum += (self.function)(predictions, targets) * rows as f64;
            self.rows += rows as u64;
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.sum / self.rows as f64
    }

    fn check(&self, _outputs: usize, _activation: Activation, _targets: &Targets) -> Result<()> {
        Ok(())
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(vec![self.sum, self.rows as f64])
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        let [sum, rows] = state else { return Err(foreign_state(&self.name)) };
        (self.sum, self.rows) = (*sum, *rows as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_all_rows_once() {
        let rows = |predictions: &Predictions<'_>, targets: &Targets| {
            assert_eq!(predictions.rows(), targets.rows());
            predictions.rows() as f64
        };
        let mut metric = metric_fn("rows", Direction::Higher, rows);
        assert!(metric.value().is_nan());
        let batch = Predictions { raw: &[1.0; 4], outputs: 2, activation: Activation::Softmax };
        metric.update(&batch, &Targets::Classes(vec![0, 1])).unwrap();
        let mut resumed = metric_fn("rows", Direction::Higher, rows);
        resumed.load_state(&metric.save_state().unwrap()).unwrap();
        resumed.update(&batch, &Targets::Classes(vec![0, 1])).unwrap();
        assert_eq!(resumed.value(), 4.0);
        let other = Predictions { raw: &[1.0; 3], outputs: 3, activation: Activation::Softmax };
        assert!(resumed.update(&other, &Targets::Classes(vec![0])).is_err());
        let numbers = Targets::Values { values: vec![0.0; 4], width: 2 };
        assert!(resumed.update(&batch, &numbers).is_err());
        resumed.reset();
        resumed.update(&batch, &numbers).unwrap();
        assert_eq!(resumed.value(), 2.0);
        assert!(resumed.load_state(&[2.0, 1.0, 0.0, 1.0]).is_err());
    }
}
