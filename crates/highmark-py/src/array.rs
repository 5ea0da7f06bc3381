//! Numbers that numpy sees in place.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// A block of numbers.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U32(Vec<u32>),
    I64(Vec<i64>),
}

impl Numbers {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::I64(v) => v.len(),
        }
    }

    fn address(&mut self) -> usize {
        match self {
            Self::F32(v) => v.as_mut_ptr() as usize,
            Self::F64(v) => v.as_mut_ptr() as usize,
            Self::U32(v) => v.as_mut_ptr() as usize,
            Self::I64(v) => v.as_mut_ptr() as usize,
        }
    }

    /// As numpy writes the type.
    fn kind(&self) -> &'static str {
        match self {
            Self::F32(_) => "<f4",
            Self::F64(_) => "<f8",
            Self::U32(_) => "<u4",
            Self::I64(_) => "<i8",
        }
    }
}

/// Owns numbers for as long as an array of numpy looks at them.
#[pyclass(frozen, module = "highmark._highmark")]
#[derive(Debug)]
pub(crate) struct Array {
    numbers: Arc<Numbers>,
    address: usize,
    shape: Vec<usize>,
    read_only: bool,
}

/// Numbers that can be given to numpy many times, and be taken back once it has let go of them.
#[derive(Debug)]
pub(crate) struct Shared {
    numbers: Arc<Numbers>,
    address: usize,
}

impl Shared {
    pub(crate) fn new(mut numbers: Numbers) -> Self {
        // A vector's numbers stay where they are when it moves.
        let address = numbers.address();
        Self { numbers: Arc::new(numbers), address }
    }

    /// The numbers themselves, or a copy if an array is still looking at them.
    pub(crate) fn take_back(self) -> Numbers {
        Arc::try_unwrap(self.numbers).unwrap_or_else(|numbers| (*numbers).clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// What shows the numbers to numpy in this shape.
    pub(crate) fn array(&self, shape: Vec<usize>, read_only: bool) -> PyResult<Array> {
        if shape.iter().product::<usize>() != self.numbers.len() {
            let message = format!("{} numbers do not have the shape {shape:?}", self.numbers.len());
            return Err(PyValueError::new_err(message));
        }
        Ok(Array { numbers: Arc::clone(&self.numbers), address: self.address, shape, read_only })
    }
}

impl Array {
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn into_numpy(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import("numpy")?.call_method1("asarray", (self,))
    }
}

#[pymethods]
impl Array {
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("version", 3)?;
        dict.set_item("typestr", self.numbers.kind())?;
        dict.set_item("shape", pyo3::types::PyTuple::new(py, &self.shape)?)?;
        dict.set_item("data", (self.address, self.read_only))?;
        Ok(dict)
    }
}

/// A new array of numpy that owns these numbers.
pub(crate) fn numpy<'py>(py: Python<'py>, numbers: Numbers, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    Shared::new(numbers).array(shape.to_vec(), false)?.into_numpy(py)
}

/// The numbers of anything that numpy takes for an array, with their shape.
pub(crate) fn floats(array: &Bound<'_, PyAny>) -> PyResult<(Vec<f32>, Vec<usize>)> {
    let (bytes, shape) = bytes(array, "<f4")?;
    Ok((bytes.as_bytes().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(), shape))
}

/// The same for whole numbers.
pub(crate) fn integers(array: &Bound<'_, PyAny>) -> PyResult<(Vec<i64>, Vec<usize>)> {
    let (bytes, shape) = bytes(array, "<i8")?;
    Ok((bytes.as_bytes().as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect(), shape))
}

fn bytes<'py>(array: &Bound<'py, PyAny>, dtype: &str) -> PyResult<(Bound<'py, PyBytes>, Vec<usize>)> {
    let numpy = array.py().import("numpy")?;
    let array = numpy.call_method1("asarray", (array, dtype))?;
    let shape = array.getattr("shape")?.extract()?;
    Ok((array.call_method0("tobytes")?.cast_into::<PyBytes>()?, shape))
}
