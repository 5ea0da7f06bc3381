//! In what a table differs from the one that a model was trained on.

use std::fmt;

use super::level::quoted;
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

/// In what a table differs from the training table: nothing that stops a prediction, but worth telling. Its
/// [`Display`](fmt::Display) has a line for each difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Rows in the table.
    pub rows: usize,
    /// Categorical columns with values that training did not have.
    pub unseen: Vec<Unseen>,
    /// Columns with missing values that had none in training, and in how many rows.
    pub missing: Vec<(String, usize)>,
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
