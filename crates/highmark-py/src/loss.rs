//! The library's losses, called from Python.

use highmark::{Error, Loss, LossKind, Result, Targets};
use pyo3::prelude::*;

use crate::error::OrRaise;
use crate::metric::predictions_and_targets;

/// The loss `spec`, as JSON, of raw outputs (rows × outputs) and targets.
#[pyfunction]
pub(crate) fn loss_value(
    spec: &str,
    predictions: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
) -> PyResult<f32> {
    computed(spec, predictions, targets, |loss, raw, outputs, targets| {
        loss.evaluate(raw, outputs, targets, None)
    })
}

/// The same of every row.
#[pyfunction]
pub(crate) fn loss_per_row(
    spec: &str,
    predictions: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
) -> PyResult<Vec<f32>> {
    computed(spec, predictions, targets, |loss, raw, outputs, targets| {
        let mut losses = Vec::new();
        loss.per_row(raw, outputs, targets, &mut losses)?;
        Ok(losses)
    })
}

/// What `compute` makes of the loss, of raw outputs and how many a row has, and of targets that fit.
fn computed<T>(
    spec: &str,
    predictions: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
    compute: impl FnOnce(&dyn Loss, &[f32], usize, &Targets) -> Result<T>,
) -> PyResult<T> {
    let kind: LossKind = serde_json::from_str(spec)
        .map_err(|error| Error::config("loss_func", error.to_string()))
        .or_raise()?;
    let loss = kind.build();
    let (raw, outputs, targets) = predictions_and_targets(predictions, targets, loss.activation())?;
    loss.check(outputs, &targets).or_raise()?;
    compute(&*loss, &raw, outputs, &targets).or_raise()
}
