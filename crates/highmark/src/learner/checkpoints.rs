//! When a fit saves itself, and what becomes of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::atomic_file::is_in_place;
use super::background::{Background, Pending};
use super::checkpoint::{self, Checkpoint, Found};
use super::disk::Disk;
use super::frame::Frame;
use super::frame_folder::{FrameFolder, Kept};
use super::history::EpochRow;
use super::identity::Identity;
use crate::{Error, Result};

/// When a fit saves a checkpoint, and where. Every rule that is set counts; what is due while one is still being written
/// follows as soon as that is done. At its end, and when the [`crate::StopFlag`] is raised, a fit is saved in any case.
///
/// A folder is for one fit at a time. The fit does not see to that: hold a [`crate::FolderLock`] from before
/// [`crate::Learner::resume`] to its end, as the command and the Python package do, where others may come by.
///
/// ```
/// use highmark::CheckpointConfig;
/// let every_epoch_and_minute = CheckpointConfig::new("runs/1");
/// let often = CheckpointConfig { steps: Some(100), epochs: None, seconds: None, ..CheckpointConfig::new("runs/1") };
/// # let _ = (every_epoch_and_minute, often);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointConfig {
    /// The folder for `checkpoint.safetensors` and `checkpoint-previous.safetensors`.
    pub folder: PathBuf,
    /// After this many training batches. Default never.
    pub steps: Option<usize>,
    /// After this many seconds, in training or validation. Default 60.
    pub seconds: Option<f64>,
    /// After this many epochs. Default 1.
    pub epochs: Option<usize>,
    /// Text that every checkpoint carries along, for [`checkpoint_text`]: the command puts its experiment there. Default none.
    pub text: String,
}

impl CheckpointConfig {
    /// Every epoch and every 60 seconds, into `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let (seconds, epochs) = (Some(60.0), Some(1));
        Self { folder: folder.into(), steps: None, seconds, epochs, text: String::new() }
    }

    /// Fails on a rule that makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        if self.steps == Some(0) || self.epochs == Some(0) {
            return Err(Error::config("checkpoint", "is saved after 1 step or epoch, or more"));
        }
        match self.seconds {
            Some(seconds) if !(seconds > 0.0 && seconds.is_finite()) => {
                Err(Error::config("checkpoint", format!("{seconds} seconds are no time between two")))
            }
            _ => Ok(()),
        }
    }
}

/// [`CheckpointConfig::text`] of the newest good checkpoint in a folder; `None` if there is no checkpoint. Fails when there
/// are only damaged ones.
pub fn checkpoint_text(folder: impl AsRef<Path>) -> Result<Option<String>> {
    Ok(checkpoint::find(folder.as_ref())?.map(|found| found.checkpoint.meta.text))
}

/// The epochs that had ended when the newest good checkpoint in a folder was saved; otherwise as [`checkpoint_text`].
pub fn checkpoint_rows(folder: impl AsRef<Path>) -> Result<Option<Vec<EpochRow>>> {
    let rows =
        checkpoint::find(folder.as_ref())?.map(|Found { checkpoint: Checkpoint { meta, .. }, .. }| {
            meta.rows.into_iter().take(meta.iters.len()).collect()
        });
    Ok(rows)
}

/// Whether the newest good checkpoint in a folder is that of the end of its fit, so that the fit can be extended; otherwise as
/// [`checkpoint_text`].
pub fn checkpoint_is_of_end(folder: impl AsRef<Path>) -> Result<Option<bool>> {
    Ok(checkpoint::find(folder.as_ref())?.map(|found| found.checkpoint.meta.position.finished))
}

/// [`checkpoint_text`] without a look at anything but its beginning, which is quick for a large one: whether it is good is not known.
/// `None` also when there is nothing to be read.
pub fn checkpoint_text_unchecked(folder: impl AsRef<Path>) -> Option<String> {
    let folder = folder.as_ref();
    let files = [checkpoint::newest(folder), checkpoint::previous(folder)];
    files.iter().find_map(|path| checkpoint::text_unchecked(path))
}

/// A place where a fit can be left and entered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// After a training batch.
    TrainBatch,
    /// After a validation batch.
    ValidBatch,
    /// After an epoch.
    Epoch,
    /// The stop flag is up.
    Stop,
    /// All epochs ran, or a callback has ended the fit after one.
    End,
}

impl Pause {
    /// Whether no other follows, so that a checkpoint must be made now.
    pub(crate) fn is_last(self) -> bool {
        matches!(self, Self::Stop | Self::End)
    }
}

/// What a thread is given to write, and gives back with what became of it.
type Written = (FrameFolder, Frame, Result<()>);

/// What is left of checkpoints at the end of a fit: a file to be closed and memory to be given back, which takes a while.
pub(crate) type Left = (Option<File>, Option<Frame>);

/// The checkpoints of one fit.
pub(crate) struct Checkpoints {
    config: CheckpointConfig,
    identity: Identity,
    disk: Arc<dyn Disk>,
    folder: Option<FrameFolder>,
    /// The one that is being written.
    pending: Option<Pending<Written>>,
    frame: Option<Frame>,
    steps: usize,
    epochs: usize,
    last: Instant,
    asked: bool,
    /// Whether the last one could not be written, and the user knows.
    failing: bool,
    written: bool,
    /// Whether the one under way is the last.
    ending: bool,
    /// What the last one has left to be closed.
    oldest: Option<File>,
}

impl Checkpoints {
    /// `floats` is how many a frame will hold, about.
    pub(crate) fn new(
        config: CheckpointConfig,
        identity: Identity,
        kept: Kept,
        disk: Arc<dyn Disk>,
        floats: usize,
    ) -> Self {
        let mut frame = Frame::default();
        frame.reserve(floats);
        let folder = FrameFolder::new(config.folder.clone(), Arc::clone(&disk), kept);
        Self {
            config,
            identity,
            disk,
            folder: Some(folder),
            pending: None,
            frame: Some(frame),
            steps: 0,
            epochs: 0,
            last: Instant::now(),
            asked: false,
            failing: false,
            written: kept != Kept::None,
            ending: false,
            oldest: None,
        }
    }

    /// Asks for one at the next pause.
    pub(crate) fn ask(&mut self) {
        self.asked = true;
    }

    /// What goes into every one beside the state of the fit.
    pub(crate) fn given(&self) -> (Identity, String) {
        (self.identity.clone(), self.config.text.clone())
    }

    /// Counts a pause and says whether a checkpoint is due now.
    pub(crate) fn is_due(&mut self, pause: Pause) -> bool {
        self.steps += usize::from(pause == Pause::TrainBatch);
        self.epochs += usize::from(pause == Pause::Epoch);
        let reached = |count: usize, limit: Option<usize>| limit.is_some_and(|limit| count >= limit);
        self.asked
            || pause.is_last()
            || reached(self.steps, self.config.steps)
            || reached(self.epochs, self.config.epochs)
            || self.config.seconds.is_some_and(|seconds| self.last.elapsed().as_secs_f64() >= seconds)
    }

    /// An empty frame to be filled, unless the last one is still being written; `wait` waits for it. With a note about that
    /// one for the user.
    pub(crate) fn frame(&mut self, wait: bool) -> (Option<Frame>, Option<String>) {
        let note = if wait { self.wait() } else { None };
        (self.frame.take(), note)
    }

    /// Looks whether one has been written since; the note is for the user.
    pub(crate) fn poll(&mut self) -> Option<String> {
        let done = self.pending.as_ref()?.poll()?;
        self.take_back(done)
    }

    /// The same, once it is.
    fn wait(&mut self) -> Option<String> {
        let done = self.pending.as_ref()?.wait();
        self.take_back(done)
    }

    fn take_back(&mut self, done: Result<Written>) -> Option<String> {
        self.pending = None;
        let (folder, frame, result) = done.unwrap_or_else(|died| {
            // How far it had come is not known, so the older checkpoint stays what it is.
            let kept = if self.written { Kept::Previous } else { Kept::None };
            let folder = FrameFolder::new(self.config.folder.clone(), Arc::clone(&self.disk), kept);
            (folder, Frame::default(), Err(died))
        });
        (self.folder, self.frame) = (Some(folder), Some(frame));
        self.outcome(result)
    }

    fn outcome(&mut self, result: Result<()>) -> Option<String> {
        match (result, std::mem::replace(&mut self.failing, false)) {
            (Ok(()), failed_before) => {
                self.written = true;
                failed_before.then(|| "checkpoints can be written again".into())
            }
            (Err(error), failed_before) => {
                self.failing = true;
                let then = if self.ending { "" } else { "; training goes on, and the next one is tried" };
                // That the last one failed is told in any case: there is no next one.
                (!failed_before || self.ending).then(|| format!("no checkpoint: {error}{then}"))
            }
        }
    }

    /// A frame could not be filled; whether it was to be the last.
    pub(crate) fn give_up(&mut self, frame: Frame, error: Error, last: bool) -> Option<String> {
        self.frame = Some(frame);
        self.restart();
        self.ending = last;
        self.outcome(Err(error))
    }

    /// Lets the thread write a filled frame; the last one is written at once, since nothing is left to go on with meanwhile,
    /// and so are all when the system has no thread left.
    pub(crate) fn write(
        &mut self,
        frame: Frame,
        last: bool,
        background: Option<&Background>,
    ) -> Option<String> {
        self.restart();
        self.ending = last;
        let mut folder = self.folder.take()?;
        if let Some(background) = background.filter(|_| !last) {
            self.pending = Some(background.run(move || {
                let result = folder.write(&frame).map(drop);
                (folder, frame, result)
            }));
            return None;
        }
        let result = folder.write(&frame).map(|oldest| self.oldest = oldest);
        self.take_back(Ok((folder, frame, result)))
    }

    fn restart(&mut self) {
        (self.steps, self.epochs, self.last, self.asked) = (0, 0, Instant::now(), false);
    }

    /// Waits for what is being written. Returns the newest good checkpoint of the fit, a note, and what is left.
    pub(crate) fn finish(mut self) -> (Option<PathBuf>, Option<String>, Left) {
        self.ending = true;
        let note = self.wait();
        let folder = &self.config.folder;
        let kept = [checkpoint::newest(folder), checkpoint::previous(folder)];
        (kept.into_iter().find(|path| self.written && is_in_place(path)), note, (self.oldest, self.frame))
    }
}

#[cfg(test)]
mod tests;
