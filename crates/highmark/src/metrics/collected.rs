//! Predictions and targets of all rows, for metrics that are no sum over rows.

use super::{Predictions, check_rows, foreign_state};
use crate::{Activation, Error, Result, Targets};

/// All rows since the last reset.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    raw: Vec<f32>,
    outputs: usize,
    activation: Activation,
    targets: Option<Targets>,
}

impl Collected {
    pub(super) fn reset(&mut self) {
        self.raw.clear();
        if let Some(targets) = &mut self.targets {
            targets.clear();
        }
    }

    pub(super) fn update(
        &mut self,
        name: &str,
        predictions: &Predictions<'_>,
        targets: &Targets,
    ) -> Result<()> {
        check_rows(name, predictions, targets)?;
        let changed =
            || Error::data(format!("{name}: outputs or targets changed their shape between batches"));
        if self.raw.is_empty() {
            (self.outputs, self.activation) = (predictions.outputs, predictions.activation);
            if self.targets.as_ref().is_none_or(|own| own.empty_like() != targets.empty_like()) {
                self.targets = Some(targets.empty_like());
            }
        } else if (self.outputs, self.activation) != (predictions.outputs, predictions.activation) {
            return Err(changed());
        }
        match (&mut self.targets, targets) {
            (Some(Targets::Classes(own)), Targets::Classes(more)) => own.extend_from_slice(more),
            (Some(Targets::Values { values: own, width }), Targets::Values { values: more, width: same })
                if width == same =>
            {
                own.extend_from_slice(more);
            }
            _ => return Err(changed()),
        }
        self.raw.extend_from_slice(predictions.raw);
        Ok(())
    }

    /// All rows; `None` before the first.
    pub(super) fn get(&self) -> Option<(Predictions<'_>, &Targets)> {
        let targets = self.targets.as_ref().filter(|_| !self.raw.is_empty())?;
        Some((Predictions { raw: &self.raw, outputs: self.outputs, activation: self.activation }, targets))
    }

    /// The outputs, the activation, the width of the targets (0 for classes), then all predictions, then all targets.
    pub(super) fn save(&self) -> Vec<f64> {
        let Some((predictions, targets)) = self.get() else { return Vec::new() };
        let activation = match predictions.activation {
            Activation::Identity => 0.0,
            Activation::Softmax => 1.0,
            Activation::Sigmoid => 2.0,
        };
        let mut state = vec![self.outputs as f64, activation, 0.0];
        state.extend(self.raw.iter().copied().map(f64::from));
        match targets {
            Targets::Classes(classes) => state.extend(classes.iter().copied().map(f64::from)),
            Targets::Values { values, width } => {
                state[2] = *width as f64;
                state.extend(values.iter().copied().map(f64::from));
            }
        }
        state
    }

    pub(super) fn load(&mut self, name: &str, state: &[f64]) -> Result<()> {
        if state.is_empty() {
            self.reset();
            return Ok(());
        }
        let [outputs, activation, width, numbers @ ..] = state else { return Err(foreign_state(name)) };
        let (outputs, width) = (*outputs as usize, *width as usize);
        let activation = match *activation as usize {
            0 => Activation::Identity,
            1 => Activation::Softmax,
            _ => Activation::Sigmoid,
        };
        let a_row = outputs.saturating_add(width.max(1));
        if outputs == 0 || numbers.len() % a_row != 0 {
            return Err(foreign_state(name));
        }
        let (raw, targets) = numbers.split_at(numbers.len() / a_row * outputs);
        let targets = match width {
            0 => Targets::Classes(targets.iter().map(|x| *x as u32).collect()),
            _ => Targets::Values { values: targets.iter().map(|x| *x as f32).collect(), width },
        };
        let raw = raw.iter().map(|x| *x as f32).collect();
        *self = Self { raw, outputs, activation, targets: Some(targets) };
        Ok(())
    }
}
