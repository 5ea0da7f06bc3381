//! Appends what happens in a fit to a file, one JSON object a line.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::log_file::{LogFile, LogMode};
use crate::Result;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Outcome, Span, Stage, Trainer};

/// Writes `{"event": "fit", …}` at the start, `"epoch"` with losses, metrics and learning rate after each epoch, `"cancel"`
/// for what was cancelled and `"end"` with the outcome; with how many values were not finite, if any. A number that is not finite is `null`. A resumed fit goes on with
/// the file as it was at the checkpoint: what came after it happens again.
#[derive(Debug)]
pub struct EventLog {
    file: LogFile,
    cancels: usize,
}

impl EventLog {
    /// Appends to `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { file: LogFile::new(path.into(), false), cancels: 0 }
    }

    fn write(&mut self, event: &Value, t: &mut Trainer) {
        self.file.add(&format!("{event}\n"), t);
    }

    fn write_cancels(&mut self, t: &mut Trainer) {
        for i in self.cancels..t.cancels().len() {
            let cancel = &t.cancels()[i];
            let span = format!("{:?}", cancel.span).to_lowercase();
            let (by, at) = (&cancel.by, cancel.at.to_string());
            let event = json!({"event": "cancel", "span": span, "by": by, "at": at, "epoch": cancel.epoch, "reason": cancel.reason});
            self.write(&event, t);
        }
        self.cancels = t.cancels().len();
    }
}

impl Callback for EventLog {
    fn name(&self) -> &'static str {
        "event_log"
    }

    fn stage(&self) -> Stage {
        Stage::Report
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Epoch), Event::After(Span::Fit)])
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        self.cancels = 0;
        if t.is_resumed() {
            return Ok(self.file.reopen(String::new())?);
        }
        self.file.open(LogMode::Append)?;
        let (epochs, seed, parameters) = (t.progress().n_epoch, t.seed(), t.model.params().len());
        let event = json!({"event": "fit", "epochs": epochs, "seed": seed, "parameters": parameters});
        Ok(self.file.write(&format!("{event}\n"))?)
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        self.write_cancels(t);
        let Some(row) = t.history.rows.last() else { return Ok(()) };
        let mut event = json!({
            "event": "epoch", "epoch": row.epoch, "train_loss": row.train_loss, "valid_loss": row.valid_loss,
            "lr": t.optimizer.lr(), "seconds": row.seconds,
        });
        for (name, value) in t.history.metric_names.iter().zip(&row.metrics) {
            event[name] = json!(value);
        }
        if !t.non_finite().is_empty() {
            event["non_finite"] = json!(t.non_finite());
        }
        self.write(&event, t);
        Ok(())
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        self.write_cancels(t);
        let outcome = match t.outcome() {
            Outcome::Completed => "completed",
            Outcome::Cancelled(_) => "cancelled",
            Outcome::Interrupted => "interrupted",
            Outcome::Failed(_) => "failed",
            Outcome::Running => "running",
        };
        let message = if let Outcome::Failed(message) = t.outcome() { Some(message) } else { None };
        let mut event = json!({"event": "end", "outcome": outcome, "epochs_run": t.history.rows.len(), "message": message});
        if !t.non_finite().is_empty() {
            event["non_finite"] = json!(t.non_finite());
        }
        self.write(&event, t);
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&(self.file.length(), self.cancels))
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        let (length, cancels) = state.read()?;
        self.cancels = cancels;
        self.file.cut(length)
    }
}
