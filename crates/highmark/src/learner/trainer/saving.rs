//! Models that are written to their files while training goes on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Trainer;
use crate::Result;
use crate::engine::Snapshot;
use crate::learner::background::{Background, Pending};
use crate::learner::event::RunKind;
use crate::learner::model_file::ModelCopy;
use crate::optim::OptimizerState;

/// A model on its way to its file, whole or not at all. The fit does not end before it is there, or has failed.
pub struct Saving {
    path: PathBuf,
    pending: Pending<Result<()>>,
}

impl fmt::Debug for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saving").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Saving {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What became of it, once, and `None` while it is being written.
    pub fn poll(&self) -> Option<Result<()>> {
        self.pending.poll().map(|done| done.and_then(|written| written))
    }

    /// Waits until it is written. Fails if it could not be.
    pub fn wait(self) -> Result<()> {
        self.pending.wait()?
    }
}

impl Trainer {
    /// Saves a model to `path` while training goes on: a snapshot of this one, and of its optimizer's state if that shall be
    /// in the file, with the epoch and the step that it is of. Between the first event of a fit and the last one a thread
    /// writes it; else it is written when this returns.
    ///
    /// A process that is killed meanwhile leaves the file as it was. So this is for models that checkpoints hold as well;
    /// others are better saved by [`Trainer::save_to`].
    pub fn save_meanwhile(
        &mut self,
        path: impl AsRef<Path>,
        model: &Snapshot,
        optimizer: Option<&OptimizerState>,
        epoch: Option<usize>,
        steps: u64,
    ) -> Saving {
        let begin = Instant::now();
        if self.kind == RunKind::Fit && !self.open.is_empty() {
            self.wake_background();
        }
        let mut description = self.description.clone();
        (description.provenance.epoch, description.provenance.steps) = (epoch, steps);
        let copy = ModelCopy::new(description, self.model.params(), model, optimizer);
        let path = path.as_ref().to_path_buf();
        let file = path.clone();
        let write = move || copy.write(&file);
        let pending = match &self.background {
            Some(background) => background.run(write),
            None => Pending::done(write()),
        };
        self.timings.save += begin.elapsed();
        Saving { path, pending }
    }

    /// Wakes the thread that writes files.
    pub(super) fn wake_background(&mut self) {
        self.start_background();
        self.background.iter().for_each(Background::get_ready);
    }

    /// Starts the thread that writes files, if it is not there yet, unless the system has none left. It ends with the fit.
    pub(crate) fn start_background(&mut self) {
        // One that has died over its work takes no other.
        let alive = self.background.take().filter(Background::is_alive);
        self.background = alive.or_else(|| Background::start().ok());
    }
}
