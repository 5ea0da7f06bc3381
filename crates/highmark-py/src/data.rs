//! Tables made ready for training.

use std::sync::Arc;

use highmark::{DataConfig, Level, Loader, NamedData, Order, Proc, Split, Targets, TaskKind};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;

use crate::array::{Numbers, integers, numpy};
use crate::error::{OrRaise, from_json, to_json};
use crate::table::Table;

/// What to make of a table, as the package sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    targets: Vec<String>,
    task: Option<TaskKind>,
    classes: Option<Vec<Level>>,
    cat: Option<Vec<String>>,
    cont: Option<Vec<String>>,
    procs: Vec<Proc>,
    max_card: usize,
}

/// Encoded rows.
#[pyclass(frozen, skip_from_py_object, module = "highmark._highmark")]
#[derive(Clone, Debug)]
pub(crate) struct Dataset(pub(crate) Arc<highmark::Dataset>);

#[pymethods]
impl Dataset {
    fn __len__(&self) -> usize {
        self.0.rows()
    }

    /// Codes (rows × categorical columns), numbers (rows × continuous columns) and targets (rows × columns, or `None`) of
    /// some rows, or of all.
    #[pyo3(signature = (rows=None))]
    #[expect(clippy::type_complexity, reason = "three arrays")]
    fn arrays<'py>(
        &self,
        py: Python<'py>,
        rows: Option<Vec<u32>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
        let data = rows.map_or_else(|| Ok(self.clone()), |rows| self.take(rows))?;
        let n = data.0.rows();
        let cat = numpy(py, Numbers::U32(data.0.x_cat().to_vec()), &[n, data.0.n_cat()])?;
        let cont = numpy(py, Numbers::F32(data.0.x_cont().to_vec()), &[n, data.0.n_cont()])?;
        Ok((cat, cont, data.targets(py)?))
    }

    /// The targets (rows × columns, or `None`).
    fn targets<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.targets().map(|targets| targets_array(py, targets)).transpose()
    }

    /// These rows, in this order.
    #[expect(clippy::needless_pass_by_value, reason = "as Python hands it over")]
    fn take(&self, rows: Vec<u32>) -> PyResult<Self> {
        let n = self.0.rows();
        if let Some(row) = rows.iter().find(|row| **row as usize >= n) {
            return Err(PyIndexError::new_err(format!("row {row} is not among the {n} rows")));
        }
        Ok(Self(Arc::new(self.0.take(&rows))))
    }

    /// The rows in the order that shuffled training has in epoch `epoch`.
    fn shuffled<'py>(&self, py: Python<'py>, seed: u64, epoch: u64) -> PyResult<Bound<'py, PyAny>> {
        let mut loader = Loader::new(Arc::clone(&self.0), 1, Order::Shuffled { seed }, false).or_raise()?;
        loader.start(epoch);
        row_numbers(py, loader.rows())
    }
}

/// Targets as rows × columns.
fn targets_array<'py>(py: Python<'py>, targets: &Targets) -> PyResult<Bound<'py, PyAny>> {
    match targets {
        Targets::Classes(classes) => {
            numpy(py, Numbers::I64(classes.iter().map(|c| i64::from(*c)).collect()), &[classes.len(), 1])
        }
        Targets::Values { values, width } => {
            numpy(py, Numbers::F32(values.clone()), &[values.len() / (*width).max(1), *width])
        }
    }
}

/// The fitted preparation of the columns.
#[pyclass(frozen, skip_from_py_object, module = "highmark._highmark")]
#[derive(Clone, Debug)]
pub(crate) struct Pipeline(pub(crate) highmark::Pipeline);

#[pymethods]
impl Pipeline {
    /// All that is known of it, as JSON: as in a model file, with `cardinalities` and `outputs`.
    fn describe(&self) -> PyResult<String> {
        let mut all = serde_json::to_value(&self.0).map_err(|e| PyValueError::new_err(e.to_string()))?;
        all["cardinalities"] = serde_json::json!(self.0.cardinalities());
        all["features"] = serde_json::json!(self.0.feature_names().collect::<Vec<_>>());
        all["outputs"] = serde_json::json!(self.0.task().outputs());
        to_json(&all)
    }

    /// Encodes a table; also says in what it differs from the training table, line by line.
    ///
    /// The interpreter is held, so that nobody changes memory of numpy that the table looks at.
    fn apply(&self, table: &Table) -> PyResult<(Dataset, Vec<String>)> {
        let (dataset, drift) = self.0.apply(&table.0).or_raise()?;
        Ok((Dataset(Arc::new(dataset)), drift.lines()))
    }
}

/// A table made ready for training.
#[pyclass(frozen, skip_from_py_object, module = "highmark._highmark")]
#[derive(Clone, Debug)]
pub(crate) struct TabularData(pub(crate) highmark::TabularData);

#[pymethods]
impl TabularData {
    /// Of the rows `train` and `valid`, or of all rows and those of another table, `valid_table`.
    #[new]
    #[pyo3(signature = (table, config, train, valid, valid_table=None))]
    fn new(
        table: &Table,
        config: &str,
        train: &Bound<'_, PyAny>,
        valid: &Bound<'_, PyAny>,
        valid_table: Option<&Table>,
    ) -> PyResult<Self> {
        let [train, valid] = [rows(train)?, rows(valid)?];
        let Wanted { targets, task, classes, cat, cont, procs, max_card } = from_json("data", config)?;
        let valid = match valid_table {
            Some(table) => Split::Table(table.0.clone()),
            None => Split::Given { train, valid },
        };
        let config =
            DataConfig { targets, task, classes, cat, cont, procs, max_card, valid, ..DataConfig::default() };
        // The interpreter is held, so that nobody changes memory of numpy that the table looks at.
        highmark::TabularData::new(&table.0, &config).map(Self).or_raise()
    }

    #[getter]
    fn train(&self) -> Dataset {
        Dataset(Arc::clone(&self.0.train))
    }

    #[getter]
    fn valid(&self) -> Dataset {
        Dataset(Arc::clone(&self.0.valid))
    }

    #[getter]
    fn pipeline(&self) -> Pipeline {
        Pipeline(self.0.pipeline.clone())
    }

    /// Which rows of the table are trained on.
    #[getter]
    fn train_rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        row_numbers(py, &self.0.train_rows)
    }

    /// Which rows of the table, or of `valid_table`, validate.
    #[getter]
    fn valid_rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        row_numbers(py, &self.0.valid_rows)
    }

    /// What is odd about the training rows, line by line.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings.iter().map(ToString::to_string).collect()
    }

    /// In what the validation rows differ from the training rows, line by line.
    #[getter]
    fn drift(&self) -> Vec<String> {
        self.0.valid_drift.lines()
    }
}

/// Row numbers, as an array.
fn row_numbers<'py>(py: Python<'py>, rows: &[u32]) -> PyResult<Bound<'py, PyAny>> {
    numpy(py, Numbers::I64(rows.iter().map(|row| i64::from(*row)).collect()), &[rows.len()])
}

/// Row numbers, from an array.
fn rows(array: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let row = |row: i64| {
        usize::try_from(row).map_err(|_| {
            PyValueError::new_err(format!("splits: row {row} is not there; rows are counted from 0"))
        })
    };
    integers(array)?.0.into_iter().map(row).collect()
}

/// Training and validation rows of `rows` rows: a share drawn at random, evenly from each class if there are any.
#[pyfunction]
#[pyo3(signature = (rows, fraction, seed, classes=None))]
pub(crate) fn divide(
    py: Python<'_>,
    rows: usize,
    fraction: f64,
    seed: u64,
    classes: Option<Vec<u32>>,
) -> PyResult<(Bound<'_, PyAny>, Bound<'_, PyAny>)> {
    let split = Split::Fraction { fraction, seed, stratify: classes.is_some() };
    let (train, valid) = split.divide(rows, classes.as_deref()).or_raise()?;
    Ok((row_numbers(py, &train)?, row_numbers(py, &valid)?))
}

/// The built-in data called `name` as a CSV file.
#[pyfunction]
pub(crate) fn named_csv<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyBytes>> {
    let data = NamedData::from_name(name).ok_or_else(|| PyKeyError::new_err(name.to_string()))?;
    Ok(PyBytes::new(py, &data.csv_bytes().or_raise()?))
}
