//! Limits of time and money.

use std::time::{Duration, Instant};

use highmark::{Budget, Limit, Schedule};

use super::Config;
use crate::failure::{Failure, Result};
use crate::inspect::read_report;
use crate::text_table::count;

/// What is trained where neither the epochs nor the time is said.
const EPOCHS: usize = 10;
/// More of them on a small table, until there are so many batches, but never more than [`MOST_EPOCHS`].
const LEAST_BATCHES: usize = 1000;
const MOST_EPOCHS: usize = 100;

impl Config {
    /// Decides how many epochs to train, each of `batches` batches, if neither they nor a limit of time were asked for.
    pub(crate) fn complete_epochs(&mut self, batches: usize) {
        if self.epochs.is_none() && !self.is_planned() {
            self.epochs = Some(LEAST_BATCHES.div_ceil(batches.max(1)).clamp(EPOCHS, MOST_EPOCHS));
        }
    }

    /// Whether it trains no longer, and no shorter, than another.
    pub(crate) fn has_limits_of(&self, other: &Self) -> bool {
        (self.epochs, &self.max_time, self.max_usd, self.usd_per_hour)
            == (other.epochs, &other.max_time, other.max_usd, other.usd_per_hour)
    }

    /// Epochs at most: as many as fit when there is a limit of time.
    pub(crate) fn most_epochs(&self) -> usize {
        self.epochs.unwrap_or(usize::MAX)
    }

    /// Whether the epochs follow from a limit of time, or from the plans of a run that had one.
    fn is_planned(&self) -> bool {
        self.max_time.is_some() || self.max_usd.is_some() || self.replay.is_some()
    }

    /// Fails, as wrong usage, on a limit that makes no sense, or on a schedule that cannot keep one.
    pub(crate) fn check_budget(&self) -> Result<()> {
        self.max_seconds()?;
        if self.is_planned() && matches!(self.schedule()?, Schedule::CosineRestarts { .. }) {
            let message = "schedule: cosine-restarts counts its cycles in epochs, and a limit of time decides how many there are; choose another";
            return Err(Failure::usage(message));
        }
        Ok(())
    }

    /// The limit of time, in seconds.
    pub(crate) fn max_seconds(&self) -> Result<Option<f64>> {
        let Self { max_time, max_usd, usd_per_hour, .. } = self;
        let limit = Limit { max_time: max_time.clone(), max_usd: *max_usd, usd_per_hour: *usd_per_hour };
        limit.seconds().map_err(Failure::usage)
    }

    /// The budget of a process that began at `start`, or the plans of another run.
    pub(crate) fn budget(&self, start: Instant) -> Result<Option<Budget>> {
        if let Some(run) = &self.replay {
            let report = read_report(run)?.ok_or_else(|| {
                Failure::failed(format!("{} holds no report of a run to replay", run.display()))
            })?;
            let budget = Budget::replay(&report.plans);
            return budget.map(Some).map_err(|error| Failure::failed(format!("{}: {error}", run.display())));
        }
        let Some(seconds) = self.max_seconds()? else { return Ok(None) };
        let total = Duration::try_from_secs_f64(seconds).map_err(Failure::usage)?;
        // The report measures the model that is handed back.
        Ok(Some(Budget::counting(total, start)?.validates_after(true)))
    }

    /// The length of the training, for people.
    pub(crate) fn length(&self) -> String {
        let limits = [
            self.epochs.map(|epochs| count(epochs, "epoch")),
            // A bare number is seconds.
            self.max_time.as_ref().map(|time| {
                let bare = time.trim().parse::<f64>().is_ok();
                if bare { format!("{} s", time.trim()) } else { time.clone() }
            }),
            self.max_usd.map(|usd| format!("{usd} USD")),
            self.replay.as_ref().map(|run| format!("the plans of {}", run.display())),
        ];
        let limits: Vec<_> = limits.into_iter().flatten().collect();
        limits.join(", at most ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_training() {
        let config = Config { max_time: Some("1h".into()), ..Config::default() };
        assert_eq!((config.most_epochs(), config.length()), (usize::MAX, "1h".into()));
        let config = Config { max_time: Some("90".into()), epochs: Some(1), ..Config::default() };
        assert_eq!(config.length(), "1 epoch, at most 90 s");
    }

    #[test]
    fn small_tables_are_trained_for_more_epochs() {
        for (batches, epochs) in [(505, 10), (100, 10), (40, 25), (1, 100)] {
            let mut config = Config::default();
            config.complete_epochs(batches);
            assert_eq!((config.most_epochs(), config.length()), (epochs, format!("{epochs} epochs")));
        }
        let mut config = Config { max_time: Some("1h".into()), ..Config::default() };
        config.complete_epochs(1);
        assert_eq!(config.epochs, None);
    }
}
