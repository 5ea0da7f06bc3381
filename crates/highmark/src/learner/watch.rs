//! The time that a fit takes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a fit has used, in all processes that worked on it. It is counted without a limit too, since the fit may be given one
/// when it is resumed.
#[derive(Clone)]
pub(crate) struct Watch {
    clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Seconds that earlier processes have used.
    earlier: f64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({} s)", self.seconds())
    }
}

impl Watch {
    pub(crate) fn since(start: Instant) -> Self {
        Self::by(move || start.elapsed())
    }

    /// `clock` gives the time since the process, or what counts of it, began.
    pub(crate) fn by(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), earlier: 0.0 }
    }

    /// Takes `seconds` for what earlier processes have used.
    pub(crate) fn go_on(&mut self, seconds: f64) {
        self.earlier = seconds;
    }

    /// Used so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.earlier + (self.clock)().as_secs_f64()
    }
}
