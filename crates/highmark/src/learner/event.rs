//! The vocabulary of the loop: spans, events, and how a hook answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;

/// A stretch of training that a hook can cancel, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Span {
    /// Everything from the first epoch to the last.
    Fit,
    /// Training and validation once.
    Epoch,
    /// All training batches of an epoch.
    Train,
    /// All validation batches of an epoch.
    Validate,
    /// One batch, of either kind.
    Batch,
    /// The backward pass.
    Backward,
    /// The optimizer's step.
    Step,
}

impl Span {
    /// Every span, outermost first.
    pub const ALL: [Self; 7] =
        [Self::Fit, Self::Epoch, Self::Train, Self::Validate, Self::Batch, Self::Backward, Self::Step];
}

/// A moment at which callbacks are called: fastai's 23 loop events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A span begins.
    Before(Span),
    /// The model has predicted this batch.
    AfterPred,
    /// The loss of this batch and its gradient are known.
    AfterLoss,
    /// A hook has cancelled the span; [`Event::After`] follows.
    AfterCancel(Span),
    /// A span has ended, cancelled or not.
    After(Span),
}

impl Event {
    /// Every event.
    pub fn all() -> impl Iterator<Item = Self> {
        let spans = |event: fn(Span) -> Self| Span::ALL.into_iter().map(event);
        spans(Self::Before)
            .chain([Self::AfterPred, Self::AfterLoss])
            .chain(spans(Self::AfterCancel))
            .chain(spans(Self::After))
    }

    /// Whether it belongs to a batch, of training or validation, its beginning and its end included.
    ///
    /// ```
    /// use highmark::{Event, Span};
    /// assert!(Event::AfterLoss.is_in_batch() && Event::Before(Span::Batch).is_in_batch());
    /// assert!(!Event::Before(Span::Train).is_in_batch());
    /// ```
    pub fn is_in_batch(self) -> bool {
        match self {
            Self::AfterPred | Self::AfterLoss => true,
            Self::Before(span) | Self::AfterCancel(span) | Self::After(span) => span >= Span::Batch,
        }
    }

    fn bit(self) -> u32 {
        let (kind, span) = match self {
            Self::Before(span) => (0, span as u32),
            Self::AfterCancel(span) => (1, span as u32),
            Self::After(span) => (2, span as u32),
            Self::AfterPred => (3, 0),
            Self::AfterLoss => (3, 1),
        };
        1 << (kind * 7 + span)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |span: &Span| format!("{span:?}").to_lowercase();
        match self {
            Self::Before(span) => write!(f, "before_{}", name(span)),
            Self::AfterPred => f.write_str("after_pred"),
            Self::AfterLoss => f.write_str("after_loss"),
            Self::AfterCancel(span) => write!(f, "after_cancel_{}", name(span)),
            Self::After(span) => write!(f, "after_{}", name(span)),
        }
    }
}

/// A set of events.
///
/// ```
/// use highmark::{Event, EventSet, Span};
/// let set = EventSet::of(&[Event::Before(Span::Fit), Event::After(Span::Epoch)]);
/// assert!(set.contains(Event::After(Span::Epoch)) && !set.contains(Event::AfterLoss));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSet(u32);

impl EventSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// All: right for every callback, and slower, since the loop cannot take its fused step.
    pub const ALL: Self = Self(u32::MAX);

    /// These.
    pub fn of(events: &[Event]) -> Self {
        Self(events.iter().fold(0, |set, event| set | event.bit()))
    }

    /// The events between the prediction and the end of the optimizer's step.
    pub(crate) fn inside_step() -> Self {
        let around = [Event::Before(Span::Batch), Event::AfterCancel(Span::Batch), Event::After(Span::Batch)];
        Self(Self::in_batch().0 & !Self::of(&around).0)
    }

    /// The events of a batch, its beginning and its end included.
    pub(crate) fn in_batch() -> Self {
        let events = Event::all().filter(|event| event.is_in_batch());
        Self(events.fold(0, |set, event| set | event.bit()))
    }

    /// Whether it is one of them.
    pub fn contains(self, event: Event) -> bool {
        self.0 & event.bit() != 0
    }

    /// Whether the two have an event in common.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The events of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why a hook did not let the loop go on.
#[derive(Debug)]
pub enum Signal {
    /// Leave this span; training goes on after it. Made by [`crate::Trainer::cancel`].
    Cancel(Span),
    /// The stop flag is up: the run ends where it is. Only the loop makes it, between two batches; a hook raises
    /// [`crate::StopFlag`].
    Stop,
    /// Training has failed.
    Fail(Error),
}

impl<E: Into<Error>> From<E> for Signal {
    fn from(error: E) -> Self {
        Self::Fail(error.into())
    }
}

/// What a hook returns; `?` serves errors and cancels alike.
pub type Flow = Result<(), Signal>;

/// Where in the order a callback runs, earliest first; callbacks of one stage run in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Looks for trouble before anybody uses the numbers.
    Guard,
    /// Anything else.
    User,
    /// Looks at gradients or changes them.
    Gradient,
    /// Sets learning rates. The schedule of a fit is the last of them: what changes its rates comes in a later stage.
    Schedule,
    /// Tells people and files what the epoch brought. Before the judges: one of them may end the fit, and what would come
    /// after it is not called.
    Report,
    /// Judges an epoch: keeps the best.
    Monitor,
    /// Changes how it goes on: lowers the rate.
    Adjust,
    /// May end the fit, once the other judges have acted.
    Stop,
    /// Saves everything, the others' state included.
    Persist,
}

/// In which passes a callback's batch events are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOn {
    /// In fits only: training and validation.
    Fit,
    /// In the training batches of fits only; events outside batches as in `Fit`.
    FitTrain,
    /// In fits, in [`crate::Learner::validate`], and in [`crate::Learner::lr_find_with`] if it was given to that. Predicting has
    /// no events.
    Everything,
}

/// What the loop is doing it for. Only a fit may change the optimizer, the random streams, the history or a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// `fit` in all its forms.
    Fit,
    /// `validate`.
    Validate,
    /// `predict`.
    Predict,
    /// `lr_find`.
    LrFind,
}
