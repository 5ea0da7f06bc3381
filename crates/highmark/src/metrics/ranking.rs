//! Rows ranked by their scores, class by class: what the areas under curves are computed from.

use super::{Predictions, Task};
use crate::Targets;

/// Rows of one score.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tie {
    pub(super) positives: u64,
    pub(super) negatives: u64,
}

/// The mean of `area` over the positive class of two, or over the classes of more against the rest, or over the
/// labels. `area` sees the rows from the highest score down. NaN if a score is.
pub(super) fn macro_average(
    predictions: &Predictions<'_>,
    targets: &Targets,
    area: impl Fn(&[Tie]) -> f64,
) -> f64 {
    let mut scores = Vec::new();
    predictions.probabilities(&mut scores);
    let (columns, first) = match Task::of(predictions.activation, targets) {
        Task::Classes if predictions.classes() == 2 => (2, 1),
        Task::Classes => (predictions.classes(), 0),
        Task::Labels | Task::Numbers => {
            predictions.activated(&mut scores);
            (predictions.outputs, 0)
        }
    };
    let mut sum = 0.0;
    let mut ranked = Vec::with_capacity(predictions.rows());
    for column in first..columns {
        ranked.clear();
        ranked.extend(scores.chunks_exact(columns).enumerate().map(|(row, scores)| {
            let positive = match targets {
                Targets::Classes(classes) => classes[row] as usize == column,
                Targets::Values { values, width } => values[row * width + column] > 0.5,
            };
            (scores[column], positive)
        }));
        if ranked.iter().any(|(score, _)| score.is_nan()) {
            return f64::NAN;
        }
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        sum += area(&ties(&ranked));
    }
    sum / (columns - first) as f64
}

fn ties(ranked: &[(f32, bool)]) -> Vec<Tie> {
    ranked
        .chunk_by(|a, b| a.0 == b.0)
        .map(|tie| {
            let positives = tie.iter().filter(|(_, positive)| *positive).count() as u64;
            Tie { positives, negatives: tie.len() as u64 - positives }
        })
        .collect()
}
