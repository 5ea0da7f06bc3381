//! Models from files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::{Numbers, numpy};
use crate::data::{Dataset, Pipeline};
use crate::error::{OrRaise, to_json};

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

    /// Activated predictions of encoded rows, rows × outputs.
    fn predict<'py>(&self, py: Python<'py>, dataset: &Dataset) -> PyResult<Bound<'py, PyAny>> {
        let predicted = py.detach(|| self.with(|model| model.predict_encoded(&dataset.0))).or_raise()?;
        if predicted.outputs == 0 {
            return Err(PyValueError::new_err("the model has no outputs"));
        }
        let shape = [predicted.rows(), predicted.outputs];
        numpy(py, Numbers::F32(predicted.values), &shape)
    }
}
