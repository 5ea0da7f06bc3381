//! What the losses of classes have in common.

use super::{check_lengths, check_weight, row_max};
use crate::engine::{exp, simd};
use crate::{Error, Result, Targets};

/// The classes, after everything has been looked at that a row's loss relies on.
pub(super) fn classes<'a>(
    loss: &str,
    weight: Option<&[f32]>,
    predictions: &[f32],
    outputs: usize,
    targets: &'a Targets,
) -> Result<&'a [u32]> {
    let classes = of_rows(loss, targets)?;
    check_lengths(predictions, outputs, classes.len(), None)?;
    if weight.is_some_and(|weight| weight.len() != outputs) {
        check_weight("weight", weight, outputs)?;
    }
    check_range(classes, outputs)?;
    Ok(classes)
}

/// Whether a model of `outputs` outputs, these weights and these targets fit.
pub(super) fn check_classes(
    loss: &str,
    weight: Option<&[f32]>,
    outputs: usize,
    targets: &Targets,
) -> Result<()> {
    if outputs < 2 {
        return Err(Error::data(format!(
            "{loss} needs at least two outputs, one a class; use bce for a single one"
        )));
    }
    check_weight("weight", weight, outputs)?;
    check_range(of_rows(loss, targets)?, outputs)
}

fn of_rows<'a>(loss: &str, targets: &'a Targets) -> Result<&'a [u32]> {
    match targets {
        Targets::Classes(classes) => Ok(classes),
        Targets::Values { .. } => Err(Error::data(format!(
            "{loss} needs one class a row, but the targets are numbers; use mse for regression or bce for several labels"
        ))),
    }
}

fn check_range(classes: &[u32], outputs: usize) -> Result<()> {
    match classes.iter().find(|class| **class as usize >= outputs) {
        Some(class) => {
            Err(Error::data(format!("class {class} does not exist in a model of {outputs} outputs")))
        }
        None => Ok(()),
    }
}

/// The exponentials of all outputs less the largest of their row.
pub(super) fn exponentials(predictions: &[f32], outputs: usize, out: &mut [f32]) {
    let width = outputs.max(1);
    for (out, row) in out.chunks_exact_mut(width).zip(predictions.chunks_exact(width)) {
        let max = row_max(row);
        out.iter_mut().zip(row).for_each(|(out, x)| *out = x - max);
    }
    // Those of all rows in one go: few outputs do not fill a vector.
    simd(
        #[inline(always)]
        || out.iter_mut().for_each(|out| *out = exp(*out)),
    );
}
