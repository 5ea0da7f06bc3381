//! What a fit may be asked for beside epochs, rate and schedule.

use std::path::PathBuf;
use std::time::Duration;

use highmark::{
    Budget, CheckpointConfig, Error, ErrorKind, FolderLock, Learner, Limit, NonFinite, Result, ResumePoint,
};
use serde::Deserialize;

/// When a fit saves itself, and where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    folder: PathBuf,
    steps: Option<usize>,
    seconds: Option<f64>,
    epochs: Option<usize>,
}

/// As the package sends them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FitOptions {
    checkpoint: Option<Checkpoint>,
    /// Whether to go on from the newest checkpoint there is.
    resume: bool,
    /// Whether a checkpoint of another seed is not refused, but answered with its seed.
    pub(crate) any_seed: bool,
    /// Whether callbacks that end the fit at the end of an epoch let the others see it.
    all_see_epochs_end: bool,
    limit: Limit,
    non_finite: String,
}

impl FitOptions {
    /// Prepares the next fit. Returns its epochs at most, where it goes on, and what keeps others out of its folder.
    pub(crate) fn apply(
        self,
        learner: &mut Learner,
        epochs: Option<usize>,
    ) -> Result<(usize, Option<ResumePoint>, Option<FolderLock>)> {
        learner.set_non_finite(NonFinite::parse(&self.non_finite)?)?;
        learner.set_all_see_epochs_end(self.all_see_epochs_end);
        let seconds = self.limit.seconds()?;
        let budget = seconds.map(|seconds| {
            let total = Duration::try_from_secs_f64(seconds);
            Budget::new(total.map_err(|error| Error::config("max_time", error.to_string()))?)
        });
        learner.set_budget(budget.transpose()?);
        let lock = match self.checkpoint.as_ref().map(|c| FolderLock::take(&c.folder)) {
            Some(Err(error)) if is_busy(&error) => return Err(error),
            // That a folder cannot be written to is told when it is tried, and stops no training.
            lock => lock.and_then(Result::ok),
        };
        learner.set_checkpoint(self.checkpoint.map(|c| {
            let Checkpoint { folder, steps, seconds, epochs } = c;
            CheckpointConfig { steps, seconds, epochs, ..CheckpointConfig::new(folder) }
        }))?;
        let from = if self.resume { learner.resume()? } else { None };
        let Some(epochs) = epochs.or(seconds.map(|_| usize::MAX)) else {
            let message = "say how many epochs, or give a limit: max_time, or max_usd with usd_per_hour";
            return Err(Error::config("n_epoch", message));
        };
        Ok((epochs, from, lock))
    }

    /// Takes away again what was for one fit.
    pub(crate) fn forget(learner: &mut Learner) {
        learner.set_budget(None);
        // Nothing to check in nothing.
        drop(learner.set_checkpoint(None));
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io { source, .. } if source.kind() == std::io::ErrorKind::WouldBlock)
}
