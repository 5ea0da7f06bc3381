//! Appends what happens in a fit to a file, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Outcome, Span, Stage, Trainer};
use crate::{Error, Result};

/// Writes `{"event": "fit", …}` at the start, `"epoch"` with losses, metrics and learning rate after each epoch, `"cancel"`
/// for what was cancelled and `"end"` with the outcome; with how many values were not finite, if any. A number that is not finite is `null`.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: Option<File>,
    cancels: usize,
}

impl EventLog {
    /// Appends to `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None, cancels: 0 }
    }

    fn write(&mut self, event: &Value) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        writeln!(file, "{event}").map_err(|e| Error::io("write", &self.path, e))
    }

    fn write_cancels(&mut self, t: &Trainer) -> Result<()> {
        for cancel in t.cancels().iter().skip(self.cancels) {
            let span = format!("{:?}", cancel.span).to_lowercase();
            let (by, at) = (&cancel.by, cancel.at.to_string());
            self.write(&json!({"event": "cancel", "span": span, "by": by, "at": at, "epoch": cancel.epoch, "reason": cancel.reason}))?;
        }
        self.cancels = t.cancels().len();
        Ok(())
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
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        self.file = Some(file.map_err(|e| Error::io("write", &self.path, e))?);
        self.cancels = 0;
        let at = t.progress();
        Ok(self.write(&json!({"event": "fit", "epochs": at.n_epoch, "seed": t.seed(), "parameters": t.model.params().len()}))?)
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        self.write_cancels(t)?;
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
        Ok(self.write(&event)?)
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        self.write_cancels(t)?;
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
        Ok(self.write(&event)?)
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}
