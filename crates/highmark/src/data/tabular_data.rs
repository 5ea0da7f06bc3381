//! From a table to training and validation rows.

use std::sync::Arc;

use super::factors::Factors;
use super::level::Level;
use super::oddity::{few_rows, of_target};
use super::pipeline::{Fit, Pipeline};
use super::split::seen_in_training;
use super::task::{fit_task, infer_kind, refuse_missing};
use super::warning::Warning;
use super::{Dataset, Drift, Proc, Split, Table, TaskKind, cont_cat_split};
use crate::{Error, Result};

/// What to make of a table. Only the targets have no default.
///
/// ```
/// use highmark::{DataConfig, Split};
/// let config = DataConfig {
///     targets: vec!["salary".into()],
///     valid: Split::Fraction { fraction: 0.1, seed: 1, stratify: true },
///     ..DataConfig::default()
/// };
/// assert_eq!((config.procs.len(), config.max_card), (3, 20));
/// ```
#[derive(Clone, Debug)]
pub struct DataConfig {
    /// The columns to predict; at least one. They are never features.
    pub targets: Vec<String>,
    /// The kind of task; `None`, the default, infers it: classification for text, truth values, and one column
    /// of 0 and 1, integers or floats (where fastai would regress); multi-label for several columns of truth
    /// values or of 0 and 1; regression for other numbers.
    pub task: Option<TaskKind>,
    /// The classes of a classification in the order of their numbers, or what the labels of a multi-label task are called;
    /// `None`, the default, takes the classes of the training rows, in the order of their column's categories
    /// ([`Table::with_categories`]) or else sorted, and the names of the columns.
    pub classes: Option<Vec<Level>>,
    /// The categorical columns; `None`, the default, takes those that [`cont_cat_split`] finds among the
    /// columns that are not in `cont`.
    pub cat: Option<Vec<String>>,
    /// The continuous columns; `None`, the default, takes those that [`cont_cat_split`] finds among the
    /// columns that are not in `cat`.
    pub cont: Option<Vec<String>>,
    /// Columns that are categories beside those that are found; none by default. Goes without `cat`, which names all.
    pub also_cat: Vec<String>,
    /// Columns that are no features; none by default.
    pub ignore: Vec<String>,
    /// The preparation; by default all of [`Proc::all`].
    pub procs: Vec<Proc>,
    /// Integer columns with more distinct values than this are continuous, 20 by default.
    pub max_card: usize,
    /// The validation rows; by default a fifth of the rows, drawn with seed 42.
    pub valid: Split,
    /// Whether rows whose target is missing are left out; by default they are an error. Rows that [`DataConfig::valid`] names
    /// are those of the whole table; a share is drawn from the rows that are left.
    pub drop_missing_target: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            task: None,
            classes: None,
            cat: None,
            cont: None,
            also_cat: Vec::new(),
            ignore: Vec::new(),
            procs: Proc::all(),
            max_card: 20,
            valid: Split::default(),
            drop_missing_target: false,
        }
    }
}

/// A table made ready for training: encoded training and validation rows, and the pipeline that encoded them.
///
/// ```
/// use highmark::{DataConfig, NamedData, Split, TabularData};
///
/// let table = NamedData::Adult.table()?;
/// let config = DataConfig {
///     targets: vec!["salary".into()],
///     max_card: 1,
///     valid: Split::Rows(1024..1260),
///     ..DataConfig::default()
/// };
/// let data = TabularData::new(&table, &config)?;
/// assert_eq!((data.train.rows(), data.valid.rows()), (32_325, 236));
/// assert_eq!(data.pipeline.cardinalities(), [10, 17, 8, 16, 7, 6, 3, 43, 3]);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TabularData {
    /// The training rows.
    pub train: Arc<Dataset>,
    /// The validation rows.
    pub valid: Arc<Dataset>,
    /// The preparation, fitted on the training rows.
    pub pipeline: Pipeline,
    /// Which rows of the table `train` holds, in its order.
    pub train_rows: Vec<u32>,
    /// Which rows of the table (or of the validation table) `valid` holds, in its order.
    pub valid_rows: Vec<u32>,
    /// In what the validation rows differ from the training rows.
    pub valid_drift: Drift,
    /// How many rows, of both sides, were left out because their target is missing.
    pub without_target: usize,
    /// What will hurt the model or is probably not as it is meant: values that swamp all others of their column,
    /// identifiers, constants, numbers that became text or lose digits, rows that are too few.
    pub warnings: Vec<Warning>,
}

impl TabularData {
    /// Splits the rows, fits the preparation on the training rows and encodes both sides.
    ///
    /// Fails for columns that do not exist or are named twice, when no feature is left, for targets that are
    /// missing (unless those rows are left out) or have one class only, for classes that only validation rows have, for numbers that are not
    /// finite, for columns without any value, and for impossible splits.
    pub fn new(table: &Table, config: &DataConfig) -> Result<Self> {
        let targets = &config.targets;
        if targets.is_empty() {
            return Err(Error::config("targets", "name the column to predict"));
        }
        check_names(table, "targets", targets)?;
        if config.drop_missing_target {
            return Self::of_rows_with_target(table, config);
        }
        let kind = match config.task {
            Some(kind) => kind,
            None => infer_kind(table, targets)?,
        };
        let factors = match (kind, targets.as_slice()) {
            (TaskKind::Classification, [target]) => {
                let factors = Factors::of(target, table.column(target)?)?;
                refuse_missing(target, &factors, table.origin())?;
                Some(factors)
            }
            _ => None,
        };
        let classes = factors.as_ref().map(|factors| factors.codes.as_slice());
        let (train_rows, valid_rows) = config.valid.divide(table.rows(), classes)?;
        let (cont, cat) = features(table, config)?;
        let valid_table = match &config.valid {
            Split::Table(valid) => Some(valid),
            _ => None,
        };
        let task = fit_task(table, targets, kind, &train_rows, config.classes.as_deref())?;
        let train = &train_rows;
        let procs = &config.procs;
        let (pipeline, mut warnings) =
            Pipeline::fit(Fit { table, train, valid: valid_table, cat, cont, procs, task })?;
        if valid_table.is_none() {
            warnings.extend(seen_in_training(table.rows(), &train_rows, &valid_rows));
        }
        for name in targets {
            let asked = config.task.is_some();
            warnings.extend(of_target(name, table.column(name)?, kind, asked, table.origin()));
        }
        for name in pipeline.feature_names() {
            warnings.extend(table.leak(name, table.column(name)?, targets));
        }
        let doubtful = table.doubtful_quantities(pipeline.cont_names(), config, &warnings);
        warnings.extend(doubtful);
        let advice = "stratify the split, or leave those rows out";
        let (all, drift) = pipeline.encode_labelled(table, advice)?;
        let (train, valid, valid_drift) = match valid_table {
            Some(valid_table) => {
                let (valid, drift) = pipeline.apply_labelled(valid_table)?;
                (all.take(&train_rows)?, valid, drift)
            }
            // Against themselves the training rows show no drift, so all of it is the validation rows'.
            None => {
                (all.take(&train_rows)?, all.take(&valid_rows)?, Drift { rows: valid_rows.len(), ..drift })
            }
        };
        warnings.extend(few_rows(pipeline.feature_names().count(), train.rows(), valid.rows()));
        Ok(Self {
            train: Arc::new(train),
            valid: Arc::new(valid),
            pipeline,
            train_rows,
            valid_rows,
            valid_drift,
            without_target: 0,
            warnings,
        })
    }
}

/// The continuous and the categorical features, as asked for or inferred.
pub(super) fn features(table: &Table, config: &DataConfig) -> Result<(Vec<String>, Vec<String>)> {
    check_names(table, "ignore", &config.ignore)?;
    check_names(table, "also_cat", &config.also_cat)?;
    if config.cat.is_some() && !config.also_cat.is_empty() {
        return Err(Error::config(
            "also_cat",
            "adds to the categories that are found, but cat names all of them",
        ));
    }
    for (setting, names) in [("cat", &config.cat), ("cont", &config.cont)] {
        check_names(table, setting, names.as_deref().unwrap_or_default())?;
    }
    let mut said = config.cat.iter().flatten().chain(&config.also_cat);
    if let Some(cont) = &config.cont
        && let Some(both) = said.find(|name| cont.contains(name))
    {
        return Err(Error::column(both, "is named both categorical and continuous; choose one"));
    }
    let left_out: Vec<&str> = config.targets.iter().chain(&config.ignore).map(String::as_str).collect();
    let named = config.cat.iter().chain(&config.cont).flatten().map(String::as_str);
    let taken: Vec<&str> = left_out.iter().copied().chain(named).collect();
    let also = |name: &str| config.also_cat.iter().any(|other| other == name);
    let (mut cont, mut cat) = cont_cat_split(table, config.max_card, &taken);
    if !config.also_cat.is_empty() {
        cont.retain(|name| !also(name));
        let found =
            |name: &&str| (also(name) && !left_out.contains(name)) || cat.iter().any(|other| other == name);
        cat = table.names().filter(found).map(String::from).collect();
    }
    let wanted = |names: &Option<Vec<String>>, inferred| match names {
        Some(names) => names.iter().filter(|name| !left_out.contains(&name.as_str())).cloned().collect(),
        None => inferred,
    };
    let (cont, cat): (Vec<String>, Vec<String>) = (wanted(&config.cont, cont), wanted(&config.cat, cat));
    if cont.is_empty() && cat.is_empty() {
        return Err(Error::data(
            "no column is left to predict from; name fewer targets or ignore fewer columns",
        ));
    }
    Ok((cont, cat))
}

fn check_names(table: &Table, setting: &str, names: &[String]) -> Result<()> {
    for (number, name) in names.iter().enumerate() {
        table.column(name)?;
        if names[..number].contains(name) {
            return Err(Error::config(setting, format!("column `{name}` is named twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
