//! Gradients of losses against central differences, at every output of every row.

use super::Loss;
use crate::{Random, Stream, Targets};

/// `n` normal numbers, the same for the same `index`.
pub(super) fn random(n: usize, index: u64) -> Vec<f32> {
    let mut random = Random::new(17, Stream::User, index);
    (0..n).map(|_| random.normal()).collect()
}

/// Fails if the gradient at `points` is not the slope, or the mean is not the mean of the rows where every row
/// counts the same.
pub(super) fn check_gradient(loss: &dyn Loss, points: &[f32], outputs: usize, targets: &Targets) {
    let mut grad = vec![f32::NAN; points.len()];
    let value = loss.evaluate(points, outputs, targets, Some(&mut grad)).unwrap();
    assert_eq!(value, loss.evaluate(points, outputs, targets, None).unwrap());
    let step = 1e-2;
    for i in 0..points.len() {
        let mut moved = points.to_vec();
        let mut at = |x| {
            moved[i] = x;
            f64::from(loss.evaluate(&moved, outputs, targets, None).unwrap())
        };
        let (above, below) = (points[i] + step, points[i] - step);
        let slope = (at(above) - at(below)) / f64::from(above - below);
        assert!(
            (slope - f64::from(grad[i])).abs() < 2e-4,
            "{}[{i}]: {slope} is not {}",
            loss.name(),
            grad[i]
        );
    }
}
