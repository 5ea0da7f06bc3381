//! Text that comes as Python objects, as codes of the texts that there are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyString};

/// The texts of a list, each once, and their codes; nothing if there is anything else than text and missing values.
///
/// Libraries that read files make one object of equal texts, so most rows are known by the address of their object.
pub(crate) fn coded(values: &Bound<'_, PyList>) -> PyResult<Option<ArrayRef>> {
    let mut by_address: HashMap<usize, Option<i32>, BuildHasherDefault<AddressHasher>> = HashMap::default();
    let mut by_text: HashMap<String, i32> = HashMap::new();
    let (mut codes, mut texts) = (Vec::with_capacity(values.len()), StringBuilder::new());
    // The list keeps its objects, so an address stays that of one object.
    for value in values {
        let address = value.as_ptr() as usize;
        let code = if let Some(code) = by_address.get(&address) {
            *code
        } else {
            let code = if let Ok(text) = value.cast_exact::<PyString>() {
                let text = text.to_str()?;
                let next = i32::try_from(by_text.len()).map_err(|e| PyValueError::new_err(e.to_string()))?;
                Some(by_text.get(text).copied().unwrap_or_else(|| {
                    texts.append_value(text);
                    by_text.insert(text.to_string(), next);
                    next
                }))
            } else if is_missing(&value)? {
                None
            } else {
                return Ok(None);
            };
            by_address.insert(address, code);
            code
        };
        codes.push(code);
    }
    let dictionary = DictionaryArray::try_new(Int32Array::from(codes), Arc::new(texts.finish()));
    Ok(Some(Arc::new(dictionary.map_err(|e| PyValueError::new_err(e.to_string()))?)))
}

/// `None`, NaN, and pandas' own marks.
fn is_missing(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_none() {
        return Ok(true);
    }
    match value.cast::<PyFloat>() {
        Ok(float) => Ok(float.value().is_nan()),
        Err(_) => Ok(matches!(value.get_type().name()?.to_str()?, "NAType" | "NaTType")),
    }
}

/// Objects lie at least 16 bytes apart, and the map looks at the highest and the lowest bits.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    fn write_usize(&mut self, address: usize) {
        let wide = u128::from(self.0 ^ address as u64) * 0x9E37_79B9_7F4A_7C15;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
