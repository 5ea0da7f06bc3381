//! The Huber loss.

use super::{Activation, Loss, residuals};
use crate::{Error, Result, Targets};

/// Squared for small differences and linear beyond `delta`, as `torch.nn.HuberLoss`: outliers pull less.
///
/// ```
/// use highmark::{Huber, Loss, Targets};
/// let targets = Targets::Values { values: vec![0.0, 0.0], width: 1 };
/// assert_eq!(Huber::default().evaluate(&[1.0, 3.0], 1, &targets, None)?, 1.5);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    /// Where the square ends, in units of the target; above 0, 1 by default.
    pub delta: f32,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Huber {
    fn element(self) -> impl Fn(f32) -> (f32, f32) {
        let delta = self.delta;
        move |d| {
            if d.abs() <= delta {
                (0.5 * d * d, d)
            } else {
                (delta * (d.abs() - 0.5 * delta), delta * d.signum())
            }
        }
    }
}

impl Loss for Huber {
    fn name(&self) -> &'static str {
        "huber"
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
        residuals::mean("huber", predictions, outputs, targets, grad, self.element())
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        if !(self.delta.is_finite() && self.delta > 0.0) {
            return Err(Error::config("delta", "must be above 0"));
        }
        residuals::check("huber", outputs, targets)
    }

    fn per_row(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        residuals::per_row("huber", predictions, outputs, targets, out, self.element())
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradient, random};
    use super::*;

    #[test]
    fn gradient() {
        for delta in [0.3, 1.0] {
            let targets = Targets::Values { values: random(12, 4), width: 2 };
            check_gradient(&Huber { delta }, &random(12, 3), 2, &targets);
        }
    }

    #[test]
    fn delta_is_above_zero() {
        let targets = Targets::Values { values: vec![1.0], width: 1 };
        assert!(Huber { delta: 0.0 }.check(1, &targets).is_err());
        assert!(Huber { delta: f32::NAN }.check(1, &targets).is_err());
        assert!(Huber::default().check(1, &targets).is_ok());
    }
}
