//! Tables from Python: through the Arrow C interface, or column by column from numpy.

// The Arrow C interface and foreign memory cannot be had without.
#![expect(unsafe_code, reason = "memory of other libraries")]

use std::panic::RefUnwindSafe;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{
    Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, DictionaryArray, Float32Array, Float64Array,
    Int32Array, PrimitiveArray, RecordBatchReader, StringArray, make_array, new_empty_array,
};
use arrow_buffer::{Buffer, MutableBuffer, NullBuffer, ScalarBuffer};
use arrow_data::transform::MutableArrayData;
use arrow_schema::DataType;
use highmark::CsvOptions;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};

use crate::error::OrRaise;

/// Named columns of one length.
#[pyclass(frozen, skip_from_py_object, module = "highmark._highmark")]
#[derive(Clone, Debug)]
pub(crate) struct Table(pub(crate) highmark::Table);

#[pymethods]
impl Table {
    /// A table from anything that has `__arrow_c_stream__`. What comes in one piece stays where it is, but for floats of
    /// 16 bits and decimals, which become floats; what comes in several is joined. Dictionaries that are ordered, and those
    /// called `categories`, say which levels there are.
    #[staticmethod]
    #[pyo3(signature = (source, categories=None))]
    fn from_arrow(source: &Bound<'_, PyAny>, categories: Option<Vec<String>>) -> PyResult<Self> {
        let capsule = source.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
        let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
        // SAFETY: the capsule's name says what it points to; the reader takes the stream over and leaves an empty one.
        let reader =
            unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr().cast::<FFI_ArrowArrayStream>()) };
        let reader = reader.map_err(|e| PyValueError::new_err(e.to_string()))?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<Vec<_>, _>>();
        let batches = batches.map_err(|e| PyValueError::new_err(e.to_string()))?;
        let column = |i: usize| {
            let parts: Vec<ArrayRef> = batches.iter().map(|batch| Arc::clone(batch.column(i))).collect();
            PyResult::Ok(match parts.as_slice() {
                [] => new_empty_array(schema.field(i).data_type()),
                [whole] => to_supported_type(whole),
                parts => to_supported_type(&joined(parts)?),
            })
        };
        let ordered = schema.fields().iter().filter(|field| field.dict_is_ordered() == Some(true));
        let mut categories = categories.unwrap_or_default();
        categories.extend(ordered.map(|field| field.name().clone()));
        let columns = schema.fields().iter().enumerate();
        let columns = columns.map(|(i, field)| Ok((field.name().clone(), column(i)?)));
        let table = highmark::Table::new(columns.collect::<PyResult<_>>()?).or_raise()?;
        Ok(Self(table.with_categories(categories)))
    }

    /// A table of these columns.
    #[staticmethod]
    fn from_columns(names: Vec<String>, columns: Vec<PyRef<'_, Column>>) -> PyResult<Self> {
        let categories = names.iter().zip(&columns).filter(|(_, column)| column.categories);
        let categories = categories.map(|(name, _)| name.clone()).collect();
        let columns = names.into_iter().zip(columns.iter().map(|column| Arc::clone(&column.array)));
        let table = highmark::Table::new(columns.collect()).or_raise()?;
        Ok(Self(table.with_categories(categories)))
    }

    /// Reads a CSV or Parquet file; or `text`, which is what the CSV file `path` holds.
    #[staticmethod]
    #[pyo3(signature = (path, trim=false, delimiter=None, text=None))]
    fn read(path: PathBuf, trim: bool, delimiter: Option<&str>, text: Option<&[u8]>) -> PyResult<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let table = if text.is_none() && matches!(extension.as_str(), "parquet" | "pq") {
            highmark::Table::read(&path)
        } else {
            let delimiter = match delimiter.map(str::as_bytes) {
                None => None,
                Some([byte]) => Some(*byte),
                Some(b"tab") => Some(b'\t'),
                Some(_) => return Err(PyValueError::new_err("delimiter: one character is needed, or tab")),
            };
            let options = CsvOptions { trim, delimiter, ..CsvOptions::default() };
            match text {
                Some(text) => highmark::read_csv_from(&path, text, &options),
                None => highmark::read_csv(&path, &options),
            }
        };
        table.map(Self).or_raise()
    }

    /// How many rows there are.
    #[getter]
    fn rows(&self) -> usize {
        self.0.rows()
    }

    /// The names of the columns.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.names().map(String::from).collect()
    }

    /// Continuous and categorical columns, by fastai's rule.
    fn cont_cat_split(&self, max_card: usize, targets: Vec<String>) -> (Vec<String>, Vec<String>) {
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        highmark::cont_cat_split(&self.0, max_card, &targets)
    }
}

/// Floats of 16 bits and decimals as floats that the library knows.
fn to_supported_type(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>();
            Arc::new(values.iter().map(|v| v.map(f32::from)).collect::<Float32Array>())
        }
        DataType::Decimal128(_, scale) => {
            let (values, unit) = (array.as_primitive::<Decimal128Type>(), 10_f64.powi(i32::from(*scale)));
            Arc::new(values.iter().map(|v| v.map(|v| v as f64 / unit)).collect::<Float64Array>())
        }
        _ => Arc::clone(array),
    }
}

/// Arrays of one type as one.
fn joined(parts: &[ArrayRef]) -> PyResult<ArrayRef> {
    let parts: Vec<_> = parts.iter().map(Array::to_data).collect();
    let rows = parts.iter().map(arrow_data::ArrayData::len).sum();
    let mut whole = MutableArrayData::new(parts.iter().collect(), false, rows);
    for (i, part) in parts.iter().enumerate() {
        whole.try_extend(i, 0, part.len()).map_err(|e| PyValueError::new_err(e.to_string()))?;
    }
    Ok(make_array(whole.freeze()))
}

/// One column.
#[pyclass(frozen, skip_from_py_object, module = "highmark._highmark")]
#[derive(Clone, Debug)]
pub(crate) struct Column {
    array: ArrayRef,
    /// Whether it is a dictionary that says which levels there are.
    categories: bool,
}

impl Column {
    fn plain(array: ArrayRef) -> Self {
        Self { array, categories: false }
    }
}

#[pymethods]
impl Column {
    /// Numbers or truth values from a contiguous, aligned array of numpy with one axis, which is not copied (truth values
    /// are); `missing` tells by one byte a row where there is none.
    #[staticmethod]
    #[pyo3(signature = (array, missing=None))]
    fn numbers(array: &Bound<'_, PyAny>, missing: Option<&Bound<'_, PyBytes>>) -> PyResult<Self> {
        let view = View::of(array)?;
        let missing = missing.map(PyBytesMethods::as_bytes);
        if missing.is_some_and(|bytes| bytes.len() != view.rows) {
            return Err(PyValueError::new_err("there must be one mark of missing values a row"));
        }
        let nulls = missing.map(|bytes| bytes.iter().map(|b| *b == 0).collect::<NullBuffer>());
        Ok(Self::plain(match view.kind.as_str() {
            "|i1" => view.primitive::<Int8Type>(nulls)?,
            "<i2" => view.primitive::<Int16Type>(nulls)?,
            "<i4" => view.primitive::<Int32Type>(nulls)?,
            "<i8" => view.primitive::<Int64Type>(nulls)?,
            "|u1" => view.primitive::<UInt8Type>(nulls)?,
            "<u2" => view.primitive::<UInt16Type>(nulls)?,
            "<u4" => view.primitive::<UInt32Type>(nulls)?,
            "<u8" => view.primitive::<UInt64Type>(nulls)?,
            "<f4" => view.primitive::<Float32Type>(nulls)?,
            "<f8" => view.primitive::<Float64Type>(nulls)?,
            "|b1" => {
                let bytes = view.buffer(1)?;
                let values = bytes.as_slice().iter().map(|b| *b != 0).collect();
                Arc::new(BooleanArray::new(values, nulls))
            }
            other => {
                return Err(PyTypeError::new_err(format!("arrays of the type {other} are not supported")));
            }
        }))
    }

    /// Text, with `None` where there is none.
    #[staticmethod]
    fn texts(values: Vec<Option<String>>) -> Self {
        Self::plain(Arc::new(StringArray::from(values)))
    }

    /// Text as Python objects with `None`, NaN or pandas' marks where there is none, each text once; `None` if there is
    /// anything else.
    #[staticmethod]
    fn coded(values: &Bound<'_, PyList>) -> PyResult<Option<Self>> {
        Ok(crate::coded::coded(values)?.map(Self::plain))
    }

    /// Categories: for every row a position in `values`, which say which levels there are, or -1.
    #[staticmethod]
    fn categories(codes: &Bound<'_, PyAny>, values: &Self) -> PyResult<Self> {
        let (codes, _) = crate::array::integers(codes)?;
        let codes: Int32Array =
            codes.into_iter().map(|code| i32::try_from(code).ok().filter(|c| *c >= 0)).collect();
        let dictionary = DictionaryArray::try_new(codes, Arc::clone(&values.array));
        dictionary
            .map(|d| Self { array: Arc::new(d), categories: true })
            .map_err(|e| PyValueError::new_err(e.to_string()))
    }
}

/// Keeps an array of numpy alive for as long as Arrow looks at it.
struct Owner(#[expect(dead_code, reason = "held, not used")] Py<PyAny>);

// An owner is never looked into.
impl RefUnwindSafe for Owner {}

struct View {
    kind: String,
    rows: usize,
    address: usize,
    owner: Arc<Owner>,
}

impl View {
    fn of(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        let interface = array.getattr("__array_interface__")?.cast_into::<PyDict>()?;
        let get = |key: &str| {
            interface.get_item(key)?.ok_or_else(|| PyTypeError::new_err(format!("the array has no `{key}`")))
        };
        let shape: Vec<usize> = get("shape")?.extract()?;
        let strided = interface.get_item("strides")?.is_some_and(|strides| !strides.is_none());
        let ([rows], false) = (shape.as_slice(), strided) else {
            return Err(PyTypeError::new_err("a contiguous array of one axis is needed"));
        };
        let (address, _): (usize, bool) = get("data")?.extract()?;
        let owner = Arc::new(Owner(array.clone().unbind()));
        Ok(Self { kind: get("typestr")?.extract()?, rows: *rows, address, owner })
    }

    fn buffer(&self, width: usize) -> PyResult<Buffer> {
        let bytes = self.rows * width;
        let pointer = NonNull::new(self.address as *mut u8).filter(|_| bytes > 0);
        let Some(pointer) = pointer else { return Ok(MutableBuffer::new(0).into()) };
        if !self.address.is_multiple_of(width) {
            return Err(PyTypeError::new_err("an aligned array is needed"));
        }
        // SAFETY: the array's own interface says that there are so many bytes, and the owner keeps it alive. A table is
        // encoded as soon as it is made, while the interpreter is held.
        Ok(unsafe { Buffer::from_custom_allocation(pointer, bytes, Arc::clone(&self.owner) as _) })
    }

    fn primitive<T: ArrowPrimitiveType>(&self, nulls: Option<NullBuffer>) -> PyResult<ArrayRef> {
        let buffer = self.buffer(size_of::<T::Native>())?;
        let values = ScalarBuffer::<T::Native>::new(buffer, 0, self.rows);
        Ok(Arc::new(PrimitiveArray::<T>::new(values, nulls)))
    }
}
