//! What the rows of each class weigh in the loss.

use super::{Config, Named};
use crate::failure::{Failure, Result};

/// By the training rows of each class, so that all classes weigh the same.
pub(crate) const BALANCED: &str = "balanced";

/// `balanced`, or a number for each class.
pub(super) fn parse(typed: &[String]) -> Result<Named<Vec<f64>>> {
    if let [name] = typed
        && name.parse::<f64>().is_err()
    {
        return Ok(Named::Name(name.clone()));
    }
    let number = |text: &String| {
        let wrong = || {
            Failure::usage(format!(
                "class-weights: `{text}` is not a number; give one for each class, or {BALANCED}"
            ))
        };
        text.trim().parse::<f64>().map_err(|_| wrong())
    };
    Ok(Named::Full(typed.iter().map(number).collect::<Result<_>>()?))
}

impl Config {
    /// Fails, as wrong usage, on weights that no loss takes.
    pub(super) fn check_class_weights(&self) -> Result<()> {
        let weights = match &self.class_weights {
            None => return Ok(()),
            Some(Named::Name(name)) if name == BALANCED => return Ok(()),
            Some(Named::Name(name)) => {
                return Err(Failure::usage(format!(
                    "class-weights: must be {BALANCED}, or a number for each class, not `{name}`"
                )));
            }
            Some(Named::Full(weights)) => weights,
        };
        if let Some(wrong) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Err(Failure::usage(format!("class-weights: must be numbers from 0, not {wrong}")));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(Failure::usage("class-weights: one at least must be above 0"));
        }
        Ok(())
    }

    /// Fails where the weights are not as many as the classes.
    pub(crate) fn check_weight_count(&self, classes: &[String]) -> Result<()> {
        match &self.class_weights {
            Some(Named::Full(weights)) if weights.len() != classes.len() => Err(Failure::failed(format!(
                "class-weights: {} given for {} classes; give one for each in this order: {}; or {BALANCED}",
                weights.len(),
                classes.len(),
                crate::text_table::shortened(classes, crate::text_table::COLUMNS)
            ))),
            _ => Ok(()),
        }
    }

    /// The weight of each class, if they differ. Balanced, a class of `n` of all rows weighs rows / (classes · n), as in
    /// scikit-learn: a row of each weighs 1 where all have as many.
    pub(super) fn weights_of(&self, counts: &[usize]) -> Option<Vec<f32>> {
        let rows = counts.iter().sum::<usize>() as f64;
        // Every class has a row: it is there because of it.
        let balanced = |count: &usize| (rows / (counts.len() * (*count).max(1)) as f64) as f32;
        match self.class_weights.as_ref()? {
            Named::Name(_) => Some(counts.iter().map(balanced).collect()),
            Named::Full(weights) => Some(weights.iter().map(|weight| *weight as f32).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_as_in_scikit_learn() {
        let config = Config { class_weights: Some(Named::Name(BALANCED.into())), ..Config::default() };
        config.check_class_weights().unwrap();
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 6 + [1] * 3 + [2])
        let weights = config.weights_of(&[6, 3, 1]).unwrap();
        assert_eq!(weights, [10.0 / 18.0, 10.0 / 9.0, 10.0 / 3.0]);
        let text = config.to_toml().unwrap();
        assert!(text.contains("class-weights = \"balanced\""), "{text}");
        assert_eq!(Config::parse(&text).unwrap(), config);
    }

    #[test]
    fn what_is_typed() {
        let parsed = |text: &str| parse(&text.split(',').map(String::from).collect::<Vec<_>>());
        assert_eq!(parsed("1, 2.5").unwrap(), Named::Full(vec![1.0, 2.5]));
        assert_eq!(parsed("balanced").unwrap(), Named::Name("balanced".into()));
        let error = parsed("1,x").unwrap_err().message().unwrap().to_string();
        assert!(error.contains("`x` is not a number"), "{error}");
        let config = Config { class_weights: Some(Named::Name("balance".into())), ..Config::default() };
        let error = config.check_class_weights().unwrap_err().message().unwrap().to_string();
        assert!(error.contains("must be balanced") && error.contains("not `balance`"), "{error}");
    }
}
