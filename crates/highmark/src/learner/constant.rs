//! What a model that knows no feature would score: the least that training has to beat.

use super::Trainer;
use crate::data::median;
use crate::metrics::Predictions;
use crate::{Activation, LossKind, Result, Targets};

/// No share is nearer to 0 or 1 than this, so that its logarithm stays a number.
const LEAST_SHARE: f64 = 1e-6;

/// The numbers of each output; none of classes.
fn columns(targets: &Targets) -> Vec<Vec<f64>> {
    let Targets::Values { values, width } = targets else { return Vec::new() };
    let column = |i: usize| values.iter().skip(i).step_by(*width).map(|x| f64::from(*x)).collect();
    (0..*width).map(column).collect()
}

/// Shares of the classes or labels, or means.
fn means(targets: &Targets, outputs: usize) -> Vec<f64> {
    let rows = targets.rows().max(1) as f64;
    match targets {
        Targets::Classes(classes) => {
            let first = usize::from(outputs == 1);
            let count = |class: usize| classes.iter().filter(|c| **c as usize == class).count() as f64;
            (first..first + outputs).map(|class| count(class) / rows).collect()
        }
        Targets::Values { .. } => columns(targets).iter().map(|of| of.iter().sum::<f64>() / rows).collect(),
    }
}

/// The shares or numbers at which this loss of the targets, which have these means, is least; none where no formula has them.
fn least(means: &[f64], targets: &Targets, loss: &LossKind) -> Option<Vec<f64>> {
    let weight = |weights: &Option<Vec<f32>>, i: usize| {
        weights.as_ref().and_then(|weights| weights.get(i)).map_or(1.0, |weight| f64::from(*weight))
    };
    match loss {
        LossKind::CrossEntropy { weight: weights, label_smoothing } => {
            let smoothing = f64::from(*label_smoothing);
            let smooth = |share: f64| (1.0 - smoothing) * share + smoothing / means.len() as f64;
            let weighed: Vec<f64> =
                means.iter().enumerate().map(|(i, share)| weight(weights, i) * smooth(*share)).collect();
            let sum: f64 = weighed.iter().sum();
            (sum > 0.0).then(|| weighed.iter().map(|share| share / sum).collect())
        }
        LossKind::BceWithLogits { pos_weight, .. } => {
            let share = |(i, share): (usize, &f64)| {
                let positive = weight(pos_weight, i) * share;
                positive / (positive + 1.0 - share)
            };
            Some(means.iter().enumerate().map(share).collect())
        }
        LossKind::Focal { .. } => None,
        LossKind::Mse => Some(means.to_vec()),
        LossKind::L1 => Some(columns(targets).iter_mut().map(|of| median(of)).collect()),
        LossKind::Huber { delta } => {
            Some(columns(targets).iter().map(|of| least_huber(of, f64::from(*delta))).collect())
        }
    }
}

/// Where the Huber loss of these numbers is least: its slope only rises, and is 0 there.
fn least_huber(values: &[f64], delta: f64) -> f64 {
    let slope = |at: f64| values.iter().map(|value| (at - value).max(-delta).min(delta)).sum::<f64>();
    let (mut low, mut high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    // The answer becomes an f32: nearer than those are to each other it need not be.
    while (low as f32) < high as f32 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    high
}

/// The raw outputs that make these shares or means of such targets. None when outputs and targets are of different kinds.
fn raw(means: &[f64], targets: &Targets, activation: Activation) -> Option<Vec<f32>> {
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

/// Loss and metrics over the validation rows of the answer that fits the training rows best; empty when there is none, and
/// without the loss when only that has none. The metrics are those of the plain shares and means, wherever the loss is least.
pub(super) fn validate(trainer: &mut Trainer) -> Result<Vec<(String, f64)>> {
    let (outputs, activation) = (trainer.model.outputs(), trainer.loss.activation());
    let (train, valid) = (trainer.train.dataset(), trainer.valid.dataset());
    let (Some(known), Some(asked)) = (train.targets(), valid.targets()) else { return Ok(Vec::new()) };
    let means = means(known, outputs);
    let Some(row) = raw(&means, known, activation) else { return Ok(Vec::new()) };
    let kind = &trainer.description.loss;
    // A loss that was handed over is described by its name alone.
    let best =
        if kind.build().name() == trainer.loss.name() { least(&means, known, kind) } else { Some(means) };
    let mut scores = Vec::new();
    if let Some(row) = best.and_then(|best| raw(&best, known, activation)) {
        let loss = trainer.loss.evaluate(&row.repeat(asked.rows()), outputs, asked, None)?;
        scores.push(("valid_loss".to_string(), f64::from(loss)));
    }
    let raw = row.repeat(asked.rows());
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

    fn raw(targets: &Targets, outputs: usize, activation: Activation) -> Option<Vec<f32>> {
        super::raw(&means(targets, outputs), targets, activation)
    }

    #[test]
    fn a_loss_that_weighs_is_least_elsewhere() {
        let weight = Some(vec![3.0, 1.0]);
        let targets = Targets::Classes(vec![0, 1, 1, 1]);
        let least_of = |loss| least(&[0.25, 0.75], &targets, &loss);
        let weighed = LossKind::CrossEntropy { weight: weight.clone(), label_smoothing: 0.0 };
        assert_eq!(least_of(weighed), Some(vec![0.5, 0.5]));
        let smoothed = LossKind::CrossEntropy { weight: None, label_smoothing: 0.5 };
        assert_eq!(least_of(smoothed), Some(vec![0.375, 0.625]));
        assert_eq!(least_of(LossKind::BceWithLogits { pos_weight: weight, threshold: 0.5 }).unwrap()[0], 0.5);
        assert_eq!(least_of(LossKind::Focal { gamma: 2.0, weight: None }), None);
        // No other constant has less.
        for loss in [
            LossKind::CrossEntropy { weight: Some(vec![3.0, 0.5]), label_smoothing: 0.0 },
            LossKind::CrossEntropy { weight: Some(vec![3.0, 0.5]), label_smoothing: 0.2 },
        ] {
            let best = least_of(loss.clone()).unwrap();
            let value = |shares: &[f64]| {
                let row = super::raw(shares, &targets, Activation::Softmax).unwrap();
                loss.clone().build().evaluate(&row.repeat(4), 2, &targets, None).unwrap()
            };
            for step in [-0.05, 0.05] {
                assert!(value(&best) < value(&[best[0] + step, best[1] - step]), "{loss:?}");
            }
        }
    }

    /// Of two targets, one of them with numbers far from the others.
    #[test]
    fn no_number_has_less_of_a_loss_than_the_best() {
        let values: Vec<f32> = (0..41)
            .flat_map(|row: u16| {
                let x = f32::from(row * 17 % 41) / 4.0;
                [x * x, if row % 10 == 3 { 1000.0 + x } else { -x }]
            })
            .collect();
        let targets = Targets::Values { values, width: 2 };
        let means = means(&targets, 2);
        let huber = |delta| LossKind::Huber { delta };
        for kind in [LossKind::Mse, LossKind::L1, huber(0.25), huber(1.0), huber(30.0), huber(1e6)] {
            let best = least(&means, &targets, &kind).unwrap();
            let loss = kind.build();
            let value = |at: [f64; 2]| {
                let row = super::raw(&at, &targets, Activation::Identity).unwrap();
                f64::from(loss.evaluate(&row.repeat(41), 2, &targets, None).unwrap())
            };
            let of_best = value([best[0], best[1]]);
            // Everywhere, and close by.
            for step in (-200..=1000).map(f64::from) {
                let least = of_best * (1.0 - 1e-6);
                assert!(value([step * 1.01, best[1]]) >= least, "{kind:?}: {best:?}, {step}");
                assert!(value([best[0], step * 1.01]) >= least, "{kind:?}: {best:?}, {step}");
                assert!(value([best[0] + step * 1e-3, best[1]]) >= least, "{kind:?}: {best:?}, {step}");
                assert!(value([best[0], best[1] + step * 1e-3]) >= least, "{kind:?}: {best:?}, {step}");
            }
        }
        // A square everywhere, and an absolute value nearly everywhere.
        let of = |kind: LossKind| least(&means, &targets, &kind).unwrap();
        let close = |a: &[f64], b: &[f64], by: f64| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= by);
        assert!(close(&of(huber(1e6)), &means, 1e-4), "{:?} {means:?}", of(huber(1e6)));
        assert!(close(&of(huber(1e-3)), &of(LossKind::L1), 1e-2), "{:?}", of(huber(1e-3)));
        assert!(!close(&of(LossKind::L1), &means, 1.0));
        let same = Targets::Values { values: vec![3.5; 4], width: 1 };
        assert_eq!(least(&[3.5], &same, &huber(1.0)), Some(vec![3.5]));
    }

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
