//! What training makes small: losses with their gradients.

mod activation;
mod bce_with_logits;
mod classes;
mod cross_entropy;
mod focal;
mod huber;
mod kind;
mod l1;
mod mse;
mod residuals;

pub use activation::Activation;
pub(crate) use activation::row_max;
pub use bce_with_logits::BceWithLogits;
pub use cross_entropy::CrossEntropy;
pub use focal::Focal;
pub use huber::Huber;
pub use kind::LossKind;
pub use l1::L1;
pub use mse::Mse;

use crate::plural::plural;
use crate::{Error, Result, Targets};

/// A loss over the raw outputs of a model, with its gradient.
///
/// Predictions are rows × `outputs`, row by row, before any activation. Sums over rows are in a fixed order and
/// in `f64`, so the same numbers give the same bits.
///
/// ```
/// use highmark::{Loss, Mse, Targets};
/// let targets = Targets::Values { values: vec![1.0, 2.0], width: 1 };
/// let mut grad = [0.0; 2];
/// let loss = Mse.evaluate(&[2.0, 2.0], 1, &targets, Some(&mut grad))?;
/// assert_eq!((loss, grad), (0.5, [1.0, 0.0]));
/// # Ok::<(), highmark::Error>(())
/// ```
///
/// A loss of your own, log-cosh, under which a model trains:
///
/// ```
/// use std::sync::Arc;
/// use highmark::{Activation, Dataset, Error, Learner, LearnerConfig, Loss, Result, TabularConfig, TabularModel, Targets};
///
/// struct LogCosh;
///
/// impl Loss for LogCosh {
///     fn name(&self) -> &str { "log-cosh" }
///     fn activation(&self) -> Activation { Activation::Identity }
///     fn evaluate(&self, predictions: &[f32], _: usize, targets: &Targets, grad: Option<&mut [f32]>) -> Result<f32> {
///         let values = match targets {
///             Targets::Values { values, .. } if values.len() == predictions.len() => values,
///             _ => return Err(Error::data("log-cosh needs one number an output")),
///         };
///         let differences = || predictions.iter().zip(values).map(|(p, y)| p - y);
///         let count = predictions.len() as f64;
///         if let Some(grad) = grad {
///             for (slope, d) in grad.iter_mut().zip(differences()) {
///                 *slope = d.tanh() / count as f32;
///             }
///         }
///         // As ln(cosh(d)), but finite for any d.
///         let losses = differences().map(f64::from).map(|d| d.abs() + (-2.0 * d.abs()).exp().ln_1p() - 2f64.ln());
///         Ok((losses.sum::<f64>() / count) as f32)
///     }
///     fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
///         let loss = self.evaluate(&vec![0.0; targets.rows() * outputs], outputs, targets, None)?;
///         if loss.is_finite() { Ok(()) } else { Err(Error::data("a target is not finite")) }
///     }
/// }
///
/// let x: Vec<f32> = (0..64).map(|i| i as f32 / 64.0).collect();
/// let y = Targets::Values { values: x.iter().map(|x| 10.0 * x).collect(), width: 1 };
/// let data = Arc::new(Dataset::new(0, 1, vec![], x, Some(y))?);
/// let model = TabularModel::new(&TabularConfig::default(), &[], 1, 1, 42)?;
/// let config = LearnerConfig { batch_size: 8, ..LearnerConfig::default() };
/// let mut learn = Learner::new(Box::new(model), Box::new(LogCosh), Arc::clone(&data), data, config)?;
/// # learn.quiet();
/// let before = learn.validate()?[0].1;
/// learn.fit(1, Some(0.01))?;
/// assert!(learn.history().this_epoch("valid_loss") < Some(before));
/// # Ok::<(), highmark::Error>(())
/// ```
pub trait Loss: Send {
    /// The name in files and on the command line: `cross-entropy`. A checkpoint is refused to a fit whose loss has another
    /// one, so let it tell the settings of a loss of your own.
    fn name(&self) -> &str;

    /// What turns raw outputs into predictions that fit this loss.
    fn activation(&self) -> Activation;

    /// Above which probability a label, or the second class of a model of one output, is predicted. Default 0.5.
    fn threshold(&self) -> f32 {
        0.5
    }

    /// The mean loss of the rows, as torch's `reduction='mean'`; NaN for no rows.
    ///
    /// The gradient of that mean with respect to `predictions` overwrites `grad` (rows × `outputs`), if given.
    /// Allocates nothing. Fails on shapes or classes that do not fit.
    fn evaluate(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        grad: Option<&mut [f32]>,
    ) -> Result<f32>;

    /// Whether a model of `outputs` outputs and these targets fit, values included. Asked once before training.
    fn check(&self, outputs: usize, targets: &Targets) -> Result<()>;

    /// The loss of every row into `out`, which is cleared first: torch's `reduction='none'`, and the mean over
    /// the outputs where a row has several. It is what the losses of single rows are told by; training does without.
    ///
    /// Unless a loss says otherwise, [`Loss::evaluate`] is asked for each row by itself. That is slow, and not the same where
    /// the mean weighs rows against each other: of one row it has no weight. Override it for either reason.
    fn per_row(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        check_lengths(predictions, outputs, targets.rows(), None)?;
        out.clear();
        for row in 0..targets.rows() {
            let predictions = &predictions[row * outputs..][..outputs];
            out.push(self.evaluate(predictions, outputs, &targets.take(&[row as u32]), None)?);
        }
        Ok(())
    }
}

/// Whether predictions, and their gradient if there is one, are `rows` × `outputs`.
pub(crate) fn check_lengths(
    predictions: &[f32],
    outputs: usize,
    rows: usize,
    grad: Option<&[f32]>,
) -> Result<()> {
    for (what, length) in
        [("predictions", predictions.len())].into_iter().chain(grad.map(|g| ("gradient", g.len())))
    {
        if length != rows * outputs {
            return Err(Error::data(format!(
                "the {what} hold {length} numbers, but {rows} rows of {outputs} outputs are {}",
                rows * outputs
            )));
        }
    }
    Ok(())
}

/// Whether `weight`, one number an output, is usable as the setting `setting`.
fn check_weight(setting: &str, weight: Option<&[f32]>, outputs: usize) -> Result<()> {
    let Some(weight) = weight else { return Ok(()) };
    if weight.len() != outputs {
        return Err(Error::config(
            setting,
            format!("{} given for {outputs} outputs; give one for each", plural(weight.len(), "weight")),
        ));
    }
    if weight.iter().any(|w| !w.is_finite() || *w < 0.0) || weight.iter().all(|w| *w == 0.0) {
        return Err(Error::config(setting, "weights must be finite, not negative, and not all zero"));
    }
    Ok(())
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod gradient_check;
#[cfg(test)]
mod per_row_tests;
