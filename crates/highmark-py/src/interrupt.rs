//! Ctrl-C, and errors from places that cannot return one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use highmark::{Callback, CallbackState, Error, Event, EventSet, Flow, Result, RunsOn, Span, Stage, Trainer};
use pyo3::prelude::*;

/// Time between two looks. A look costs a wait for the interpreter.
const EVERY: Duration = Duration::from_millis(20);

/// The first exception that was raised where nobody could pass it on.
#[derive(Clone, Default)]
pub(crate) struct Pending(Arc<Mutex<Option<PyErr>>>);

impl Pending {
    pub(crate) fn keep(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(crate) fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Ends a run when somebody interrupts it, or when an exception is pending.
pub(crate) struct Interrupt {
    looked: Instant,
    pending: Pending,
}

impl Interrupt {
    pub(crate) fn new(pending: &Pending) -> Self {
        Self { looked: Instant::now(), pending: pending.clone() }
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

    fn handle(&mut self, event: Event, _: &mut Trainer) -> Flow {
        if let Some(error) = self.pending.take() {
            return Err(Error::user(error).into());
        }
        if event == Event::After(Span::Batch) && self.looked.elapsed() < EVERY {
            return Ok(());
        }
        self.looked = Instant::now();
        let checked = Python::attach(|py| py.check_signals().map_err(Error::user));
        Ok(checked?)
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
