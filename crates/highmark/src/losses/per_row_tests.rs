//! The losses of single rows that a loss gets without a word, against those of the library's own.

use super::gradient_check::random;
use super::{Activation, BceWithLogits, CrossEntropy, Focal, Huber, L1, Loss, Mse};
use crate::{Result, Targets};

/// A loss without its own `per_row`.
struct Plain(Box<dyn Loss>);

impl Loss for Plain {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn activation(&self) -> Activation {
        self.0.activation()
    }

    fn evaluate(
        &self,
        predictions: &[f32],
        outputs: usize,
        targets: &Targets,
        grad: Option<&mut [f32]>,
    ) -> Result<f32> {
        self.0.evaluate(predictions, outputs, targets, grad)
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        self.0.check(outputs, targets)
    }
}

fn same(loss: impl Loss + 'static, predictions: &[f32], outputs: usize, targets: &Targets) {
    let (mut own, mut plain) = (vec![9.0], vec![9.0]);
    loss.per_row(predictions, outputs, targets, &mut own).unwrap();
    let loss = Plain(Box::new(loss));
    loss.per_row(predictions, outputs, targets, &mut plain).unwrap();
    assert_eq!((own.len(), plain.len()), (targets.rows(), targets.rows()), "{}", loss.name());
    assert!(own.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-6), "{}: {own:?} {plain:?}", loss.name());
    let short = &predictions[..predictions.len().saturating_sub(1)];
    assert!(predictions.is_empty() || loss.per_row(short, outputs, targets, &mut plain).is_err());
}

#[test]
fn row_by_row() {
    for rows in [0, 1, 7] {
        let predictions = random(rows * 3, 1);
        let numbers = Targets::Values { values: random(rows * 3, 2), width: 3 };
        same(Mse, &predictions, 3, &numbers);
        same(L1, &predictions, 3, &numbers);
        same(Huber::default(), &predictions, 3, &numbers);
        let labels = (0..rows * 3).map(|i| f32::from(i % 2 == 0)).collect();
        same(BceWithLogits::default(), &predictions, 3, &Targets::Values { values: labels, width: 3 });
        let classes = Targets::Classes((0..rows as u32).map(|row| row % 3).collect());
        same(CrossEntropy::default(), &predictions, 3, &classes);
        same(Focal::default(), &predictions, 3, &classes);
    }
}
