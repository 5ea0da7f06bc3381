//! Callbacks that are written in Python: one type for all, that answers to the events which a class defines.

use std::sync::Arc;

use highmark::{Callback, CallbackState, Error, Event, EventSet, Flow, Result, RunsOn, Span, Stage, Trainer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::json;

use crate::native::{NativeCallback, Shared};
use crate::slot::Slot;
use crate::state;

/// A Python object with hooks, as the package hands it over.
#[pyclass(frozen, module = "highmark._highmark")]
pub(crate) struct Hook {
    object: Py<PyAny>,
    name: String,
    events: EventSet,
    stage: Stage,
    runs_on: RunsOn,
    train: bool,
    valid: bool,
    native: Option<Py<NativeCallback>>,
}

#[pymethods]
impl Hook {
    /// `object` with the names of the hooks that it defines. `order` is fastai's number; `train` and `valid` tell in which
    /// batches its hooks are called. `native` is the library's callback that the object extends.
    #[new]
    #[pyo3(signature = (object, name, events, order, train=true, valid=true, everywhere=false, native=None))]
    fn new(
        object: Py<PyAny>,
        name: String,
        events: Vec<String>,
        order: f64,
        train: bool,
        valid: bool,
        everywhere: bool,
        native: Option<Py<NativeCallback>>,
    ) -> PyResult<Self> {
        let events = events.iter().map(|name| event(name)).collect::<PyResult<Vec<_>>>()?;
        let runs_on = if everywhere { RunsOn::Everything } else { RunsOn::Fit };
        let (events, stage) = (EventSet::of(&events), stage(order));
        Ok(Self { object, name, events, stage, runs_on, train, valid, native })
    }
}

/// The event of this name.
pub(crate) fn event(name: &str) -> PyResult<Event> {
    Event::all()
        .find(|event| event.to_string() == name)
        .ok_or_else(|| PyValueError::new_err(format!("there is no event `{name}`")))
}

/// fastai's number for a place in the order.
fn stage(order: f64) -> Stage {
    match order {
        o if o < 0.0 => Stage::Guard,
        o if o < 10.0 => Stage::User,
        o if o < 50.0 => Stage::Gradient,
        o if o < 60.0 => Stage::Schedule,
        o if o < 61.0 => Stage::Report,
        o if o < 62.0 => Stage::Monitor,
        o if o < 63.0 => Stage::Adjust,
        o if o < 64.0 => Stage::Stop,
        _ => Stage::Persist,
    }
}

/// A [`Hook`] in a fit.
pub(crate) struct PyCallback {
    hook: Py<Hook>,
    object: Py<PyAny>,
    name: String,
    slot: Arc<Slot>,
    /// Stands in for the trainer while that is lent.
    spare: Option<Box<Trainer>>,
}

impl PyCallback {
    pub(crate) fn new(hook: &Bound<'_, Hook>, slot: &Arc<Slot>) -> Result<Self> {
        let (py, own) = (hook.py(), hook.get());
        Ok(Self {
            hook: hook.clone().unbind(),
            object: own.object.clone_ref(py),
            name: own.name.clone(),
            slot: Arc::clone(slot),
            spare: Some(Box::new(Trainer::vacant()?)),
        })
    }

    /// Calls the object's method while the trainer is lent.
    fn call(&mut self, method: &str, t: &mut Trainer) -> PyResult<()> {
        Python::attach(|py| {
            let object = self.object.bind(py);
            // fastai's switch; objects without it are always on.
            if object.getattr_opt("run")?.is_some_and(|run| !run.is_truthy().unwrap_or(true)) {
                return Ok(());
            }
            let Some(mut lent) = self.spare.take() else { return Ok(()) };
            std::mem::swap(t, &mut *lent);
            self.slot.lend(lent);
            let called = object.call_method0(method).map(drop);
            if let Some(mut lent) = self.slot.take_back() {
                std::mem::swap(t, &mut *lent);
                self.spare = Some(lent);
            }
            called
        })
    }
}

impl Callback for PyCallback {
    fn name(&self) -> &str {
        &self.name
    }

    fn stage(&self) -> Stage {
        self.hook.get().stage
    }

    fn runs_on(&self) -> RunsOn {
        self.hook.get().runs_on
    }

    fn events(&self) -> EventSet {
        self.hook.get().events
    }

    fn looks_at_model(&self) -> bool {
        // A metric's hook, say, is called in validation alone.
        self.hook.get().train
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        let hook = self.hook.get();
        if !hook.events.contains(event) {
            return Ok(());
        }
        let training = t.phase() == highmark::Phase::Train;
        if event.is_in_batch() && !(if training { hook.train } else { hook.valid }) {
            return Ok(());
        }
        self.call(&event.to_string(), t).or_else(|error| flow(error, t))
    }

    fn settings(&self) -> Result<serde_json::Value> {
        let native = self.native().map_err(Error::user)?;
        native.map_or(Ok(serde_json::Value::Null), |native| native.settings())
    }

    fn save_state(&self) -> Result<CallbackState> {
        let own = Python::attach(|py| state::of(self.object.bind(py))).map_err(Error::user)?;
        let native = self.native().map_err(Error::user)?;
        let native = native.map_or_else(|| Ok(CallbackState::none()), |native| native.save_state())?;
        if own.is_null() && native.values.is_null() && native.tensors.is_empty() {
            return Ok(native);
        }
        Ok(CallbackState { values: json!({"own": own, "native": native.values}), tensors: native.tensors })
    }

    fn load_state(&mut self, saved: &CallbackState) -> Result<()> {
        let [own, native] = ["own", "native"].map(|part| saved.values[part].clone());
        if let Some(mut shared) = self.native().map_err(Error::user)? {
            shared.load_state(&CallbackState { values: native, tensors: saved.tensors.clone() })?;
        }
        Python::attach(|py| state::give_back(self.object.bind(py), &own)).map_err(Error::user)
    }
}

impl PyCallback {
    /// The library's callback that the object extends.
    fn native(&self) -> PyResult<Option<Shared>> {
        self.hook.get().native.as_ref().map(|native| native.get().shared()).transpose()
    }
}

/// What an exception means to the loop: the cancel exceptions carry the name of their span, all others fail the fit.
fn flow(error: PyErr, t: &mut Trainer) -> Flow {
    let cancel = Python::attach(|py| {
        let value = error.value(py);
        let span: String = value.getattr("_span").ok()?.extract().ok()?;
        let span = Span::ALL.into_iter().find(|s| format!("{s:?}").eq_ignore_ascii_case(&span))?;
        let reason = value.str().map(|text| text.to_string()).unwrap_or_default();
        let class = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        let known = value.hasattr("_reason_known").unwrap_or(false);
        Some((span, (!known).then_some(if reason.is_empty() { class } else { reason })))
    });
    match cancel {
        Some((span, Some(reason))) => t.cancel(span, reason),
        Some((span, None)) => Err(highmark::Signal::Cancel(span)),
        None => Err(Error::user(error).into()),
    }
}
