//! A product of two large matrices, by way of a linear layer: the public interface has no bare one.

use std::time::Instant;

use highmark::{Batch, Mode, Model, TabularConfig, TabularModel};

use crate::Failure;
use crate::turns::Work;

const SIZE: usize = 1024;

/// 1024 rows through a linear layer of 1024 inputs and 1024 outputs.
pub(crate) struct Gemm {
    model: TabularModel,
    batch: Batch,
    predictions: Vec<f32>,
}

impl Gemm {
    pub(crate) fn new(threads: usize) -> Result<Self, Failure> {
        let config = TabularConfig { layers: vec![], bn_cont: false, ..TabularConfig::default() };
        let model = TabularModel::new(&config, &[], SIZE, SIZE, 42)?.threads(threads);
        let x_cont = (0..SIZE * SIZE).map(|i| (i % 17) as f32 / 16.0 - 0.5).collect();
        let batch = Batch { rows: SIZE, x_cat: vec![], x_cont, targets: None };
        Ok(Self { model, batch, predictions: vec![] })
    }
}

impl Work for Gemm {
    /// The mean of ten products.
    fn turn(&mut self) -> Result<f64, Failure> {
        let times = 10;
        self.model.forward(&self.batch, Mode::Eval, &mut self.predictions)?;
        let begin = Instant::now();
        for _ in 0..times {
            self.model.forward(&self.batch, Mode::Eval, &mut self.predictions)?;
        }
        Ok(begin.elapsed().as_secs_f64() / f64::from(times))
    }
}
