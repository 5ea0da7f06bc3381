//! Metrics that are written in Python, and the library's own called from there.

use highmark::{Activation, Direction, Error, Metric, Predictions, Result, Targets};
use pyo3::prelude::*;

use crate::array::{floats, integers};
use crate::error::OrRaise;
use crate::interrupt::Pending;
use crate::state;

/// An object with `reset()` and `value`, which is shown the batches by a hook of the package.
pub(crate) struct PyMetric {
    object: Py<PyAny>,
    name: String,
    direction: Direction,
    pending: Pending,
}

impl PyMetric {
    pub(crate) fn new(object: &Bound<'_, PyAny>, pending: &Pending) -> PyResult<Self> {
        let lower: bool = object.getattr("lower_is_better")?.extract()?;
        let direction = if lower { Direction::Lower } else { Direction::Higher };
        let name = object.getattr("name")?.extract()?;
        Ok(Self { object: object.clone().unbind(), name, direction, pending: pending.clone() })
    }
}

impl Metric for PyMetric {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn reset(&mut self) {
        Python::attach(|py| match self.object.call_method0(py, "reset") {
            Ok(_) => {}
            Err(error) => self.pending.keep(error),
        });
    }

    fn update(&mut self, _: &Predictions<'_>, _: &Targets) -> Result<()> {
        // It has seen the batch in a hook, where it can ask for the learner.
        Ok(())
    }

    fn value(&self) -> f64 {
        let value = Python::attach(|py| {
            let value = self.object.bind(py).getattr("value")?;
            if value.is_none() { Ok(f64::NAN) } else { value.call_method0("__float__")?.extract() }
        });
        value.unwrap_or_else(|error| {
            self.pending.keep(error);
            f64::NAN
        })
    }

    fn check(&self, _: usize, _: Activation, _: &Targets) -> Result<()> {
        Ok(())
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        let saved = Python::attach(|py| state::of(self.object.bind(py)));
        Ok(state::as_numbers(&saved.map_err(Error::user)?))
    }

    fn load_state(&mut self, saved: &[f64]) -> Result<()> {
        let value = state::from_numbers(saved)?;
        Python::attach(|py| state::give_back(self.object.bind(py), &value)).map_err(Error::user)
    }
}

/// The value of the library's metric `name` for these predictions (rows × outputs) and targets. `activation` is `softmax`,
/// `sigmoid` or `identity`.
#[pyfunction]
pub(crate) fn metric_value(
    name: &str,
    predictions: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
    activation: &str,
) -> PyResult<f64> {
    let activation = match activation {
        "softmax" => Activation::Softmax,
        "sigmoid" => Activation::Sigmoid,
        _ => Activation::Identity,
    };
    let (raw, outputs, targets) = predictions_and_targets(predictions, targets, activation)?;
    let mut metric = highmark::metric(name).or_raise()?;
    metric.update(&Predictions { raw: &raw, outputs, activation }, &targets).or_raise()?;
    Ok(metric.value())
}

/// Predictions, how many there are a row, and targets: classes where there is one of them a row.
pub(crate) fn predictions_and_targets(
    predictions: &Bound<'_, PyAny>,
    targets: &Bound<'_, PyAny>,
    activation: Activation,
) -> PyResult<(Vec<f32>, usize, Targets)> {
    let (raw, shape) = floats(predictions)?;
    let outputs = if shape.len() > 1 { shape[shape.len() - 1] } else { 1 };
    let targets = if activation == Activation::Softmax {
        Targets::from_classes(integers(targets)?.0).or_raise()?
    } else {
        Targets::Values { values: floats(targets)?.0, width: outputs }
    };
    Ok((raw, outputs, targets))
}
