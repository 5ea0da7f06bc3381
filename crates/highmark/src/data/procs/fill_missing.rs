//! Values in place of missing ones.

use serde::{Deserialize, Serialize};

/// By what missing values are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillStrategy {
    /// The median of the training rows' values: the middle one, or the mean of the middle two.
    Median,
    /// This number, for every column.
    Constant(f64),
    /// The most frequent of the training rows' values, the smallest of them if there are several.
    Mode,
}

/// The fitted step: what to fill into which column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FillMissing {
    /// The columns that had missing values in the training rows, in the order of the continuous columns, with
    /// the value for each.
    pub(crate) columns: Vec<(String, f64)>,
    /// Whether each of them has a column `<column>_na`.
    pub(crate) add_col: bool,
}

impl FillMissing {
    /// The value that is filled into this column.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, value)| *value)
    }

    /// The name of the column that tells where values of `column` were missing.
    pub(crate) fn na_name(column: &str) -> String {
        format!("{column}_na")
    }
}

impl FillStrategy {
    /// The value for a column whose training rows hold these values, sorted and without missing ones.
    pub(crate) fn value(self, sorted: &[f64]) -> f64 {
        match self {
            Self::Median => median(sorted),
            Self::Constant(value) => value,
            Self::Mode => mode(sorted),
        }
    }
}

/// The middle of sorted numbers; NaN when there are none.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn mode(sorted: &[f64]) -> f64 {
    let mut best = (0, f64::NAN);
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best.0 {
            best = (run.len(), run[0]);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_modes() {
        assert_eq!(median(&[1.0, 2.0, 10.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 3.0, 10.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert_eq!(FillStrategy::Mode.value(&[1.0, 3.0, 3.0, 5.0, 5.0]), 3.0);
        assert_eq!(FillStrategy::Constant(-1.0).value(&[3.0]), -1.0);
    }
}
