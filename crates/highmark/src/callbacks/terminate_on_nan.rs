//! Ends a fit whose loss is no longer a number (fastai's `TerminateOnNaNCallback`).

use crate::Result;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Span, Stage, Trainer};

/// Cancels the fit at the first batch, of training or validation, whose loss is NaN or infinite.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminateOnNan;

impl Callback for TerminateOnNan {
    fn name(&self) -> &'static str {
        "terminate_on_nan"
    }

    fn stage(&self) -> Stage {
        Stage::Guard
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Batch)])
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        let loss = t.loss_value();
        if loss.is_finite() {
            return Ok(());
        }
        let (phase, at) = (t.phase(), t.progress());
        let reason = format!(
            "the loss is {loss} at batch {} of epoch {} ({phase:?}); a lower learning rate may help",
            at.iter.saturating_sub(1),
            at.epoch
        );
        t.say(&reason);
        t.cancel(Span::Fit, reason)
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
