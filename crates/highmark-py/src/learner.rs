//! The learner of the library, lent to threads and hooks and taken back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use highmark::{
    ActivationFn, Callback, ErrorKind, LearnerConfig, LossKind, LrFindConfig, OptimizerConfig, Order,
    Outcome, Renamed, Report, Schedule, Suggestion, TabularConfig,
};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;

use crate::array::{Numbers, numpy};
use crate::callback::{Hook, PyCallback};
use crate::data::{Dataset, TabularData};
use crate::error::{OrRaise, from_json};
use crate::fit_options::FitOptions;
use crate::interrupt::{Interrupt, Pending};
use crate::metric::PyMetric;
use crate::native::NativeCallback;
use crate::outputs::{Arrays, Outputs};
use crate::screen::{Progress, console};
use crate::slot::Slot;
use crate::trainer::Trainer;

/// The settings of a learner, as the package sends them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    model: TabularConfig,
    batch_size: usize,
    loss: Option<LossKind>,
    optimizer: OptimizerConfig,
    scale_target: bool,
    lr: f64,
    seed: u64,
    threads: Option<usize>,
    shuffle: bool,
    drop_last: bool,
    model_dir: PathBuf,
}

/// A model, its data and its optimizer.
#[pyclass(frozen, module = "highmark._highmark")]
pub(crate) struct Learner {
    pub(crate) slot: Arc<Slot>,
    loss: LossKind,
    pending: Pending,
}

#[pymethods]
impl Learner {
    /// `config` is JSON; `metrics` are the library's, as their column and their name there, or objects.
    #[new]
    fn new(data: &TabularData, config: &str, metrics: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let wanted: Wanted = from_json("learner", config)?;
        let pending = Pending::default();
        let metrics = metrics.iter().map(|metric| -> PyResult<Box<dyn highmark::Metric>> {
            match metric.extract::<(String, String)>() {
                Ok((column, name)) if column == name => highmark::metric(&name).or_raise(),
                Ok((column, name)) => Ok(Box::new(Renamed::new(column, highmark::metric(&name).or_raise()?))),
                Err(_) => Ok(Box::new(PyMetric::new(metric, &pending)?)),
            }
        });
        let metrics = metrics.collect::<PyResult<Vec<_>>>()?;
        let order = if wanted.shuffle { Order::Shuffled { seed: wanted.seed } } else { Order::Sequential };
        let defaults = LearnerConfig::default();
        let config = LearnerConfig {
            model: wanted.model,
            batch_size: wanted.batch_size,
            loss: wanted.loss.clone(),
            optimizer: wanted.optimizer,
            scale_target: wanted.scale_target,
            lr: wanted.lr,
            metrics,
            seed: wanted.seed,
            threads: wanted.threads.unwrap_or(defaults.threads),
            order: Some((order, wanted.drop_last)),
            model_dir: wanted.model_dir,
            stop: pending.stop.clone(),
            ..defaults
        };
        let learner = highmark::Learner::tabular(&data.0, config).or_raise()?;
        let loss = match wanted.loss {
            Some(loss) => loss,
            None => LossKind::parse(learner.trainer().loss_name()).or_raise()?,
        };
        Ok(Self { slot: Arc::new(Slot::new(learner)), loss, pending })
    }

    /// What hooks see.
    #[getter]
    fn trainer(&self) -> Trainer {
        Trainer(Arc::clone(&self.slot))
    }

    /// Trains for `epochs` epochs, or as many as the limit in `options` allows. `callbacks` are [`NativeCallback`]s and
    /// [`Hook`]s; `screen` draws what there is to see.
    #[pyo3(signature = (epochs, lr, schedule, options, callbacks, screen=None, bar=false, table=true))]
    #[expect(clippy::too_many_arguments, reason = "a fit has so many sides")]
    fn fit<'py>(
        &self,
        py: Python<'py>,
        epochs: Option<usize>,
        lr: Option<f64>,
        schedule: &str,
        options: &str,
        callbacks: Vec<Bound<'py, PyAny>>,
        screen: Option<Py<PyAny>>,
        bar: bool,
        table: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let schedule: Schedule = from_json("schedule", schedule)?;
        let options: FitOptions = from_json("options", options)?;
        let mut extra = self.callbacks(&callbacks)?;
        if let Some(screen) = screen.as_ref().filter(|_| table) {
            extra.push(Box::new(Progress::new(screen.clone_ref(py), bar, &self.pending)));
        }
        extra.push(Box::new(Interrupt::new(&self.pending)));
        let console = console(screen, &self.pending);
        let any_seed = options.any_seed;
        let fitted = self.away(py, move |learner| {
            learner.trainer_mut().console = console;
            let fitted = options.apply(learner, epochs).and_then(|(epochs, from, lock)| {
                if let Some(from) = from {
                    if any_seed && from.seed != learner.trainer().seed() {
                        return Ok(Err(from.seed));
                    }
                    from.note.iter().for_each(|note| learner.trainer_mut().say(note));
                    learner.trainer_mut().say(&format!("resumed {from}"));
                }
                let fitted = learner.fit_with(epochs, lr, &schedule, extra);
                drop(lock);
                fitted.map(Ok)
            });
            FitOptions::forget(learner);
            fitted
        })?;
        match fitted {
            Ok(report) => report_dict(py, &report),
            Err(seed) => {
                let dict = PyDict::new(py);
                dict.set_item("seed", seed)?;
                Ok(dict)
            }
        }
    }

    /// Mean loss and metrics of the validation rows, by name.
    fn validate(&self, py: Python<'_>, callbacks: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<(String, f64)>> {
        let mut extra = self.callbacks(&callbacks)?;
        extra.push(Box::new(Interrupt::new(&self.pending)));
        self.away(py, move |learner| {
            let names: Vec<String> = extra.iter().map(|c| c.name().to_string()).collect();
            let added = extra.into_iter().try_for_each(|callback| learner.callbacks_mut().add(callback));
            let validated = added.and_then(|()| learner.validate());
            for name in names {
                learner.callbacks_mut().remove(&name);
            }
            validated
        })
    }

    /// The range test of learning rates: rates, smoothed losses, and the suggestions by name with their points.
    fn lr_find<'py>(
        &self,
        py: Python<'py>,
        start_lr: f64,
        end_lr: f64,
        steps: usize,
        stop_diverging: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let config = LrFindConfig { start_lr, end_lr, steps, stop_diverging };
        let interrupt = Interrupt::new(&self.pending);
        let found = self.away(py, move |learner| {
            let quiet = highmark::Console::new(highmark::Output::Silent);
            let console = std::mem::replace(&mut learner.trainer_mut().console, quiet);
            let found = learner.lr_find_with(&config, vec![Box::new(interrupt)]);
            learner.trainer_mut().console = console;
            found
        })?;
        let dict = PyDict::new(py);
        let point = |s: Option<Suggestion>| s.map(|s| (s.lr, s.point));
        dict.set_item("valley", point(found.valley()))?;
        dict.set_item("slide", point(found.slide()))?;
        dict.set_item("minimum", point(found.minimum()))?;
        dict.set_item("steep", point(found.steep()))?;
        let n = found.lrs.len();
        dict.set_item("lrs", numpy(py, Numbers::F64(found.lrs), &[n])?)?;
        dict.set_item("losses", numpy(py, Numbers::F32(found.losses), &[n])?)?;
        Ok(dict)
    }

    /// Predictions for encoded rows: raw, activated, and the loss of each row if there are targets.
    fn predictions<'py>(&self, py: Python<'py>, dataset: &Dataset) -> PyResult<Arrays<'py>> {
        if self.slot.peek(|t| t.phase() == highmark::Phase::Train)? {
            let message = "predictions in the middle of training would disturb it; wait for after_train";
            return Err(PyRuntimeError::new_err(message));
        }
        let outputs = match self.slot.take_back() {
            Some(mut lent) => {
                let (lent, done) = py.detach(move || {
                    let done = Outputs::of(&mut *lent.model, dataset);
                    (lent, done)
                });
                self.slot.lend(lent);
                done.or_raise()?
            }
            None => self.away(py, |learner| Outputs::of(&mut *learner.trainer_mut().model, dataset))?,
        };
        outputs.into_arrays(py, dataset, &self.loss)
    }

    /// Layers, shapes, parameters, loss and optimizer, as text.
    fn summary(&self) -> PyResult<String> {
        self.slot.with_learner(|learner| Ok(learner.summary()))
    }

    /// Who runs when.
    fn describe_loop(&self, callbacks: Vec<Bound<'_, PyAny>>) -> PyResult<String> {
        let mut all = highmark::Callbacks::default();
        self.callbacks(&callbacks)?.into_iter().try_for_each(|callback| all.add(callback)).or_raise()?;
        Ok(all.describe_loop())
    }

    /// The loss, as JSON.
    #[getter]
    fn loss(&self) -> PyResult<String> {
        crate::error::to_json(&self.loss)
    }
}

impl Learner {
    fn callbacks(&self, objects: &[Bound<'_, PyAny>]) -> PyResult<Vec<Box<dyn Callback>>> {
        let callback = |object: &Bound<'_, PyAny>| -> PyResult<Box<dyn Callback>> {
            if let Ok(native) = object.cast::<NativeCallback>() {
                return Ok(Box::new(native.get().shared()?));
            }
            match object.cast::<Hook>() {
                Ok(hook) => Ok(Box::new(PyCallback::new(hook, &self.slot).or_raise()?)),
                Err(_) => Err(PyTypeError::new_err(format!("{object} is no callback"))),
            }
        };
        objects.iter().map(callback).collect()
    }

    /// Runs `act` while the interpreter is free. A fault of the library becomes an exception.
    fn away<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut highmark::Learner) -> highmark::Result<T> + Send,
    ) -> PyResult<T> {
        self.pending.clear();
        let mut learner = self.slot.take()?;
        let (learner, done) = py.detach(move || {
            let done = catch_unwind(AssertUnwindSafe(|| act(&mut learner)));
            (learner, done)
        });
        let Ok(done) = done else {
            // What a panic leaves behind is not to be trusted.
            py.detach(|| drop(learner));
            let message =
                "a fault in highmark itself ended the run, and the learner with it; please report it";
            return Err(PyRuntimeError::new_err(message));
        };
        self.slot.put(learner);
        let cut_short =
            done.as_ref().map_or_else(|e| matches!(e.kind(), ErrorKind::Interrupted(_)), |_| true);
        match self.pending.take() {
            Some(error) if cut_short => Err(error),
            _ => done.or_raise(),
        }
    }
}

/// The library's own name of an activation; an error names the setting `what`.
#[pyfunction]
pub(crate) fn activation(what: &str, name: &str) -> PyResult<&'static str> {
    let known = name.parse::<ActivationFn>().map(ActivationFn::name);
    known.map_err(|error| highmark::Error::config(what, error.to_string())).or_raise()
}

/// A report, by the names of the package's own.
fn report_dict<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("stop_reason", report.stop_reason())?;
    dict.set_item("epochs_planned", report.epochs_planned)?;
    dict.set_item("epochs_run", report.epochs_run)?;
    dict.set_item("completed", report.outcome == Outcome::Completed)?;
    let timings = report.timings;
    dict.set_item("train_seconds", timings.train.as_secs_f64())?;
    dict.set_item("validate_seconds", timings.validate.as_secs_f64())?;
    dict.set_item("save_seconds", timings.save.as_secs_f64())?;
    dict.set_item("skipped_steps", report.non_finite.skipped)?;
    dict.set_item("rollbacks", report.non_finite.rolled_back)?;
    dict.set_item("skipped_validations", report.non_finite.validations)?;
    dict.set_item("budget_seconds", report.budget.map(|budget| budget.seconds))?;
    dict.set_item("budget_used", report.budget.map(|budget| budget.used))?;
    dict.set_item("checkpoint", report.checkpoint.as_deref())?;
    Ok(dict)
}
