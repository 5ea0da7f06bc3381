//! What turns a model's raw outputs into predictions.

use serde::{Deserialize, Serialize};

use crate::engine::{exp, sigmoid};

/// The function between the last layer and what a user reads: a property of the loss, which is computed from
/// the raw outputs because that is more exact.
///
/// ```
/// use highmark::Activation;
/// let mut rows = [0.0, 0.0, 3.0, 3.0];
/// Activation::Softmax.apply(&mut rows, 2);
/// assert_eq!(rows, [0.5; 4]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The outputs as they are: regression.
    #[default]
    Identity,
    /// Every row becomes probabilities that sum to one: one class out of several.
    Softmax,
    /// Every output becomes a probability of its own: one binary target, or several labels at once.
    Sigmoid,
}

impl Activation {
    /// Applies it in place to `values`, rows × `outputs`, row by row.
    pub fn apply(self, values: &mut [f32], outputs: usize) {
        match self {
            Self::Identity => {}
            Self::Softmax => values.chunks_exact_mut(outputs.max(1)).for_each(softmax),
            Self::Sigmoid => values.iter_mut().for_each(|x| *x = sigmoid(*x)),
        }
    }
}

/// The largest of a row; subtracted first, it keeps exp from overflowing.
#[inline]
pub(crate) fn row_max(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

fn softmax(row: &mut [f32]) {
    let max = row_max(row);
    row.iter_mut().for_each(|x| *x = exp(*x - max));
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_large_numbers_is_finite() {
        let mut row = [1000.0, 999.0, -1000.0];
        Activation::Softmax.apply(&mut row, 3);
        assert!((row[0] - 0.731_058_6).abs() < 1e-6 && (row[1] - 0.268_941_4).abs() < 1e-6);
        assert_eq!(row[2], 0.0);
    }

    #[test]
    fn identity_changes_nothing() {
        let mut row = [1.0, -2.0];
        Activation::Identity.apply(&mut row, 2);
        assert_eq!(row, [1.0, -2.0]);
    }
}
