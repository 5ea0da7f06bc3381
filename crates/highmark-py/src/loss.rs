//! The library's losses, called from Python.

use highmark::{Error, Loss, LossKind};
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
    let loss = built(spec)?;
    let (raw, outputs, targets) = predictions_and_targets(predictions, targets, loss.activation())?;
    loss.check(outputs, &targets).or_raise()?;
    loss.evaluate(&raw, outputs, &targets, None).or_raise()
}

/// The same of every row.
#[pyfunction]
pub(crate) fn loss_per_row(
    spec: &str,
    predictions: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
) -> PyResult<Vec<f32>> {
    let loss = built(spec)?;
    let (raw, outputs, targets) = predictions_and_targets(predictions, targets, loss.activation())?;
    loss.check(outputs, &targets).or_raise()?;
    let mut losses = Vec::new();
    loss.per_row(&raw, outputs, &targets, &mut losses).or_raise()?;
    Ok(losses)
}

fn built(spec: &str) -> PyResult<Box<dyn Loss>> {
    let kind: LossKind = serde_json::from_str(spec)
        .map_err(|error| Error::config("loss_func", error.to_string()))
        .or_raise()?;
    Ok(kind.build())
}
