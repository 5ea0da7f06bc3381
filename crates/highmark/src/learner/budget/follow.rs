//! How a fit follows the plans that are made for it.

use std::time::Duration;

use super::plan::{Place, Plan};
use super::planner::{EVERY, Planner, blend};
use super::{Budget, BudgetUse};
use crate::learner::event::{RunKind, Span};
use crate::learner::trainer::Trainer;
use crate::plural::plural;
use crate::{Error, Result};

impl Trainer {
    /// Follows `budget` in the fits from now on.
    pub(crate) fn set_budget(&mut self, budget: Option<Budget>) {
        self.planner = budget.map(Planner::new);
    }

    /// What the fit under way is expected to take from now on, if it has a budget and the speed is known.
    pub fn expected_time(&self) -> Option<Duration> {
        let (planner, plan) = (self.planner.as_ref()?, self.history.plans.last()?);
        if planner.speed.batch == 0.0 {
            return None;
        }
        let at = self.progress();
        let start = at.train_iter - if self.is_training() { at.iter } else { 0 };
        let seconds = planner.expected(plan, at.train_iter, start, self.train.batches());
        Duration::try_from_secs_f64(seconds).ok()
    }

    pub(crate) fn budget_use(&self) -> Option<BudgetUse> {
        let seconds = self.planner.as_ref()?.limit()?;
        // Without a plan there was no time for one.
        let ended = self.history.plans.last().is_none_or(|plan| plan.total < self.most_batches());
        Some(BudgetUse { seconds, used: self.watch.seconds(), ended })
    }

    /// Fails at the end of a fit whose time ran out before there was a model. One that is resumed then stays as it was, to go
    /// on with more time.
    pub(crate) fn check_budget(&self) -> Result<()> {
        let Some(limit) = self.planner.as_ref().and_then(Planner::limit) else { return Ok(()) };
        let cut = self.history.plans.last().and_then(|plan| plan.validated);
        let validated = self.history.rows.iter().any(|row| row.valid_loss.is_some());
        if validated || cut.is_none_or(|batches| batches > 0 && !self.is_resumed()) {
            return Ok(());
        }
        Err(Error::training(format!(
            "the limit of {limit:.3} s was over before a model could be trained: {:.3} s after the start; allow more",
            self.watch.seconds()
        )))
    }

    fn most_batches(&self) -> usize {
        self.asked_epochs().saturating_mul(self.train.batches())
    }

    /// Whether the epoch under way is the last by the plan, if there is one.
    pub(crate) fn plan_is_over(&self) -> Option<bool> {
        Some(self.history.plans.last()?.total <= self.progress().train_iter)
    }

    /// The share of the schedule behind, if a plan decides it.
    pub(crate) fn planned_position(&self) -> Option<f64> {
        Some(self.history.plans.last()?.position_at(self.progress().train_iter))
    }

    /// Before an epoch: whether there is time for it. Sets how many there will be.
    pub(crate) fn plan_epoch(&mut self) {
        let (at, full) = (self.progress(), self.train.batches());
        if self.run_kind() != RunKind::Fit {
            return;
        }
        if at.epoch >= self.asked_epochs() {
            // Also when a fit that has ended is resumed: its end is its end, and its last plan what was planned.
            if let Some(plan) = self.history.plans.last() {
                let planned = self.history.rows.len() + plan.epochs_from(at.train_iter, full);
                self.set_epochs(planned.min(at.epoch));
            }
            return;
        }
        let (step, reentered) = (at.train_iter, self.reentered_pass());
        let validates = reentered.is_some_and(|pass| pass != Span::Train);
        let begun = if reentered == Some(Span::Train) { at.iter } else { 0 };
        let place = Place {
            step,
            epoch_left: full - begun.min(full),
            full,
            most: self.most_batches(),
            owes_step: begun > 0 && self.counters.waiting > 0,
        };
        let Some(mut planner) = self.planner.take() else {
            if !validates {
                self.lift_limit(place);
            }
            return self.follow_plan(step - begun, validates);
        };
        if planner.limit().is_some() && self.history.plans.is_empty() && step > 0 {
            // It had no limit until here, which is a plan for all of its epochs.
            self.history.plans.push(Plan::of_all(place));
        }
        if reentered.is_none() {
            while let Some(plan) = planner.replay(at.epoch, step, None) {
                self.history.plans.push(plan);
            }
        }
        let now = self.watch.seconds();
        if let Some(ended) = planner.pass_ended.take() {
            let before = if planner.between_seen { planner.speed.between } else { 0.0 };
            planner.speed.between = blend(before, now - ended).max(now - ended);
            planner.between_seen = true;
        }
        // A training pass that goes on was planned before the checkpoint, but perhaps for another limit, and without what this
        // process has used until here.
        let cut = self.history.plans.last().is_some_and(|plan| plan.validated.is_some());
        if !validates && !planner.replays() && !cut {
            self.guess_between(&mut planner);
            let before = self.history.plans.last().copied();
            self.history.plans.extend(planner.plan(now, at.epoch, place, begun > 0, before.as_ref()));
        }
        planner.timing = None;
        planner.planned_at = planner.planned_at.max(now);
        self.planner = Some(planner);
        self.follow_plan(step - begun, validates);
        if !validates {
            self.tell_plan(step - begun);
        }
    }

    /// Before a training batch: sets how many the pass has.
    pub(crate) fn plan_batches(&mut self) {
        if self.run_kind() != RunKind::Fit {
            return;
        }
        let (at, full) = (self.progress(), self.train.batches());
        let (step, start) = (at.train_iter, at.train_iter - at.iter);
        let Some(mut planner) = self.planner.take() else { return self.follow_plan(start, false) };
        if at.iter > 0 {
            while let Some(plan) = planner.replay(at.epoch, step, None) {
                self.history.plans.push(plan);
            }
        }
        if !planner.replays() {
            let now = self.watch.seconds();
            if let Some((_, batches)) = &mut planner.timing {
                *batches += 1;
            } else {
                planner.timing = Some((now, 0));
            }
            let measured = planner.timing.is_some_and(|(_, batches)| batches > 0);
            let before = self.history.plans.last().copied();
            let next = now + planner.speed.batch + planner.speed.between;
            let due = step >= planner.next_step
                || now - planner.planned_at >= EVERY * planner.total()
                || before.is_none_or(|plan| step >= plan.total)
                || next > planner.end();
            // What is planned before the first batch of a pass was planned before its epoch.
            if due && at.iter > 0 && measured {
                planner.measure(now);
                self.guess_between(&mut planner);
                if step >= planner.next_step {
                    planner.next_step = step.saturating_mul(2);
                }
                let place = Place {
                    step,
                    epoch_left: full - at.iter.min(full),
                    full,
                    most: self.most_batches(),
                    owes_step: self.counters.waiting > 0,
                };
                self.history.plans.extend(planner.plan(now, at.epoch, place, true, before.as_ref()));
            }
        }
        let now = self.watch.seconds();
        let known = planner.speed.batch > 0.0;
        let (early, told) = (now < 2.0 * EVERY * planner.total(), planner.told > 0);
        self.planner = Some(planner);
        self.follow_plan(start, false);
        let ends = at.iter >= self.progress().n_iter;
        if ends {
            self.planner.iter_mut().for_each(|planner| planner.pass_ended = Some(now));
        }
        if at.epoch == 0 && !told && known && (ends || !early) {
            self.tell_plan(start);
        }
    }

    /// Before a validation batch: whether there is time for it.
    pub(crate) fn plan_validation(&mut self) -> bool {
        if self.run_kind() != RunKind::Fit {
            return true;
        }
        let at = self.progress();
        let Some(planner) = &mut self.planner else { return true };
        let last = self.history.plans.last().copied();
        let cut = if planner.replays() {
            planner.replay(at.epoch, at.train_iter, Some(at.iter))
        } else {
            let late = self.watch.seconds() > planner.end() + planner.margin() / 2.0;
            last.filter(|_| late).map(|last| Plan {
                epoch: at.epoch,
                step: at.train_iter,
                position: last.position_at(at.train_iter),
                total: at.train_iter,
                validated: Some(at.iter),
                ..last
            })
        };
        self.history.plans.extend(cut);
        cut.is_none()
    }

    /// Until an epoch has ended, a validation batch is taken to last as long as a training batch.
    fn guess_between(&self, planner: &mut Planner) {
        if !planner.between_seen {
            planner.speed.between = self.valid.batches() as f64 * planner.speed.batch;
        }
    }

    /// Plans all epochs that are left when a fit is resumed without the limit that it had: the schedule must not go back.
    fn lift_limit(&mut self, place: Place) {
        let Some(last) = self.history.plans.last() else { return };
        let (at, step) = (self.progress(), place.step);
        let later = (self.asked_epochs() - at.epoch - 1).saturating_mul(place.full);
        let total = (step + place.epoch_left).saturating_add(later);
        if last.total != total {
            let plan = Plan {
                epoch: at.epoch,
                step,
                position: last.position_at(step),
                total,
                ..Plan::of_all(place)
            };
            self.history.plans.push(plan);
        }
    }

    /// Sets the number of epochs, and of training batches of the one under way, by the plan, if there is one: of the epoch
    /// that began after `start` batches, or of those after the one that is being `validated`.
    fn follow_plan(&mut self, start: usize, validated: bool) {
        let Some(plan) = self.history.plans.last().copied() else { return };
        let (at, full) = (self.progress(), self.train.batches());
        let epochs = if plan.validated.is_some() { 0 } else { plan.epochs_from(start, full) };
        // A replayed plan knows nothing of this fit's limit.
        let planned = (at.epoch + usize::from(validated) + epochs).min(self.asked_epochs());
        self.set_epochs(planned);
        if self.is_training() {
            self.set_pass_len(plan.epoch_len(start, full));
        }
    }

    /// Tells the user what is planned, when it is new or has changed much, of epochs from the one that began after `start`
    /// batches.
    fn tell_plan(&mut self, start: usize) {
        let (at, full) = (self.progress(), self.train.batches());
        let (Some(plan), Some(planner)) = (self.history.plans.last(), &mut self.planner) else { return };
        if planner.replays() || planner.speed.batch == 0.0 {
            return;
        }
        let left = planner.expected(plan, at.train_iter, start, full);
        if at.n_epoch == at.epoch || at.n_epoch.abs_diff(planner.told) <= planner.told / 10 {
            return;
        }
        planner.told = at.n_epoch;
        let line = format!(
            "budget {}: {}, expected to end in {} ({} used so far)",
            clock(planner.total()),
            plural(at.n_epoch, "epoch"),
            clock(left),
            clock(self.watch.seconds())
        );
        self.say(&line);
    }
}

/// 4.2 s, 3m 20s or 2h 05m.
fn clock(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}h {minutes:02}m") } else { format!("{minutes}m {rest:02}s") }
}
