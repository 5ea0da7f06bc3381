//! A thread that writes files while training goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cores::Cores;
use crate::{Error, Result};

/// What the thread is told.
enum Message {
    /// Work follows, as soon as what it needs is copied. With the core that training is on.
    Ready(usize),
    Do(Box<dyn FnOnce() + Send>),
}

/// How long training waits at most until the thread is awake: what that takes, if its core is free.
const WAKING: Duration = Duration::from_micros(100);

/// How long the thread looks out for work that is announced before it sleeps.
const READY: Duration = Duration::from_millis(2);

/// The other end of the thread. What it is given it does in that order.
pub(crate) struct Background {
    messages: Sender<Message>,
    thread: JoinHandle<()>,
    /// Whether the thread is awake, on a core of its own.
    awake: Arc<AtomicBool>,
    /// How many things it was given that are not done.
    unfinished: Arc<AtomicUsize>,
    /// Whether there is a core for it beside the one that trains: else looking out for each other would only take it away.
    cores: bool,
}

/// What becomes of something that the thread was given.
pub(crate) struct Pending<T>(Receiver<T>);

impl Background {
    /// Starts the thread. Fails when the system has none left.
    pub(crate) fn start() -> std::io::Result<Self> {
        Self::start_on(std::thread::available_parallelism().map_or(1, usize::from) > 1)
    }

    fn start_on(cores: bool) -> std::io::Result<Self> {
        let (messages, queue) = channel();
        let awake = Arc::new(AtomicBool::new(true));
        let wakes = Arc::clone(&awake);
        let thread = std::thread::Builder::new().name("highmark-files".into()).spawn(move || {
            let (own, mut ready) = (Cores::of_this_thread(), false);
            while let Some(message) = next(&queue, ready) {
                ready = matches!(message, Message::Ready(_));
                match message {
                    Message::Ready(core) => {
                        own.leave(core);
                        wakes.store(true, Ordering::Release);
                    }
                    Message::Do(work) => work(),
                }
            }
        })?;
        Ok(Self { messages, thread, awake, unfinished: Arc::default(), cores })
    }

    /// Wakes the thread up, for work that follows. Where all cores train, it takes one from a thread that waits for work at
    /// this moment; once the next step has begun, the step would wait for that thread.
    pub(crate) fn get_ready(&self) {
        if self.cores {
            self.awake.store(false, Ordering::Relaxed);
            // The thread ends with this sender and not before.
            drop(self.messages.send(Message::Ready(Cores::current())));
        }
    }

    /// Lets the thread do something. Training waits until it is awake, if it was told to get ready.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
        let (done, pending) = channel();
        self.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = Arc::clone(&self.unfinished);
        let work = move || {
            // If nobody waits for it any more, it is done all the same.
            drop(done.send(work()));
            unfinished.fetch_sub(1, Ordering::Release);
        };
        // To a thread that has died it is lost, which is found out as if it had died a moment later.
        drop(self.messages.send(Message::Do(Box::new(work))));
        let handed = Instant::now();
        while self.cores && !self.awake.load(Ordering::Acquire) && handed.elapsed() < WAKING {
            std::hint::spin_loop();
        }
        Pending(pending)
    }

    /// Whether it can still be given something.
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Waits until everything is done that the thread was given, and ends it. The `last` it does nobody waits for.
    pub(crate) fn stop(self, last: impl FnOnce() + Send + 'static) {
        // To ask a thread that sleeps takes as long as to wake it up.
        if self.unfinished.load(Ordering::Acquire) > 0 {
            // If it has died, there is nothing to wait for.
            drop(self.run(|| ()).wait());
        }
        drop(self.run(last));
    }
}

impl<T> Pending<T> {
    /// Of something that was done at once.
    pub(crate) fn done(value: T) -> Self {
        let (done, pending) = channel();
        drop(done.send(value));
        Self(pending)
    }

    /// What became of it, if it is done; an error when the thread has died over it.
    pub(crate) fn poll(&self) -> Option<Result<T>> {
        match self.0.try_recv() {
            Ok(done) => Some(Ok(done)),
            Err(TryRecvError::Disconnected) => Some(Err(died())),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// The same, once it is done.
    pub(crate) fn wait(&self) -> Result<T> {
        self.0.recv().map_err(|_| died())
    }
}

fn died() -> Error {
    Error::training("the thread that writes files has ended by an error of its own")
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
mod tests {
    use super::*;

    #[test]
    fn work_is_done_in_order_and_before_the_end() {
        for cores in [true, false] {
            let background = Background::start_on(cores).unwrap();
            let (told, heard) = channel();
            let mut last = None;
            for number in 0..20 {
                if number % 2 == 0 {
                    background.get_ready();
                }
                let told = told.clone();
                last = Some(background.run(move || told.send(number).map(|()| number)));
            }
            assert_eq!(last.map(|last| last.wait().unwrap()), Some(Ok(19)));
            let also_told = told.clone();
            let forgotten = background.run(move || also_told.send(20));
            drop(forgotten);
            background.stop(move || told.send(21).unwrap());
            assert!(heard.iter().eq(0..=21));
        }
    }

    #[test]
    fn a_thread_that_dies_is_found_out() {
        let background = Background::start().unwrap();
        let dies = background.run(|| -> () { panic!("the thread dies, as it shall") });
        let error = dies.wait().unwrap_err().to_string();
        assert!(error.contains("the thread that writes files"), "{error}");
        // Also what it is given afterwards.
        let later = background.run(|| 1);
        while later.poll().is_none() {}
        assert!(later.wait().is_err());
        background.stop(|| ());
    }
}
