//! How much of a fit fits into the time that is left.

use serde::{Deserialize, Serialize};

/// A plan of the rest of a fit, made while it runs. The list of all plans of a fit decides, without a clock, which batches it
/// has and which learning rates: replaying it gives the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The epoch under way when it was made, or about to begin, from 0.
    pub epoch: usize,
    /// Training batches of the fit behind by then.
    pub step: usize,
    /// The share of the schedule behind by then, from 0 to 1. What is left of it is spread evenly over the batches left.
    pub position: f64,
    /// Training batches that the fit has in all.
    pub total: usize,
    /// Of these, in the last epoch.
    pub last: usize,
    /// Set when time ran out in a validation: batches of it that took place. The fit ends there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated: Option<usize>,
}

impl Plan {
    /// All epochs that a fit is asked for, from its start.
    pub(crate) fn of_all(place: Place) -> Self {
        Self { epoch: 0, step: 0, position: 0.0, total: place.most, last: place.full, validated: None }
    }

    /// The share of the schedule behind after `step` training batches: it never falls, and is 1 at the end of the plan.
    pub(crate) fn position_at(&self, step: usize) -> f64 {
        let (done, planned) = (step.saturating_sub(self.step), self.total.saturating_sub(self.step));
        if planned == 0 {
            return self.position;
        }
        let share = (done as f64 / planned as f64).min(1.0);
        (self.position + (1.0 - self.position) * share).min(1.0)
    }

    /// How many batches an epoch has that began after `start` batches and could have `full`.
    pub(crate) fn epoch_len(&self, start: usize, full: usize) -> usize {
        let left = self.total.saturating_sub(start);
        if left <= self.last { left.min(full) } else { (left - self.last).min(full) }
    }

    /// Epochs from the one that began after `start` batches to the last.
    pub(crate) fn epochs_from(&self, start: usize, full: usize) -> usize {
        let left = self.total.saturating_sub(start);
        let before_last = left.saturating_sub(self.last);
        before_last.div_ceil(full.max(1)) + (left - before_last).div_ceil(full.max(1))
    }

    /// Whether it can follow `before` in a list: nothing goes back.
    pub(crate) fn follows(&self, before: Option<&Self>) -> bool {
        let sound =
            (0.0..=1.0).contains(&self.position) && self.total >= self.step && self.last <= self.total;
        sound
            && before.is_none_or(|before| {
                before.step <= self.step && before.epoch <= self.epoch && before.position <= self.position
            })
    }
}

/// What things take, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Speed {
    /// A training batch, its loading and its callbacks.
    pub(crate) batch: f64,
    /// From the last training batch of an epoch to the first of the next: validation, saving, callbacks.
    pub(crate) between: f64,
}

/// Where in the epochs a plan is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Training batches of the fit behind.
    pub(crate) step: usize,
    /// Training batches that the epoch under way can still have.
    pub(crate) epoch_left: usize,
    /// Batches that a whole epoch has.
    pub(crate) full: usize,
    /// Training batches that the fit may have at most.
    pub(crate) most: usize,
    /// Whether the epoch under way must have another batch, because gradients wait for their step.
    pub(crate) owes_step: bool,
}

/// As many batches as fit into `seconds`, cut into epochs that each end with a validation: the total, and how many of them
/// are in the last epoch. Time that is too short for one more epoch, and too long to be left, is used by two short epochs.
pub(crate) fn fit_into(seconds: f64, speed: Speed, place: Place, tolerance: f64) -> (usize, usize) {
    let Place { step, epoch_left, full, most, owes_step } = place;
    let least = step + usize::from(owes_step);
    let batches = |seconds: f64| (seconds / speed.batch.max(1e-9)).clamp(0.0, 1e15) as usize;
    let left = seconds - speed.between;
    let fitting = batches(left);
    let capped = |total: usize, last: usize| {
        if total < most {
            return (total.max(least), last.min(total));
        }
        let most = most.max(least);
        let rest = (most - step).saturating_sub(epoch_left) % full;
        (most, if rest == 0 { full.min(most) } else { rest })
    };
    if fitting <= epoch_left {
        return capped(step + fitting, full.min(step + fitting));
    }
    let whole_epoch = full as f64 * speed.batch + speed.between;
    let left = left - epoch_left as f64 * speed.batch;
    let epochs = (left / whole_epoch).clamp(0.0, 1e12) as usize;
    let left = left - epochs as f64 * whole_epoch;
    let whole = epoch_left + epochs.saturating_mul(full);
    let extra = batches(left - speed.between);
    if extra > 0 {
        return capped(step.saturating_add(whole).saturating_add(extra), extra);
    }
    let lost = ((speed.between - left) / speed.batch.max(1e-9)).ceil().max(0.0) as usize;
    let total = whole.saturating_sub(lost);
    // The last two epochs share what their two validations leave.
    let earlier = if epochs == 0 { 0 } else { epoch_left + (epochs - 1) * full };
    if left <= tolerance || total < earlier + 2 {
        return capped(step.saturating_add(whole), full);
    }
    capped(step + total, (total - earlier) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(step: usize, epoch_left: usize) -> Place {
        Place { step, epoch_left, full: 100, most: usize::MAX, owes_step: false }
    }

    /// What the rest of the fit takes by this plan.
    fn seconds(plan: Plan, place: Place, speed: Speed) -> f64 {
        let start = place.step + place.epoch_left - place.full;
        let epochs = plan.epochs_from(start, place.full).max(1);
        (plan.total - place.step) as f64 * speed.batch + epochs as f64 * speed.between
    }

    #[test]
    fn the_time_is_used_and_never_exceeded() {
        for between in [0.0, 0.1, 3.0, 20.0] {
            let speed = Speed { batch: 0.1, between };
            for left in (1..3000).map(|i| f64::from(i) * 0.137) {
                for at in [place(0, 100), place(250, 50), place(399, 1)] {
                    let (total, last) = fit_into(left, speed, at, 0.2);
                    let plan = Plan { epoch: 0, step: at.step, position: 0.0, total, last, validated: None };
                    let takes = seconds(plan, at, speed);
                    if left >= between {
                        assert!(takes <= left + 1e-6, "{left} {speed:?} {at:?}: {plan:?} takes {takes}");
                    }
                    // Time for one more epoch, however short, can be used; up to a batch an epoch is lost in rounding.
                    if left > 3.0 * between + at.epoch_left as f64 * 0.1 + 0.4 {
                        // A validation that takes longer than an epoch's training cannot always be made up for.
                        let lost = if between > 10.0 { between } else { 0.41 };
                        assert!(takes >= left - lost, "{left} {speed:?} {at:?}: {plan:?} takes {takes}");
                    }
                }
            }
        }
    }

    #[test]
    fn limits() {
        let speed = Speed { batch: 1.0, between: 5.0 };
        assert_eq!(fit_into(4.0, speed, place(7, 93), 0.1), (7, 7));
        assert_eq!(fit_into(4.0, speed, Place { owes_step: true, ..place(7, 93) }, 0.1).0, 8);
        assert_eq!(fit_into(1e9, speed, Place { most: 300, ..place(0, 100) }, 0.1), (300, 100));
        assert_eq!(fit_into(1e9, speed, Place { most: 250, ..place(0, 100) }, 0.1), (250, 50));
        assert!(fit_into(1e300, Speed::default(), place(0, 100), 0.1).0 > 1_000_000);
    }

    #[test]
    fn positions_are_monotone_across_plans() {
        let first = Plan { epoch: 0, step: 0, position: 0.0, total: 1000, last: 100, validated: None };
        let at = first.position_at(300);
        let second = Plan { step: 300, position: at, total: 400, ..first };
        assert_eq!((at, second.position_at(300), second.position_at(400)), (0.3, 0.3, 1.0));
        assert!((second.position_at(350) - 0.65).abs() < 1e-12);
        assert!(second.follows(Some(&first)) && !first.follows(Some(&second)));
        let over = Plan { step: 400, position: 1.0, total: 400, ..first };
        assert_eq!(over.position_at(500), 1.0);
        assert_eq!(
            (first.epochs_from(0, 100), first.epochs_from(950, 100), over.epochs_from(400, 100)),
            (10, 1, 0)
        );
    }
}
