//! The confusion matrix, from which several metrics are computed.

use super::{Predictions, check_rows, foreign_state};
use crate::{Error, Result, Targets};

/// How often rows of one class were predicted as another.
#[derive(Clone, Debug, Default)]
pub(super) struct Confusion {
    classes: usize,
    /// classes × classes, true class by predicted class.
    counts: Vec<u64>,
}

impl Confusion {
    pub(super) fn reset(&mut self) {
        self.classes = 0;
        self.counts.clear();
    }

    pub(super) fn update(
        &mut self,
        name: &str,
        predictions: &Predictions<'_>,
        targets: &Targets,
    ) -> Result<()> {
        check_rows(name, predictions, targets)?;
        let Targets::Classes(targets) = targets else {
            return Err(Error::data(format!("{name} needs one class a row")));
        };
        if self.classes == 0 {
            self.classes = predictions.classes();
            self.counts.resize(self.classes * self.classes, 0);
        } else if self.classes != predictions.classes() {
            return Err(Error::data(format!("{name}: the number of classes changed between batches")));
        }
        for (row, target) in targets.iter().enumerate() {
            self.counts[*target as usize * self.classes + predictions.argmax(row) as usize] += 1;
        }
        Ok(())
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Rows whose class was predicted.
    pub(super) fn correct(&self) -> u64 {
        (0..self.classes).map(|class| self.get(class, class)).sum()
    }

    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    pub(super) fn get(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// Rows of class `class`.
    pub(super) fn truths(&self, class: usize) -> u64 {
        (0..self.classes).map(|predicted| self.get(class, predicted)).sum()
    }

    /// Rows predicted as class `class`.
    pub(super) fn predicted(&self, class: usize) -> u64 {
        (0..self.classes).map(|truth| self.get(truth, class)).sum()
    }

    pub(super) fn save(&self) -> Vec<f64> {
        std::iter::once(self.classes as f64).chain(self.counts.iter().map(|n| *n as f64)).collect()
    }

    pub(super) fn load(&mut self, name: &str, state: &[f64]) -> Result<()> {
        let Some((classes, counts)) = state.split_first() else { return Err(foreign_state(name)) };
        let classes = *classes as usize;
        if classes.checked_mul(classes) != Some(counts.len()) {
            return Err(foreign_state(name));
        }
        *self = Self { classes, counts: counts.iter().map(|n| *n as u64).collect() };
        Ok(())
    }
}
