//! What an experiment was taken to be, shown before it runs.

use highmark::{Dataset, Targets, Task, Warning, WarningKind};

use crate::config::{Config, LeftOut};
use crate::experiment::{Experiment, class_counts};
use crate::failure::Result;
use crate::source;
use crate::text_table::{COLUMNS, count, shortened, thousands};

/// By what the advice of the library's warnings is followed here.
pub(crate) fn remedies(warnings: &[Warning], config: &Config) -> String {
    // Said only where it may help, because the line is long enough.
    let commas = config.decimal.is_none()
        && warnings.iter().any(|warning| warning.kind == WarningKind::WrittenNumbers);
    let decimal = if commas { "--decimal , reads 3,5 as a number, " } else { "" };
    let cat = if config.cat.is_some() {
        "--cat names all categories"
    } else {
        "--also-cat makes a category of a column"
    };
    format!(
        "(--ignore leaves a column out, --missing '?,-' declares texts missing, {decimal}{cat}, --task says what the target is)"
    )
}

/// Without those that doubt a category because it has so many texts, where it was said that it is one.
pub(crate) fn not_meant(mut warnings: Vec<Warning>, config: &Config) -> Vec<Warning> {
    let meant = |column: &String| {
        config.cat.iter().chain([&config.also_cat]).any(|categories| categories.0.contains(column))
    };
    warnings.retain(|warning| {
        warning.kind != WarningKind::OwnTexts || !warning.column.as_ref().is_some_and(meant)
    });
    warnings
}

/// How many classes are shown with their share.
const CLASSES: usize = 10;

impl Experiment {
    /// A line for each thing that was inferred or asked for.
    pub(crate) fn lines(&self) -> Result<Vec<String>> {
        let (config, pipeline) = (&self.config, &self.data.pipeline);
        let mut lines = vec![format!(
            "data       {}: {}, {} to train on, {} to validate on ({})",
            source::shown(&config.data),
            count(self.rows, "row"),
            thousands(self.data.train.rows()),
            thousands(self.data.valid.rows()),
            self.split(),
        )];
        if self.data.without_target > 0 {
            lines.push(format!("left out   {} without a target", count(self.data.without_target, "row")));
        }
        lines.extend(LeftOut::lines(&self.left_out).iter().map(|line| format!("left out   {line}")));
        lines.push(format!("task       {}", task(pipeline.task(), &self.data.train)));
        let levels = pipeline.cat_names().iter().zip(pipeline.cardinalities());
        let cat: Vec<_> = levels.map(|(name, levels)| format!("{name} ({levels})")).collect();
        lines.push(format!("continuous {}", listed(pipeline.cont_names())));
        lines.push(format!("categories {}", listed(&cat)));
        if !self.unused.is_empty() {
            lines.push(format!("not used   {}", shortened(&self.unused, COLUMNS)));
        }
        let warnings = not_meant(self.data.warnings.clone(), config);
        let (warnings, of_rows): (Vec<_>, Vec<_>) =
            warnings.into_iter().partition(|warning| warning.column.is_some());
        let of_columns = warnings.iter().map(ToString::to_string).chain(self.column_doubts.iter().cloned());
        let of_columns: Vec<_> = of_columns.map(|line| format!("warning    {line}")).collect();
        if !of_columns.is_empty() {
            lines.extend(of_columns);
            lines.push(format!("           {}", remedies(&warnings, config)));
        }
        let of_rows = of_rows.iter().map(ToString::to_string).chain(self.row_doubts.iter().cloned());
        lines.extend(of_rows.map(|line| format!("warning    {line}")));
        lines.extend(self.data.valid_drift.lines().into_iter().map(|line| format!("validation {line}")));
        lines.extend(self.model_lines()?);
        Ok(lines)
    }

    fn split(&self) -> String {
        let config = &self.config;
        match (&config.valid_rows, &config.valid_file, config.valid_frac) {
            (Some(rows), ..) => format!("rows {rows}"),
            (_, Some(file), _) => file.clone(),
            (.., share) => {
                let (share, valid) = (share.unwrap_or_default(), self.data.valid.rows());
                let rows = self.data.train.rows() + valid;
                let meant = (share * rows as f64) as usize;
                let short = if valid < meant {
                    format!(
                        "; of the {} of that share, since of each class a row is trained on",
                        thousands(meant)
                    )
                } else {
                    String::new()
                };
                let stratified = if config.stratify == Some(true) { ", stratified" } else { "" };
                format!("share {share} drawn by seed {}{stratified}{short}", config.seed)
            }
        }
    }

    fn model_lines(&self) -> Result<Vec<String>> {
        let (config, trainer) = (&self.config, self.learner.trainer());
        let hypers = &trainer.optimizer.groups()[0].hypers;
        let layers = match config.layers.as_slice() {
            [] => "without hidden layers".into(),
            layers => {
                let sizes: Vec<_> = layers.iter().map(ToString::to_string).collect();
                format!("with layers {}", sizes.join(", "))
            }
        };
        let reason = self.monitor_reason.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
        Ok(vec![
            format!(
                "model      {} {layers}: {} parameters",
                trainer.model.name(),
                thousands(trainer.model.params().len())
            ),
            format!(
                "training   {}, {} rows a batch, {}, {} (lr {}, wd {}), loss {}, seed {}",
                config.length(),
                config.bs(),
                config.schedule()?.name(),
                trainer.optimizer.config().kind.name(),
                hypers.lr,
                hypers.wd,
                trainer.loss_name(),
                config.seed,
            ),
            format!("monitor    {}: {}{reason}", config.monitor(), self.watch()),
        ])
    }

    /// What the monitored column decides.
    fn watch(&self) -> String {
        let config = &self.config;
        let waits = |epochs| {
            config.stopping().map(|stopping| stopping.waits(epochs, self.data.train.rows() / config.bs()))
        };
        let more = match config.min_delta {
            0.0 => String::new(),
            delta => format!(" of more than {delta}"),
        };
        let stop = match (waits(config.epochs.unwrap_or(0)), config.epochs) {
            (None, _) => "run all epochs".into(),
            (Some(waits), Some(epochs)) if waits >= epochs => "run all epochs, too few to stop early".into(),
            // How many epochs fit into a limit of time turns out as it trains.
            (Some(waits), None) if config.patience.is_none() => {
                format!("stop after a tenth of the epochs, at least {waits}, without improvement{more}")
            }
            (Some(waits), _) => {
                // What does not count is in the help of --patience.
                let least = if config.patience.is_none() { "at least " } else { "" };
                format!("stop after {least}{} without improvement{more}", count(waits, "epoch"))
            }
        };
        format!("{stop}, keep the {} model", if config.save_best { "best" } else { "last" })
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { shortened(names, COLUMNS) }
}

/// The kind of task and its targets, with the balance of the classes.
fn task(task: &Task, train: &Dataset) -> String {
    let names = task.class_names();
    let share = |n: usize| format!("{:.1}%", 100.0 * n as f64 / train.rows().max(1) as f64);
    match (task, train.targets()) {
        (Task::Classification { column, .. }, targets @ Some(Targets::Classes(_))) => {
            let counts = class_counts(targets, names.len());
            let balance: Vec<_> =
                names.iter().zip(counts).map(|(name, n)| format!("{name} {}", share(n))).collect();
            format!(
                "{} of {column} in {} classes: {}",
                task.kind(),
                names.len(),
                shortened(&balance, CLASSES)
            )
        }
        (Task::MultiLabel { .. }, Some(Targets::Values { values, width })) => {
            let of = |i: usize| values.iter().skip(i).step_by((*width).max(1)).filter(|x| **x > 0.5).count();
            let balance: Vec<_> =
                names.iter().enumerate().map(|(i, name)| format!("{name} {}", share(of(i)))).collect();
            format!("{} of {} labels: {}", task.kind(), names.len(), shortened(&balance, CLASSES))
        }
        _ => format!("{} of {}", task.kind(), task.columns().join(", ")),
    }
}
