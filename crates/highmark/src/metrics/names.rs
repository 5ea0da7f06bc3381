//! The metrics by name, as users type them.

use super::{
    Accuracy, Average, AveragePrecision, BalancedAccuracy, BrierScore, CohenKappa, Direction, ErrorRate,
    ExplainedVariance, FBeta, LogLoss, MatthewsCorrcoef, MeanAbsoluteError, MeanSquaredError, Metric,
    Precision, Predictions, R2Score, Recall, RocAuc, RootMeanSquaredError, TopKAccuracy,
};
use crate::{Activation, Error, Result, Targets};

/// The names that [`metric`] knows, without those of scikit-learn. `top_k_accuracy` takes its k after a colon,
/// `fbeta` its beta, and `f1`, `fbeta`, `precision` and `recall` their average.
pub const METRIC_NAMES: [&str; 19] = [
    "accuracy",
    "error_rate",
    "balanced_accuracy",
    "top_k_accuracy",
    "f1",
    "fbeta",
    "precision",
    "recall",
    "mcc",
    "kappa",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "mse",
    "rmse",
    "mae",
    "r2",
    "explained_variance",
];

/// The metric called `name`: one of [`METRIC_NAMES`], or what scikit-learn and fastai call it. The metric's own name
/// is the one given.
///
/// A colon leads in a number or an average: `top_k_accuracy:3`, `fbeta:2`, `f1:weighted`, `fbeta:0.5:micro`.
///
/// ```
/// use highmark::metric;
/// assert_eq!(metric("fbeta:2")?.name(), "fbeta:2");
/// assert_eq!(metric("roc_auc_score")?.name(), "roc_auc_score");
/// assert!(metric("acuracy").is_err_and(|error| error.to_string().contains("did you mean `accuracy`?")));
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn metric(name: &str) -> Result<Box<dyn Metric>> {
    let mut parts = name.split(':');
    let stem = parts.next().unwrap_or_default();
    let (mut number, mut average) = (None, None);
    for part in parts {
        if let (None, Some(found)) = (average, Average::parse(part)) {
            average = Some(found);
        } else if let (None, Ok(found)) = (number, part.parse::<f64>()) {
            number = Some(found);
        } else {
            return Err(Error::config(
                "metrics",
                format!("`{name}`: after a colon comes a number, or one of binary, macro, micro, weighted"),
            ));
        }
    }
    let (mut takes_number, mut takes_average) = (false, false);
    let metric: Box<dyn Metric> = match stem {
        "accuracy" | "accuracy_score" | "accuracy_multi" => Box::new(Accuracy::default()),
        "error_rate" => Box::new(ErrorRate::default()),
        "balanced_accuracy" | "balanced_accuracy_score" => Box::new(BalancedAccuracy::default()),
        "top_k_accuracy" | "top_k_accuracy_score" => {
            takes_number = true;
            let k = number.unwrap_or(5.0);
            if !(k >= 1.0 && k.fract() == 0.0) {
                return Err(Error::config("metrics", format!("`{name}`: k must be a whole number from 1")));
            }
            Box::new(TopKAccuracy::new(k as usize))
        }
        "f1" | "f1_score" => {
            takes_average = true;
            Box::new(FBeta::new(1.0, average))
        }
        "fbeta" | "fbeta_score" => {
            (takes_number, takes_average) = (true, true);
            match number {
                Some(beta) if beta.is_finite() && beta > 0.0 => Box::new(FBeta::new(beta, average)),
                _ => {
                    let message = format!("`{name}` needs a beta above 0 after a colon: fbeta:2");
                    return Err(Error::config("metrics", message));
                }
            }
        }
        "precision" | "precision_score" => {
            takes_average = true;
            Box::new(Precision::new(average))
        }
        "recall" | "recall_score" => {
            takes_average = true;
            Box::new(Recall::new(average))
        }
        "mcc" | "matthews_corrcoef" => Box::new(MatthewsCorrcoef::default()),
        "kappa" | "cohen_kappa_score" => Box::new(CohenKappa::default()),
        "roc_auc" | "roc_auc_score" => Box::new(RocAuc::default()),
        "average_precision" | "average_precision_score" => Box::new(AveragePrecision::default()),
        "log_loss" => Box::new(LogLoss::default()),
        "brier" | "brier_score" | "brier_score_loss" => Box::new(BrierScore::default()),
        "mse" | "mean_squared_error" => Box::new(MeanSquaredError::default()),
        "rmse" | "_rmse" | "root_mean_squared_error" => Box::new(RootMeanSquaredError::default()),
        "mae" | "mean_absolute_error" => Box::new(MeanAbsoluteError::default()),
        "r2" | "r2_score" => Box::new(R2Score::default()),
        "explained_variance" | "explained_variance_score" => Box::new(ExplainedVariance::default()),
        _ => return Err(Error::unknown("metric", stem, METRIC_NAMES)),
    };
    if number.is_some() && !takes_number || average.is_some() && !takes_average {
        return Err(Error::config(
            "metrics",
            format!("`{stem}` takes nothing like that after a colon: `{name}`"),
        ));
    }
    Ok(if metric.name() == name { metric } else { Box::new(Renamed::new(name, metric)) })
}

/// A metric under another name: a second [`FBeta`] in the same table, say.
///
/// ```
/// use highmark::{FBeta, Metric, Renamed};
/// let half = Renamed::new("f_half", Box::new(FBeta::new(0.5, None)));
/// assert_eq!(half.name(), "f_half");
/// ```
#[derive(Debug)]
pub struct Renamed {
    name: String,
    metric: Box<dyn Metric>,
}

impl Renamed {
    /// `metric` under the name `name`.
    pub fn new(name: impl Into<String>, metric: Box<dyn Metric>) -> Self {
        Self { name: name.into(), metric }
    }
}

impl Metric for Renamed {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.metric.direction()
    }

    fn reset(&mut self) {
        self.metric.reset();
    }

    fn update(&mut self, predictions: &Predictions<'_>, targets: &Targets) -> Result<()> {
        self.metric.update(predictions, targets)
    }

    fn value(&self) -> f64 {
        self.metric.value()
    }

    fn check(&self, outputs: usize, activation: Activation, targets: &Targets) -> Result<()> {
        self.metric.check(outputs, activation, targets)
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        self.metric.save_state()
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        self.metric.load_state(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_own() {
        for name in METRIC_NAMES {
            let name = if name == "fbeta" { "fbeta:2" } else { name };
            assert_eq!(metric(name).unwrap().name(), name);
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for name in [
            "",
            "f2",
            "fbeta",
            "fbeta:x",
            "fbeta:-1",
            "fbeta:1:2",
            "top_k_accuracy:0",
            "top_k_accuracy:1.5",
            "accuracy:3",
            "mse:macro",
            "f1:2",
            "f1:macro:micro",
        ] {
            assert!(metric(name).is_err(), "{name}");
        }
        assert!(metric("f1:weighted").is_ok() && metric("fbeta:0.5:micro").is_ok());
        let message = metric("f2").err().unwrap().to_string();
        assert!(message.ends_with("mse, rmse, mae, r2, explained_variance"), "{message}");
    }

    #[test]
    fn only_errors_go_down() {
        for name in METRIC_NAMES.iter().filter(|name| **name != "fbeta") {
            let lower = ["error_rate", "log_loss", "brier", "mse", "rmse", "mae"].contains(name);
            let wanted = if lower { Direction::Lower } else { Direction::Higher };
            assert_eq!(metric(name).unwrap().direction(), wanted, "{name}");
        }
    }
}
