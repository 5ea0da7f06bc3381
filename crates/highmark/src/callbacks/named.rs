//! A callback under another name.

use std::any::Any;

use crate::Result;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, RunsOn, Stage, Trainer};

/// A callback under another name, so that a learner can have two of one kind.
///
/// ```
/// use highmark::{Callback, CsvLogger, Named};
/// let logs: [Box<dyn Callback>; 2] = [
///     Box::new(CsvLogger::new("history.csv")),
///     Box::new(Named::new("csv_backup", Box::new(CsvLogger::new("backup/history.csv")))),
/// ];
/// assert_ne!(logs[0].name(), logs[1].name());
/// let backup = (&*logs[1] as &dyn std::any::Any).downcast_ref::<Named>().unwrap();
/// assert!(backup.callback::<CsvLogger>().is_some());
/// ```
#[derive(Debug)]
pub struct Named {
    name: String,
    callback: Box<dyn Callback>,
}

impl Named {
    /// `callback`, called `name`.
    pub fn new(name: impl Into<String>, callback: Box<dyn Callback>) -> Self {
        Self { name: name.into(), callback }
    }

    /// The callback itself, if it is a `T`. [`crate::Callbacks::iter`] goes over all, to be found by their names.
    pub fn callback<T: Callback>(&self) -> Option<&T> {
        (self.callback.as_ref() as &dyn Any).downcast_ref()
    }

    /// The same, to change.
    pub fn callback_mut<T: Callback>(&mut self) -> Option<&mut T> {
        (self.callback.as_mut() as &mut dyn Any).downcast_mut()
    }
}

impl Callback for Named {
    fn name(&self) -> &str {
        &self.name
    }

    fn stage(&self) -> Stage {
        self.callback.stage()
    }

    fn runs_on(&self) -> RunsOn {
        self.callback.runs_on()
    }

    fn events(&self) -> EventSet {
        self.callback.events()
    }

    fn looks_at_model(&self) -> bool {
        self.callback.looks_at_model()
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        self.callback.handle(event, t)
    }

    fn settings(&self) -> Result<serde_json::Value> {
        self.callback.settings()
    }

    fn save_state(&self) -> Result<CallbackState> {
        self.callback.save_state()
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        self.callback.load_state(state)
    }
}
