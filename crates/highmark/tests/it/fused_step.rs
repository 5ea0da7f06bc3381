//! With nobody listening inside the step the loop takes a shorter path. It must lead to the same place.

use highmark::{Clip, LearnerConfig, OptimizerConfig};

use crate::small_learner::{bits, with};
use crate::trace::Trace;

fn trained(accumulate: usize, clip: Option<Clip>, watched: bool) -> (Vec<u32>, Vec<u32>, Vec<Option<f64>>) {
    let optimizer = OptimizerConfig { clip, ..OptimizerConfig::default() };
    let mut learn =
        with(LearnerConfig { batch_size: 3, accumulate, optimizer, lr: 0.05, ..LearnerConfig::default() });
    if watched {
        learn.callbacks_mut().add(Box::new(Trace::new("trace"))).unwrap();
    }
    assert_eq!(learn.describe_loop().contains("because of trace"), watched);
    learn.fit(5, None).unwrap();
    let losses = learn.history().losses.iter().map(|loss| loss.to_bits()).collect();
    (bits(&learn), losses, learn.history().rows.iter().map(|row| row.valid_loss).collect())
}

#[test]
fn same_bits_as_event_by_event() {
    for accumulate in [1, 2, 3] {
        for clip in [None, Some(Clip::Norm(0.01)), Some(Clip::Value(0.01))] {
            assert_eq!(
                trained(accumulate, clip, false),
                trained(accumulate, clip, true),
                "{accumulate} {clip:?}"
            );
        }
    }
}

#[test]
fn clipping_and_accumulating_do_something() {
    let plain = trained(1, None, false);
    for other in [
        trained(2, None, false),
        trained(1, Some(Clip::Norm(0.01)), false),
        trained(1, Some(Clip::Value(0.01)), false),
    ] {
        assert_ne!(plain, other);
    }
}
