//! In what a table differs from the one that a model was trained on.

use std::fmt;

use super::level::quoted;
use super::outlier::shown;
use crate::error::shortened;

/// Values of a categorical column that training did not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The column.
    pub column: String,
    /// How many rows have such a value; they are encoded like missing ones.
    pub rows: usize,
    /// How many different values there are.
    pub levels: usize,
    /// The first few of them, in order of appearance.
    pub examples: Vec<String>,
}

/// Numbers of a continuous column that are far from all that training had: further outside of their range than that range is
/// wide. What a model makes of them, nobody has seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Far {
    /// The column.
    pub column: String,
    /// How many rows have such a number.
    pub rows: usize,
    /// The smallest and the largest number of the training rows.
    pub range: (f64, f64),
    /// The one that is furthest away.
    pub furthest: f64,
}

impl Far {
    /// What there is to tell of these values (NaN where one is missing).
    pub(super) fn of(column: &str, values: &[f64], range: (f64, f64)) -> Option<Self> {
        let (low, high) = range;
        let outside = |value: f64| (low - value).max(value - high);
        // An infinite width, of numbers near the largest there are, has nothing beyond.
        let far = || values.iter().copied().filter(|value| outside(*value) > high - low);
        let furthest = far().max_by(|a, b| outside(*a).total_cmp(&outside(*b)))?;
        Some(Self { column: column.into(), rows: far().count(), range, furthest })
    }
}

/// In what a table differs from the training table: nothing that stops a prediction, but worth telling. Its
/// [`Display`](fmt::Display) has a line for each difference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// Rows in the table.
    pub rows: usize,
    /// Categorical columns with values that training did not have.
    pub unseen: Vec<Unseen>,
    /// Columns with missing values that had none in training, and in how many rows.
    pub missing: Vec<(String, usize)>,
    /// Continuous columns with numbers far from those of training.
    pub far: Vec<Far>,
    /// Columns that training did not have; they are not used.
    pub extra: Vec<String>,
    /// Whether the columns come in another order; they are found by name.
    pub reordered: bool,
    /// Why the targets that the table has cannot be used, if so.
    pub targets: Option<String>,
}

impl Drift {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self { rows: self.rows, ..Self::default() }
    }

    /// A line for each difference.
    pub fn lines(&self) -> Vec<String> {
        let of = |rows: usize| format!("{rows} of {} rows", self.rows);
        let mut lines = Vec::new();
        for unseen in &self.unseen {
            let more = if unseen.levels > unseen.examples.len() { ", ..." } else { "" };
            lines.push(format!(
                "column `{}`: {} hold values that training did not have, treated as missing: {}{more}",
                unseen.column,
                of(unseen.rows),
                unseen.examples.iter().map(|example| quoted(example)).collect::<Vec<_>>().join(", ")
            ));
        }
        for (column, rows) in &self.missing {
            lines.push(format!("column `{column}`: missing in {}, in training in none", of(*rows)));
        }
        for far in &self.far {
            let number = |value: f64| shown(value).trim_end_matches(".0").to_string();
            let (low, high) = (number(far.range.0), number(far.range.1));
            let of_training = if low == high { format!("always {low}") } else { format!("{low} to {high}") };
            lines.push(format!(
                "column `{}`: {} hold numbers far from those of training ({of_training}), up to {}",
                far.column,
                of(far.rows),
                number(far.furthest)
            ));
        }
        if !self.extra.is_empty() {
            lines.push(format!("columns that training did not have, not used: {}", shortened(&self.extra)));
        }
        if self.reordered {
            lines.push("the columns are in another order than in training; they are found by name".into());
        }
        if let Some(reason) = &self.targets {
            lines.push(format!("the targets are not used: {reason}"));
        }
        lines
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_far_beyond_the_width_of_their_range() {
        assert_eq!(
            Far::of("a", &[-10.0, 0.0, 20.0, 30.0, f64::NAN], (10.0, 20.0)),
            Some(Far { column: "a".into(), rows: 1, range: (10.0, 20.0), furthest: -10.0 })
        );
        assert_eq!(Far::of("a", &[30.0, f64::NAN], (10.0, 20.0)), None);
        assert_eq!(Far::of("a", &[1.0, 2.0], (1.0, 1.0)).map(|far| far.rows), Some(1));
        assert_eq!(Far::of("a", &[0.0, f64::MAX], (f64::MIN, f64::MAX)), None);
    }

    #[test]
    fn far_numbers_are_told_with_the_range() {
        let told = |values: &[f64], range| {
            let drift = Drift {
                rows: 4,
                far: Far::of("age", values, range).into_iter().collect(),
                ..Drift::default()
            };
            drift.to_string()
        };
        assert_eq!(
            told(&[390.0, 40.0, 500.5], (17.0, 90.0)),
            "column `age`: 2 of 4 rows hold numbers far from those of training (17 to 90), up to 500.5"
        );
        assert_eq!(
            told(&[-1.0], (0.0, 0.0)),
            "column `age`: 1 of 4 rows hold numbers far from those of training (always 0), up to -1"
        );
    }
}
