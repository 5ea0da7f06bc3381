//! Cross-entropy of classes, from raw outputs.

use super::classes::{check_classes, classes, exponentials};
use super::{Activation, Loss, check_lengths, row_max};
use crate::engine::exp;
use crate::{Error, Result, Targets};

/// Cross-entropy between the softmax of the outputs and one class a row, as `torch.nn.CrossEntropyLoss`.
///
/// With class weights the mean is weighted: the weights of the rows' classes are divided out. A batch whose rows
/// all have weight 0 has loss 0 and gradient 0, where torch divides 0 by 0.
///
/// ```
/// use highmark::{CrossEntropy, Loss, Targets};
/// let loss = CrossEntropy::default();
/// let value = loss.evaluate(&[0.0, 0.0], 2, &Targets::Classes(vec![1]), None)?;
/// assert!((value - 2.0f32.ln()).abs() < 1e-6);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// One weight a class; all 1 by default.
    pub weight: Option<Vec<f32>>,
    /// The share of the target that is spread evenly over all classes, from 0 (the default) up to 1.
    pub label_smoothing: f32,
}

impl CrossEntropy {
    fn weight_of(&self, class: usize) -> f32 {
        self.weight.as_ref().map_or(1.0, |weight| weight[class])
    }

    /// The weighted loss of one row. `grad` has the exponentials of its outputs less their `max`, and gets its gradient.
    #[inline]
    fn row(&self, row: &[f32], class: usize, all_weights: f32, grad: Option<&mut [f32]>) -> f32 {
        let max = row_max(row);
        let exp_sum: f32 = match &grad {
            Some(grad) => grad.iter().sum(),
            None => row.iter().map(|x| exp(x - max)).sum(),
        };
        let log_sum = exp_sum.ln();
        let sharp = (1.0 - self.label_smoothing) * self.weight_of(class);
        let spread = self.label_smoothing / row.len() as f32;
        let mut loss = sharp * (log_sum - (row[class] - max));
        if spread > 0.0 {
            let smooth: f32 =
                row.iter().enumerate().map(|(j, x)| self.weight_of(j) * (log_sum - (x - max))).sum();
            loss += spread * smooth;
        }
        if let Some(grad) = grad {
            let scale = (sharp + spread * all_weights) / exp_sum;
            for (j, g) in grad.iter_mut().enumerate() {
                *g = scale * *g - spread * self.weight_of(j);
            }
            grad[class] -= sharp;
        }
        loss
    }

    fn classes<'a>(&self, predictions: &[f32], outputs: usize, targets: &'a Targets) -> Result<&'a [u32]> {
        classes(self.name(), self.weight.as_deref(), predictions, outputs, targets)
    }

    fn all_weights(&self, outputs: usize) -> f32 {
        self.weight.as_ref().map_or(outputs as f32, |weight| weight.iter().sum())
    }
}

impl Loss for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
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
        let all_weights = self.all_weights(outputs);
        if let Some(grad) = grad.as_deref_mut() {
            exponentials(predictions, outputs, grad);
        }
        let mut sum = 0.0;
        let mut weights = 0.0;
        for (i, &class) in classes.iter().enumerate() {
            let place = i * outputs..(i + 1) * outputs;
            let grad = grad.as_deref_mut().map(|grad| &mut grad[place.clone()]);
            sum += f64::from(self.row(&predictions[place], class as usize, all_weights, grad));
            weights += f64::from(self.weight_of(class as usize));
        }
        let no_weight = weights == 0.0 && !classes.is_empty();
        if let Some(grad) = grad {
            let scale = if no_weight { 0.0 } else { (1.0 / weights) as f32 };
            for g in grad {
                *g *= scale;
            }
        }
        Ok(if no_weight { 0.0 } else { (sum / weights) as f32 })
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(Error::config("label_smoothing", "must lie between 0 and 1"));
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
        let all_weights = self.all_weights(outputs);
        out.clear();
        out.extend(
            classes
                .iter()
                .zip(predictions.chunks_exact(outputs.max(1)))
                .map(|(&class, row)| self.row(row, class as usize, all_weights, None)),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradient, random};
    use super::*;

    fn targets() -> Targets {
        Targets::Classes(vec![0, 2, 1, 2, 0])
    }

    #[test]
    fn gradient() {
        let points = random(15, 1);
        for weight in [None, Some(vec![0.2, 1.0, 3.0])] {
            for label_smoothing in [0.0, 0.1] {
                let loss = CrossEntropy { weight: weight.clone(), label_smoothing };
                check_gradient(&loss, &points, 3, &targets());
            }
        }
    }

    #[test]
    fn large_outputs_stay_finite() {
        let mut grad = [0.0; 2];
        let loss = CrossEntropy::default();
        let value =
            loss.evaluate(&[1000.0, -1000.0], 2, &Targets::Classes(vec![1]), Some(&mut grad)).unwrap();
        assert_eq!((value, grad), (2000.0, [1.0, -1.0]));
    }

    #[test]
    fn rows_without_weight_teach_nothing() {
        let loss = CrossEntropy { weight: Some(vec![0.0, 1.0]), label_smoothing: 0.0 };
        let mut grad = [7.0; 2];
        let value = loss.evaluate(&[1.0, 2.0], 2, &Targets::Classes(vec![0]), Some(&mut grad)).unwrap();
        assert_eq!((value, grad), (0.0, [0.0; 2]));
    }

    #[test]
    fn no_rows_are_nan() {
        let loss = CrossEntropy::default();
        assert!(loss.evaluate(&[], 2, &Targets::Classes(vec![]), Some(&mut [])).unwrap().is_nan());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let loss = CrossEntropy::default();
        let classes = Targets::Classes(vec![3]);
        assert!(loss.evaluate(&[0.0; 3], 3, &classes, None).is_err());
        assert!(loss.check(3, &classes).is_err());
        assert!(loss.check(1, &Targets::Classes(vec![0])).is_err());
        assert!(loss.evaluate(&[0.0; 4], 3, &Targets::Classes(vec![0]), None).is_err());
        assert!(loss.evaluate(&[0.0; 3], 3, &Targets::Classes(vec![0]), Some(&mut [0.0])).is_err());
        let numbers = Targets::Values { values: vec![1.0], width: 1 };
        assert!(loss.evaluate(&[0.0; 3], 3, &numbers, None).is_err());
        assert!(loss.check(3, &numbers).is_err());
        let short = CrossEntropy { weight: Some(vec![1.0; 2]), label_smoothing: 0.0 };
        assert!(short.check(3, &targets()).is_err());
        assert!(short.evaluate(&[0.0; 3], 3, &Targets::Classes(vec![0]), None).is_err());
        let negative = CrossEntropy { weight: Some(vec![1.0, -1.0, 1.0]), label_smoothing: 0.0 };
        assert!(negative.check(3, &targets()).is_err());
        assert!(CrossEntropy { weight: None, label_smoothing: 1.5 }.check(3, &targets()).is_err());
        assert!(loss.check(3, &targets()).is_ok());
    }
}
