//! What a model that knows no feature would score: the least that training has to beat.

use super::Trainer;
use crate::metrics::Predictions;
use crate::{Activation, Result, Targets};

/// No share is nearer to 0 or 1 than this, so that its logarithm stays a number.
const LEAST_SHARE: f64 = 1e-6;

/// The raw outputs that fit the targets best while being the same for every row: shares of the classes or labels, or means.
/// None when outputs and targets are of different kinds.
fn raw(targets: &Targets, outputs: usize, activation: Activation) -> Option<Vec<f32>> {
    let rows = targets.rows().max(1) as f64;
    let means: Vec<f64> = match targets {
        Targets::Classes(classes) => {
            let first = usize::from(outputs == 1);
            let count = |class: usize| classes.iter().filter(|c| **c as usize == class).count() as f64;
            (first..first + outputs).map(|class| count(class) / rows).collect()
        }
        Targets::Values { values, width } => {
            let sum =
                |i: usize| values.iter().skip(i).step_by((*width).max(1)).map(|x| f64::from(*x)).sum::<f64>();
            (0..outputs).map(|i| sum(i) / rows).collect()
        }
    };
    let share = |mean: f64| mean.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
    match (activation, targets) {
        (Activation::Identity, Targets::Classes(_)) => None,
        (Activation::Identity, Targets::Values { .. }) => Some(means.iter().map(|x| *x as f32).collect()),
        (Activation::Softmax, _) => Some(means.iter().map(|x| share(*x).ln() as f32).collect()),
        (Activation::Sigmoid, _) => {
            Some(means.iter().map(|x| (share(*x) / (1.0 - share(*x))).ln() as f32).collect())
        }
    }
}

/// Loss and metrics over the validation rows of the answer that fits the training rows best; empty when there is none.
pub(super) fn validate(trainer: &mut Trainer) -> Result<Vec<(String, f64)>> {
    let (outputs, activation) = (trainer.model.outputs(), trainer.loss.activation());
    let (train, valid) = (trainer.train.dataset(), trainer.valid.dataset());
    let (Some(known), Some(asked)) = (train.targets(), valid.targets()) else { return Ok(Vec::new()) };
    let Some(row) = raw(known, outputs, activation) else { return Ok(Vec::new()) };
    let raw = row.repeat(asked.rows());
    let mut scores =
        vec![("valid_loss".to_string(), f64::from(trainer.loss.evaluate(&raw, outputs, asked, None)?))];
    let predictions = Predictions { raw: &raw, outputs, activation };
    for metric in &mut trainer.metrics {
        metric.reset();
        metric.update(&predictions, asked)?;
        scores.push((metric.name().to_string(), metric.value()));
        metric.reset();
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_constant_is_the_share_or_the_mean() {
        let classes = Targets::Classes(vec![0, 1, 1, 1]);
        let two = raw(&classes, 2, Activation::Softmax).unwrap();
        assert_eq!(two, [0.25_f32.ln(), 0.75_f32.ln()]);
        let one = raw(&classes, 1, Activation::Sigmoid).unwrap();
        assert!((one[0] - 3.0_f32.ln()).abs() < 1e-6);
        let values = Targets::Values { values: vec![1.0, 10.0, 3.0, 30.0], width: 2 };
        assert_eq!(raw(&values, 2, Activation::Identity).unwrap(), [2.0, 20.0]);
        assert_eq!(raw(&classes, 1, Activation::Identity), None);
        // A class that is in no training row has a logarithm all the same.
        assert!(raw(&classes, 3, Activation::Softmax).unwrap().iter().all(|x| x.is_finite()));
    }
}
