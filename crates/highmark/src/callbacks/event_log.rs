//! Appends what happens in a fit to a file, one JSON object a line.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::log_file::{LogFile, LogMode, Was};
use crate::Result;
use crate::learner::{
    Callback, CallbackState, Cancel, EpochRow, Event, EventSet, Flow, Outcome, Span, Stage, Trainer,
};

/// Writes `{"event": "fit", …}` at the start, `"epoch"` with losses, metrics and learning rate after each epoch, `"cancel"`
/// for what was cancelled and `"end"` with the outcome; with how many values were not finite, if any. A number that is not finite is `null`. A resumed fit goes on with
/// the file as it was at the checkpoint: what came after it happens again.
///
/// ```
/// use highmark::EventLog;
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// # let path = std::env::temp_dir().join(format!("highmark-doc-event-log-{}.jsonl", std::process::id()));
/// # std::fs::remove_file(&path).ok();
/// learn.callbacks_mut().add(Box::new(EventLog::new(&path)))?;
/// learn.fit(2, None)?;
/// let text = std::fs::read_to_string(&path).unwrap_or_default();
/// assert_eq!(text.lines().count(), 4);
/// for (line, event) in text.lines().zip(["fit", "epoch", "epoch", "end"]) {
///     assert!(line.contains(&format!("\"event\":\"{event}\"")), "{line}");
/// }
/// # std::fs::remove_file(&path).ok();
/// # Ok::<(), highmark::Error>(())
/// ```
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
            let event = of_cancel(&t.cancels()[i]);
            self.write(&event, t);
        }
        self.cancels = t.cancels().len();
    }
}

fn of_fit(t: &Trainer) -> Value {
    let (epochs, seed, parameters) = (t.progress().n_epoch, t.seed(), t.model.params().len());
    json!({"event": "fit", "epochs": epochs, "seed": seed, "parameters": parameters})
}

fn of_cancel(cancel: &Cancel) -> Value {
    let span = format!("{:?}", cancel.span).to_lowercase();
    let (by, at) = (&cancel.by, cancel.at.to_string());
    json!({"event": "cancel", "span": span, "by": by, "at": at, "epoch": cancel.epoch, "reason": cancel.reason})
}

fn of_epoch(row: &EpochRow, lr: Option<f64>, t: &Trainer) -> Value {
    let mut event = json!({
        "event": "epoch", "epoch": row.epoch, "train_loss": row.train_loss, "valid_loss": row.valid_loss,
        "lr": lr, "seconds": row.seconds,
    });
    for (name, value) in t.history.metric_names.iter().zip(&row.metrics) {
        event[name] = json!(value);
    }
    event
}

/// The lines of the epochs that have ended, for a file that has gone: all but how many values were not finite by then.
fn from_history(t: &Trainer) -> String {
    let mut events = vec![of_fit(t)];
    for (row, iters) in t.history.rows.iter().zip(&t.history.iters) {
        let within = |cancel: &&Cancel| cancel.epoch == row.epoch && cancel.span != Span::Fit;
        events.extend(t.cancels().iter().filter(within).map(of_cancel));
        let lr = iters.checked_sub(1).and_then(|last| t.history.lrs.get(last).copied());
        events.push(of_epoch(row, lr, t));
    }
    events.iter().map(|event| format!("{event}\n")).collect()
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
            return Ok(self.file.reopen(Was::MoreThan(from_history(t)))?);
        }
        self.file.open(LogMode::Append)?;
        Ok(self.file.write(&format!("{}\n", of_fit(t)))?)
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        self.write_cancels(t);
        let Some(row) = t.history.rows.last() else { return Ok(()) };
        let mut event = of_epoch(row, Some(t.optimizer.lr()), t);
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
