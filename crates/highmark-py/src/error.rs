//! Errors of the library as exceptions, with the same words.

use std::io;

use highmark::{Error, ErrorKind};
use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyOSError, PyPermissionError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;

/// Turns errors of the library into exceptions.
pub(crate) trait OrRaise<T> {
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for highmark::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| exception(&error))
    }
}

/// The exception that says what `error` says; an exception of the user's own code comes back as it was.
pub(crate) fn exception(error: &Error) -> PyErr {
    Python::attach(|py| match error.kind() {
        ErrorKind::Callback { callback, event, source } => match user_exception(py, source) {
            Some(own) => {
                // Python 3.10 has no notes.
                let note = format!("in the callback `{callback}` at {event}");
                drop(own.value(py).call_method1("add_note", (note,)));
                own
            }
            None => of_kind(py, innermost(source).kind(), in_python(error)),
        },
        kind => user_exception(py, error).unwrap_or_else(|| of_kind(py, kind, in_python(error))),
    })
}

/// Settings of the command that messages about other settings name.
const NAMED: [&str; 2] = ["usd-per-hour", "y-range"];

/// The text of an error, with settings under their names of Python: `min_delta` for `min-delta`.
fn in_python(error: &Error) -> String {
    let text = error.to_string();
    match innermost(error).kind() {
        ErrorKind::Config { setting, .. } => NAMED
            .into_iter()
            .chain([setting.as_str()])
            .fold(text, |text, name| text.replace(name, &name.replace(['-', ' '], "_"))),
        _ => text,
    }
}

fn innermost(error: &Error) -> &Error {
    match error.kind() {
        ErrorKind::Callback { source, .. } => innermost(source),
        _ => error,
    }
}

fn user_exception(py: Python<'_>, error: &Error) -> Option<PyErr> {
    match innermost(error).kind() {
        ErrorKind::User(source) => source.downcast_ref::<PyErr>().map(|e| e.clone_ref(py)),
        _ => None,
    }
}

fn of_kind(py: Python<'_>, kind: &ErrorKind, text: String) -> PyErr {
    match kind {
        ErrorKind::Io { source, .. } => match source.kind() {
            io::ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
            io::ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
            io::ErrorKind::AlreadyExists => PyFileExistsError::new_err(text),
            _ => PyOSError::new_err(text),
        },
        // KeyError shows its message in quotes; the package has one that does not.
        ErrorKind::Unknown { .. } => {
            let class = py.import("highmark.exceptions").and_then(|m| m.getattr("UnknownNameError"));
            match class.and_then(|class| class.call1((text,))) {
                Ok(value) => PyErr::from_value(value),
                Err(error) => error,
            }
        }
        ErrorKind::Training(_) | ErrorKind::Interrupted(_) | ErrorKind::User(_) => {
            PyRuntimeError::new_err(text)
        }
        _ => PyValueError::new_err(text),
    }
}

/// An object from the JSON that the package sends. Its own classes check types first, so a failure names the field.
pub(crate) fn from_json<T: for<'a> serde::Deserialize<'a>>(what: &str, text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|e| PyValueError::new_err(format!("{what}: {e}")))
}

/// JSON for the package to read.
pub(crate) fn to_json(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|e| PyValueError::new_err(e.to_string()))
}
