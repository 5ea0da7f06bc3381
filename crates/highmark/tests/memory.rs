//! A thousand fits in one process. A binary of its own, so that nothing else asks for memory meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::path::Path;
use std::sync::Arc;

use highmark::{
    CheckpointConfig, Dataset, EarlyStopping, Learner, LearnerConfig, Monitor, Mse, OneCycle, SaveBest,
    TabularConfig, TabularModel, Targets,
};

/// Kilobytes that the process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn rows(count: usize) -> Arc<Dataset> {
    let numbers: Vec<f32> = (0..count * 4).map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0).collect();
    let values = numbers.chunks(4).map(|x| x[0] - x[1]).collect();
    let codes = (0..count).map(|row| row as u32 % 7).collect();
    Arc::new(Dataset::new(1, 4, codes, numbers, Some(Targets::Values { values, width: 1 })).unwrap())
}

#[test]
fn a_thousand_fits_keep_memory_flat() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory");
    let (train, valid) = (rows(512), rows(128));
    let fit = || {
        let options = TabularConfig { layers: vec![64, 32], dropout: vec![0.1], ..TabularConfig::default() };
        let model = TabularModel::new(&options, &[("level".into(), 7)], 4, 1, 1).unwrap().threads(2);
        let config = LearnerConfig {
            callbacks: vec![
                Box::new(EarlyStopping::new(Monitor::new("valid_loss"))),
                Box::new(SaveBest::new(Monitor::new("valid_loss")).in_memory()),
            ],
            checkpoint: Some(CheckpointConfig::new(&folder)),
            ..LearnerConfig::default()
        };
        let (train, valid) = (Arc::clone(&train), Arc::clone(&valid));
        let mut learn = Learner::new(Box::new(model), Box::new(Mse), train, valid, config).unwrap();
        learn.quiet();
        learn.fit_one_cycle(2, &OneCycle::default()).unwrap();
    };
    // Threads have their stacks and the allocator its pools after some of them.
    (0..200).for_each(|_| fit());
    let before = resident();
    (0..800).for_each(|_| fit());
    let after = resident();
    // Each holds about 150 kB: of 800 that leak, a fiftieth would show.
    assert!(after < before + 2048, "{before} kB after 200 fits, {after} kB after 1,000");
}
