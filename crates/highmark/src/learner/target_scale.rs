//! What the predictions of a regression are scaled to.

use crate::data::{TabularData, Targets, Task};
use crate::losses::LossKind;
use crate::nn::OutputScale;
use crate::{Error, Result};

/// Mean and deviation of each target over the training rows; none for classes and labels. Fails on a target that is the
/// same in all rows.
pub(crate) fn output_scale(data: &TabularData, loss: &LossKind) -> Result<Vec<OutputScale>> {
    let (Task::Regression { columns }, Some(Targets::Values { values, width })) =
        (data.pipeline.task(), data.train.targets())
    else {
        return Ok(Vec::new());
    };
    let scale = |(i, column): (usize, &String)| {
        let values = || values.iter().skip(i).step_by(*width).map(|x| f64::from(*x));
        let n = values().count().max(1) as f64;
        let mean = values().sum::<f64>() / n;
        let std = (values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt() as f32;
        if std == 0.0 {
            return Err(Error::column(column, "is the same in all training rows; there is nothing to learn"));
        }
        let gradient = if *loss == LossKind::Mse { 1.0 / std } else { 1.0 };
        Ok(OutputScale { mean: mean as f32, std, gradient })
    };
    columns.iter().enumerate().map(scale).collect()
}
