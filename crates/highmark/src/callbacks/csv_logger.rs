//! Writes the table of a fit to a CSV file, a line an epoch (fastai's `CSVLogger`).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Span, Stage, Trainer};
use crate::repr::repr;
use crate::{Error, Result};

/// Writes `epoch,train_loss,valid_loss,<metrics>,time`; losses and metrics with all their digits, the time in seconds. Each
/// line is on the disk before training goes on. What a cancelled pass left out is an empty field.
#[derive(Debug)]
pub struct CsvLogger {
    path: PathBuf,
    append: bool,
    file: Option<File>,
}

impl CsvLogger {
    /// Writes to `path`, from its beginning.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), append: false, file: None }
    }

    /// Goes on after what the file holds; the header is written once.
    #[must_use]
    pub fn append(mut self) -> Self {
        self.append = true;
        self
    }

    fn write(&mut self, line: &str) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = writeln!(file, "{line}").and_then(|()| file.sync_data());
        written.map_err(|e| Error::io("write", &self.path, e))
    }
}

impl Callback for CsvLogger {
    fn name(&self) -> &'static str {
        "csv_logger"
    }

    fn stage(&self) -> Stage {
        Stage::Report
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Epoch)])
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(self.append).truncate(!self.append);
        let file = options.open(&self.path).map_err(|e| Error::io("write", &self.path, e))?;
        let empty = file.metadata().map_err(|e| Error::io("read", &self.path, e))?.len() == 0;
        self.file = Some(file);
        if empty {
            let metrics = t.history.metric_names.iter().map(|name| quoted(name) + ",");
            self.write(&format!("epoch,train_loss,valid_loss,{}time", metrics.collect::<String>()))?;
        }
        Ok(())
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        let Some(row) = t.history.rows.last() else { return Ok(()) };
        let values = [row.train_loss, row.valid_loss].into_iter().chain(row.metrics.iter().copied());
        let values: String = values.map(|value| value.map(repr).unwrap_or_default() + ",").collect();
        let line = format!("{},{values}{:.3}", row.epoch, row.seconds);
        Ok(self.write(&line)?)
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

/// A field that a CSV reader reads back.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.into() }
}
