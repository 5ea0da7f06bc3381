//! An experiment made ready to run: its data and its learner.

use std::time::{Duration, Instant};

use highmark::{DataConfig, Learner, LearnerConfig, StopFlag, TabularData, Targets};

use crate::config::{Config, LeftOut};
use crate::doubts;
use crate::failure::{Failure, Result};
use crate::source;

/// Data, learner, and the settings with nothing left open.
pub(crate) struct Experiment {
    pub(crate) config: Config,
    pub(crate) data: TabularData,
    pub(crate) learner: Learner,
    /// Columns that are left out, though nobody has said so.
    pub(crate) left_out: Vec<LeftOut>,
    /// What to doubt of columns, beside the warnings of the data.
    pub(crate) column_doubts: Vec<String>,
    /// What to doubt of rows and their split.
    pub(crate) row_doubts: Vec<String>,
    /// Columns that are neither features nor targets.
    pub(crate) unused: Vec<String>,
    /// Why the column to go by is not the first metric, if nobody has said so.
    pub(crate) monitor_reason: Option<String>,
    /// Rows in the file.
    pub(crate) rows: usize,
    /// Time for reading.
    pub(crate) load: Duration,
    /// Time for encoding and building.
    pub(crate) prepare: Duration,
}

impl Experiment {
    /// Reads the data and builds the learner, whose runs end when `stop` is raised.
    pub(crate) fn prepare(mut config: Config, stop: StopFlag) -> Result<Self> {
        let begin = Instant::now();
        highmark::set_data_threads(config.threads);
        let table = source::read(&config.data, &config.csv_options()?)?;
        if let Some(hint) = source::delimiter_hint(&config.data, &table) {
            return Err(Failure::failed(hint));
        }
        let asked = config.task;
        config.complete(&table)?;
        config.check_classes(&table, asked)?;
        let left_out = config.leave_out_identifiers(&table);
        config.direction()?;
        // A task that nobody has asked for is inferred there too, and doubted.
        let data_config = DataConfig { task: asked, ..config.data_config()? };
        let load = begin.elapsed();
        let begin = Instant::now();
        let data = TabularData::new(&table, &data_config)?;
        let rows = data.train.rows();
        let asked_monitor = config.monitor.is_some();
        let classes = data.pipeline.task().class_names();
        config.check_weight_count(&classes)?;
        let counts = class_counts(data.train.targets(), classes.len());
        let most = counts.iter().max().map(|most| *most as f64 / rows as f64);
        config.complete_monitor(most);
        config.complete_batch(rows);
        // Batch norm needs two rows a batch.
        if rows < 2 && config.batch_norm {
            let message =
                format!("{rows} row to train on is too few; the data needs more rows, or validation fewer");
            return Err(Failure::failed(message));
        }
        if config.bs() > rows {
            return Err(Failure::failed(format!(
                "bs: {} is larger than the {rows} training rows; use --bs {rows} or less",
                config.bs()
            )));
        }
        config.complete_epochs(rows / config.bs());
        let learner = Learner::tabular(&data, LearnerConfig { stop, ..config.learner_config(&counts)? })?;
        let (cont, cat) = (data.pipeline.cont_names(), data.pipeline.cat_names());
        let used: Vec<&String> = cont.iter().chain(cat).chain(&config.target.0).collect();
        let unused = table.names().map(String::from).filter(|name| !used.contains(&name)).collect();
        let metric = config.metrics()?.first().map(|metric| metric.name().to_string());
        let monitor_reason = match (metric, most) {
            (Some(metric), Some(most)) if !asked_monitor && metric != config.monitor() => {
                Some(format!("{metric} says little where one class has {:.1}%", 100.0 * most))
            }
            _ => None,
        };
        let features: Vec<String> = data.pipeline.feature_names().map(String::from).collect();
        let column_doubts = doubts::of_columns(&table, &features);
        let row_doubts = doubts::of_rows(&config, &table, &data);
        let (rows, prepare) = (table.rows(), begin.elapsed());
        Ok(Self {
            config,
            data,
            learner,
            left_out,
            column_doubts,
            row_doubts,
            unused,
            monitor_reason,
            rows,
            load,
            prepare,
        })
    }
}

/// How many rows each of so many classes has; none of targets of another kind.
pub(crate) fn class_counts(targets: Option<&Targets>, classes: usize) -> Vec<usize> {
    let Some(Targets::Classes(of_rows)) = targets else { return Vec::new() };
    let mut counts = vec![0; classes];
    of_rows.iter().for_each(|class| counts[*class as usize] += 1);
    counts
}
