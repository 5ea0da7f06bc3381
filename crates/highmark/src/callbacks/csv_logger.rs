//! Writes the table of a fit to a CSV file, a line an epoch (fastai's `CSVLogger`).

use std::path::PathBuf;

use super::log_file::{LogFile, LogMode, Was};
use crate::Result;
use crate::learner::{Callback, CallbackState, EpochRow, Event, EventSet, Flow, Span, Stage, Trainer};
use crate::repr::repr;

/// Writes `epoch,train_loss,valid_loss,<metrics>,time`; losses and metrics with all their digits, the time in seconds. A line
/// is in the file before training goes on, and on the disk when the fit has ended; one that cannot be written is tried again
/// with the next. What a cancelled pass left out is an empty field. A resumed fit goes on with the file as it was at the
/// checkpoint.
///
/// ```
/// use highmark::CsvLogger;
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// # let path = std::env::temp_dir().join(format!("highmark-doc-csv-logger-{}.csv", std::process::id()));
/// learn.callbacks_mut().add(Box::new(CsvLogger::new(&path)))?;
/// learn.fit(2, None)?;
/// let text = std::fs::read_to_string(&path).unwrap_or_default();
/// assert!(text.starts_with("epoch,train_loss,valid_loss,time\n0,"));
/// assert!(CsvLogger::is_of(&text, &learn.history().rows));
/// # std::fs::remove_file(&path).ok();
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct CsvLogger {
    mode: LogMode,
    file: LogFile,
}

impl CsvLogger {
    /// Writes to `path`, from its beginning.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { mode: LogMode::Anew, file: LogFile::new(path.into(), true) }
    }

    /// Whether a file's `text` begins with what is written of these epochs. What the metrics are called is not looked at.
    pub fn is_of(text: &str, rows: &[EpochRow]) -> bool {
        let (header, lines) = text.split_at(text.find('\n').map_or(text.len(), |end| end + 1));
        let wanted: String = rows.iter().map(line).collect();
        header.starts_with(COLUMNS) && header.ends_with(TIME) && lines.starts_with(&wanted)
    }

    /// Goes on after what the file holds; the header is written once.
    #[must_use]
    pub fn append(mut self) -> Self {
        self.mode = LogMode::Append;
        self
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
        EventSet::of(&[Event::After(Span::Epoch), Event::After(Span::Fit)])
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        if t.is_resumed() {
            let rows = t.history.rows.iter().take(t.history.iters.len());
            let text = header(t) + &rows.map(line).collect::<String>();
            // Of a file that others had begun only this fit's part is known.
            let text = if self.mode == LogMode::Anew { Was::Exactly(text) } else { Was::AlsoThis(text) };
            return Ok(self.file.reopen(text)?);
        }
        self.file.open(self.mode)?;
        if self.file.is_empty() {
            self.file.write(&header(t))?;
        }
        Ok(())
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        let Some(row) = t.history.rows.last() else { return Ok(()) };
        let line = line(row);
        self.file.add(&line, t);
        Ok(())
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        self.file.finish(t);
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&self.file.length())
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        self.file.cut(state.read()?)
    }
}

/// The columns before those of the metrics, and after them.
const COLUMNS: &str = "epoch,train_loss,valid_loss,";
const TIME: &str = "time\n";

fn header(t: &Trainer) -> String {
    let metrics = t.history.metric_names.iter().map(|name| quoted(name) + ",");
    format!("{COLUMNS}{}{TIME}", metrics.collect::<String>())
}

fn line(row: &EpochRow) -> String {
    let values = [row.train_loss, row.valid_loss].into_iter().chain(row.metrics.iter().copied());
    let values: String = values.map(|value| value.map(repr).unwrap_or_default() + ",").collect();
    format!("{},{values}{:.3}\n", row.epoch, row.seconds)
}

/// A field that a CSV reader reads back.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.into() }
}
