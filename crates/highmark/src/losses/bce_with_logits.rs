//! Binary cross-entropy, from raw outputs.

use super::{Activation, Loss, check_lengths, check_weight};
use crate::engine::{exp, sigmoid};
use crate::{Error, Result, Targets};

/// Binary cross-entropy between the sigmoid of every output and a target in 0..=1, as
/// `torch.nn.BCEWithLogitsLoss`: the mean over rows and outputs.
///
/// The targets are either numbers, one an output (several labels at once), or classes 0 and 1 for a model of one
/// output.
///
/// ```
/// use highmark::{BceWithLogits, Loss, Targets};
/// let loss = BceWithLogits::default();
/// let value = loss.evaluate(&[0.0], 1, &Targets::Classes(vec![1]), None)?;
/// assert!((value - 2.0f32.ln()).abs() < 1e-6);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BceWithLogits {
    /// How much more a positive counts than a negative, one number an output; all 1 by default.
    pub pos_weight: Option<Vec<f32>>,
    /// Above which probability a label, or the second class, is predicted; from 0 to 1, 0.5 by default. fastai's `thresh`.
    /// The loss itself does not depend on it, nor do metrics.
    pub threshold: f32,
}

impl Default for BceWithLogits {
    fn default() -> Self {
        Self { pos_weight: None, threshold: 0.5 }
    }
}

impl BceWithLogits {
    fn check_shape(&self, predictions: &[f32], outputs: usize, targets: &Targets) -> Result<()> {
        check_kind(outputs, targets)?;
        if self.pos_weight.as_ref().is_some_and(|weight| weight.len() != outputs) {
            check_weight("pos_weight", self.pos_weight.as_deref(), outputs)?;
        }
        check_lengths(predictions, outputs, targets.rows(), None)
    }

    /// The loss of one output and its gradient.
    #[inline]
    fn element(&self, x: f32, y: f32, output: usize) -> (f32, f32) {
        let weight = self.pos_weight.as_ref().map_or(1.0, |weight| weight[output]);
        let scale = weight * y + (1.0 - y);
        let loss = (1.0 - y) * x + scale * (exp(-x.abs()).ln_1p() + (-x).max(0.0));
        (loss, scale * sigmoid(x) - weight * y)
    }
}

fn check_kind(outputs: usize, targets: &Targets) -> Result<()> {
    match targets {
        Targets::Classes(classes) if outputs == 1 => match classes.iter().find(|class| **class > 1) {
            Some(class) => Err(Error::data(format!(
                "bce with classes knows only 0 and 1, but there is class {class}; use cross-entropy"
            ))),
            None => Ok(()),
        },
        Targets::Classes(_) => Err(Error::data(format!(
            "bce with classes needs a model of one output, but it has {outputs}; use cross-entropy"
        ))),
        Targets::Values { width, .. } if *width == outputs => Ok(()),
        Targets::Values { width, .. } => Err(Error::data(format!(
            "bce needs one target an output, but there are {width} targets and {outputs} outputs"
        ))),
    }
}

#[inline]
fn target(targets: &Targets, i: usize) -> f32 {
    match targets {
        Targets::Classes(classes) => classes[i] as f32,
        Targets::Values { values, .. } => values[i],
    }
}

impl Loss for BceWithLogits {
    fn name(&self) -> &'static str {
        "bce"
    }

    fn activation(&self) -> Activation {
        Activation::Sigmoid
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }

    fn evaluate(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        mut grad: Option<&mut [f32]>,
    ) -> Result<f32> {
        self.check_shape(predictions, outputs, targets)?;
        check_lengths(predictions, outputs, targets.rows(), grad.as_deref())?;
        let scale = (1.0 / predictions.len() as f64) as f32;
        let mut sum = 0.0;
        for (i, &x) in predictions.iter().enumerate() {
            let (loss, slope) = self.element(x, target(targets, i), i % outputs);
            sum += f64::from(loss);
            if let Some(grad) = grad.as_deref_mut() {
                grad[i] = slope * scale;
            }
        }
        Ok((sum / predictions.len() as f64) as f32)
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        check_kind(outputs, targets)?;
        check_weight("pos_weight", self.pos_weight.as_deref(), outputs)?;
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(Error::config(
                "threshold",
                format!("{} is no probability; give a number from 0 to 1", self.threshold),
            ));
        }
        if let Targets::Values { values, .. } = targets
            && let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value))
        {
            return Err(Error::data(format!("bce needs targets between 0 and 1, but there is {value}")));
        }
        Ok(())
    }

    fn per_row(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        self.check_shape(predictions, outputs, targets)?;
        out.clear();
        for (i, row) in predictions.chunks_exact(outputs.max(1)).enumerate() {
            let sum: f32 = row
                .iter()
                .enumerate()
                .map(|(j, &x)| self.element(x, target(targets, i * outputs + j), j).0)
                .sum();
            out.push(sum / outputs as f32);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradient, random};
    use super::*;

    #[test]
    fn gradient() {
        let points = random(12, 2);
        let labels = Targets::Values {
            values: vec![1.0, 0.0, 0.3, 1.0, 1.0, 0.0, 0.0, 0.9, 1.0, 0.0, 1.0, 0.5],
            width: 3,
        };
        for pos_weight in [None, Some(vec![0.5, 2.0, 4.0])] {
            check_gradient(&BceWithLogits { pos_weight, ..BceWithLogits::default() }, &points, 3, &labels);
        }
        let classes = Targets::Classes(vec![0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0]);
        check_gradient(&BceWithLogits::default(), &points, 1, &classes);
    }

    #[test]
    fn large_outputs_stay_finite() {
        let mut grad = [0.0; 2];
        let loss = BceWithLogits::default();
        let value =
            loss.evaluate(&[500.0, -500.0], 1, &Targets::Classes(vec![0, 1]), Some(&mut grad)).unwrap();
        assert_eq!((value, grad), (500.0, [0.5, -0.5]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let loss = BceWithLogits::default();
        assert!(loss.check(2, &Targets::Classes(vec![0, 1])).is_err());
        assert!(loss.check(1, &Targets::Classes(vec![0, 2])).is_err());
        assert!(loss.evaluate(&[0.0, 0.0], 1, &Targets::Classes(vec![0, 2]), None).is_err());
        let values = |value| Targets::Values { values: vec![value, 0.0], width: 2 };
        assert!(loss.check(2, &values(1.5)).is_err());
        assert!(loss.check(2, &values(f32::NAN)).is_err());
        assert!(loss.check(3, &values(1.0)).is_err());
        assert!(loss.check(2, &values(1.0)).is_ok());
        let one_weight = BceWithLogits { pos_weight: Some(vec![1.0]), ..BceWithLogits::default() };
        assert!(one_weight.check(2, &values(1.0)).is_err());
        assert!(one_weight.evaluate(&[0.0; 2], 2, &values(1.0), None).is_err());
        for threshold in [-0.1, 1.1, f32::NAN] {
            assert!(BceWithLogits { threshold, ..BceWithLogits::default() }.check(2, &values(1.0)).is_err());
        }
    }
}
