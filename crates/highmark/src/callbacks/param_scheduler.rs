//! Sets hyper-parameters before each training batch (fastai's `ParamScheduler`).

use crate::Result;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, RunsOn, Span, Stage, Trainer};
use crate::optim::{Curve, Hyper};

/// Follows curves over the fit: pure functions of the position, so there is nothing to remember.
///
/// ```
/// use highmark::{Curve, ParamScheduler};
/// let warm_up = Curve::pieces(vec![
///     (0.1, Curve::Linear { start: 1e-5, end: 1e-3 }),
///     (0.9, Curve::Cosine { start: 1e-3, end: 1e-6 }),
/// ])?;
/// let schedule = ParamScheduler::new(warm_up, None);
/// # let _ = schedule;
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ParamScheduler {
    lr: Curve,
    mom: Option<Curve>,
}

impl ParamScheduler {
    pub(crate) const NAME: &str = "param_scheduler";

    /// The learning rate of all groups follows `lr`, and the momentum `mom` if there is one. For [`crate::Learner::fit`]: the
    /// other kinds of fit have such a schedule of their own. A fit with a curve that is below 0, or is no number somewhere,
    /// fails before it begins.
    pub fn new(lr: Curve, mom: Option<Curve>) -> Self {
        Self { lr, mom }
    }
}

impl Callback for ParamScheduler {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn stage(&self) -> Stage {
        Stage::Schedule
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::FitTrain
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Batch)])
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn before_fit(&mut self, _: &mut Trainer) -> Flow {
        Ok(Curve::check_hypers(&self.lr, self.mom.as_ref())?)
    }

    fn before_batch(&mut self, t: &mut Trainer) -> Flow {
        let position = t.pct_train();
        t.optimizer.set_lr(self.lr.at(position));
        if let Some(mom) = &self.mom {
            t.optimizer.set_hyper(Hyper::Mom, mom.at(position));
        }
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(serde_json::json!({ "lr": self.lr, "mom": self.mom }))
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
