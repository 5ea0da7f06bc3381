//! What a fit shows: lines, a table of epochs, and a bar, drawn by an object of the package.

use std::time::{Duration, Instant};

use highmark::{
    Callback, CallbackState, Console, Event, EventSet, Flow, Output, Phase, Result, Span, Stage, Trainer,
};
use pyo3::prelude::*;

use crate::interrupt::Pending;

/// Time between two movements of the bar.
const EVERY: Duration = Duration::from_millis(100);

/// A console whose lines go to `screen.line`.
pub(crate) fn console(screen: Option<Py<PyAny>>, pending: &Pending) -> Console {
    let Some(screen) = screen else { return Console::new(Output::Silent) };
    let pending = pending.clone();
    Console::new(Output::Lines(Box::new(move |line| {
        Python::attach(|py| {
            if let Err(error) = screen.call_method1(py, "line", (line,)) {
                pending.interrupt(error);
            }
        });
    })))
}

/// Calls `screen.begin(names)`, `screen.bar(...)`, `screen.row(...)` and `screen.end()`.
pub(crate) struct Progress {
    screen: Py<PyAny>,
    /// Whether it wants a bar.
    bar: bool,
    drawn: Instant,
    pending: Pending,
}

impl Progress {
    pub(crate) fn new(screen: Py<PyAny>, bar: bool, pending: &Pending) -> Self {
        Self { screen, bar, drawn: Instant::now(), pending: pending.clone() }
    }

    fn draw_bar(&mut self, t: &Trainer) -> PyResult<()> {
        self.drawn = Instant::now();
        let (at, training) = (t.progress(), t.phase() == Phase::Train);
        let loss = training.then(|| t.history.smooth_loss()).filter(|loss| !loss.is_nan());
        let arguments = (at.epoch, at.n_epoch, at.iter.min(at.n_iter), at.n_iter, training, loss);
        Python::attach(|py| self.screen.call_method1(py, "bar", arguments).map(drop))
    }

    fn draw(&mut self, event: Event, t: &Trainer) -> PyResult<()> {
        match event {
            Event::Before(Span::Fit) => {
                let names = t.history.metric_names.clone();
                Python::attach(|py| self.screen.call_method1(py, "begin", (names,)).map(drop))
            }
            Event::Before(Span::Train | Span::Validate) => self.draw_bar(t),
            Event::After(Span::Batch) if self.drawn.elapsed() >= EVERY => self.draw_bar(t),
            Event::After(Span::Epoch) => {
                let Some(row) = t.history.rows.last() else { return Ok(()) };
                let values: Vec<Option<f64>> =
                    [row.train_loss, row.valid_loss].into_iter().chain(row.metrics.iter().copied()).collect();
                let arguments = (row.epoch, values, row.seconds);
                Python::attach(|py| self.screen.call_method1(py, "row", arguments).map(drop))
            }
            Event::After(Span::Fit) => Python::attach(|py| self.screen.call_method0(py, "end").map(drop)),
            _ => Ok(()),
        }
    }
}

impl Callback for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn stage(&self) -> Stage {
        Stage::Report
    }

    fn events(&self) -> EventSet {
        let rows = EventSet::of(&[Event::After(Span::Epoch), Event::After(Span::Fit)]);
        let bar = [Event::Before(Span::Train), Event::Before(Span::Validate), Event::After(Span::Batch)];
        if self.bar { rows.or(EventSet::of(&bar)) } else { rows }
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        if let Err(error) = self.draw(event, t) {
            // Ctrl-C, most of all. What is drawn decides nothing, so the fit can end in an orderly way.
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
