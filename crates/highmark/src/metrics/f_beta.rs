//! Precision, recall and what lies between them.

use super::{Direction, Metric, Predictions, Task, check_rows, check_task, foreign_state};
use crate::{Activation, Error, Result, Targets};

/// How the numbers of several classes, or labels, become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// Only the positive class counts, the last of two.
    Binary,
    /// The mean over the classes that occur, in the targets or the predictions; over all labels.
    Macro,
    /// Of the sums of the counts.
    Micro,
    /// The mean over the classes weighted by their rows.
    Weighted,
}

impl Average {
    /// The average called `name`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "binary" => Self::Binary,
            "macro" => Self::Macro,
            "micro" => Self::Micro,
            "weighted" => Self::Weighted,
            _ => return None,
        })
    }
}

/// How one class, or label, fared against the rest.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    true_positives: u64,
    false_positives: u64,
    false_negatives: u64,
}

/// Counts of every class or label.
#[derive(Clone, Debug, Default)]
struct Outcomes {
    labels: bool,
    each: Vec<Outcome>,
}

impl Outcomes {
    fn update(&mut self, name: &str, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        check_rows(name, predictions, targets)?;
        let labels = matches!(targets, Targets::Values { .. });
        let classes = if labels { predictions.outputs } else { predictions.classes() };
        if self.each.is_empty() {
            self.labels = labels;
            self.each.resize(classes, Outcome::default());
        } else if (self.labels, self.each.len()) != (labels, classes) {
            return Err(Error::data(format!("{name}: the number of classes changed between batches")));
        }
        match targets {
            Targets::Classes(targets) => {
                for (row, target) in targets.iter().enumerate() {
                    let predicted = predictions.argmax(row);
                    if predicted == *target {
                        self.each[predicted as usize].true_positives += 1;
                    } else {
                        self.each[predicted as usize].false_positives += 1;
                        self.each[*target as usize].false_negatives += 1;
                    }
                }
            }
            Targets::Values { values, .. } => {
                for (i, (x, y)) in predictions.raw.iter().zip(values).enumerate() {
                    let outcome = &mut self.each[i % classes];
                    match (*x > 0.0, *y > 0.5) {
                        (true, true) => outcome.true_positives += 1,
                        (true, false) => outcome.false_positives += 1,
                        (false, true) => outcome.false_negatives += 1,
                        (false, false) => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// The average of `score`; NaN before the first row.
    fn average(&self, average: Option<Average>, score: impl Fn(&Outcome) -> f64) -> f64 {
        let Some(last) = self.each.last() else { return f64::NAN };
        let binary = !self.labels && self.each.len() == 2;
        match average.unwrap_or(if binary { Average::Binary } else { Average::Macro }) {
            Average::Binary => score(last),
            Average::Micro => score(&self.each.iter().fold(Outcome::default(), |sum, one| Outcome {
                true_positives: sum.true_positives + one.true_positives,
                false_positives: sum.false_positives + one.false_positives,
                false_negatives: sum.false_negatives + one.false_negatives,
            })),
            Average::Macro => {
                let occurs = |one: &&Outcome| {
                    self.labels || one.true_positives + one.false_positives + one.false_negatives > 0
                };
                let scores = self.each.iter().filter(occurs).map(score);
                let (sum, count) = scores.fold((0.0, 0.0), |(sum, count), score| (sum + score, count + 1.0));
                sum / count
            }
            Average::Weighted => {
                let (mut sum, mut rows) = (0.0, 0.0);
                for one in &self.each {
                    let support = (one.true_positives + one.false_negatives) as f64;
                    sum += score(one) * support;
                    rows += support;
                }
                if rows == 0.0 { 0.0 } else { sum / rows }
            }
        }
    }

    fn save(&self) -> Vec<f64> {
        let counts =
            self.each.iter().flat_map(|one| [one.true_positives, one.false_positives, one.false_negatives]);
        std::iter::once(f64::from(self.labels)).chain(counts.map(|n| n as f64)).collect()
    }

    fn load(&mut self, name: &str, state: &[f64]) -> Result<()> {
        let Some((labels, counts)) = state.split_first().filter(|(_, counts)| counts.len() % 3 == 0) else {
            return Err(foreign_state(name));
        };
        let each = counts.chunks_exact(3).map(|n| Outcome {
            true_positives: n[0] as u64,
            false_positives: n[1] as u64,
            false_negatives: n[2] as u64,
        });
        *self = Self { labels: *labels != 0.0, each: each.collect() };
        Ok(())
    }
}

/// Whether `average` fits the classes or labels.
fn check_average(
    name: &str,
    average: Option<Average>,
    outputs: usize,
    activation: Activation,
    targets: &Targets,
) -> Result<()> {
    check_task(name, &[Task::Classes, Task::Labels], activation, targets)?;
    let two_classes = outputs <= 2 && Task::of(activation, targets) == Task::Classes;
    if average == Some(Average::Binary) && !two_classes {
        return Err(Error::config(
            "metrics",
            format!("`{name}` of the positive class alone needs two classes; use {name}:macro"),
        ));
    }
    Ok(())
}

/// The share of two counts, 0 where there is nothing to share.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

macro_rules! outcomes_metric {
    ($metric:ident, |$own:ident, $one:ident| $score:expr) => {
        impl Metric for $metric {
            fn name(&self) -> &str {
                self.name()
            }

            fn direction(&self) -> Direction {
                Direction::Higher
            }

            fn reset(&mut self) {
                self.outcomes = Outcomes::default();
            }

            fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
                let name = self.name();
                self.outcomes.update(name, predictions, targets)
            }

            fn value(&self) -> f64 {
                let $own = self;
                self.outcomes.average(self.average, |$one| $score)
            }

            fn check(&self, outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
                check_average(self.name(), self.average, outputs, activation, targets)
            }

            fn save_state(&self) -> Result<Vec<f64>> {
                Ok(self.outcomes.save())
            }

            fn load_state(&mut self, state: &[f64]) -> Result<()> {
                let name = self.name();
                self.outcomes.load(name, state)
            }
        }
    };
}

/// The weighted harmonic mean of precision and recall, as scikit-learn's `fbeta_score`; 0 where both are undefined.
/// Without an average: of the positive (last) of two classes, and the macro average of more, or of labels.
///
/// ```
/// use highmark::{Activation, FBeta, Metric, Predictions, Targets};
/// let mut f1 = FBeta::default();
/// let raw = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
/// let predictions = Predictions { raw: &raw, outputs: 2, activation: Activation::Softmax };
/// f1.update(&predictions, &Targets::Classes(vec![1, 0, 0]))?;
/// assert!((f1.value() - 2.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FBeta {
    beta: f64,
    average: Option<Average>,
    outcomes: Outcomes,
}

impl Default for FBeta {
    /// F1.
    fn default() -> Self {
        Self::new(1.0, None)
    }
}

impl FBeta {
    /// Where recall counts `beta` times as much as precision.
    pub fn new(beta: f64, average: Option<Average>) -> Self {
        Self { beta, average, outcomes: Outcomes::default() }
    }

    fn name(&self) -> &'static str {
        if self.beta == 1.0 { "f1" } else { "fbeta" }
    }
}

outcomes_metric!(FBeta, |own, one| {
    let (hits, beta) = (one.true_positives as f64, own.beta * own.beta);
    let misses = beta * one.false_negatives as f64 + one.false_positives as f64;
    ratio((1.0 + beta) * hits, (1.0 + beta) * hits + misses)
});

/// The share of the rows predicted as a class that are of it, as scikit-learn's `precision_score`; averages as for
/// [`FBeta`].
///
/// ```
/// use highmark::{Average, Metric, Precision};
/// assert_eq!(Precision::new(Some(Average::Macro)).name(), "precision");
/// assert!(Precision::default().value().is_nan());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Precision {
    average: Option<Average>,
    outcomes: Outcomes,
}

impl Precision {
    /// With an average of its own.
    pub fn new(average: Option<Average>) -> Self {
        Self { average, outcomes: Outcomes::default() }
    }

    #[allow(clippy::unused_self)]
    fn name(&self) -> &'static str {
        "precision"
    }
}

outcomes_metric!(Precision, |_own, one| {
    let hits = one.true_positives as f64;
    ratio(hits, hits + one.false_positives as f64)
});

/// The share of the rows of a class that are predicted as it, as scikit-learn's `recall_score`; averages as for
/// [`FBeta`].
///
/// ```
/// use highmark::{Average, Metric, Recall};
/// assert_eq!(Recall::new(Some(Average::Macro)).name(), "recall");
/// assert!(Recall::default().value().is_nan());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recall {
    average: Option<Average>,
    outcomes: Outcomes,
}

impl Recall {
    /// With an average of its own.
    pub fn new(average: Option<Average>) -> Self {
        Self { average, outcomes: Outcomes::default() }
    }

    #[allow(clippy::unused_self)]
    fn name(&self) -> &'static str {
        "recall"
    }
}

outcomes_metric!(Recall, |_own, one| {
    let hits = one.true_positives as f64;
    ratio(hits, hits + one.false_negatives as f64)
});
