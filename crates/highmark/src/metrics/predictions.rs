//! What a metric sees of a model.

use crate::engine::{exp, sigmoid};
use crate::{Activation, Targets};

/// A model's outputs for some rows.
///
/// ```
/// use highmark::{Activation, Predictions};
/// let predictions = Predictions { raw: &[1.0, 1.0, 0.0, 2.0], outputs: 2, activation: Activation::Softmax };
/// assert_eq!(predictions.rows(), 2);
/// assert_eq!(predictions.argmax(1), 1);
/// assert_eq!(predictions.positive_score(0), 0.5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Predictions<'a> {
    /// Rows × outputs, row by row, before the activation.
    pub raw: &'a [f32],
    /// Outputs of the model.
    pub outputs: usize,
    /// What makes predictions of them.
    pub activation: Activation,
}

impl<'a> Predictions<'a> {
    /// Rows held.
    pub fn rows(&self) -> usize {
        self.raw.len() / self.outputs.max(1)
    }

    /// The raw outputs of row `row`; empty beyond the last row.
    pub fn row(&self, row: usize) -> &'a [f32] {
        self.raw.get(row * self.outputs..(row + 1) * self.outputs).unwrap_or_default()
    }

    /// The class predicted for row `row`: the first of the largest outputs, or whether the output is above 0 (a
    /// probability above one half) where there is only one.
    pub fn argmax(&self, row: usize) -> u32 {
        let row = self.row(row);
        if let [single] = row {
            return u32::from(*single > 0.0);
        }
        let mut best = 0;
        for (i, x) in row.iter().enumerate() {
            if *x > row[best] {
                best = i;
            }
        }
        best as u32
    }

    /// How many classes the outputs tell apart: 2 for a single output.
    pub fn classes(&self) -> usize {
        self.outputs.max(2)
    }

    /// What a user reads, the activation of all rows, into `out`, which is cleared first.
    pub fn activated(&self, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(self.raw);
        self.activation.apply(out, self.outputs);
    }

    /// One probability a class: [`Predictions::activated`], but a single sigmoid output p becomes 1 - p and p.
    pub fn probabilities(&self, out: &mut Vec<f32>) {
        self.activated(out);
        if self.outputs == 1 {
            let rows = out.len();
            out.resize(2 * rows, 0.0);
            for row in (0..rows).rev() {
                let positive = out[row];
                out[2 * row + 1] = positive;
                out[2 * row] = 1.0 - positive;
            }
        }
    }

    /// The activation of the last output of row `row`: the probability of the positive class of a binary target.
    /// NaN beyond the last row.
    pub fn positive_score(&self, row: usize) -> f32 {
        let row = self.row(row);
        let Some(last) = row.last() else { return f32::NAN };
        match self.activation {
            Activation::Identity => *last,
            Activation::Sigmoid => sigmoid(*last),
            Activation::Softmax => {
                let max = crate::losses::row_max(row);
                exp(last - max) / row.iter().map(|x| exp(x - max)).sum::<f32>()
            }
        }
    }
}

/// What kind of target a metric is up against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// One class a row.
    Classes,
    /// Several labels a row, each there or not.
    Labels,
    /// Numbers.
    Numbers,
}

impl Task {
    pub(super) fn of(activation: Activation, targets: &Targets) -> Self {
        match (targets, activation) {
            (Targets::Classes(_), _) => Self::Classes,
            (Targets::Values { .. }, Activation::Sigmoid) => Self::Labels,
            (Targets::Values { .. }, _) => Self::Numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_output_is_two_classes() {
        let predictions = Predictions { raw: &[0.0, 3.0], outputs: 1, activation: Activation::Sigmoid };
        assert_eq!((predictions.argmax(0), predictions.argmax(1), predictions.classes()), (0, 1, 2));
        let mut out = vec![9.0];
        predictions.probabilities(&mut out);
        assert_eq!(out, [0.5, 0.5, 1.0 - 0.952_574_13, 0.952_574_13]);
    }

    #[test]
    fn the_first_of_equal_outputs_wins() {
        let predictions = Predictions { raw: &[1.0, 2.0, 2.0], outputs: 3, activation: Activation::Softmax };
        assert_eq!(predictions.argmax(0), 1);
        let mut out = Vec::new();
        predictions.probabilities(&mut out);
        assert_eq!(out[2], predictions.positive_score(0));
        assert!(predictions.positive_score(1).is_nan());
    }
}
