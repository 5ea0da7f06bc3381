//! The library's losses, called from Python.

use highmark::{Error, LossKind};
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
    let kind: LossKind = serde_json::from_str(spec)
        .map_err(|error| Error::config("loss_func", error.to_string()))
        .or_raise()?;
    let loss = kind.build();
    let (raw, outputs, targets) = predictions_and_targets(predictions, targets, loss.activation())?;
    loss.check(outputs, &targets).or_raise()?;
    loss.evaluate(&raw, outputs, &targets, None).or_raise()
}
