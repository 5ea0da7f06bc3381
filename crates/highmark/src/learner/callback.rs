//! The trait that users implement, and the ordered list of callbacks.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::event::{Event, EventSet, Flow, RunKind, RunsOn, Span, Stage};
use super::identity::Identity;
use super::trainer::Trainer;
use crate::callbacks::Named;
use crate::{Error, ErrorKind, Result};

/// What a callback remembers, for a checkpoint: plain values, and numbers in bulk.
///
/// ```
/// use highmark::CallbackState;
/// let state = CallbackState::of(&(3, Some(0.25)))?;
/// let (wait, best): (usize, Option<f64>) = state.read()?;
/// assert_eq!((wait, best), (3, Some(0.25)));
/// assert!(state.read::<String>().is_err());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallbackState {
    /// Any value that serde can write as JSON, which has no numbers that are not finite.
    pub values: serde_json::Value,
    /// Tensors by name, flat. They are shared, so that saving a state copies no numbers in bulk.
    pub tensors: BTreeMap<String, Arc<[f32]>>,
}

impl CallbackState {
    /// Of a callback that remembers nothing from one event to the next.
    pub fn none() -> Self {
        Self::default()
    }

    /// State made of one value. Beware of floats that may be infinite or NaN, such as a best value so far: JSON has none, so
    /// they come back as nothing and the state cannot be read. `Option<f64>` for the best value says the same and comes back.
    pub fn of(values: &impl Serialize) -> Result<Self> {
        let values =
            serde_json::to_value(values).map_err(|e| Error::data(format!("a callback's state: {e}")))?;
        Ok(Self { values, tensors: BTreeMap::new() })
    }

    /// The value back.
    pub fn read<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        T::deserialize(&self.values)
            .map_err(|e| Error::data(format!("a callback's saved state does not fit: {e}")))
    }
}

/// Something that acts while a model trains. All hooks do nothing by default; each says when it is called.
///
/// ```
/// use highmark::{Callback, CallbackState, Event, EventSet, Flow, Result, Span, Stage, Trainer};
///
/// /// Ends the fit as soon as the validation loss is good enough.
/// struct GoodEnough(f64);
///
/// impl Callback for GoodEnough {
///     fn name(&self) -> &str { "good_enough" }
///     // After those who judge this epoch: a cancel is heard by nobody who comes later, and one of them may keep it as the best.
///     fn stage(&self) -> Stage { Stage::Stop }
///     fn events(&self) -> EventSet { EventSet::of(&[Event::After(Span::Epoch)]) }
///     fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
///         match t.history.this_epoch("valid_loss") {
///             Some(loss) if loss < self.0 => t.cancel(Span::Fit, format!("the loss is below {}", self.0)),
///             _ => Ok(()),
///         }
///     }
///     fn save_state(&self) -> Result<CallbackState> { Ok(CallbackState::none()) }
///     fn load_state(&mut self, _: &CallbackState) -> Result<()> { Ok(()) }
/// }
/// ```
#[allow(unused_variables, reason = "the names of the arguments are for the reader of the docs")]
pub trait Callback: Any + Send {
    /// A unique name: the key of its saved state, shown in errors and by `describe_loop`.
    fn name(&self) -> &str;

    /// Where in the order it runs. Default [`Stage::User`], which is before the record, the judges and the schedule. What is
    /// cancelled in a hook keeps the event from all that come later, so one that ends epochs or fits belongs to
    /// [`Stage::Stop`].
    fn stage(&self) -> Stage {
        Stage::User
    }

    /// In which runs it is called. Default fits.
    fn runs_on(&self) -> RunsOn {
        RunsOn::Fit
    }

    /// The events that it listens to; asked once at the start of a run, after which `before_fit` comes to everybody.
    /// Narrow it, so that the loop can take its fused step when nobody listens inside.
    fn events(&self) -> EventSet {
        EventSet::ALL
    }

    /// Whether its hooks around and inside training batches look at the parameters, their gradients or what the optimizer
    /// remembers, or change them; asked before each epoch's training. Default true, and so is it for [`on`].
    ///
    /// With `false` from all who listen there, the steps of embeddings that no row of a batch uses wait until one does, which
    /// makes training with columns of thousands of levels several times as fast and changes no bit. (Tables of fewer than
    /// 100,000 numbers, or of fewer levels than two batches have rows, are stepped whole in any case; so are all when gradients are
    /// clipped or come together from several batches, and under [`NonFinite::Rollback`](crate::NonFinite).)
    fn looks_at_model(&self) -> bool {
        true
    }

    /// Once, before the first epoch. An error here ends the fit before it begins.
    ///
    /// A fit that goes on from a checkpoint begins with it too, `t.is_resumed()` being true and `t.history` the record so
    /// far; [`Callback::load_state`] follows. Spans that were open when the checkpoint was made go on without a second
    /// `before`: what must outlast a batch belongs into the state.
    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Before each epoch; `t.progress().epoch` counts from 0.
    fn before_epoch(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Before the training batches of an epoch.
    fn before_train(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Before each batch, training or validation (`t.phase()`); `t.batch` can be changed.
    fn before_batch(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// `t.predictions` are there and can be changed.
    fn after_pred(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// `t.loss_value()` and, when training, `t.grad` are there; changing `t.grad` does not change the loss that is logged.
    fn after_loss(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Before the backward pass.
    fn before_backward(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// The gradients of the parameters are there and can be changed.
    fn after_backward(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Before the optimizer's step; cancelling [`Span::Batch`] here keeps the gradients for the next batch.
    fn before_step(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// After the optimizer's step, cancelled or not; the gradients are still there.
    fn after_step(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// After each batch, cancelled or not.
    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// After the training batches of an epoch.
    fn after_train(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Before the validation batches of an epoch.
    fn before_validate(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// After the validation batches of an epoch.
    fn after_validate(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// After each epoch, cancelled or not; `t.history` has its row.
    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// Once at the end, whatever ended it (`t.outcome()`), an error included; write it to be harmless twice.
    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        Ok(())
    }
    /// A hook has cancelled `span`.
    fn after_cancel(&mut self, span: Span, t: &mut Trainer) -> Flow {
        Ok(())
    }

    /// What decides how it acts on a fit, as JSON, an object best. A fit that goes on from a checkpoint must have callbacks with
    /// the same; one that has ended is extended with any. Default nothing, which is not compared: right for those who only
    /// watch.
    fn settings(&self) -> Result<serde_json::Value> {
        Ok(serde_json::Value::Null)
    }

    /// What it remembers, to go into a checkpoint; [`CallbackState::none`] if nothing.
    fn save_state(&self) -> Result<CallbackState>;

    /// Takes back what `save_state` gave: after `before_fit` of a fit that goes on from a checkpoint.
    fn load_state(&mut self, state: &CallbackState) -> Result<()>;

    /// What the loop calls. Override it only to treat all events alike.
    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        match event {
            Event::Before(Span::Fit) => self.before_fit(t),
            Event::Before(Span::Epoch) => self.before_epoch(t),
            Event::Before(Span::Train) => self.before_train(t),
            Event::Before(Span::Validate) => self.before_validate(t),
            Event::Before(Span::Batch) => self.before_batch(t),
            Event::Before(Span::Backward) => self.before_backward(t),
            Event::Before(Span::Step) => self.before_step(t),
            Event::AfterPred => self.after_pred(t),
            Event::AfterLoss => self.after_loss(t),
            Event::AfterCancel(span) => self.after_cancel(span, t),
            Event::After(Span::Fit) => self.after_fit(t),
            Event::After(Span::Epoch) => self.after_epoch(t),
            Event::After(Span::Train) => self.after_train(t),
            Event::After(Span::Validate) => self.after_validate(t),
            Event::After(Span::Batch) => self.after_batch(t),
            Event::After(Span::Backward) => self.after_backward(t),
            Event::After(Span::Step) => self.after_step(t),
        }
    }
}

/// Its name.
impl fmt::Debug for dyn Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Callbacks in the order in which they run.
///
/// ```
/// use highmark::{Callback, Callbacks, EarlyStopping, Monitor, TerminateOnNan};
/// let mut callbacks = Callbacks::default();
/// callbacks.add(Box::new(EarlyStopping::new(Monitor::new("valid_loss"))))?;
/// callbacks.add(Box::new(TerminateOnNan))?;
/// // The guard comes first, whatever was added first.
/// let names: Vec<_> = callbacks.iter().map(Callback::name).collect();
/// assert_eq!(names, ["terminate_on_nan", "early_stopping"]);
/// assert!(callbacks.add(Box::new(TerminateOnNan)).is_err());
/// assert!(callbacks.get::<EarlyStopping>().is_some());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Callbacks {
    list: Vec<Box<dyn Callback>>,
    /// For the run under way: what each listens to.
    listening: Vec<EventSet>,
}

impl Callbacks {
    /// Adds one behind those of its stage. Fails when its name is taken: a [`Named`] has another.
    pub fn add(&mut self, callback: Box<dyn Callback>) -> Result<()> {
        if self.list.iter().any(|c| c.name() == callback.name()) {
            let message = format!(
                "there are two called `{}`; remove one, or give it another name by `Named`",
                callback.name()
            );
            return Err(Error::config("callbacks", message));
        }
        let place = self.list.partition_point(|c| c.stage() <= callback.stage());
        self.list.insert(place, callback);
        Ok(())
    }

    /// Takes the one called `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Box<dyn Callback>> {
        let place = self.list.iter().position(|c| c.name() == name)?;
        Some(self.list.remove(place))
    }

    /// The first of type `T`, one under another name ([`Named`]) included.
    pub fn get<T: Callback>(&self) -> Option<&T> {
        self.all().next()
    }

    /// The same, to change.
    pub fn get_mut<T: Callback>(&mut self) -> Option<&mut T> {
        self.list.iter_mut().find_map(|callback| {
            let callback = callback.as_mut() as &mut dyn Any;
            if callback.is::<T>() {
                callback.downcast_mut()
            } else {
                callback.downcast_mut::<Named>()?.callback_mut()
            }
        })
    }

    /// Those of type `T`, in the order in which they run.
    pub(crate) fn all<T: Callback>(&self) -> impl Iterator<Item = &T> {
        self.list.iter().filter_map(|callback| {
            let callback = callback.as_ref() as &dyn Any;
            callback.downcast_ref().or_else(|| callback.downcast_ref::<Named>()?.callback())
        })
    }

    /// All, in the order in which they run.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Callback> {
        self.list.iter().map(AsRef::as_ref)
    }

    /// Who listens at each event of a fit, as text; whether the loop can take its fused step; and whether steps of embeddings
    /// may wait that nobody [looks at](Callback::looks_at_model).
    pub fn describe_loop(&self) -> String {
        let mut text = String::new();
        for event in Event::all() {
            let names: Vec<_> = self
                .iter()
                .filter(|c| c.events().contains(event))
                .map(|c| format!("{} ({:?})", c.name(), c.stage()))
                .collect();
            if !names.is_empty() {
                let _ = writeln!(text, "{:<24}{}", event.to_string(), names.join(", "));
            }
        }
        let unless = |in_the_way: &dyn Fn(&dyn Callback) -> bool| {
            let names: Vec<_> = self.iter().filter(|c| in_the_way(*c)).map(Callback::name).collect();
            if names.is_empty() { "yes".into() } else { format!("no, because of {}", names.join(", ")) }
        };
        let fused = unless(&|c| c.events().meets(EventSet::inside_step()));
        let _ = writeln!(text, "{:<24}{fused}", "fused step:");
        let unseen = unless(&|c| c.events().meets(EventSet::in_batch()) && c.looks_at_model());
        let _ = writeln!(text, "{:<24}{unseen}", "unseen steps may wait:");
        text
    }

    /// What the names of a callback's tensors in a checkpoint begin with. The dots of its own name are written otherwise, so that
    /// `a.b` with `c` is not `a` with `b.c`.
    pub(crate) fn prefix(callback: &str) -> String {
        format!("callback.{}.", callback.replace('%', "%25").replace('.', "%2E"))
    }

    /// Fails when the checkpoint holds the state of a callback that is not here.
    pub(crate) fn check_states(&self, from: &Checkpoint) -> Result<()> {
        let known = |name: &str| self.list.iter().any(|c| c.name() == name);
        let remembers = |(name, values): &(&String, &serde_json::Value)| {
            !values.is_null() || from.floats_under(&Self::prefix(name)).next().is_some()
        };
        match from.meta.callbacks.iter().find(|state| remembers(state) && !known(state.0)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::training(format!(
                "the checkpoint is of a fit with the callback `{name}`, which is not there now; add it to resume"
            ))),
        }
    }

    /// Gives everybody back what it had remembered. One that has other settings by now, which is allowed after the end of a
    /// fit, begins anew: what it remembers is of another column, say.
    pub(crate) fn load_states(&mut self, from: &Checkpoint) -> Result<()> {
        for callback in &mut self.list {
            let mut now = Identity::default();
            now.add_callback(&**callback)?;
            if !now.has_callback_of(&from.meta.identity, callback.name()) {
                continue;
            }
            let Some(values) = from.meta.callbacks.get(callback.name()) else { continue };
            let prefix = Self::prefix(callback.name());
            let tensors = from.floats_under(&prefix);
            let tensors = tensors.map(|(name, numbers)| (name.to_string(), numbers.into())).collect();
            let loaded = callback.load_state(&CallbackState { values: values.clone(), tensors });
            loaded.map_err(|source| Self::failed(&**callback, "load_state", source))?;
        }
        Ok(())
    }

    pub(crate) fn failed(callback: &dyn Callback, event: &str, source: Error) -> Error {
        ErrorKind::Callback { callback: callback.name().to_string(), event: event.into(), source }.into()
    }

    /// Asks everybody what they listen to in a run of this kind.
    pub(crate) fn listen(&mut self, kind: RunKind) {
        let wanted = |c: &dyn Callback| {
            let called = kind == RunKind::Fit || c.runs_on() == RunsOn::Everything;
            let events = c.events().or(EventSet::of(&[Event::Before(Span::Fit)]));
            if called { events } else { EventSet::NONE }
        };
        self.listening = self.list.iter().map(|c| wanted(c.as_ref())).collect();
    }

    pub(crate) fn anybody_inside_step(&self) -> bool {
        let inside = EventSet::inside_step();
        self.listening.iter().any(|events| events.meets(inside))
    }

    /// Whether somebody is called around or inside a training batch who may look at the model there.
    pub(crate) fn anybody_looks_at_model(&self) -> bool {
        let in_batch = EventSet::in_batch();
        let mut listening = self.list.iter().zip(&self.listening);
        listening.any(|(callback, events)| events.meets(in_batch) && callback.looks_at_model())
    }

    /// Those that listen to `event`; `training` tells training batches from others.
    pub(crate) fn listening(
        &mut self,
        event: Event,
        training: bool,
    ) -> impl Iterator<Item = &mut Box<dyn Callback>> {
        let in_batch = event.is_in_batch();
        let listeners = self.list.iter_mut().zip(&self.listening);
        listeners
            .filter(move |(c, events)| {
                events.contains(event) && (training || !in_batch || c.runs_on() != RunsOn::FitTrain)
            })
            .map(|(c, _)| c)
    }
}

/// A callback from a closure that is called at `event` of every fit, in [`Stage::User`]. What the closure has captured is in no
/// checkpoint: one that counts or compares is a [`Callback`] of its own. So is one that ends a fit after an epoch
/// ([`Stage::Stop`]): from here, those who keep the best model would not see that epoch, unless
/// [`crate::Learner::set_all_see_epochs_end`] says so.
///
/// ```
/// use highmark::{Event, Span, on};
/// let callback = on("announce", Event::After(Span::Epoch), |t| {
///     let line = format!("epoch {} done", t.progress().epoch);
///     t.say(&line);
///     Ok(())
/// });
/// # let _ = callback;
/// ```
pub fn on(
    name: impl Into<String>,
    event: Event,
    hook: impl FnMut(&mut Trainer) -> Flow + Send + 'static,
) -> Box<dyn Callback> {
    Box::new(Closure { name: name.into(), event, hook: Box::new(hook) })
}

type Hook = Box<dyn FnMut(&mut Trainer) -> Flow + Send>;

struct Closure {
    name: String,
    event: Event,
    hook: Hook,
}

impl Callback for Closure {
    fn name(&self) -> &str {
        &self.name
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[self.event])
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        if event == self.event { (self.hook)(t) } else { Ok(()) }
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
