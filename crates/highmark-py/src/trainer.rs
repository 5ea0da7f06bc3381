//! What hooks, and their owners between fits, read and change of a learner's inside.

use std::path::PathBuf;
use std::sync::Arc;

use highmark::{Hyper, Phase};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::array::{Numbers, floats, integers, numpy};
use crate::error::OrRaise;
use crate::slot::{Field, Slot};

/// The trainer of a learner: where the fit is, the batch under way, optimizer, model and history.
#[pyclass(frozen, module = "highmark._highmark")]
pub(crate) struct Trainer(pub(crate) Arc<Slot>);

#[pymethods]
impl Trainer {
    /// Whether a hook is being called.
    #[getter]
    fn in_hook(&self) -> bool {
        self.0.is_lent()
    }

    /// Epoch, epochs, batch, batches and training batches so far. The batch is the last one until another begins, as in
    /// fastai.
    #[getter]
    fn progress(&self) -> PyResult<(usize, usize, usize, usize, usize)> {
        let (at, in_batch) = self.0.peek(|t| (t.progress(), t.is_in_batch()))?;
        let batch = if in_batch { at.iter } else { at.iter.saturating_sub(1) };
        Ok((at.epoch, at.n_epoch, batch, at.n_iter, at.train_iter))
    }

    /// The fraction of all training batches that lie behind.
    #[getter]
    fn pct_train(&self) -> PyResult<f64> {
        self.0.peek(highmark::Trainer::pct_train)
    }

    /// Whether a training batch is under way.
    #[getter]
    fn training(&self) -> PyResult<bool> {
        self.0.peek(|t| t.phase() == Phase::Train)
    }

    /// Whether the fit goes on from a checkpoint.
    #[getter]
    fn resumed(&self) -> PyResult<bool> {
        self.0.peek(highmark::Trainer::is_resumed)
    }

    /// The loss of the batch under way, or of the last one.
    #[getter]
    fn loss(&self) -> PyResult<f32> {
        self.0.peek(highmark::Trainer::loss_value)
    }

    /// The name of the loss.
    #[getter]
    fn loss_name(&self) -> PyResult<String> {
        self.0.peek(|t| t.loss_name().to_string())
    }

    /// The smoothed training loss.
    #[getter]
    fn smooth_loss(&self) -> PyResult<f32> {
        self.0.peek(|t| t.history.smooth_loss())
    }

    /// `codes`, `numbers`, `targets`, `predictions` and `grad` of the batch under way, or `grads` of all parameters:
    /// the trainer's own memory. An array that is kept beyond the hook becomes a copy.
    fn array<'py>(&self, py: Python<'py>, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.array(py, Field::parse(field)?)
    }

    /// Replaces one of those by numbers of the same count.
    fn set_array(&self, field: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let field = Field::parse(field)?;
        let whole = field == Field::Codes
            || (field == Field::Targets
                && self.0.peek(|t| matches!(t.batch.targets, Some(highmark::Targets::Classes(_))))?);
        let numbers = if whole {
            let codes: Result<Vec<u32>, _> = integers(value)?.0.into_iter().map(u32::try_from).collect();
            Numbers::U32(codes.map_err(|_| PyValueError::new_err("codes are whole numbers from 0"))?)
        } else {
            Numbers::F32(floats(value)?.0)
        };
        self.0.set(field, numbers)
    }

    /// The hypers of every parameter group.
    #[getter]
    fn hypers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let groups = self.0.peek(|t| {
            let hypers = |g: &highmark::Group| HYPERS.map(|(name, hyper)| (name, g.hypers.get(hyper)));
            t.optimizer.groups().iter().map(hypers).collect::<Vec<_>>()
        })?;
        let list = PyList::empty(py);
        for group in groups {
            let dict = PyDict::new(py);
            group.iter().try_for_each(|(name, value)| dict.set_item(name, value))?;
            list.append(dict)?;
        }
        Ok(list)
    }

    /// Sets a hyper of all groups, or of each with its own number.
    fn set_hyper(&self, name: &str, values: Vec<f64>) -> PyResult<()> {
        let known = HYPERS.map(|(name, _)| name);
        let Some((_, hyper)) = HYPERS.into_iter().find(|(known, _)| *known == name) else {
            return Err(crate::error::exception(&highmark::Error::unknown("hyper-parameter", name, known)));
        };
        self.0.with_trainer(|t| match values.as_slice() {
            [value] => {
                t.optimizer.set_hyper(hyper, *value);
                Ok(())
            }
            values => t.optimizer.set_hypers(hyper, values).or_raise(),
        })
    }

    /// Forgets past gradients and steps.
    fn reset_optimizer(&self, hypers: Vec<f64>) -> PyResult<()> {
        self.0.with_trainer(|t| {
            t.optimizer.reset_state();
            for ((_, hyper), value) in HYPERS.into_iter().zip(hypers) {
                t.optimizer.set_hyper(hyper, value);
            }
            Ok(())
        })
    }

    /// Every parameter and buffer by name, as `(numbers, shape, whether it is trained)`; counters have no shape.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        type Entry = (String, Vec<f32>, Vec<usize>, bool);
        let (parameters, buffers) = self.0.peek(|t| {
            let params = t.model.params();
            let parameter = |p: &highmark::Parameter| -> Entry {
                (p.name.clone(), params.values[p.range.clone()].to_vec(), p.shape.clone(), false)
            };
            let buffer = |b: &highmark::Buffer| -> Entry {
                let numbers = params.buffers[b.range.clone()].to_vec();
                let shape = if b.count { vec![] } else { vec![numbers.len()] };
                (b.name.clone(), numbers, shape, b.count)
            };
            let parameters: Vec<Entry> = params.list().iter().map(parameter).collect();
            let buffers: Vec<Entry> = params.buffer_list().iter().map(buffer).collect();
            (parameters, buffers)
        })?;
        let dict = PyDict::new(py);
        for (name, numbers, shape, count) in parameters.into_iter().chain(buffers) {
            let numbers = if count {
                Numbers::I64(numbers.into_iter().map(|x| x as i64).collect())
            } else {
                Numbers::F32(numbers)
            };
            dict.set_item(name, numpy(py, numbers, &shape)?)?;
        }
        Ok(dict)
    }

    /// Where each parameter lies in the flat array of gradients: name, start, end and shape.
    #[expect(clippy::type_complexity, reason = "a row for each parameter")]
    fn layout(&self) -> PyResult<Vec<(String, usize, usize, Vec<usize>)>> {
        self.0.peek(|t| {
            let place =
                |p: &highmark::Parameter| (p.name.clone(), p.range.start, p.range.end, p.shape.clone());
            t.model.params().list().iter().map(place).collect()
        })
    }

    /// Replaces parameters and buffers by those of the same name and size; all of them or, if one does not fit, none.
    fn load_state_dict(&self, state: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut numbers = Vec::new();
        for (name, value) in state.iter() {
            numbers.push((name.extract::<String>()?, floats(&value)?.0));
        }
        self.0.with_trainer(|t| {
            let mut params = t.model.params().clone();
            numbers.iter().try_for_each(|(name, numbers)| params.set(name, numbers)).or_raise()?;
            *t.model.params_mut() = params;
            Ok(())
        })
    }

    /// Saves the model to `path`, whole or not at all.
    fn save(&self, path: PathBuf, with_optimizer: bool) -> PyResult<()> {
        self.0.with_trainer(|t| t.save_to(&path, with_optimizer).or_raise())
    }

    /// Takes parameters from `path`, and the optimizer's state if asked; says whether that was there.
    fn load(&self, path: PathBuf, with_optimizer: bool) -> PyResult<bool> {
        self.0.with_trainer(|t| t.load_from(&path, with_optimizer).or_raise())
    }

    /// Shows the user a line, where the fit under way shows its own.
    fn say(&self, line: &str) -> bool {
        let Some(mut trainer) = self.0.take_back() else { return false };
        trainer.say(line);
        self.0.lend(trainer);
        true
    }

    /// The layers of the model: kind, outputs, parameters.
    fn layers(&self) -> PyResult<Vec<(String, usize, usize)>> {
        self.0.peek(|t| t.model.layers().into_iter().map(|l| (l.layer, l.outputs, l.parameters)).collect())
    }

    /// The record of the fit under way or of the last one.
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let h = self.0.peek(|t| t.history.clone())?;
        let dict = PyDict::new(py);
        let rows = h.rows.iter().map(|r| (r.epoch, r.train_loss, r.valid_loss, r.metrics.clone(), r.seconds));
        dict.set_item("rows", rows.collect::<Vec<_>>())?;
        dict.set_item("metric_names", &h.metric_names)?;
        dict.set_item("iters", &h.iters)?;
        let n = h.losses.len();
        dict.set_item("losses", numpy(py, Numbers::F32(h.losses), &[n])?)?;
        dict.set_item("smooth_losses", numpy(py, Numbers::F32(h.smooth_losses), &[n])?)?;
        dict.set_item("lrs", numpy(py, Numbers::F64(h.lrs), &[n])?)?;
        dict.set_item("moms", numpy(py, Numbers::F64(h.moms), &[n])?)?;
        Ok(dict)
    }
}

const HYPERS: [(&str, Hyper); 5] = [
    ("lr", Hyper::Lr),
    ("mom", Hyper::Mom),
    ("sqr_mom", Hyper::SqrMom),
    ("eps", Hyper::Eps),
    ("wd", Hyper::Wd),
];
