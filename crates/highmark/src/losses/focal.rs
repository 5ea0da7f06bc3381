//! Cross-entropy that counts rows less the surer the model is of them.

use super::classes::{check_classes, classes, exponentials};
use super::{Activation, Loss, check_lengths, row_max};
use crate::engine::exp;
use crate::{Error, Result, Targets};

/// The focal loss `-w (1 - p)^gamma ln p` of the probability `p` of a row's class, whose weight is `w` (Lin et al.
/// 2017, equation 5): for classes of which one has nearly all rows.
///
/// The mean is over the rows, whatever their weights, as fastai's `FocalLossFlat` has it. fastai takes `p^w` for `p`
/// where there are weights; here it is the probability.
///
/// ```
/// use highmark::{Focal, Loss, Targets};
/// let value = Focal::default().evaluate(&[0.0, 0.0], 2, &Targets::Classes(vec![1]), None)?;
/// assert!((value - 0.25 * 2.0f32.ln()).abs() < 1e-6);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Focal {
    /// How much less sure rows count, from 0, which is cross-entropy; 2 by default.
    pub gamma: f32,
    /// One weight a class; all 1 by default.
    pub weight: Option<Vec<f32>>,
}

impl Default for Focal {
    fn default() -> Self {
        Self { gamma: 2.0, weight: None }
    }
}

impl Focal {
    fn weight_of(&self, class: usize) -> f32 {
        self.weight.as_ref().map_or(1.0, |weight| weight[class])
    }

    fn classes<'a>(&self, predictions: &[f32], outputs: usize, targets: &'a Targets) -> Result<&'a [u32]> {
        classes(self.name(), self.weight.as_deref(), predictions, outputs, targets)
    }

    /// The loss of one row. `grad` has the exponentials of its outputs less their largest, and gets its gradient.
    #[inline]
    fn row(&self, row: &[f32], class: usize, grad: Option<&mut [f32]>) -> f32 {
        let max = row_max(row);
        let power = |j: usize| match &grad {
            Some(grad) => grad[j],
            None => exp(row[j] - max),
        };
        let others: f32 = (0..row.len()).filter(|j| *j != class).map(power).sum();
        let all = others + power(class);
        // From the smaller of both probabilities: that near 1 has lost its digits.
        let (p, rest) = (power(class) / all, others / all);
        let cross_entropy = if rest < 0.5 { -(-rest).ln_1p() } else { all.ln() - (row[class] - max) };
        let focus = rest.powf(self.gamma);
        let weight = self.weight_of(class);
        if let Some(grad) = grad {
            // The derivative of `rest^gamma` has a pole at 0 for a gamma below 1, which the cross-entropy outweighs.
            let turn = if rest > 0.0 { self.gamma * p * cross_entropy * focus / rest } else { 0.0 };
            let slope = weight * (focus + turn);
            let scale = slope / all;
            grad.iter_mut().for_each(|g| *g *= scale);
            // Not `slope * (p - 1)`, for the same digits.
            grad[class] = -slope * rest;
        }
        weight * focus * cross_entropy
    }
}

impl Loss for Focal {
    fn name(&self) -> &'static str {
        "focal"
    }

    fn activation(&self) -> Activation {
        Activation::Softmax
    }

    fn evaluate(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        mut grad: Option<&mut [f32]>,
    ) -> Result<f32> {
        let classes = self.classes(predictions, outputs, targets)?;
        check_lengths(predictions, outputs, classes.len(), grad.as_deref())?;
        if let Some(grad) = grad.as_deref_mut() {
            exponentials(predictions, outputs, grad);
        }
        let mut sum = 0.0;
        for (i, &class) in classes.iter().enumerate() {
            let place = i * outputs..(i + 1) * outputs;
            let grad = grad.as_deref_mut().map(|grad| &mut grad[place.clone()]);
            sum += f64::from(self.row(&predictions[place], class as usize, grad));
        }
        let rows = classes.len() as f64;
        if let Some(grad) = grad {
            let scale = (1.0 / rows) as f32;
            grad.iter_mut().for_each(|g| *g *= scale);
        }
        Ok((sum / rows) as f32)
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        if !(self.gamma.is_finite() && self.gamma >= 0.0) {
            return Err(Error::config("gamma", "must be a number from 0"));
        }
        check_classes(self.name(), self.weight.as_deref(), outputs, targets)
    }

    fn per_row(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let classes = self.classes(predictions, outputs, targets)?;
        out.clear();
        out.extend(
            classes
                .iter()
                .zip(predictions.chunks_exact(outputs.max(1)))
                .map(|(&class, row)| self.row(row, class as usize, None)),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradient, random};
    use super::*;
    use crate::CrossEntropy;

    fn targets() -> Targets {
        Targets::Classes(vec![0, 2, 1, 2, 0])
    }

    #[test]
    fn gradient() {
        let points = random(15, 4);
        for weight in [None, Some(vec![0.2, 1.0, 3.0])] {
            for gamma in [0.0, 0.5, 1.0, 2.0, 5.0] {
                check_gradient(&Focal { gamma, weight: weight.clone() }, &points, 3, &targets());
            }
        }
    }

    #[test]
    fn without_focus_it_is_cross_entropy() {
        let points = random(15, 5);
        let (mut own, mut other) = ([0.0; 15], [0.0; 15]);
        let focal = Focal { gamma: 0.0, weight: None };
        let a = focal.evaluate(&points, 3, &targets(), Some(&mut own)).unwrap();
        let b = CrossEntropy::default().evaluate(&points, 3, &targets(), Some(&mut other)).unwrap();
        assert!((a - b).abs() < 1e-6);
        assert!(own.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn large_outputs_stay_finite() {
        for gamma in [0.0, 0.5, 2.0] {
            let loss = Focal { gamma, weight: None };
            let mut grad = [0.0; 2];
            let wrong =
                loss.evaluate(&[1000.0, -1000.0], 2, &Targets::Classes(vec![1]), Some(&mut grad)).unwrap();
            assert_eq!((wrong, grad), (2000.0, [1.0, -1.0]), "{gamma}");
            let right =
                loss.evaluate(&[1000.0, -1000.0], 2, &Targets::Classes(vec![0]), Some(&mut grad)).unwrap();
            assert_eq!((right, grad), (0.0, [0.0; 2]), "{gamma}");
        }
    }

    #[test]
    fn no_rows_are_nan() {
        assert!(
            Focal::default().evaluate(&[], 2, &Targets::Classes(vec![]), Some(&mut [])).unwrap().is_nan()
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let loss = Focal::default();
        assert!(loss.check(3, &targets()).is_ok());
        assert!(loss.check(2, &targets()).is_err());
        let message = loss.check(1, &Targets::Classes(vec![0])).unwrap_err().to_string();
        assert!(message.contains("focal needs at least two outputs"), "{message}");
        assert!(loss.evaluate(&[0.0; 3], 3, &Targets::Classes(vec![3]), None).is_err());
        let numbers = Targets::Values { values: vec![1.0], width: 1 };
        assert!(loss.evaluate(&[0.0; 3], 3, &numbers, None).is_err());
        for gamma in [-1.0, f32::NAN, f32::INFINITY] {
            assert!(Focal { gamma, weight: None }.check(3, &targets()).is_err());
        }
        assert!(Focal { gamma: 2.0, weight: Some(vec![1.0; 2]) }.check(3, &targets()).is_err());
    }
}
