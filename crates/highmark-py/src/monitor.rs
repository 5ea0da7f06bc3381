//! A monitored column, for trackers that are written in Python.

use highmark::Direction;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::error::{OrRaise, from_json, to_json};
use crate::learner::Learner;
use crate::native::MonitorSpec;

/// A monitored column and its best value so far.
#[pyclass(module = "highmark._highmark")]
#[derive(Debug)]
pub(crate) struct Monitor(highmark::Monitor);

#[pymethods]
impl Monitor {
    #[new]
    fn new(spec: &str) -> PyResult<Self> {
        Ok(Self(from_json::<MonitorSpec>("monitor", spec)?.build()))
    }

    /// Looks the column up at the start of a fit; forgets the best value when `reset`.
    fn start(&mut self, learner: &Learner, reset: bool) -> PyResult<()> {
        learner.slot.with_trainer(|t| self.0.start(t, reset).or_raise())
    }

    /// The column's value in the latest epoch, if it has one.
    fn value(&self, learner: &Learner) -> PyResult<Option<f64>> {
        learner.slot.with_trainer(|t| Ok(t.history.this_epoch(self.0.name())))
    }

    /// Takes `value` as the best one if it is an improvement; says whether it was.
    fn update(&mut self, value: f64) -> bool {
        self.0.update(value)
    }

    /// What it remembers, as JSON.
    fn state(&self) -> PyResult<String> {
        to_json(&self.0)
    }

    /// Takes that back.
    fn load_state(&mut self, state: &str) -> PyResult<()> {
        self.0 = from_json("monitor", state)?;
        Ok(())
    }

    #[getter]
    fn best(&self) -> Option<f64> {
        self.0.best()
    }

    /// Whether lower is better, once the fit has begun.
    #[getter]
    fn lower(&self) -> PyResult<bool> {
        let direction = serde_json::to_value(&self.0).ok().and_then(|v| v.get("direction").cloned());
        let direction: Option<Direction> = direction.and_then(|d| serde_json::from_value(d).ok());
        direction.map(|d| d == Direction::Lower).ok_or_else(|| PyRuntimeError::new_err("no direction"))
    }
}
