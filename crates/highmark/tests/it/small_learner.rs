//! A learner that trains in no time: one categorical column, two numbers, 8 rows to train on and 4 to validate.

use std::sync::Arc;

use highmark::{
    Callback, Dataset, Learner, LearnerConfig, MeanAbsoluteError, Mse, TabularConfig, TabularModel, Targets,
};

/// Numbers between -1 and 1 that look random.
pub(crate) fn noise(count: usize, seed: u32) -> Vec<f32> {
    let noise = |i: usize| ((i as f64 + 1.0) * 12.9898 + f64::from(seed) * 78.233).sin() * 43_758.545;
    (0..count).map(|i| (noise(i).fract()) as f32).collect()
}

pub(crate) fn rows(count: usize, seed: u32) -> Arc<Dataset> {
    let codes = (0..count).map(|row| row as u32 % 3).collect();
    let targets = Targets::Values { values: noise(count, seed + 1), width: 1 };
    Arc::new(Dataset::new(1, 2, codes, noise(count * 2, seed), Some(targets)).unwrap())
}

/// Batches of 4: two of training and one of validation an epoch.
pub(crate) fn small(callbacks: Vec<Box<dyn Callback>>) -> Learner {
    let config = LearnerConfig {
        batch_size: 4,
        metrics: vec![Box::new(MeanAbsoluteError::default())],
        callbacks,
        ..LearnerConfig::default()
    };
    with(config)
}

pub(crate) fn with(config: LearnerConfig) -> Learner {
    let model =
        TabularConfig { layers: vec![5], dropout: vec![0.2], embed_dropout: 0.1, ..TabularConfig::default() };
    let model = TabularModel::new(&model, &[("level".into(), 3)], 2, 1, 7).unwrap();
    let mut learn = Learner::new(Box::new(model), Box::new(Mse), rows(8, 1), rows(4, 2), config).unwrap();
    learn.quiet();
    learn
}

/// All trained and running numbers, to the bit.
pub(crate) fn bits(learn: &Learner) -> Vec<u32> {
    let params = learn.trainer().model.params();
    params.values.iter().chain(&params.buffers).map(|x| x.to_bits()).collect()
}
