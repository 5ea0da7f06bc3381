//! Means over the differences between predictions and numbers: what the regression losses share.

use super::check_lengths;
use crate::{Error, Result, Targets};

/// The target numbers, if they fit predictions of `outputs` outputs.
fn values<'a>(name: &str, predictions: &[f32], outputs: usize, targets: &'a Targets) -> Result<&'a [f32]> {
    check_width(name, outputs, targets)?;
    check_lengths(predictions, outputs, targets.rows(), None)?;
    match targets {
        Targets::Values { values, .. } => Ok(values),
        Targets::Classes(_) => Ok(&[]),
    }
}

fn check_width(name: &str, outputs: usize, targets: &Targets) -> Result<()> {
    match targets {
        Targets::Values { width, .. } if *width == outputs => Ok(()),
        Targets::Values { width, .. } => Err(Error::data(format!(
            "{name} needs one target an output, but there are {width} targets and {outputs} outputs"
        ))),
        Targets::Classes(_) => {
            Err(Error::data(format!("{name} needs numbers, but the targets are classes; use cross-entropy")))
        }
    }
}

/// Whether the targets are finite numbers of the right width.
pub(super) fn check(name: &str, outputs: usize, targets: &Targets) -> Result<()> {
    check_width(name, outputs, targets)?;
    match targets {
        Targets::Values { values, .. } if values.iter().any(|value| !value.is_finite()) => {
            Err(Error::data("a target is missing or not finite; drop those rows before training"))
        }
        _ => Ok(()),
    }
}

/// The mean of `element` (loss and slope of a difference) over rows and outputs, and its gradient.
#[inline]
pub(super) fn mean(
    name: &str,
    predictions: &[f32],
    outputs: usize,
    targets: &Targets,
    grad: Option<&mut [f32]>,
    element: impl Fn(f32) -> (f32, f32),
) -> Result<f32> {
    let values = values(name, predictions, outputs, targets)?;
    let mut sum = 0.0;
    let differences = predictions.iter().zip(values).map(|(p, y)| p - y);
    if let Some(grad) = grad {
        check_lengths(predictions, outputs, targets.rows(), Some(grad))?;
        let scale = (1.0 / predictions.len() as f64) as f32;
        for (g, difference) in grad.iter_mut().zip(differences) {
            let (loss, slope) = element(difference);
            sum += f64::from(loss);
            *g = slope * scale;
        }
    } else {
        for difference in differences {
            sum += f64::from(element(difference).0);
        }
    }
    Ok((sum / predictions.len() as f64) as f32)
}

/// The mean over the outputs of every row, into `out`.
pub(super) fn per_row(
    name: &str,
    predictions: &[f32],
    outputs: usize,
    targets: &Targets,
    out: &mut Vec<f32>,
    element: impl Fn(f32) -> (f32, f32),
) -> Result<()> {
    let values = values(name, predictions, outputs, targets)?;
    out.clear();
    let rows = predictions.chunks_exact(outputs.max(1)).zip(values.chunks_exact(outputs.max(1)));
    out.extend(rows.map(|(row, target)| {
        row.iter().zip(target).map(|(p, y)| element(p - y).0).sum::<f32>() / outputs as f32
    }));
    Ok(())
}
