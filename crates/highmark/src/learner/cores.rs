//! On which core a thread works. Only Linux can be asked; elsewhere threads go where they like.

/// The cores that the system allows a thread.
pub(crate) struct Cores(#[cfg(target_os = "linux")] Option<rustix::thread::CpuSet>);

#[cfg(target_os = "linux")]
impl Cores {
    /// Those that the calling thread may use.
    pub(crate) fn of_this_thread() -> Self {
        Self(rustix::thread::sched_getaffinity(None).ok())
    }

    /// The core that the calling thread is on.
    pub(crate) fn current() -> usize {
        rustix::thread::sched_getcpu()
    }

    /// Moves the calling thread off a core, if there is another. A thread that is woken up would else often take the core of
    /// the one that woke it, which would wait there for as long as the work takes.
    pub(crate) fn leave(&self, core: usize) {
        let Some(mut others) = self.0 else { return };
        others.unset(core);
        if others.count() > 0 {
            // What cannot be done only costs time.
            let _ = rustix::thread::sched_setaffinity(None, &others);
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Cores {
    pub(crate) fn of_this_thread() -> Self {
        Self()
    }

    pub(crate) fn current() -> usize {
        0
    }

    pub(crate) fn leave(&self, _: usize) {}
}
