//! Limits of gradients.

use serde::{Deserialize, Serialize};

/// A limit of the gradients, applied before a step.
///
/// ```
/// use highmark::Clip;
/// let mut grads = [3.0, 4.0];
/// assert_eq!(Clip::Norm(1.0).apply(&mut grads), 5.0);
/// assert!((grads[0] - 0.6).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clip {
    /// All gradients shrink by one factor so that their Euclidean norm is at most this, as
    /// `torch.nn.utils.clip_grad_norm_`.
    Norm(f64),
    /// Every gradient is kept between minus this and this, as
    /// `torch.nn.utils.clip_grad_value_`.
    Value(f64),
}

impl Clip {
    /// Applies it to all gradients and returns their norm before that. What is not a number stays so.
    pub fn apply(self, grads: &mut [f32]) -> f64 {
        let norm = norm(grads);
        match self {
            Self::Norm(limit) => {
                let factor = limit / (norm + 1e-6);
                // Not `factor < 1`: a norm that is NaN makes everything NaN, where torch lets training fail too.
                if factor.is_nan() || factor < 1.0 {
                    let factor = factor as f32;
                    for g in grads {
                        *g *= factor;
                    }
                }
            }
            Self::Value(limit) => {
                let limit = limit.abs() as f32;
                if !limit.is_nan() {
                    for g in grads {
                        *g = g.clamp(-limit, limit);
                    }
                }
            }
        }
        norm
    }
}

/// The Euclidean norm. Eight sums side by side: a fixed order that still fills vector registers.
fn norm(grads: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (chunks, rest) = grads.as_chunks::<8>();
    for chunk in chunks {
        for (sum, g) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(*g) * f64::from(*g);
        }
    }
    let rest: f64 = rest.iter().map(|g| f64::from(*g) * f64::from(*g)).sum();
    (sums.iter().sum::<f64>() + rest).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_gradients_stay() {
        let mut grads = [0.3, -0.4];
        assert!((Clip::Norm(1.0).apply(&mut grads) - 0.5).abs() < 1e-7);
        assert_eq!(grads, [0.3, -0.4]);
    }

    #[test]
    fn norm_shrinks_all_alike() {
        let mut grads: Vec<f32> = (0..19).map(|i| i as f32 - 9.0).collect();
        let before = grads.clone();
        let norm = Clip::Norm(0.5).apply(&mut grads);
        assert!((norm - 570f64.sqrt()).abs() < 1e-12);
        for (after, before) in grads.iter().zip(before) {
            assert!((after - before * (0.5 / 570f32.sqrt())).abs() < 1e-6);
        }
    }

    #[test]
    fn value_keeps_each_within() {
        let mut grads = [3.0, -0.1, -7.0, f32::NAN];
        Clip::Value(0.5).apply(&mut grads);
        assert_eq!(grads[..3], [0.5, -0.1, -0.5]);
        assert!(grads[3].is_nan());
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        let mut grads = [1.0, f32::NAN];
        assert!(Clip::Norm(1.0).apply(&mut grads).is_nan());
        assert!(grads[0].is_nan());
    }
}
