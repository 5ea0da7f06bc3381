//! Mean absolute error.

use super::{Activation, Loss, residuals};
use crate::{Result, Targets};

/// Mean absolute error over rows and outputs, as `torch.nn.L1Loss`; its gradient at no difference is 0.
///
/// ```
/// use highmark::{L1, Loss, Targets};
/// let targets = Targets::Values { values: vec![0.0], width: 1 };
/// assert_eq!(L1.evaluate(&[-3.0], 1, &targets, None)?, 3.0);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct L1;

fn absolute(d: f32) -> (f32, f32) {
    // Not signum, which is 1 at 0. NaN stays NaN.
    (d.abs(), if d == 0.0 { 0.0 } else { d.signum() })
}

impl Loss for L1 {
    fn name(&self) -> &'static str {
        "l1"
    }

    fn activation(&self) -> Activation {
        Activation::Identity
    }

    fn evaluate(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        grad: Option<&mut [f32]>,
    ) -> Result<f32> {
        residuals::mean("l1", predictions, outputs, targets, grad, absolute)
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        residuals::check("l1", outputs, targets)
    }

    fn per_row(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        residuals::per_row("l1", predictions, outputs, targets, out, absolute)
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradient, random};
    use super::*;

    #[test]
    fn gradient() {
        check_gradient(&L1, &random(12, 3), 2, &Targets::Values { values: random(12, 4), width: 2 });
    }

    #[test]
    fn no_difference_has_no_gradient() {
        let mut grad = [7.0];
        let value = L1.evaluate(&[1.0], 1, &Targets::Values { values: vec![1.0], width: 1 }, Some(&mut grad));
        assert_eq!((value.unwrap(), grad), (0.0, [0.0]));
    }
}
