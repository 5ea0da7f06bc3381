//! A request to stop that anybody may make, at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that the loop looks at after every batch. When it is up, the fit saves a checkpoint where it is, if checkpoints
/// are kept, and ends as [`crate::Outcome::Interrupted`], to be resumed. Clones are the same flag.
/// A fit that begins while it is up trains one batch.
///
/// Raising it is one store to an atomic: a signal handler, a timer or another thread may do it. The loop never lowers it.
///
/// ```
/// use highmark::StopFlag;
/// let flag = StopFlag::default();
/// let seen_by_the_loop = flag.clone();
/// flag.raise();
/// assert!(seen_by_the_loop.is_raised());
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks for the stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Takes the request back, before another run.
    pub fn lower(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether a stop is asked for.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The atomic itself, for a library of signal handlers.
    pub fn atomic(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
