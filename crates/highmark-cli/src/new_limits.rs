//! Other limits for a run that is gone on with.

use std::path::PathBuf;

use highmark::{Callback, CallbackState, EventSet, Flow, Trainer, write_file};

/// Writes the run's config with them when the fit goes on, so that they hold when it is resumed once more: not before, since
/// a limit that does not fit the run is refused.
pub(crate) struct NewLimits {
    pub(crate) path: PathBuf,
    pub(crate) config: String,
}

impl Callback for NewLimits {
    fn name(&self) -> &'static str {
        "new_limits"
    }

    fn events(&self) -> EventSet {
        EventSet::NONE
    }

    fn before_fit(&mut self, _: &mut Trainer) -> Flow {
        Ok(write_file(&self.path, self.config.as_bytes())?)
    }

    fn save_state(&self) -> highmark::Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> highmark::Result<()> {
        Ok(())
    }
}
