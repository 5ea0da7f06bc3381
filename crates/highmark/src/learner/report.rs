//! What a fit amounted to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::budget::BudgetUse;
use super::history::{EpochRow, History};
use super::non_finite::NonFiniteCounts;
use super::outcome::Outcome;
use super::progress::Timings;
use crate::metrics::Direction;
use crate::plural::plural;

/// What `fit` returns: how it went and why it ended.
///
/// ```
/// use highmark::{Outcome, Report};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// let report: Report = learn.fit(2, None)?;
/// assert_eq!(report.outcome, Outcome::Completed);
/// assert_eq!((report.epochs_run, report.stop_reason()), (2, "all 2 epochs ran".into()));
/// assert!(report.non_finite.is_empty());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Epochs asked for.
    pub epochs_planned: usize,
    /// Epochs in the record: those that ran to their end, those that a callback has cut short or left out, and those before a
    /// resume.
    pub epochs_run: usize,
    /// Time by what it was spent on, that before a resume included.
    pub timings: Timings,
    /// Values that were not finite, and what came of them.
    pub non_finite: NonFiniteCounts,
    /// What was made of the budget, if there was one.
    pub budget: Option<BudgetUse>,
    /// The newest checkpoint that the fit has left.
    pub checkpoint: Option<PathBuf>,
}

/// The high-water mark of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The column.
    pub monitor: String,
    /// The epoch with the best value, from 0; of several the first, or that of the lowest validation loss.
    pub epoch: usize,
    /// The value.
    pub value: f64,
}

impl Report {
    /// Why it ended, in words.
    pub fn stop_reason(&self) -> String {
        match &self.outcome {
            Outcome::Completed if self.budget.is_some_and(|budget| budget.ended) => {
                let seconds = self.budget.map_or(0.0, |budget| budget.seconds);
                format!("the budget of {seconds} s is used up by {}", plural(self.epochs_run, "epoch"))
            }
            Outcome::Completed if self.epochs_planned == 1 => "the one epoch ran".into(),
            Outcome::Completed => format!("all {} epochs ran", self.epochs_planned),
            Outcome::Cancelled(cancel) => format!("{}: {}", cancel.by, cancel.reason),
            Outcome::Interrupted if self.checkpoint.is_none() => "interrupted, without a checkpoint".into(),
            Outcome::Interrupted => "interrupted; it can be resumed from its checkpoint".into(),
            Outcome::Failed(message) => format!("failed: {message}"),
            Outcome::Running => "still running".into(),
        }
    }
}

impl History {
    /// The best value of `column` and the first epoch that had it; `None` if it was never a number.
    pub fn best(&self, column: &str, direction: Direction) -> Option<Best> {
        self.best_where(column, direction, |_, _| false)
    }

    /// The same, but of the epochs that had the best value the one whose validation loss was the lowest: what
    /// [`crate::SaveBest::ties_by_loss`] keeps.
    pub fn best_then_loss(&self, column: &str, direction: Direction) -> Option<Best> {
        self.best_where(
            column,
            direction,
            |now, best| matches!((now.valid_loss, best.valid_loss), (Some(now), Some(best)) if now < best),
        )
    }

    /// `wins_tie` is given an epoch and an earlier one of the same value.
    fn best_where(
        &self,
        column: &str,
        direction: Direction,
        wins_tie: impl Fn(&EpochRow, &EpochRow) -> bool,
    ) -> Option<Best> {
        let mut best: Option<(&EpochRow, f64)> = None;
        for row in &self.rows {
            let Some(value) = self.value(row, column).filter(|value| !value.is_nan()) else { continue };
            let better = best.is_none_or(|(before, best)| {
                direction.improves(value, best) || value == best && wins_tie(row, before)
            });
            if better {
                best = Some((row, value));
            }
        }
        best.map(|(row, value)| Best { monitor: column.to_string(), epoch: row.epoch, value })
    }
}
