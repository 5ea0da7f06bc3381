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
    /// The value for a column whose training rows hold these values, without missing ones; their order is lost.
    pub(crate) fn value(self, values: &mut [f64]) -> f64 {
        match self {
            Self::Median => median(values),
            Self::Constant(value) => value,
            Self::Mode => mode(values),
        }
    }
}

/// The middle of the numbers, whose order is lost; NaN when there are none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return f64::NAN;
    }
    let (below, upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| n.is_multiple_of(2));
    lower.map_or(*upper, |lower| f64::midpoint(lower, *upper))
}

fn mode(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let mut best = (0, f64::NAN);
    for run in values.chunk_by(|a, b| a == b) {
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
        assert_eq!(median(&mut [10.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [3.0, 10.0, 2.0, 1.0]), 2.5);
        assert!(median(&mut []).is_nan());
        assert_eq!(FillStrategy::Mode.value(&mut [5.0, 3.0, 1.0, 3.0, 5.0]), 3.0);
        assert_eq!(FillStrategy::Constant(-1.0).value(&mut [3.0]), -1.0);
    }
}
