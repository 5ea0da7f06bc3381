//! Models from files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::{Numbers, numpy};
use crate::data::Pipeline;
use crate::error::{OrRaise, to_json};
use crate::table::Table;

/// A model from a file: raw rows in, predictions out. Reading one runs no code.
#[pyclass(frozen, module = "highmark._highmark")]
pub(crate) struct SavedModel(Mutex<highmark::SavedModel>);

impl SavedModel {
    fn with<T>(&self, act: impl FnOnce(&mut highmark::SavedModel) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl SavedModel {
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        let model = highmark::SavedModel::load(&path).or_raise()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self(Mutex::new(model.threads(threads))))
    }

    /// What the file says about the model, as JSON.
    fn describe(&self) -> PyResult<String> {
        self.with(|model| to_json(model.description()))
    }

    #[getter]
    fn pipeline(&self) -> PyResult<Pipeline> {
        self.with(|model| model.pipeline().cloned().map(Pipeline).or_raise())
    }

    /// Activated predictions, rows × outputs, and in what the table differs from the training table. The interpreter is held, so
    /// that nobody changes memory of numpy that the table looks at.
    fn predict<'py>(&self, py: Python<'py>, table: &Table) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
        let (predicted, drift) = self.with(|model| model.predict(&table.0)).or_raise()?;
        if predicted.outputs == 0 {
            return Err(PyValueError::new_err("the model has no outputs"));
        }
        let shape = [predicted.rows(), predicted.outputs];
        Ok((numpy(py, Numbers::F32(predicted.values), &shape)?, drift.lines()))
    }
}
