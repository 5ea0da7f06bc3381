//! The thread that writes checkpoints while training goes on.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::atomic_file::{put, write_part};
use super::checkpoint::{newest, previous};
use super::cores::Cores;
use super::disk::Disk;
use super::frame::{Frame, PIECE_BYTES};
use crate::{Error, Result};

/// Which good checkpoints of this fit are in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// None: what may be there is of another fit, and gives way to the first.
    None,
    /// The newest is damaged or missing.
    Previous,
    /// The newest is good.
    Newest,
}

/// Writes frames into a folder, each whole or not at all, and keeps the last two.
pub(crate) struct FrameFolder {
    folder: PathBuf,
    disk: Box<dyn Disk>,
    kept: Kept,
}

impl FrameFolder {
    pub(crate) fn new(folder: PathBuf, disk: Box<dyn Disk>, kept: Kept) -> Self {
        Self { folder, disk, kept }
    }

    /// At every moment there is a whole checkpoint under one of the two names, once there was one.
    pub(crate) fn write(&mut self, frame: &Frame) -> Result<()> {
        let (newest, previous) = (newest(&self.folder), previous(&self.folder));
        let part = write_part(&*self.disk, &newest, |out| {
            let mut out = BufWriter::with_capacity(PIECE_BYTES, out);
            frame.write(&mut out)?;
            out.flush()
        })?;
        if self.kept == Kept::Newest {
            if let Err(error) = self.disk.rename(&newest, &previous)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                drop(self.disk.remove(&part));
                return Err(Error::io("replace", previous, error));
            }
            self.kept = Kept::Previous;
        }
        put(&*self.disk, &part, &newest)?;
        if self.kept == Kept::None {
            // Of another fit: not the one before this.
            drop(self.disk.remove(&previous));
        }
        self.kept = Kept::Newest;
        Ok(())
    }
}

/// How long the beginning of the thread is waited for: twice what it takes.
const BEGINNING: Duration = Duration::from_micros(200);

/// What goes to the thread and comes back from it.
type Job = (FrameFolder, Frame);

/// The other end of the thread.
pub(crate) struct CheckpointWriter {
    /// With the core that training is on.
    jobs: Sender<(Job, usize)>,
    written: Receiver<(Job, Result<()>)>,
    thread: JoinHandle<()>,
    busy: bool,
    /// Whether the thread has begun with the last frame.
    begun: Arc<AtomicBool>,
}

impl CheckpointWriter {
    /// Starts the thread. Fails when the system has none left.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, queue) = channel::<(Job, usize)>();
        let (done, written) = channel();
        let begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&begun);
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let cores = Cores::of_this_thread();
            for ((mut folder, frame), core) in queue {
                cores.leave(core);
                begins.store(true, Ordering::Release);
                let result = folder.write(&frame);
                if done.send(((folder, frame), result)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, written, thread, busy: false, begun })
    }

    /// Hands a frame over; only while the thread is not busy.
    pub(crate) fn write(&mut self, folder: FrameFolder, frame: Frame) {
        self.begun.store(false, Ordering::Relaxed);
        // The thread ends with this sender and not before.
        self.busy = self.jobs.send(((folder, frame), Cores::current())).is_ok();
        // Where all cores train, it takes one from a thread that waits for work at this moment, and after the next step has
        // begun from one that the step waits for.
        let handed = Instant::now();
        while self.busy && !self.begun.load(Ordering::Acquire) && handed.elapsed() < BEGINNING {
            std::hint::spin_loop();
        }
    }

    /// What has been written since, to be used again, and how that went.
    pub(crate) fn poll(&mut self) -> Option<(Job, Result<()>)> {
        let done = self.written.try_recv().ok()?;
        self.busy = false;
        Some(done)
    }

    /// The same, once it is written.
    pub(crate) fn wait(&mut self) -> Option<(Job, Result<()>)> {
        if !self.busy {
            return None;
        }
        self.busy = false;
        self.written.recv().ok()
    }

    /// Ends the thread.
    pub(crate) fn stop(self) {
        drop(self.jobs);
        drop(self.thread.join());
    }
}

#[cfg(test)]
mod tests;
