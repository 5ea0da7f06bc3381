//! Models from files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::data::{Dataset, Pipeline};
use crate::error::{OrRaise, to_json};
use crate::outputs::{Arrays, Outputs};

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

    /// Predictions for encoded rows: raw, activated, and the loss of each row if there are targets.
    fn predictions<'py>(&self, py: Python<'py>, dataset: &Dataset) -> PyResult<Arrays<'py>> {
        let (outputs, loss) = py.detach(|| {
            self.with(|model| (Outputs::of(model.model_mut(), dataset), model.description().loss.clone()))
        });
        outputs.or_raise()?.into_arrays(py, dataset, &loss)
    }
}
