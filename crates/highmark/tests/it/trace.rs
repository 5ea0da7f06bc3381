//! A callback that writes down every event and, at one of them, does something.

use highmark::{Callback, CallbackState, Error, Event, Flow, Result, Span, Stage, Trainer};

/// What to do at an event, once.
pub(crate) enum Act {
    Cancel(Span),
    Fail,
}

/// Hears everything through [`Callback::handle`] alone.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) stage: Option<Stage>,
    /// Done in this order, each at the first such event after the one before.
    pub(crate) plan: Vec<(Event, Act)>,
    pub(crate) events: Vec<Event>,
    /// How many events there had been when the last of the plan was done, that one included.
    pub(crate) done_at: Option<usize>,
}

impl Trace {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    pub(crate) fn count(&self, event: Event) -> usize {
        self.events.iter().filter(|e| **e == event).count()
    }
}

impl Callback for Trace {
    fn name(&self) -> &str {
        self.name
    }

    fn stage(&self) -> Stage {
        self.stage.unwrap_or(Stage::User)
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        self.events.push(event);
        if self.plan.first().is_none_or(|(at, _)| *at != event) {
            return Ok(());
        }
        self.done_at = Some(self.events.len());
        match self.plan.remove(0).1 {
            Act::Cancel(span) => t.cancel(span, "as planned"),
            Act::Fail => Err(Error::training("as planned").into()),
        }
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

/// Events in brief: `batch{` before, `}batch` after, `batch!` after a cancel.
pub(crate) fn brief(events: &[Event]) -> String {
    let name = |span: &Span| format!("{span:?}").to_lowercase();
    let word = |event: &Event| match event {
        Event::Before(span) => format!("{}{{", name(span)),
        Event::AfterPred => "pred".into(),
        Event::AfterLoss => "loss".into(),
        Event::AfterCancel(span) => format!("{}!", name(span)),
        Event::After(span) => format!("}}{}", name(span)),
    };
    events.iter().map(word).collect::<Vec<_>>().join(" ")
}
