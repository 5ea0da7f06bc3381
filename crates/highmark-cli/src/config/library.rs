//! The settings as the library takes them.

use std::ops::Range;
use std::path::Path;

use highmark::{
    ActivationFn, CheckpointConfig, Clip, CsvOptions, DataConfig, EarlyStopping, LearnerConfig, LossKind,
    Metric, Monitor, NonFinite, OptimizerConfig, OptimizerKind, Proc, Schedule, Split, TabularConfig, metric,
};

use super::{Config, Named};
use crate::failure::{Failure, Result};
use crate::source;

/// Epochs without improvement that are always allowed, if nothing else was asked for.
const PATIENCE: usize = 3;

impl Config {
    /// How its files are written.
    pub(crate) fn csv_options(&self) -> Result<CsvOptions> {
        let mut options = CsvOptions { header: self.header, ..CsvOptions::default() };
        options.delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("\\t" | "tab") => Some(b'\t'),
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => {
                    Some(*byte)
                }
                _ => {
                    let message = format!("delimiter: must be one character such as ; or tab, not `{text}`");
                    return Err(Failure::usage(message));
                }
            },
        };
        options.decimal = match self.decimal.as_deref() {
            None | Some(".") => b'.',
            Some(",") => b',',
            Some(text) => {
                return Err(Failure::usage(format!("decimal: must be . or , and not `{text}`")));
            }
        };
        options.missing.extend(self.missing.0.iter().cloned());
        Ok(options)
    }

    /// The range of the validation rows, if one is given.
    pub(super) fn valid_range(&self) -> Result<Option<Range<usize>>> {
        let Some(text) = &self.valid_rows else { return Ok(None) };
        let wrong = || {
            let message =
                format!("valid-rows: `{text}` is no range; write the first row, .. and the end: 1024..1260");
            Failure::usage(message)
        };
        let (start, end) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (start, end) = (number(start)?, number(end)?);
        if start >= end {
            return Err(Failure::usage(format!(
                "valid-rows: {start}..{end} holds no row; the end must be larger"
            )));
        }
        Ok(Some(start..end))
    }

    /// What ends the run when the monitored column no longer improves; none when all epochs are to run. Without a patience
    /// that was asked for, it is as patient as the run is long.
    pub(crate) fn stopping(&self) -> Option<EarlyStopping> {
        self.early_stopping.then(|| {
            EarlyStopping::new(Monitor::new(self.monitor()).min_delta(self.min_delta))
                .patience(self.patience.unwrap_or(PATIENCE))
                .scaled_to_fit(self.patience.is_none())
        })
    }

    /// What to make of the table; reads the validation file if there is one.
    pub(crate) fn data_config(&self) -> Result<DataConfig> {
        let valid = if let Some(file) = &self.valid_file {
            Split::Table(source::read(file, &self.csv_options()?)?)
        } else if let Some(rows) = self.valid_range()? {
            Split::Rows(rows)
        } else {
            let fraction = self.valid_frac.unwrap_or(0.2);
            Split::Fraction { fraction, seed: self.seed, stratify: self.stratify.unwrap_or(false) }
        };
        let procs = self.procs.0.iter().map(|name| Proc::parse(name)).collect::<Result<_, _>>();
        Ok(DataConfig {
            targets: self.target.0.clone(),
            task: self.task,
            classes: None,
            cat: self.cat.clone().map(|names| names.0),
            cont: self.cont.clone().map(|names| names.0),
            also_cat: self.also_cat.0.clone(),
            ignore: self.ignore.0.clone(),
            procs: procs.map_err(Failure::usage)?,
            max_card: self.max_card,
            valid,
            drop_missing_target: self.drop_missing_target,
        })
    }

    pub(super) fn tabular_config(&self) -> Result<TabularConfig> {
        let y_range = match self.y_range.as_deref() {
            None => None,
            Some([low, high]) => Some((*low as f32, *high as f32)),
            Some(_) => {
                return Err(Failure::usage("y-range: give two numbers, the lowest and the highest: 0,100"));
            }
        };
        Ok(TabularConfig {
            layers: self.layers.clone(),
            embedding_sizes: self.embedding_sizes.clone(),
            dropout: self.dropout.iter().map(|p| *p as f32).collect(),
            embed_dropout: self.embed_dropout as f32,
            y_range,
            output_scale: Vec::new(),
            batch_norm: self.batch_norm,
            bn_final: self.bn_final,
            bn_cont: self.bn_cont,
            activation: self.activation.parse::<ActivationFn>().map_err(Failure::usage)?,
            linear_first: self.linear_first,
        })
    }

    pub(crate) fn schedule(&self) -> Result<Schedule> {
        match &self.schedule {
            Named::Name(name) => Schedule::parse(name).map_err(Failure::usage),
            Named::Full(schedule) => Ok(schedule.clone()),
        }
    }

    pub(super) fn optimizer_config(&self) -> Result<OptimizerConfig> {
        let mut config = match &self.optimizer {
            Named::Name(name) => {
                let kind = OptimizerKind::parse(name).map_err(Failure::usage)?;
                OptimizerConfig { kind, ..OptimizerConfig::default() }
            }
            Named::Full(config) => config.clone(),
        };
        config.wd = self.wd.or(config.wd);
        config.clip = self.clip.map(Clip::Norm).or(config.clip);
        Ok(config)
    }

    pub(super) fn non_finite(&self) -> Result<NonFinite> {
        match &self.non_finite {
            Named::Name(name) => NonFinite::parse(name).map_err(Failure::usage),
            Named::Full(policy) => Ok(*policy),
        }
    }

    /// The loss, if it is not left to the task. `counts` has the training rows of each class, if there are classes.
    pub(super) fn loss(&self, counts: &[usize]) -> Result<Option<LossKind>> {
        let weights = self.weights_of(counts);
        let mut loss = match &self.loss {
            None if weights.is_none() && self.label_smoothing.is_none() => return Ok(None),
            None => LossKind::parse("cross-entropy").map_err(Failure::usage)?,
            Some(Named::Name(name)) => LossKind::parse(name).map_err(Failure::usage)?,
            Some(Named::Full(loss)) => loss.clone(),
        };
        match &mut loss {
            LossKind::CrossEntropy { weight, label_smoothing } => {
                *weight = weights.or(weight.take());
                *label_smoothing = self.label_smoothing.map_or(*label_smoothing, |x| x as f32);
            }
            LossKind::Focal { weight, .. } => *weight = weights.or(weight.take()),
            _ => {}
        }
        Ok(Some(loss))
    }

    /// The metrics that are asked for.
    pub(crate) fn metrics(&self) -> Result<Vec<Box<dyn Metric>>> {
        let names = self.metrics.iter().flat_map(|names| &names.0);
        names.map(|name| metric(name).map_err(Failure::usage)).collect()
    }

    /// When checkpoints are saved into the run's folder, if they are. They carry the experiment along.
    pub(crate) fn checkpoint_config(&self, folder: &Path) -> Result<Option<CheckpointConfig>> {
        if !self.checkpoint {
            return Ok(None);
        }
        Ok(Some(CheckpointConfig {
            folder: folder.into(),
            steps: Some(self.checkpoint_steps).filter(|steps| *steps > 0),
            seconds: Some(self.checkpoint_seconds).filter(|seconds| *seconds > 0.0),
            epochs: Some(self.checkpoint_epochs).filter(|epochs| *epochs > 0),
            text: self.repeatable(folder)?,
        }))
    }

    /// `counts` has the training rows of each class, if there are classes.
    pub(crate) fn learner_config(&self, counts: &[usize]) -> Result<LearnerConfig> {
        Ok(LearnerConfig {
            model: self.tabular_config()?,
            batch_size: self.bs(),
            loss: self.loss(counts)?,
            optimizer: self.optimizer_config()?,
            scale_target: self.scale_target,
            lr: self.lr,
            metrics: self.metrics()?,
            accumulate: self.accumulate,
            non_finite: self.non_finite()?,
            seed: self.seed,
            threads: self.threads,
            ..LearnerConfig::default()
        })
    }
}
