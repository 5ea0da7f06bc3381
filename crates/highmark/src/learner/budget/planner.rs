//! Plans made while a fit runs.

use serde::{Deserialize, Serialize};

use super::plan::{Place, Plan, Speed, fit_into};
use super::{Budget, Source};
use crate::learner::checkpoint::Meta;
use crate::learner::trainer::Phase;
use crate::learner::watch::Watch;
use crate::{Error, Result};

/// The share of the budget that is left over on purpose, and the seconds for the process to end.
const MARGIN: (f64, f64) = (0.004, 0.02);
/// The share of the budget after which there is a new plan.
pub(super) const EVERY: f64 = 0.005;
/// Time that is not worth two short epochs, as a share of the budget.
const TOLERANCE: f64 = 0.003;
/// Budgets under this many seconds may leave over, at the end, what one of it may.
const SHORT: f64 = 60.0;
/// A change of the batches that are left, as a share, that is not worth a plan.
const SAME: f64 = 0.002;

/// Measures how fast a fit is and plans what is left of it.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    pub(super) budget: Budget,
    /// Plans of the replayed fit that were followed already.
    pub(super) replayed: usize,
    pub(super) speed: Speed,
    /// Whether the time between epochs is measured, and no guess.
    pub(super) between_seen: bool,
    /// When the batches began that are being timed, and how many there are.
    pub(super) timing: Option<(f64, usize)>,
    /// When the last training pass ended.
    pub(super) pass_ended: Option<f64>,
    pub(super) planned_at: f64,
    /// The step by which the speed is known twice as well.
    pub(super) next_step: usize,
    /// Epochs as last told to the user.
    pub(super) told: usize,
}

/// What a checkpoint holds of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PlannerState {
    /// The limit that was planned for, if there was one.
    #[serde(default)]
    limit: Option<f64>,
    speed: Speed,
    between_seen: bool,
    replayed: usize,
}

impl Planner {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            replayed: 0,
            speed: Speed::default(),
            between_seen: false,
            timing: None,
            pass_ended: None,
            planned_at: f64::NEG_INFINITY,
            next_step: 8,
            told: 0,
        }
    }

    /// Before a fit.
    pub(crate) fn start(&mut self) {
        *self = Self::new(self.budget.clone());
    }

    /// What the time of the process is counted by, if it is limited.
    pub(crate) fn watch(&self) -> Option<&Watch> {
        match &self.budget.source {
            Source::Time { watch, .. } => Some(watch),
            Source::Replay(_) => None,
        }
    }

    /// Everything that a resumed fit needs to go on planning.
    pub(crate) fn state(&self) -> PlannerState {
        PlannerState {
            limit: self.limit(),
            speed: self.speed,
            between_seen: self.between_seen,
            replayed: self.replayed,
        }
    }

    /// Takes back, in another process, what [`Planner::state`] gave. A fit that had no limit shows its speed all the same.
    pub(crate) fn resume(&mut self, from: &Meta) {
        let state = from.planner.unwrap_or_else(|| {
            let (speed, between_seen) = speed_of(from);
            PlannerState { limit: None, speed, between_seen, replayed: 0 }
        });
        (self.speed, self.between_seen, self.replayed) = (state.speed, state.between_seen, state.replayed);
        self.next_step = if self.speed.batch == 0.0 { from.position.train_iter + 8 } else { usize::MAX };
    }

    /// Fails when the limit is another than the one of the fit that is to be resumed, and that fit has used it up already.
    pub(crate) fn check_resume(&self, from: &Meta) -> Result<()> {
        let Some((watch, limit)) = self.watch().zip(self.limit()) else { return Ok(()) };
        let used = from.seconds.in_all() + watch.seconds();
        let other = from.planner.is_none_or(|state| state.limit != Some(limit));
        if other && used >= limit && !from.position.finished {
            return Err(Error::training(format!(
                "the limit of {limit:.3} s is over already: the fit has used {used:.3} s; allow more"
            )));
        }
        Ok(())
    }

    pub(super) fn limit(&self) -> Option<f64> {
        match self.budget.source {
            Source::Time { total, .. } => Some(total),
            Source::Replay(_) => None,
        }
    }

    pub(super) fn total(&self) -> f64 {
        self.limit().unwrap_or(f64::INFINITY)
    }

    pub(super) fn margin(&self) -> f64 {
        (MARGIN.0 * self.total() + MARGIN.1).min(self.total() / 10.0)
    }

    /// When the fit should end.
    pub(super) fn end(&self) -> f64 {
        let after = if self.budget.validates_after { self.speed.between } else { 0.0 };
        self.total() - self.margin() - after
    }

    /// How long the rest of `plan` takes.
    pub(super) fn expected(&self, plan: &Plan, step: usize, start: usize, full: usize) -> f64 {
        let batches = plan.total.saturating_sub(step) as f64;
        batches * self.speed.batch + plan.epochs_from(start, full) as f64 * self.speed.between
    }

    /// Times the batches since the last call within a pass.
    pub(super) fn measure(&mut self, now: f64) {
        if let Some((start, batches)) = self.timing.filter(|(_, batches)| *batches > 0) {
            let batch = (now - start) / batches as f64;
            // The first are slower than all others, so each measurement counts as much as all before.
            self.speed.batch = blend(self.speed.batch, batch);
        }
        self.timing = Some((now, 0));
    }

    /// The next of the replayed plans, if it was made here.
    pub(super) fn replay(&mut self, epoch: usize, step: usize, validated: Option<usize>) -> Option<Plan> {
        let Source::Replay(plans) = &self.budget.source else { return None };
        let plan = plans.get(self.replayed)?;
        if (plan.epoch, plan.step, plan.validated) != (epoch, step, validated) {
            return None;
        }
        self.replayed += 1;
        Some(*plan)
    }

    pub(super) fn replays(&self) -> bool {
        matches!(self.budget.source, Source::Replay(_))
    }

    /// A plan for the time that is left, if it differs from the one before by anything that matters.
    pub(super) fn plan(
        &mut self,
        now: f64,
        epoch: usize,
        place: Place,
        under_way: bool,
        before: Option<&Plan>,
    ) -> Option<Plan> {
        self.planned_at = now;
        let step = place.step;
        let position = before.map_or(0.0, |plan| plan.position_at(step));
        if self.speed.batch == 0.0 {
            // Nothing is known yet; the plan is for as many epochs as are asked for.
            let plan = Plan { epoch, step, position, total: place.most, last: place.full, validated: None };
            return before.is_none().then_some(plan);
        }
        let left = self.end() - now;
        let (mut total, mut last) = fit_into(left, self.speed, place, TOLERANCE * self.total());
        // The epoch under way ends here at the latest; between two epochs there is none.
        let epoch_end = if under_way { step + place.epoch_left } else { step };
        if let Some(before) = before.filter(|before| before.total <= epoch_end)
            && total > epoch_end
            && self.is_scrap(total - epoch_end, place.full)
        {
            // It was to be the last one. Time that turns out to be left lengthens it, and is not cut into scraps of epochs.
            if before.total == epoch_end {
                return None;
            }
            (total, last) = (epoch_end, place.full.min(epoch_end));
        }
        let plan = Plan { epoch, step, position, total, last: last.max(1), validated: None };
        let same = |before: &Plan| {
            let left = before.total.saturating_sub(step);
            let change = before.total.abs_diff(total) as f64;
            let late = self.end() - now < 0.02 * self.total();
            before.total > step && change <= if late { 0.0 } else { SAME * left as f64 }
        };
        (!before.is_some_and(same)).then_some(plan)
    }

    /// Whether so few batches are not worth an epoch of their own: less than half of one, in less time than can be left over.
    pub(super) fn is_scrap(&self, batches: usize, full: usize) -> bool {
        let seconds = batches as f64 * self.speed.batch + self.speed.between;
        2 * batches < full && seconds <= EVERY * self.total().max(SHORT)
    }
}

/// The speed that a fit without a limit has shown, and whether it has ended an epoch.
fn speed_of(from: &Meta) -> (Speed, bool) {
    let (at, seconds) = (from.position, from.seconds);
    let train = seconds.train + if at.pass == Some(Phase::Train) { seconds.pass } else { 0.0 };
    let batch = train / at.train_iter.max(1) as f64;
    let between = (seconds.validate + seconds.save) / at.epoch.max(1) as f64;
    if at.epoch == 0 { (Speed { batch, between: 0.0 }, false) } else { (Speed { batch, between }, true) }
}

pub(super) fn blend(old: f64, new: f64) -> f64 {
    if old == 0.0 { new } else { f64::midpoint(old, new) }
}
