//! What is fuzzed, one target a file, and what they share. The tests replay the committed corpus through the same functions.

use std::path::PathBuf;
use std::sync::Arc;

use highmark::{
    CheckpointConfig, Dataset, Learner, LearnerConfig, Mse, NonFinite, TabularConfig, TabularModel, Targets,
};

pub(crate) mod checkpoint;
pub(crate) mod csv;
pub(crate) mod model;
pub(crate) mod replay;

/// An empty folder of this process, in memory if there is such a place.
pub(crate) fn scratch(target: &str) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = base.join(format!("highmark-fuzz-{target}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Three training batches and two of validation, of one number and one column of three levels.
pub(crate) fn small_learner(checkpoint: Option<CheckpointConfig>) -> Learner {
    let rows = |count: usize| {
        let numbers = (0..count).map(|i| (i as f32 * 0.7).sin()).collect();
        let targets =
            Targets::Values { values: (0..count).map(|i| (i as f32 * 0.3).cos()).collect(), width: 1 };
        let codes = (0..count).map(|row| row as u32 % 3).collect();
        Arc::new(Dataset::new(1, 1, codes, numbers, Some(targets)).expect("sound rows"))
    };
    let model = TabularConfig { layers: vec![2], dropout: vec![0.1], ..TabularConfig::default() };
    let model = TabularModel::new(&model, &[("level".into(), 3)], 1, 1, 7).expect("a sound model").threads(1);
    let config = LearnerConfig {
        batch_size: 4,
        checkpoint,
        non_finite: NonFinite::Rollback { every: 2, factor: 0.5 },
        ..LearnerConfig::default()
    };
    let mut learn = Learner::new(Box::new(model), Box::new(Mse), rows(12), rows(6), config).expect("it fits");
    learn.quiet();
    learn
}
