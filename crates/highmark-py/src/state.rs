//! What objects of Python remember, for checkpoints.

use highmark::{Error, Result};
use pyo3::prelude::*;
use serde_json::Value;

/// What `state_dict` of an object gives; null without that method.
pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let Some(method) = object.getattr_opt("state_dict")? else { return Ok(Value::Null) };
    let text: String = package(object.py())?.call_method1("dumps", (method.call0()?,))?.extract()?;
    crate::error::from_json("state_dict", &text)
}

/// Gives it back by `load_state_dict`.
pub(crate) fn give_back(object: &Bound<'_, PyAny>, value: &Value) -> PyResult<()> {
    let Some(method) = object.getattr_opt("load_state_dict")?.filter(|_| !value.is_null()) else {
        return Ok(());
    };
    let state = package(object.py())?.call_method1("loads", (value.to_string(),))?;
    method.call1((state,)).map(drop)
}

fn package(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("highmark.tabular.state")
}

/// As numbers, since that is what the state of a metric consists of: the length of its text, then four bytes in each.
pub(crate) fn as_numbers(value: &Value) -> Vec<f64> {
    let text = value.to_string();
    let number = |part: &[u8]| part.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    let numbers = text.as_bytes().chunks(4).map(|part| f64::from(number(part)));
    std::iter::once(text.len() as f64).chain(numbers).collect()
}

/// Back again.
pub(crate) fn from_numbers(numbers: &[f64]) -> Result<Value> {
    let damaged = || Error::data("the saved state of a metric is damaged");
    let (length, numbers) = numbers.split_first().ok_or_else(damaged)?;
    let bytes = numbers.iter().flat_map(|number| (*number as u32).to_le_bytes());
    let bytes: Vec<u8> = bytes.take(*length as usize).collect();
    serde_json::from_slice(&bytes).map_err(|_| damaged())
}
