//! Notices that the end is near, which raise the stop flag: signals and deadlines. Nothing here happens unless it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::stop_flag::StopFlag;
use crate::{Error, Result};

/// What an interrupted shell command exits with: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

impl StopFlag {
    /// Lets SIGINT (Ctrl-C), SIGTERM and SIGUSR1 raise the flag, for the rest of the process. A second SIGINT ends the process
    /// at once, with exit code 130; files are whole even then, since all are written under another name first. SIGXFSZ, of a
    /// file that grows beyond what the system allows the process, no longer ends it: writing fails, as on a full disk.
    ///
    /// Fails when the system refuses. On systems without SIGUSR1 it is left out.
    ///
    /// ```no_run
    /// let stop = highmark::StopFlag::default();
    /// stop.raise_on_signals()?;
    /// let config = highmark::LearnerConfig { stop, ..highmark::LearnerConfig::default() };
    /// # let _ = config;
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn raise_on_signals(&self) -> Result<()> {
        // Not the flag itself: one that a deadline has raised must not turn the first SIGINT into a second.
        let interrupted = Arc::new(AtomicBool::new(false));
        // Actions are taken in this order, so the first SIGINT finds `interrupted` false here.
        let mut done = flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&interrupted));
        done = done.and_then(|_| flag::register(SIGINT, interrupted));
        #[cfg(unix)]
        let signals = [SIGINT, SIGTERM, signal_hook::consts::SIGUSR1];
        #[cfg(not(unix))]
        let signals = [SIGINT, SIGTERM];
        for signal in signals {
            done = done.and_then(|_| flag::register(signal, self.atomic()));
        }
        // The system ends a process whose file grows beyond its limit, unless this is caught: then writing fails, as on a full disk.
        #[cfg(unix)]
        let done = done.and_then(|_| flag::register(signal_hook::consts::SIGXFSZ, Arc::default()));
        done.map(drop).map_err(|error| Error::training(format!("signals cannot be watched for: {error}")))
    }

    /// Raises the flag at a time of day, by the system's clock; at once if that is past. Costs a thread that sleeps until then,
    /// or until nobody holds the flag any more.
    pub fn raise_at(&self, at: SystemTime) -> Result<()> {
        if at <= SystemTime::now() {
            // A thread may begin after a short loop has ended.
            self.raise();
            return Ok(());
        }
        let flag = Arc::downgrade(&self.atomic());
        let wait = move || {
            while let Some(flag) = flag.upgrade() {
                // Anew each time: the clock may be set, and the machine may have been asleep.
                let left = at.duration_since(SystemTime::now()).unwrap_or_default();
                if left.is_zero() {
                    return flag.store(true, Ordering::Relaxed);
                }
                drop(flag);
                std::thread::sleep(left.min(Duration::from_millis(500)));
            }
        };
        let thread = std::thread::Builder::new().name("highmark-deadline".into()).spawn(wait);
        thread.map(drop).map_err(|error| Error::training(format!("no thread for the deadline: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_raises_the_flag_and_lets_go_of_it() {
        let flag = StopFlag::default();
        flag.raise_at(SystemTime::now() + Duration::from_millis(30)).unwrap();
        while !flag.is_raised() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let past = StopFlag::default();
        past.raise_at(SystemTime::UNIX_EPOCH).unwrap();
        assert!(past.is_raised());
        let never = StopFlag::default();
        let weak = Arc::downgrade(&never.atomic());
        never.raise_at(SystemTime::now() + Duration::from_secs(3600)).unwrap();
        drop(never);
        while weak.strong_count() > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
