//! The module `highmark._highmark`: what the Python package `highmark` is made of. It translates and decides nothing.

#![expect(clippy::needless_pass_by_value, reason = "what comes from Python is extracted into values")]

mod array;
mod callback;
mod coded;
mod command;
mod data;
mod error;
mod fit_options;
mod interrupt;
mod learner;
mod loss;
mod metric;
mod monitor;
mod native;
mod outputs;
mod saved;
mod screen;
mod slot;
mod state;
mod table;
mod trainer;

use pyo3::prelude::*;

#[pymodule]
mod _highmark {
    #[pymodule_export]
    use crate::array::Array;
    #[pymodule_export]
    use crate::callback::Hook;
    #[pymodule_export]
    use crate::command::command;
    #[pymodule_export]
    use crate::data::{Dataset, Pipeline, TabularData, divide, named_csv};
    #[pymodule_export]
    use crate::learner::{Learner, activation};
    #[pymodule_export]
    use crate::loss::{loss_per_row, loss_value};
    #[pymodule_export]
    use crate::metric::metric_value;
    #[pymodule_export]
    use crate::monitor::Monitor;
    #[pymodule_export]
    use crate::native::NativeCallback;
    #[pymodule_export]
    use crate::saved::SavedModel;
    #[pymodule_export]
    use crate::table::{Column, Table};
    #[pymodule_export]
    use crate::trainer::Trainer;
}
