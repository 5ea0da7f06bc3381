//! A file of scripted runs: what `make_tracker_golden.py` writes.

use std::path::Path;

use highmark::{Direction, Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// The whole file.
#[derive(Deserialize)]
pub(crate) struct Cases {
    pub(crate) cases: Vec<Case>,
}

impl Cases {
    pub(crate) fn read(path: &Path) -> Result<Vec<Case>> {
        let text = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let cases: Self = serde_json::from_slice(&text).map_err(|e| Error::file(path, e.to_string()))?;
        Ok(cases.cases)
    }
}

/// Whose callbacks ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum System {
    Fastai,
    Keras,
}

/// One run: what the metric was scripted to be, the callbacks, and what they did.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) system: System,
    monitor: Option<String>,
    mode: Option<String>,
    pub(crate) epochs: usize,
    values: Vec<Option<f64>>,
    pub(crate) callbacks: Trackers,
    epochs_run: usize,
    pub(crate) lr: Vec<f64>,
    weights_of_epoch: f64,
    printed: Vec<String>,
    files: Option<Vec<String>>,
    saved: Option<Vec<String>>,
    error: Option<String>,
}

/// The callbacks with their options; each system has its own names for them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trackers {
    #[serde(alias = "EarlyStopping")]
    pub(crate) early_stopping: Option<Stopping>,
    #[serde(alias = "ModelCheckpoint")]
    pub(crate) save_model: Option<Saving>,
    #[serde(alias = "ReduceLROnPlateau")]
    pub(crate) reduce_lr: Option<Reducing>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Stopping {
    #[serde(default)]
    pub(crate) min_delta: f64,
    pub(crate) comp: Option<String>,
    pub(crate) patience: usize,
    pub(crate) baseline: Option<f64>,
    #[serde(default)]
    pub(crate) restore_best_weights: bool,
    #[serde(default)]
    pub(crate) start_from_epoch: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Saving {
    #[serde(default)]
    pub(crate) min_delta: f64,
    pub(crate) comp: Option<String>,
    /// `true`, `false` or a number of epochs.
    #[serde(default)]
    every_epoch: Value,
    #[serde(default)]
    pub(crate) at_end: bool,
    #[serde(default = "yes")]
    pub(crate) reset_on_fit: bool,
    /// Keras's template of a name; it only saves the best with `save_best_only`.
    pub(crate) filepath: Option<String>,
    #[serde(default)]
    save_best_only: bool,
    pub(crate) initial_value_threshold: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reducing {
    #[serde(default)]
    pub(crate) min_delta: f64,
    pub(crate) comp: Option<String>,
    pub(crate) patience: usize,
    pub(crate) factor: f64,
    #[serde(default)]
    pub(crate) cooldown: usize,
    pub(crate) min_lr: f64,
}

fn yes() -> bool {
    true
}

impl Saving {
    /// After how many epochs each it saves; `None` if it saves the best.
    pub(crate) fn every(&self) -> Option<usize> {
        if self.filepath.is_some() {
            return (!self.save_best_only).then_some(1);
        }
        match &self.every_epoch {
            Value::Bool(true) => Some(1),
            Value::Number(n) => n.as_u64().filter(|n| *n > 0).map(|n| n as usize),
            _ => None,
        }
    }

    /// Keras's name for the file of this epoch, counted from 0.
    pub(crate) fn name(&self, epoch: usize) -> String {
        let template = self.filepath.as_deref().unwrap_or_default();
        template.replace("{epoch:02d}", &format!("{:02}", epoch + 1))
    }
}

impl Case {
    /// The monitored column.
    pub(crate) fn monitor(&self) -> &str {
        self.monitor.as_deref().unwrap_or("val_x")
    }

    /// Its values by epoch.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    }

    /// The direction of the metric: fastai's guess from the name, or what Keras was told.
    pub(crate) fn direction(&self) -> Direction {
        let lower = match &self.mode {
            Some(mode) => mode == "min",
            None => self.monitor().contains("loss") || self.monitor().contains("error"),
        };
        if lower { Direction::Lower } else { Direction::Higher }
    }

    /// What the system did.
    pub(crate) fn recorded(&self) -> Seen {
        let lines = self.printed.iter().map(|line| match self.system {
            System::Fastai => Line::Text(line.clone()),
            System::Keras => Line::of_keras(line),
        });
        let mut files = self.files.clone().or(self.saved.clone()).unwrap_or_default();
        if self.system == System::Fastai {
            files = files.iter().map(|file| file.trim_end_matches(".pth").to_string()).collect();
            files.sort();
        }
        Seen {
            epochs: self.epochs_run,
            rates: self.lr.clone(),
            weights: self.weights_of_epoch,
            lines: lines.collect(),
            files,
            error: self.error.clone(),
        }
    }
}

/// The direction that `comp` asks for.
pub(crate) fn asked(comp: Option<&str>) -> Option<Direction> {
    match comp {
        Some("less") => Some(Direction::Lower),
        Some("greater") => Some(Direction::Higher),
        _ => None,
    }
}

/// What a run did, by whomever.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) epochs: usize,
    /// The learning rate of each epoch.
    pub(crate) rates: Vec<f64>,
    /// The epoch whose weights the model holds in the end.
    pub(crate) weights: f64,
    pub(crate) lines: Vec<Line>,
    /// fastai: the names of the files in the end, sorted; Keras: of the files saved, in order.
    pub(crate) files: Vec<String>,
    pub(crate) error: Option<String>,
}

/// Something shown to the user. Keras's lines are compared by what they say, epochs counted from 1 as it does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Text(String),
    Reduced { epoch: usize, lr: f64 },
    Stopped { epoch: usize },
    Restored { epoch: usize },
}

impl Line {
    fn of_keras(text: &str) -> Self {
        let line = || {
            if let Some(epoch) = text.strip_prefix("Restoring model weights from the end of the best epoch: ")
            {
                return Some(Self::Restored { epoch: epoch.trim_end_matches('.').parse().ok()? });
            }
            let (epoch, rest) = text.strip_prefix("Epoch ")?.split_once(": ")?;
            let epoch = epoch.parse().ok()?;
            if rest == "early stopping" {
                return Some(Self::Stopped { epoch });
            }
            let lr = rest.strip_prefix("ReduceLROnPlateau reducing learning rate to ")?;
            Some(Self::Reduced { epoch, lr: lr.strip_suffix('.')?.parse().ok()? })
        };
        line().unwrap_or_else(|| Self::Text(text.into()))
    }

    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reduced { epoch: a, lr }, Self::Reduced { epoch: b, lr: other }) => {
                a == b && near(*lr, *other)
            }
            _ => self == other,
        }
    }
}

impl Seen {
    /// In what two runs differ; nothing if they agree.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, same: bool, ours: String, theirs: String| {
            if !same {
                differences.push(format!("{what}: {ours}, not {theirs}"));
            }
        };
        let rates = self.rates.len() == other.rates.len()
            && self.rates.iter().zip(&other.rates).all(|(a, b)| near(*a, *b));
        let lines = self.lines.len() == other.lines.len()
            && self.lines.iter().zip(&other.lines).all(|(a, b)| a.agrees(b));
        let weights = self.weights == other.weights;
        compare("epochs run", self.epochs == other.epochs, self.epochs.to_string(), other.epochs.to_string());
        compare("rates", rates, format!("{:?}", self.rates), format!("{:?}", other.rates));
        compare("weights of epoch", weights, self.weights.to_string(), other.weights.to_string());
        compare("lines", lines, format!("{:?}", self.lines), format!("{:?}", other.lines));
        compare(
            "files",
            self.files == other.files,
            format!("{:?}", self.files),
            format!("{:?}", other.files),
        );
        compare(
            "error",
            self.error == other.error,
            format!("{:?}", self.error),
            format!("{:?}", other.error),
        );
        differences
    }
}

/// Keras keeps its rate as a 32-bit number.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs()
}
