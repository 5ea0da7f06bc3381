//! The library's callbacks, made from what the package sends and kept from fit to fit.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use highmark::{
    Callback, CallbackState, Clip, Console, CsvLogger, Direction, EarlyStopping, Event, EventSet, Flow,
    LrReduction, Monitor, Output, ReduceLrOnPlateau, Result, RunsOn, SaveBest, SaveWhen, Span, Stage,
    TerminateOnNan, Trainer,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use serde::Deserialize;

use crate::callback::event;
use crate::error::{OrRaise, exception, from_json, to_json};
use crate::learner::Learner;

/// A monitored column, as the package sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonitorSpec {
    name: String,
    direction: Option<Direction>,
    #[serde(default)]
    min_delta: f64,
    #[serde(default)]
    best: Option<f64>,
    #[serde(default)]
    first_is_best: bool,
}

impl MonitorSpec {
    pub(crate) fn build(self) -> Monitor {
        let mut monitor = Monitor::new(self.name).min_delta(self.min_delta).first_is_best(self.first_is_best);
        if let Some(direction) = self.direction {
            monitor = monitor.direction(direction);
        }
        match self.best {
            Some(best) => monitor.starting_from(best),
            None => monitor,
        }
    }
}

/// A callback, as the package sends it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Spec {
    EarlyStopping {
        monitor: MonitorSpec,
        patience: usize,
        baseline: Option<f64>,
        start_from_epoch: usize,
        restore_best: bool,
        reset_on_fit: bool,
        #[serde(default)]
        scaled_to_fit: bool,
    },
    SaveBest {
        monitor: MonitorSpec,
        path: PathBuf,
        every_epoch: Option<usize>,
        at_end: bool,
        with_optimizer: bool,
        reset_on_fit: bool,
    },
    ReduceLr {
        monitor: MonitorSpec,
        patience: usize,
        divide_by: Option<f64>,
        multiply_by: Option<f64>,
        cooldown: usize,
        min_lr: f64,
        reset_on_fit: bool,
    },
    CsvLogger {
        path: PathBuf,
        append: bool,
    },
    TerminateOnNan,
    Clip {
        clip: Clip,
    },
    Accumulate {
        rows: usize,
    },
    SkipEpochs {
        until: usize,
    },
}

impl Spec {
    fn build(self) -> Box<dyn Callback> {
        match self {
            Self::EarlyStopping {
                monitor,
                patience,
                baseline,
                start_from_epoch,
                restore_best,
                reset_on_fit,
                scaled_to_fit,
            } => {
                let stopping = EarlyStopping::new(monitor.build())
                    .patience(patience)
                    .start_from_epoch(start_from_epoch)
                    .restore_best(restore_best)
                    .reset_on_fit(reset_on_fit)
                    .scaled_to_fit(scaled_to_fit);
                Box::new(match baseline {
                    Some(baseline) => stopping.baseline(baseline),
                    None => stopping,
                })
            }
            Self::SaveBest { monitor, path, every_epoch, at_end, with_optimizer, reset_on_fit } => {
                let when = match every_epoch {
                    Some(epochs) => SaveWhen::EveryEpoch(epochs),
                    None if at_end => SaveWhen::AtEnd,
                    None => SaveWhen::Best,
                };
                let best = SaveBest::new(monitor.build()).when(when).path(path);
                Box::new(best.with_optimizer(with_optimizer).reset_on_fit(reset_on_fit))
            }
            Self::ReduceLr { monitor, patience, divide_by, multiply_by, cooldown, min_lr, reset_on_fit } => {
                let by = match (divide_by, multiply_by) {
                    (_, Some(factor)) => LrReduction::MultiplyBy(factor),
                    (factor, None) => LrReduction::DivideBy(factor.unwrap_or(10.0)),
                };
                let plateau = ReduceLrOnPlateau::new(monitor.build()).patience(patience).by(by);
                Box::new(plateau.cooldown(cooldown).min_lr(min_lr).reset_on_fit(reset_on_fit))
            }
            Self::CsvLogger { path, append } => {
                let logger = CsvLogger::new(path);
                Box::new(if append { logger.append() } else { logger })
            }
            Self::TerminateOnNan => Box::new(TerminateOnNan),
            Self::Clip { clip } => Box::new(ClipGradients(clip)),
            Self::Accumulate { rows } => Box::new(Accumulate { rows, seen: 0 }),
            Self::SkipEpochs { until } => Box::new(SkipEpochs(until)),
        }
    }
}

/// A callback of the library. It remembers from fit to fit what that callback does.
#[pyclass(frozen, module = "highmark._highmark")]
pub(crate) struct NativeCallback {
    name: String,
    inner: Arc<Mutex<Box<dyn Callback>>>,
    observer: Option<Py<PyAny>>,
}

#[pymethods]
impl NativeCallback {
    /// From JSON, under the name `name`. Lines that it has for the user go to `observer(line, epoch)` if there is one, and
    /// `observer(None, epoch)` tells of the end of a fit.
    #[new]
    #[pyo3(signature = (name, spec, observer=None))]
    fn new(name: String, spec: &str, observer: Option<Py<PyAny>>) -> PyResult<Self> {
        let inner = from_json::<Spec>(&name, spec)?.build();
        Ok(Self { name, inner: Arc::new(Mutex::new(inner)), observer })
    }

    /// What it remembers, as JSON.
    fn state(&self) -> PyResult<String> {
        let inner = self.inner.try_lock().map_err(|_| PyRuntimeError::new_err("the callback is at work"))?;
        to_json(&inner.save_state().or_raise()?.values)
    }

    /// Calls its hook for `event`, from a hook of a Python class that extends it.
    fn handle(&self, learner: &Learner, event: &str) -> PyResult<()> {
        let event = self::event(event)?;
        let Some(mut trainer) = learner.slot.take_back() else {
            return Err(PyRuntimeError::new_err("a hook can be called while a fit calls it, not by itself"));
        };
        let mut shared = match self.shared() {
            Ok(shared) => shared,
            Err(error) => {
                learner.slot.lend(trainer);
                return Err(error);
            }
        };
        let flow = shared.handle(event, &mut trainer);
        let raised = match flow {
            Ok(()) => Ok(()),
            Err(highmark::Signal::Fail(error)) => Err(exception(&error)),
            Err(highmark::Signal::Cancel(span)) => Err(cancel_exception(span)),
            Err(highmark::Signal::Stop) => Err(cancel_exception(Span::Fit)),
        };
        learner.slot.lend(trainer);
        raised
    }

    /// The events that it listens to.
    fn events(&self) -> PyResult<Vec<String>> {
        let events = self.shared()?.events();
        let begin = Event::Before(Span::Fit);
        Ok(Event::all().filter(|e| events.contains(*e) || *e == begin).map(|e| e.to_string()).collect())
    }
}

impl NativeCallback {
    /// For one fit. Fails while another fit is in it: to wait with the interpreter held could be for ever.
    pub(crate) fn shared(&self) -> PyResult<Shared> {
        drop(self.inner.try_lock().map_err(|_| PyRuntimeError::new_err("the callback is at work"))?);
        let observer = self.observer.as_ref().map(|o| Python::attach(|py| o.clone_ref(py)));
        Ok(Shared { name: self.name.clone(), inner: Arc::clone(&self.inner), observer })
    }
}

/// The package's exception that cancels `span`.
fn cancel_exception(span: Span) -> PyErr {
    Python::attach(|py| {
        let name = match span {
            Span::Validate => "CancelValidException".to_string(),
            span => format!("Cancel{span:?}Exception"),
        };
        let class = py.import("highmark.exceptions").and_then(|m| m.getattr(name.as_str()));
        let value = class.and_then(|class| class.call0());
        // The trainer knows the reason already.
        let value = value.and_then(|value| value.setattr("_reason_known", true).map(|()| value));
        value.map_or_else(|e| e, PyErr::from_value)
    })
}

/// The callback in a fit, which also stays with its Python object.
pub(crate) struct Shared {
    name: String,
    inner: Arc<Mutex<Box<dyn Callback>>>,
    observer: Option<Py<PyAny>>,
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Box<dyn Callback>) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Callback for Shared {
    fn name(&self) -> &str {
        &self.name
    }

    fn stage(&self) -> Stage {
        self.with(|inner| inner.stage())
    }

    fn runs_on(&self) -> RunsOn {
        self.with(|inner| inner.runs_on())
    }

    fn events(&self) -> EventSet {
        self.with(|inner| inner.events())
    }

    fn looks_at_model(&self) -> bool {
        self.with(|inner| inner.looks_at_model())
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        let Some(observer) = &self.observer else {
            return self.with(|inner| inner.handle(event, t));
        };
        // The observer has its own words for what is said.
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let heard = Arc::clone(&lines);
        let hear = move |line: &str| heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
        let console = std::mem::replace(&mut t.console, Console::new(Output::Lines(Box::new(hear))));
        let flow = self.with(|inner| inner.handle(event, t));
        t.console = console;
        let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
        let end = (event == Event::After(Span::Fit)).then_some(None);
        let epoch = t.progress().epoch;
        for line in lines.into_iter().map(Some).chain(end) {
            let said: PyResult<Option<String>> =
                Python::attach(|py| observer.call1(py, (line, epoch))?.extract(py));
            if let Some(text) = said.map_err(highmark::Error::user)? {
                t.say(&text);
            }
        }
        flow
    }

    fn settings(&self) -> Result<serde_json::Value> {
        self.with(|inner| inner.settings())
    }

    fn save_state(&self) -> Result<CallbackState> {
        self.with(|inner| inner.save_state())
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        self.with(|inner| inner.load_state(state))
    }
}

/// Limits the gradients of one fit (fastai's `GradientClip`); an optimizer can be made with a limit of its own.
struct ClipGradients(Clip);

impl Callback for ClipGradients {
    fn name(&self) -> &'static str {
        "gradient_clip"
    }

    fn stage(&self) -> Stage {
        Stage::Gradient
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::FitTrain
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Step)])
    }

    fn before_step(&mut self, t: &mut Trainer) -> Flow {
        self.0.apply(&mut t.model.params_mut().grads);
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(serde_json::json!({ "clip": self.0 }))
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

/// Gathers the gradients of so many rows before a step (fastai's `GradientAccumulation`), each batch with its share. The
/// last batch of an epoch always steps.
struct Accumulate {
    rows: usize,
    seen: usize,
}

impl Callback for Accumulate {
    fn name(&self) -> &'static str {
        "gradient_accumulation"
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::FitTrain
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::AfterLoss, Event::Before(Span::Step)])
    }

    fn before_fit(&mut self, _: &mut Trainer) -> Flow {
        self.seen = 0;
        Ok(())
    }

    fn after_loss(&mut self, t: &mut Trainer) -> Flow {
        let share = t.batch.rows as f32 / self.rows.max(t.batch.rows).max(1) as f32;
        t.grad.iter_mut().for_each(|g| *g *= share);
        Ok(())
    }

    fn before_step(&mut self, t: &mut Trainer) -> Flow {
        self.seen += t.batch.rows;
        let at = t.progress();
        if self.seen < self.rows && at.iter + 1 < at.n_iter {
            return t.cancel(Span::Batch, "more gradients are to come");
        }
        self.seen = 0;
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(serde_json::json!({ "n_acc": self.rows }))
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&self.seen)
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        self.seen = state.read()?;
        Ok(())
    }
}

/// Leaves out the epochs before this one (fastai's `SkipToEpoch`).
struct SkipEpochs(usize);

impl Callback for SkipEpochs {
    fn name(&self) -> &'static str {
        "skip_to_epoch"
    }

    fn stage(&self) -> Stage {
        Stage::Guard
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Epoch)])
    }

    fn before_epoch(&mut self, t: &mut Trainer) -> Flow {
        if t.progress().epoch < self.0 { t.cancel(Span::Epoch, "it was trained before") } else { Ok(()) }
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(serde_json::json!({ "start_epoch": self.0 }))
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
