//! What a model says of encoded rows.

use std::sync::Arc;

use highmark::{Loader, LossKind, Mode, Model, Order};
use pyo3::prelude::*;

use crate::array::{Numbers, numpy};
use crate::data::Dataset;
use crate::error::OrRaise;
use crate::interrupt::Watch;

/// Rows that go through the model at a time.
const ROWS: usize = 1024;

/// Raw outputs of rows, in their order.
pub(crate) struct Outputs {
    raw: Vec<f32>,
    width: usize,
}

/// Arrays of numpy, rows × outputs: raw and activated outputs, and the loss of each row if there are targets.
pub(crate) type Arrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

impl Outputs {
    /// Of all rows, unless a signal interrupts it.
    pub(crate) fn of(model: &mut dyn Model, rows: &Dataset) -> highmark::Result<Self> {
        let mut loader = Loader::new(Arc::clone(&rows.0), ROWS, Order::Sequential, false)?;
        loader.start(0);
        let (mut batch, mut part, mut raw) = (loader.empty_batch(), Vec::new(), Vec::new());
        let mut watch = Watch::default();
        for position in 0..loader.batches() {
            watch.look().map_err(highmark::Error::user)?;
            loader.load(position, &mut batch);
            model.forward(&batch, Mode::Eval, &mut part)?;
            raw.extend_from_slice(&part);
        }
        Ok(Self { raw, width: model.outputs() })
    }

    pub(crate) fn into_arrays<'py>(
        self,
        py: Python<'py>,
        rows: &Dataset,
        loss: &LossKind,
    ) -> PyResult<Arrays<'py>> {
        let (loss, mut losses) = (loss.build(), Vec::new());
        let losses = match rows.0.targets() {
            Some(targets) => {
                loss.per_row(&self.raw, self.width, targets, &mut losses).or_raise()?;
                Some(numpy(py, Numbers::F32(losses), &[rows.0.rows()])?)
            }
            None => None,
        };
        let shape = [rows.0.rows(), self.width];
        let mut activated = self.raw.clone();
        loss.activation().apply(&mut activated, self.width);
        Ok((numpy(py, Numbers::F32(self.raw), &shape)?, numpy(py, Numbers::F32(activated), &shape)?, losses))
    }
}
