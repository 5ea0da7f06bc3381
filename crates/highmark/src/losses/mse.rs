//! Mean squared error.

use super::{Activation, Loss, residuals};
use crate::{Result, Targets};

/// Mean squared error over rows and outputs, as `torch.nn.MSELoss`.
///
/// ```
/// use highmark::{Loss, Mse, Targets};
/// let targets = Targets::Values { values: vec![0.0], width: 1 };
/// assert_eq!(Mse.evaluate(&[3.0], 1, &targets, None)?, 9.0);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mse;

fn square(d: f32) -> (f32, f32) {
    (d * d, 2.0 * d)
}

impl Loss for Mse {
    fn name(&self) -> &'static str {
        "mse"
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
        residuals::mean("mse", predictions, outputs, targets, grad, square)
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        residuals::check("mse", outputs, targets)
    }

    fn per_row(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        residuals::per_row("mse", predictions, outputs, targets, out, square)
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradient, random};
    use super::*;

    #[test]
    fn gradient() {
        check_gradient(&Mse, &random(12, 3), 2, &Targets::Values { values: random(12, 4), width: 2 });
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let one = |value| Targets::Values { values: vec![value], width: 1 };
        assert!(Mse.check(1, &one(1.0)).is_ok());
        assert!(Mse.check(1, &one(f32::NAN)).is_err());
        assert!(Mse.check(2, &one(1.0)).is_err());
        assert!(Mse.check(1, &Targets::Classes(vec![0])).is_err());
        assert!(Mse.evaluate(&[1.0], 1, &Targets::Classes(vec![0]), None).is_err());
        assert!(Mse.evaluate(&[1.0, 2.0], 1, &one(1.0), None).is_err());
        assert!(Mse.evaluate(&[1.0], 1, &one(1.0), Some(&mut [])).is_err());
        assert!(Mse.per_row(&[1.0], 1, &Targets::Classes(vec![0]), &mut Vec::new()).is_err());
    }
}
