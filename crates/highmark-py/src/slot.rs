//! Where a learner is: at rest, away training, or lent to a hook that is written in Python.

use std::sync::{Mutex, MutexGuard, PoisonError};

use highmark::{Learner, Targets, Trainer};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::array::{Numbers, Shared};

/// The place of a learner, shared between its Python object and the callbacks of a fit.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    place: Place,
    loans: Vec<(Field, Shared)>,
}

#[derive(Default)]
enum Place {
    Idle(Box<Learner>),
    /// Training on the thread that called `fit`, or broken by a fault of the library.
    #[default]
    Away,
    /// A hook is being called.
    Lent(Box<Trainer>),
}

/// Numbers of a trainer that numpy can see in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Codes,
    Numbers,
    Targets,
    Predictions,
    Grad,
    Grads,
}

impl Field {
    pub(crate) fn parse(name: &str) -> PyResult<Self> {
        Ok(match name {
            "codes" => Self::Codes,
            "numbers" => Self::Numbers,
            "targets" => Self::Targets,
            "predictions" => Self::Predictions,
            "grad" => Self::Grad,
            "grads" => Self::Grads,
            _ => return Err(PyValueError::new_err(format!("there is no field `{name}`"))),
        })
    }

    /// Takes the numbers out, with their shape; `None` if there are none at this time.
    fn take(self, t: &mut Trainer) -> Option<(Numbers, Vec<usize>)> {
        let rows = t.batch.rows;
        let per_row = |len: usize| vec![rows, len.checked_div(rows).unwrap_or(0)];
        let floats = |from: &mut Vec<f32>| {
            let shape = per_row(from.len());
            Some((Numbers::F32(std::mem::take(from)), shape))
        };
        match self {
            Self::Codes => {
                let shape = per_row(t.batch.x_cat.len());
                Some((Numbers::U32(std::mem::take(&mut t.batch.x_cat)), shape))
            }
            Self::Numbers => floats(&mut t.batch.x_cont),
            Self::Predictions => floats(&mut t.predictions),
            Self::Grad if t.grad.is_empty() => None,
            Self::Grad => floats(&mut t.grad),
            Self::Grads => {
                let grads = std::mem::take(&mut t.model.params_mut().grads);
                let shape = vec![grads.len()];
                Some((Numbers::F32(grads), shape))
            }
            Self::Targets => match t.batch.targets.as_mut()? {
                Targets::Classes(classes) => Some((Numbers::U32(std::mem::take(classes)), vec![rows, 1])),
                Targets::Values { values, .. } => floats(values),
            },
        }
    }

    /// Puts numbers in. What does not fit the kind of the field cannot come here: it was taken from it.
    fn put(self, t: &mut Trainer, numbers: Numbers) {
        match (self, numbers) {
            (Self::Codes, Numbers::U32(v)) => t.batch.x_cat = v,
            (Self::Numbers, Numbers::F32(v)) => t.batch.x_cont = v,
            (Self::Predictions, Numbers::F32(v)) => t.predictions = v,
            (Self::Grad, Numbers::F32(v)) => t.grad = v,
            (Self::Grads, Numbers::F32(v)) => t.model.params_mut().grads = v,
            (Self::Targets, numbers) => match (t.batch.targets.as_mut(), numbers) {
                (Some(Targets::Classes(classes)), Numbers::U32(v)) => *classes = v,
                (Some(Targets::Values { values, .. }), Numbers::F32(v)) => *values = v,
                _ => {}
            },
            _ => {}
        }
    }

    /// The shape that it has while it is lent.
    fn shape(self, t: &Trainer, len: usize) -> Vec<usize> {
        let rows = t.batch.rows;
        if self == Self::Grads { vec![len] } else { vec![rows, len.checked_div(rows).unwrap_or(0)] }
    }
}

fn away() -> PyErr {
    PyRuntimeError::new_err("the learner is training; wait until fit returns, or look at it from a callback")
}

impl Slot {
    pub(crate) fn new(learner: Learner) -> Self {
        Self(Mutex::new(Inside { place: Place::Idle(Box::new(learner)), loans: Vec::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the learner away, to train it.
    pub(crate) fn take(&self) -> PyResult<Box<Learner>> {
        let mut inside = self.lock();
        match std::mem::take(&mut inside.place) {
            Place::Idle(learner) => Ok(learner),
            other => {
                inside.place = other;
                Err(PyRuntimeError::new_err(
                    "the learner is training; a callback cannot start another fit, validation or search",
                ))
            }
        }
    }

    /// Brings it back.
    pub(crate) fn put(&self, learner: Box<Learner>) {
        self.lock().place = Place::Idle(learner);
    }

    /// Lends a trainer to whoever asks while a hook runs.
    pub(crate) fn lend(&self, trainer: Box<Trainer>) {
        self.lock().place = Place::Lent(trainer);
    }

    /// Ends that; what numpy still holds becomes its own copy.
    pub(crate) fn take_back(&self) -> Option<Box<Trainer>> {
        let mut inside = self.lock();
        match std::mem::take(&mut inside.place) {
            Place::Lent(mut trainer) => {
                settle(&mut inside.loans, &mut trainer);
                Some(trainer)
            }
            other => {
                inside.place = other;
                None
            }
        }
    }

    /// Whether a hook has the trainer.
    pub(crate) fn is_lent(&self) -> bool {
        matches!(self.lock().place, Place::Lent(_))
    }

    /// Does something short with the trainer. Python must not be called in it.
    pub(crate) fn with_trainer<T>(&self, act: impl FnOnce(&mut Trainer) -> PyResult<T>) -> PyResult<T> {
        let mut inside = self.lock();
        let Inside { place, loans } = &mut *inside;
        match place {
            Place::Idle(learner) => act(learner.trainer_mut()),
            Place::Lent(trainer) => {
                settle(loans, trainer);
                act(trainer)
            }
            Place::Away => Err(away()),
        }
    }

    /// Looks at the trainer, while numpy may hold parts of it.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&Trainer) -> T) -> PyResult<T> {
        match &self.lock().place {
            Place::Idle(learner) => Ok(look(learner.trainer())),
            Place::Lent(trainer) => Ok(look(trainer)),
            Place::Away => Err(away()),
        }
    }

    /// Looks at the learner, at rest only.
    pub(crate) fn with_learner<T>(&self, act: impl FnOnce(&mut Learner) -> PyResult<T>) -> PyResult<T> {
        match &mut self.lock().place {
            Place::Idle(learner) => act(learner),
            _ => Err(away()),
        }
    }

    /// The numbers of a field as an array, in place; `None` when no batch is under way.
    pub(crate) fn array<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (array, shape) = {
            let mut inside = self.lock();
            let Inside { place, loans } = &mut *inside;
            let trainer = match place {
                Place::Lent(trainer) => trainer,
                Place::Idle(_) => return Ok(None),
                Place::Away => return Err(away()),
            };
            if !loans.iter().any(|(lent, _)| *lent == field) {
                let Some((numbers, _)) = field.take(trainer) else { return Ok(None) };
                loans.push((field, Shared::new(numbers)));
            }
            let Some((_, shared)) = loans.iter().find(|(lent, _)| *lent == field) else { return Ok(None) };
            let shape = field.shape(trainer, shared.len());
            (shared.array(shape.clone(), false)?, shape)
        };
        debug_assert_eq!(shape.iter().product::<usize>(), array.len());
        // Outside the lock, since Python is called.
        array.into_numpy(py).map(Some)
    }

    /// Replaces the numbers of a field.
    pub(crate) fn set(&self, field: Field, numbers: Numbers) -> PyResult<()> {
        self.with_trainer(|t| {
            let Some((old, shape)) = field.take(t) else {
                return Err(PyRuntimeError::new_err("there is nothing to replace at this event"));
            };
            let fits = old.len() == numbers.len();
            let given = numbers.len();
            field.put(t, if fits { numbers } else { old });
            if fits {
                return Ok(());
            }
            Err(PyValueError::new_err(format!("{given} numbers cannot replace an array of shape {shape:?}")))
        })
    }
}

fn settle(loans: &mut Vec<(Field, Shared)>, trainer: &mut Trainer) {
    for (field, shared) in loans.drain(..) {
        field.put(trainer, shared.take_back());
    }
}
