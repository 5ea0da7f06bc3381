//! A limit of time for a fit, and the planning that keeps to it.

mod follow;
mod limit;
mod plan;
mod planner;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use limit::Limit;
pub use plan::Plan;
pub(crate) use planner::{Planner, PlannerState};

use super::watch::Watch;
use crate::{Error, Result};

/// A limit of time that a fit uses up and never exceeds.
///
/// The number of epochs follows from it, with those that the fit is asked for as a limit; the last may be a short one. The
/// schedule is stretched so that it completes with the budget. The plan is made anew while training shows how fast it is,
/// without ever going back in the schedule, and every [`Plan`] is kept in [`crate::History::plans`]: with [`Budget::replay`]
/// the same seed gives the same bits, whatever the clock says.
///
/// ```
/// use std::time::Duration;
/// use highmark::Budget;
/// let budget = Budget::new(Duration::from_secs(2 * 3600))?;
/// # let _ = budget;
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone)]
pub struct Budget {
    pub(crate) source: Source,
    pub(crate) validates_after: bool,
}

/// Where plans come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// The time that is left.
    Time { total: f64, watch: Watch },
    /// An earlier fit.
    Replay(Arc<[Plan]>),
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Time { total, watch } => write!(f, "Budget({} of {total} s used)", watch.seconds()),
            Source::Replay(plans) => write!(f, "Budget(replay of {} plans)", plans.len()),
        }
    }
}

impl Budget {
    /// As much as `total`, from now on. Fails if that is nothing.
    pub fn new(total: Duration) -> Result<Self> {
        Self::counting(total, Instant::now())
    }

    /// As much as `total`, of which what has passed since `start` is used already: loading the data, for example.
    pub fn counting(total: Duration, start: Instant) -> Result<Self> {
        Self::with_clock(total, move || start.elapsed())
    }

    /// As much as `total` by a clock of your own, which gives the time since the budget began.
    pub fn with_clock(total: Duration, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Result<Self> {
        let total = total.as_secs_f64();
        if total <= 0.0 {
            return Err(Error::config("budget", "there is no time in it"));
        }
        Ok(Self { source: Source::Time { total, watch: Watch::by(clock) }, validates_after: false })
    }

    /// The plans of an earlier fit, from its [`crate::History::plans`], in place of the clock. Fails if no fit can have made
    /// them.
    pub fn replay(plans: &[Plan]) -> Result<Self> {
        let mut before = None;
        for (i, plan) in plans.iter().enumerate() {
            if !plan.follows(before) {
                return Err(Error::data(format!(
                    "plan {i} cannot be replayed: it contradicts the one before"
                )));
            }
            before = Some(plan);
        }
        if plans.first().is_none_or(|plan| (plan.epoch, plan.step) != (0, 0)) {
            return Err(Error::data(
                "these plans cannot be replayed: the first is not of the start of a fit",
            ));
        }
        Ok(Self { source: Source::Replay(plans.into()), validates_after: false })
    }

    /// Whether time for one more validation, after the fit, is kept. Default no.
    #[must_use]
    pub fn validates_after(mut self, validates: bool) -> Self {
        self.validates_after = validates;
        self
    }
}

/// What a fit has made of its budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetUse {
    /// The budget, in seconds.
    pub seconds: f64,
    /// Seconds used when the fit ended, those of earlier processes included.
    pub used: f64,
    /// Whether the budget ended the fit, and not the number of epochs that were asked for.
    pub ended: bool,
}
