//! Sums of scores over rows of probabilities.

use super::{Predictions, check_probabilities, check_rows, foreign_state};
use crate::{Result, Targets};

/// A sum over rows, or over the labels of all rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Scores {
    sum: f64,
    count: u64,
    probabilities: Vec<f32>,
}

impl Scores {
    pub(super) fn reset(&mut self) {
        (self.sum, self.count) = (0.0, 0);
    }

    /// Adds `of_class(probabilities of the classes, class)` of every row, or `of_label(probability, target)` of every label.
    pub(super) fn update(
        &mut self,
        name: &str,
        predictions: &Predictions<'_>,
        targets: &Targets,
        of_class: impl Fn(&[f32], usize) -> f64,
        of_label: impl Fn(f32, f32) -> f64,
    ) -> Result<()> {
        check_rows(name, predictions, targets)?;
        check_probabilities(name, predictions.activation)?;
        match targets {
            Targets::Classes(classes) => {
                predictions.probabilities(&mut self.probabilities);
                let rows = self.probabilities.chunks_exact(predictions.classes());
                for (row, class) in rows.zip(classes) {
                    self.sum += of_class(row, *class as usize);
                }
                self.count += classes.len() as u64;
            }
            Targets::Values { values, .. } => {
                predictions.activated(&mut self.probabilities);
                for (p, y) in self.probabilities.iter().zip(values) {
                    self.sum += of_label(*p, *y);
                }
                self.count += values.len() as u64;
            }
        }
        Ok(())
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    pub(super) fn save(&self) -> Vec<f64> {
        vec![self.sum, self.count as f64]
    }

    pub(super) fn load(&mut self, name: &str, state: &[f64]) -> Result<()> {
        let [sum, count] = state else { return Err(foreign_state(name)) };
        (self.sum, self.count) = (*sum, *count as u64);
        Ok(())
    }
}
