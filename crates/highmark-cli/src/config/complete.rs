//! Defaults that depend on the data.

use std::fs;
use std::path::{Component, Path, PathBuf};

use highmark::{Direction, Error, ErrorKind, NamedData, Table, TaskKind, WarningKind, cont_cat_split};

use super::{Config, LeftOut, OneOrMore};
use crate::failure::{Failure, Result};
use crate::source::{self, STDIN};
use crate::text_table::{COLUMNS, shortened};

/// The share of one class from which on accuracy says little of the others.
const RARE: f64 = 0.95;

/// Rows a batch where there are as many.
const BATCH: usize = 64;

/// What can be monitored beside the metrics.
const LOSSES: [&str; 2] = ["train_loss", "valid_loss"];

impl Config {
    /// Fills in what was left open, so that nothing is left to be inferred when the run is repeated.
    pub(crate) fn complete(&mut self, table: &Table) -> Result<()> {
        let named = NamedData::from_name(&self.data);
        if self.target.0.is_empty() {
            if named.is_none() {
                let columns = shortened(&table.names().collect::<Vec<_>>(), COLUMNS);
                let message = format!(
                    "name the column to predict with --target; {} has: {columns}",
                    source::shown(&self.data)
                );
                return Err(Failure::usage(message));
            }
            self.target = OneOrMore(vec!["salary".into()]);
        }
        let settings =
            [("cat", self.cat.as_ref()), ("also-cat", Some(&self.also_cat)), ("cont", self.cont.as_ref())];
        for (setting, names) in settings {
            let mut named = names.iter().flat_map(|names| &names.0);
            if let Some(name) = named.find(|name| self.target.0.contains(name)) {
                return Err(Failure::usage(format!(
                    "{setting}: `{name}` is the column to predict, so it cannot be predicted from; take it out of --{setting}"
                )));
            }
        }
        if let Some(name) = self.ignore.0.iter().find(|name| self.target.0.contains(name)) {
            return Err(Failure::usage(format!(
                "ignore: `{name}` is the column to predict, which is never predicted from; take it out of --ignore, or predict another column"
            )));
        }
        let task = match self.task {
            Some(task) => task,
            None => TaskKind::infer(table, &self.target.0)?,
        };
        self.task = Some(task);
        if self.y_range.is_some() && task != TaskKind::Regression {
            return Err(Failure::failed(format!(
                "y-range: is the range of a regression, but {} is {task}; leave it out, or add --task regression",
                self.target.0.join(", ")
            )));
        }
        for (setting, given) in [
            ("class-weights", self.class_weights.is_some()),
            ("label-smoothing", self.label_smoothing.is_some()),
        ] {
            if given && task != TaskKind::Classification {
                return Err(Failure::failed(format!(
                    "{setting}: is for classifications, but {} makes this a {task}; leave it out, or add --task classification",
                    self.target.0.join(", ")
                )));
            }
        }
        if self.valid_rows.is_none() && self.valid_frac.is_none() && self.valid_file.is_none() {
            // The article's validation rows, unless the same data is asked to be split otherwise.
            if named == Some(NamedData::Adult) && self.stratify.is_none() {
                self.valid_rows = Some("1024..1260".into());
            } else {
                self.valid_frac = Some(0.2);
            }
        }
        if self.valid_frac.is_some() && self.stratify.is_none() {
            self.stratify = Some(task == TaskKind::Classification && self.target.0.len() == 1);
        }
        if self.metrics.is_none() {
            self.metrics = Some(OneOrMore(vec![Self::default_metric(task).into()]));
        }
        Ok(())
    }

    /// Fails for a target with more than half as many classes as rows that is taken for a classification though nobody has `asked` for
    /// one. One that was asked for is no more than doubted, among the warnings of the data.
    pub(crate) fn check_classes(&self, table: &Table, asked: Option<TaskKind>) -> Result<()> {
        let ([target], Some(TaskKind::Classification), None, false) =
            (&*self.target.0, self.task, asked, self.decided)
        else {
            return Ok(());
        };
        let Some(doubt) = table.many_classes(target)? else { return Ok(()) };
        let option = match doubt.kind {
            WarningKind::WrittenNumbers if self.decimal.is_none() => "; --decimal , reads 3,5 as a number",
            WarningKind::WordsAmongNumbers => "; --missing '?,-' declares texts missing",
            _ => "",
        };
        Err(Failure::failed(format!("{doubt}{option}; --task classification trains on it all the same")))
    }

    /// Leaves out the categories in which nearly every row has a text of its own, unless it was said which columns are
    /// categories, or nothing else is there to predict from. It is what the run's config says: another time they are not
    /// looked for.
    pub(crate) fn leave_out_identifiers(&mut self, table: &Table) -> Vec<LeftOut> {
        if self.cat.is_some() || self.decided {
            return Vec::new();
        }
        let named = self.target.0.iter().chain(&self.ignore.0).chain(&self.also_cat.0);
        let named = named.chain(self.cont.iter().flat_map(|cont| &cont.0));
        let named: Vec<&str> = named.map(String::as_str).collect();
        let (cont, cat) = cont_cat_split(table, self.max_card, &named);
        let found = table.identifiers(&cat);
        let cont = self.cont.as_ref().map_or(cont.len(), |cont| cont.0.len());
        if cont + cat.len() + self.also_cat.0.len() == found.len() {
            return Vec::new();
        }
        self.ignore.0.extend(found.iter().map(|identifier| identifier.column.clone()));
        found.into_iter().map(|found| LeftOut { found }).collect()
    }

    /// The column to go by where nobody has said one: the first metric, but not for a regression; nor the share of right
    /// answers where giving `most` of the rows' answer, whatever the row, is nearly always right.
    pub(crate) fn complete_monitor(&mut self, most: Option<f64>) {
        if self.monitor.is_none() {
            let first = self.metrics.iter().flat_map(|names| &names.0).next();
            let says_little = |metric: &&String| {
                ["accuracy", "error_rate"].contains(&metric.as_str()) && most.is_some_and(|most| most > RARE)
            };
            let monitor =
                first.filter(|metric| self.task != Some(TaskKind::Regression) && !says_little(metric));
            self.monitor = Some(monitor.map_or("valid_loss", String::as_str).to_string());
        }
    }

    /// The size of a batch that nobody has asked for: no larger than the training rows are many.
    pub(crate) fn complete_batch(&mut self, training_rows: usize) {
        self.bs.get_or_insert(self.bs().min(training_rows));
    }

    /// Rows a batch.
    pub(crate) fn bs(&self) -> usize {
        self.bs.unwrap_or(BATCH)
    }

    /// The monitored column.
    pub(crate) fn monitor(&self) -> &str {
        self.monitor.as_deref().unwrap_or("valid_loss")
    }

    /// Which way the monitored column should go; fails, as wrong usage, on a column that does not exist.
    pub(crate) fn direction(&self) -> Result<Direction> {
        let (monitor, metrics) = (self.monitor(), self.metrics()?);
        if LOSSES.contains(&monitor) {
            return Ok(Direction::Lower);
        }
        let metric = metrics.iter().find(|metric| metric.name() == monitor);
        metric.map(|metric| metric.direction()).ok_or_else(|| {
            let names = metrics.iter().map(|metric| metric.name());
            let unknown = Error::unknown("monitor", monitor, LOSSES.into_iter().chain(names));
            let hint = match highmark::metric(monitor) {
                Ok(_) => format!("; or add it: --metrics {monitor}"),
                Err(error) => match (error.kind(), unknown.kind()) {
                    (
                        ErrorKind::Unknown { nearest: Some(metric), .. },
                        ErrorKind::Unknown { nearest: None, .. },
                    ) => {
                        format!("; or a metric: --metrics {metric} --monitor {metric}")
                    }
                    _ => String::new(),
                },
            };
            Failure::usage(format!("{unknown}{hint}"))
        })
    }

    /// What a task is measured by where nothing is said.
    pub(crate) fn default_metric(task: TaskKind) -> &'static str {
        if task == TaskKind::Regression { "rmse" } else { "accuracy" }
    }

    /// With paths that are right from any folder, for the file in the run's folder. Data below the folder where the command
    /// runs is named from the run's folder, so that all of it can be moved or mounted elsewhere.
    fn with_paths_from(mut self, folder: &Path) -> Self {
        let (here, folder) = (std::env::current_dir().and_then(fs::canonicalize), fs::canonicalize(folder));
        let named = |data: &mut String| {
            if NamedData::from_name(data).is_some() || data == STDIN {
                return;
            }
            let Ok(path) = fs::canonicalize(data.as_str()) else { return };
            let relative = match (&here, &folder) {
                (Ok(here), Ok(folder)) if path.starts_with(here) && folder.starts_with(here) => {
                    relative(folder, &path)
                }
                _ => path,
            };
            *data = relative.to_string_lossy().into_owned();
        };
        named(&mut self.data);
        self.valid_file.iter_mut().for_each(named);
        self
    }

    /// What repeats the run in `folder`: the text of its config.
    pub(crate) fn repeatable(&self, folder: &Path) -> Result<String> {
        Self { out: None, ..self.clone() }.with_paths_from(folder).to_toml()
    }

    /// Fails when this is not the experiment of `run`, whose settings are in its folder, and names what differs. How long
    /// it trains, on how many threads, and when it is saved is not part of it.
    pub(crate) fn check_same(&self, run: &Self) -> Result<()> {
        let essence = |config: &Self| {
            let path = |data: &String| match fs::canonicalize(data.as_str()) {
                Ok(path) if NamedData::from_name(data).is_none() && data != STDIN => {
                    path.to_string_lossy().into_owned()
                }
                _ => data.clone(),
            };
            let (mut config, any) = (config.clone(), Self::default());
            config.data = path(&config.data);
            config.valid_file = config.valid_file.as_ref().map(path);
            (config.epochs, config.threads) = (any.epochs, any.threads);
            (config.max_time, config.max_usd) = (any.max_time, any.max_usd);
            (config.usd_per_hour, config.out) = (any.usd_per_hour, any.out);
            (config.checkpoint, config.checkpoint_epochs) = (any.checkpoint, any.checkpoint_epochs);
            config.checkpoint_seconds = any.checkpoint_seconds;
            config.checkpoint_steps = any.checkpoint_steps;
            toml::Table::try_from(&config).map_err(Failure::failed)
        };
        let (now, then) = (essence(self)?, essence(run)?);
        let Some(key) = now.keys().chain(then.keys()).find(|key| now.get(*key) != then.get(*key)) else {
            return Ok(());
        };
        let shown = |table: &toml::Table| table.get(key).map_or("nothing".into(), ToString::to_string);
        Err(Failure::failed(format!(
            "the run in the folder is another one, so it cannot be resumed: its {key} is {}, not {}; choose another --out",
            shown(&then),
            shown(&now)
        )))
    }
}

/// The way from `folder` to `path`, both absolute.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let shared = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_a_folder() {
        let way =
            |folder: &str, path: &str| relative(Path::new(folder), Path::new(path)).display().to_string();
        assert_eq!(way("/a/runs/1", "/a/x.csv"), "../../x.csv");
        assert_eq!(way("/a", "/a/data/x.csv"), "data/x.csv");
    }
}
