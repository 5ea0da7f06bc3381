//! Models from files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use highmark::ModelDescription;
use pyo3::prelude::*;

use crate::data::{Dataset, Pipeline};
use crate::error::{OrRaise, to_json};
use crate::outputs::{Arrays, Outputs};

/// A model from a file: raw rows in, predictions out. Reading one runs no code.
#[pyclass(frozen, module = "highmark._highmark")]
pub(crate) struct SavedModel {
    description: ModelDescription,
    /// For one thread at a time, which must not hold the interpreter while it waits: who predicts asks for it now and then.
    model: Mutex<highmark::SavedModel>,
}

#[pymethods]
impl SavedModel {
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        let model = highmark::SavedModel::load(&path).or_raise()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let description = model.description().clone();
        Ok(Self { description, model: Mutex::new(model.threads(threads)) })
    }

    /// What the file says about the model, as JSON.
    fn describe(&self) -> PyResult<String> {
        to_json(&self.description)
    }

    #[getter]
    fn pipeline(&self) -> PyResult<Pipeline> {
        self.description.pipeline().cloned().map(Pipeline).or_raise()
    }

    /// Predictions for encoded rows: raw, activated, and the loss of each row if there are targets.
    fn predictions<'py>(&self, py: Python<'py>, dataset: &Dataset) -> PyResult<Arrays<'py>> {
        let outputs = py.detach(|| {
            let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
            Outputs::of(model.model_mut(), dataset)
        });
        outputs.or_raise()?.into_arrays(py, dataset, &self.description.loss)
    }
}
