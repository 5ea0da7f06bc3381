//! The thread that writes checkpoints while training goes on.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
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
    disk: Arc<dyn Disk>,
    kept: Kept,
}

impl FrameFolder {
    pub(crate) fn new(folder: PathBuf, disk: Arc<dyn Disk>, kept: Kept) -> Self {
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

/// What goes to the thread and comes back from it.
type Job = (FrameFolder, Frame);

/// What became of a job; it is lost when the thread has died over it.
pub(crate) type Done = (Option<Job>, Result<()>);

/// What the thread is told.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Message {
    /// A frame follows, as soon as it is filled. With the core that training is on.
    Ready(usize),
    Write(Job),
}

/// How long training waits at most until the thread is awake: twice what that takes.
const WAKING: Duration = Duration::from_micros(200);

/// How long the thread looks out for a frame that is being filled before it sleeps.
const READY: Duration = Duration::from_millis(2);

/// The other end of the thread.
pub(crate) struct CheckpointWriter {
    messages: Sender<Message>,
    written: Receiver<(Job, Result<()>)>,
    thread: JoinHandle<()>,
    busy: bool,
    /// Whether the thread is awake, on a core of its own.
    awake: Arc<AtomicBool>,
}

impl CheckpointWriter {
    /// Starts the thread. Fails when the system has none left.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (messages, queue) = channel();
        let (done, written) = channel();
        let awake = Arc::new(AtomicBool::new(false));
        let wakes = Arc::clone(&awake);
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let (cores, mut ready) = (Cores::of_this_thread(), false);
            while let Some(message) = next(&queue, ready) {
                ready = matches!(message, Message::Ready(_));
                match message {
                    Message::Ready(core) => {
                        cores.leave(core);
                        wakes.store(true, Ordering::Release);
                    }
                    Message::Write((mut folder, frame)) => {
                        let result = folder.write(&frame);
                        if done.send(((folder, frame), result)).is_err() {
                            return;
                        }
                    }
                }
            }
        })?;
        Ok(Self { messages, written, thread, busy: false, awake })
    }

    /// Wakes the thread up, for a frame that follows. Where all cores train, it takes one from a thread that waits for work
    /// at this moment; once the next step has begun, the step would wait for that thread.
    pub(crate) fn get_ready(&self) {
        self.awake.store(false, Ordering::Relaxed);
        // The thread ends with this sender and not before.
        drop(self.messages.send(Message::Ready(Cores::current())));
    }

    /// Hands a frame over; only while the thread is not busy.
    pub(crate) fn write(&mut self, folder: FrameFolder, frame: Frame) {
        // To a thread that has died it is lost, which is found out as if it had died a moment later.
        drop(self.messages.send(Message::Write((folder, frame))));
        self.busy = true;
        let handed = Instant::now();
        while !self.awake.load(Ordering::Acquire) && handed.elapsed() < WAKING {
            std::hint::spin_loop();
        }
    }

    /// What has been written since, to be used again, and how that went.
    pub(crate) fn poll(&mut self) -> Option<Done> {
        if !self.busy {
            return None;
        }
        let done = match self.written.try_recv() {
            Ok((job, result)) => (Some(job), result),
            Err(TryRecvError::Disconnected) => died(),
            Err(TryRecvError::Empty) => return None,
        };
        self.busy = false;
        Some(done)
    }

    /// The same, once it is written.
    pub(crate) fn wait(&mut self) -> Option<Done> {
        if !self.busy {
            return None;
        }
        self.busy = false;
        Some(self.written.recv().map_or_else(|_| died(), |(job, result)| (Some(job), result)))
    }

    /// Ends the thread.
    pub(crate) fn stop(self) {
        drop(self.messages);
        drop(self.thread.join());
    }
}

fn died() -> Done {
    (None, Err(Error::training("the thread that writes checkpoints has ended by an error of its own")))
}

/// The next message; `None` when there are no more.
fn next(queue: &Receiver<Message>, ready: bool) -> Option<Message> {
    let begin = Instant::now();
    while ready && begin.elapsed() < READY {
        match queue.try_recv() {
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
            message => return message.ok(),
        }
    }
    queue.recv().ok()
}

#[cfg(test)]
mod tests;
