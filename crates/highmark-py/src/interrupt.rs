//! Ctrl-C, and errors from places that cannot return one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use highmark::{
    Callback, CallbackState, Error, Event, EventSet, Flow, Result, RunsOn, Span, Stage, StopFlag, Trainer,
};
use pyo3::prelude::*;

/// Time between two looks. A look costs a wait for the interpreter.
const EVERY: Duration = Duration::from_millis(20);

/// The first exception that was raised where nobody could pass it on.
#[derive(Clone, Default)]
pub(crate) struct Pending {
    error: Arc<Mutex<Option<PyErr>>>,
    /// The learner's own: raised, the fit saves its checkpoint and ends after the batch under way.
    pub(crate) stop: StopFlag,
}

impl Pending {
    /// Fails the run.
    pub(crate) fn keep(&self, error: PyErr) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Ends the run in an orderly way.
    pub(crate) fn interrupt(&self, error: PyErr) {
        self.keep(error);
        self.stop.raise();
    }

    pub(crate) fn take(&self) -> Option<PyErr> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Before another run.
    pub(crate) fn clear(&self) {
        drop(self.take());
        self.stop.lower();
    }
}

/// Looks now and then whether there is a signal.
pub(crate) struct Watch(Instant);

impl Default for Watch {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Watch {
    /// Fails with what the signal's handler raises: `KeyboardInterrupt`, most of all. Not more often than pays.
    pub(crate) fn look(&mut self) -> PyResult<()> {
        if self.0.elapsed() < EVERY { Ok(()) } else { self.look_now() }
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is of one lifetime alone"
    )]
    fn look_now(&mut self) -> PyResult<()> {
        self.0 = Instant::now();
        Python::attach(|py| py.check_signals())
    }
}

/// Ends a run when somebody interrupts it, or when an exception is pending.
pub(crate) struct Interrupt {
    watch: Watch,
    pending: Pending,
}

impl Interrupt {
    pub(crate) fn new(pending: &Pending) -> Self {
        Self { watch: Watch::default(), pending: pending.clone() }
    }
}

impl Callback for Interrupt {
    fn name(&self) -> &'static str {
        "interrupt"
    }

    fn stage(&self) -> Stage {
        Stage::Guard
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::Everything
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Batch), Event::After(Span::Validate), Event::After(Span::Epoch)])
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn handle(&mut self, event: Event, _: &mut Trainer) -> Flow {
        if self.pending.stop.is_raised() {
            return Ok(());
        }
        if let Some(error) = self.pending.take() {
            return Err(Error::user(error).into());
        }
        let batch = event == Event::After(Span::Batch);
        if let Err(error) = if batch { self.watch.look() } else { self.watch.look_now() } {
            self.pending.interrupt(error);
        }
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
