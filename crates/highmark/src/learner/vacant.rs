//! A trainer that trains nothing.

use std::path::PathBuf;
use std::sync::Arc;

use super::StopFlag;
use super::model_file::ModelDescription;
use super::non_finite::Guard;
use super::trainer::{Parts, Trainer};
use crate::data::{Batch, Dataset, Loader, Order, Targets};
use crate::engine::Params;
use crate::losses::{LossKind, Mse};
use crate::models::{LayerSummary, Model, TabularConfig};
use crate::nn::Mode;
use crate::optim::{Optimizer, OptimizerConfig};
use crate::{Error, Result};

impl Trainer {
    /// A trainer without a model and with next to no memory, to stand in for one that is lent elsewhere: a hook that has to
    /// hand its trainer to another language swaps the two, and swaps them back before it returns.
    ///
    /// ```
    /// use highmark::Trainer;
    /// let vacant = Trainer::vacant()?;
    /// assert!(vacant.model.params().is_empty());
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn vacant() -> Result<Self> {
        let model = Vacant(Params::default());
        let optimizer = Optimizer::new(&OptimizerConfig::default(), &model.0, &[], 1e-3)?;
        let targets = Targets::Values { values: vec![0.0], width: 1 };
        let row = Arc::new(Dataset::new(0, 0, Vec::new(), Vec::new(), Some(targets))?);
        let loader = Loader::new(row, 1, Order::Sequential, false)?;
        let description = ModelDescription::new("Vacant", TabularConfig::default(), LossKind::Mse, 0);
        Ok(Self::new(Parts {
            model: Box::new(model),
            loss: Box::new(Mse),
            optimizer,
            metrics: Vec::new(),
            train: loader.clone(),
            valid: loader,
            description,
            model_dir: PathBuf::new(),
            seed: 0,
            accumulate: 1,
            guard: Guard::default(),
            stop: StopFlag::default(),
        }))
    }
}

struct Vacant(Params);

impl Model for Vacant {
    fn name(&self) -> &'static str {
        "Vacant"
    }

    fn params(&self) -> &Params {
        &self.0
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.0
    }

    fn outputs(&self) -> usize {
        1
    }

    fn forward(&mut self, _: &Batch, _: Mode, _: &mut Vec<f32>) -> Result<()> {
        Err(Error::training("the model is lent elsewhere"))
    }

    fn backward(&mut self, _: &Batch, _: &[f32]) -> Result<()> {
        Err(Error::training("the model is lent elsewhere"))
    }

    fn layers(&self) -> Vec<LayerSummary> {
        Vec::new()
    }
}
