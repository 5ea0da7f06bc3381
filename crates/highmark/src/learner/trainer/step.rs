//! From gradients to the optimizer's step; and steps that wait while nobody looks at the model (`optim/deferred.rs`).

use super::Trainer;
use crate::Result;
use crate::learner::NonFinite;

impl Trainer {
    /// Whether enough batches have come together for a step; the last batch of an epoch always steps.
    pub(crate) fn step_is_due(&self) -> bool {
        self.counters.waiting >= self.accumulate || self.progress.iter + 1 == self.progress.n_iter
    }

    pub(crate) fn apply_gradients(&mut self) -> Result<()> {
        self.optimizer.check_step(self.model.params())?;
        if self.model.params().grads_spent {
            // The last batch of an epoch steps even if its backward pass was cancelled.
            self.model.params_mut().grads_to_add_to();
        }
        // Whoever takes the parameters to change them may change any gradient, so the model has to look at all again.
        if self.optimizer.config().clip.is_some() {
            self.optimizer.clip(self.model.params_mut());
        }
        if self.lr_scale() == 1.0 {
            self.model.step(&mut self.optimizer);
        } else {
            self.scaled_step();
        }
        Ok(())
    }

    pub(crate) fn zero_grad(&mut self) {
        self.counters.waiting = 0;
        self.model.zero_grad();
    }

    /// The step without events.
    pub(crate) fn step(&mut self) -> Result<()> {
        if self.step_is_due() {
            self.apply_gradients()?;
            self.zero_grad();
        }
        Ok(())
    }

    /// Lets steps wait until [`Trainer::stop_deferring`]. Gradients that are clipped or come together from several batches, and
    /// a model that is kept now and then, are looked at whole.
    pub(crate) fn defer_steps(&mut self) {
        let whole = self.accumulate > 1
            || self.optimizer.config().clip.is_some()
            || matches!(self.guard.policy(), NonFinite::Rollback { .. });
        if !whole {
            self.model.defer_steps(&mut self.optimizer, self.train.batch_size());
        }
    }

    /// Makes those steps that the batch under way needs.
    pub(super) fn catch_up_on_batch(&mut self) {
        if !self.optimizer.defers() {
            return;
        }
        if self.model.params().grads_spent {
            self.model.catch_up(&mut self.optimizer, Some(&self.batch));
        } else {
            // Gradients wait, after a cancel, that are of other rows too.
            self.stop_deferring();
        }
    }

    /// Makes all of them: somebody is about to look.
    pub(crate) fn catch_up(&mut self) {
        if self.optimizer.defers() {
            self.model.catch_up(&mut self.optimizer, None);
        }
    }

    /// The same, and none waits any more.
    pub(crate) fn stop_deferring(&mut self) {
        self.catch_up();
        self.optimizer.defer_none();
    }
}
