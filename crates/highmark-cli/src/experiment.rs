//! An experiment made ready to run: its data and its learner.

use std::time::{Duration, Instant};

use highmark::{DataConfig, Direction, Error, Learner, TabularData};

use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::source;

/// Data, learner, and the settings with nothing left open.
pub(crate) struct Experiment {
    pub(crate) config: Config,
    pub(crate) data: TabularData,
    pub(crate) learner: Learner,
    /// Rows in the file.
    pub(crate) rows: usize,
    /// Time for reading.
    pub(crate) load: Duration,
    /// Time for encoding and building.
    pub(crate) prepare: Duration,
}

impl Experiment {
    /// Reads the data and builds the learner.
    pub(crate) fn prepare(mut config: Config) -> Result<Self> {
        let begin = Instant::now();
        let table = source::read(&config.data, &config.csv_options()?)?;
        config.complete(&table)?;
        let data_config: DataConfig = config.data_config()?;
        let load = begin.elapsed();
        let begin = Instant::now();
        let data = TabularData::new(&table, &data_config)?;
        if config.bs > data.train.rows() {
            let rows = data.train.rows();
            let message =
                format!("bs: {} is larger than the {rows} training rows; use --bs {rows} or less", config.bs);
            return Err(Failure::failed(message));
        }
        let learner = Learner::tabular(&data, config.learner_config()?)?;
        let experiment = Self { config, data, learner, rows: table.rows(), load, prepare: begin.elapsed() };
        experiment.direction()?;
        Ok(experiment)
    }

    /// The monitored column.
    pub(crate) fn monitor(&self) -> &str {
        self.config.monitor.as_deref().unwrap_or("valid_loss")
    }

    /// Which way the monitored column should go; fails, as wrong usage, on a column that does not exist.
    pub(crate) fn direction(&self) -> Result<Direction> {
        let (monitor, metrics) = (self.monitor(), self.learner.trainer().metrics());
        if ["train_loss", "valid_loss"].contains(&monitor) {
            return Ok(Direction::Lower);
        }
        let metric = metrics.iter().find(|metric| metric.name() == monitor);
        metric.map(|metric| metric.direction()).ok_or_else(|| {
            let names = metrics.iter().map(|metric| metric.name());
            Failure::usage(Error::unknown(
                "monitor",
                monitor,
                ["train_loss", "valid_loss"].into_iter().chain(names),
            ))
        })
    }
}
