//! A checkpoint whose checksum is right, so that what comes after it is reached: refused, or gone on from to the end.

use highmark::{CheckpointConfig, Schedule};

pub(crate) fn run(data: &[u8]) {
    let folder = super::scratch("checkpoint");
    let mut file = data.to_vec();
    highmark::seal_checkpoint(&mut file);
    std::fs::write(folder.join("checkpoint.safetensors"), file).expect("a file can be written");
    let config =
        CheckpointConfig { steps: None, seconds: None, epochs: None, ..CheckpointConfig::new(&folder) };
    let mut learn = super::small_learner(Some(config));
    if let Ok(Some(_)) = learn.resume() {
        drop(learn.fit_with(3, Some(0.01), &Schedule::one_cycle(), Vec::new()));
    }
}
