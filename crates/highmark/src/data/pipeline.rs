//! The fitted preparation: from any table with the features to what the model sees.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::factors::Factors;
use super::level::Level;
use super::numbers::{feature_numbers, numbers};
use super::oddity::{of_category, of_numbers};
use super::origin::Origin;
use super::outlier::{narrow, outlier};
use super::parallel::map;
use super::procs::{Categorify, FillMissing, NO_VALUE, Normalize, Proc, median};
use super::warning::Warning;
use super::{Table, Task};
use crate::{Error, Result};

/// The preparation of the columns, fitted on the training rows. It is saved with a model and prepares any
/// later table in the same way. Made by [`TabularData::new`](super::TabularData::new).
///
/// ```
/// use std::path::Path;
/// use highmark::{CsvOptions, DataConfig, Split, TabularData, read_csv_from};
///
/// let read = |text: &str| read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default());
/// let table = read("age,city,y\n39.5,Oslo,a\n50.0,Bergen,b\n28.0,Oslo,a\n61.0,Oslo,b\n")?;
/// let config = DataConfig { targets: vec!["y".into()], valid: Split::Rows(3..4), ..DataConfig::default() };
/// let pipeline = TabularData::new(&table, &config)?.pipeline;
/// assert_eq!(pipeline.classes("city").unwrap(), ["#na#", "Bergen", "Oslo"]);
///
/// let (later, drift) = pipeline.apply(&read("city,age\nTromso,\n")?)?;
/// assert_eq!((later.x_cat(), later.targets()), ([0].as_slice(), None));
/// assert_eq!(drift.unseen[0].examples, ["Tromso"]);
/// assert_eq!(drift.missing, [("age".to_string(), 1)]);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// All columns of the training table, to tell what a later table has in another way.
    pub(super) columns: Vec<String>,
    pub(super) cat_names: Vec<String>,
    pub(super) cont_names: Vec<String>,
    procs: Vec<Proc>,
    pub(super) fill: Option<FillMissing>,
    pub(super) categorify: Categorify,
    pub(super) normalize: Option<Normalize>,
    /// Of every continuous column: what is filled in where training had nothing missing.
    pub(super) medians: Vec<f64>,
    /// Of every continuous column: the smallest and the largest of the training rows' numbers.
    pub(super) ranges: Vec<(f64, f64)>,
    /// The features that had missing values in the training rows.
    pub(super) incomplete: Vec<String>,
    pub(super) task: Task,
}

/// What a pipeline is fitted on.
pub(super) struct Fit<'a> {
    pub(super) table: &'a Table,
    pub(super) train: &'a [u32],
    /// A validation table of its own.
    pub(super) valid: Option<&'a Table>,
    pub(super) cat: Vec<String>,
    pub(super) cont: Vec<String>,
    pub(super) procs: &'a [Proc],
    pub(super) task: Task,
}

impl Pipeline {
    /// Fits it. The warnings say what of the table will hurt the model.
    pub(super) fn fit(fit: Fit) -> Result<(Self, Vec<Warning>)> {
        let Fit { table, train, valid, cat, cont, procs, task } = fit;
        for (number, proc) in procs.iter().enumerate() {
            if procs[..number].iter().any(|other| other.name() == proc.name()) {
                return Err(Error::config("procs", format!("`{proc}` is given twice")));
            }
        }
        if !cat.is_empty() && !procs.contains(&Proc::Categorify) {
            let message = format!("the categorical columns need `categorify`: {}", cat.join(", "));
            return Err(Error::config("procs", message));
        }
        refuse_empty(table, cat.iter().chain(&cont), train)?;
        let (mut incomplete, mut warnings) = (Vec::new(), Vec::new());
        let mut categorify = Categorify::default();
        let levels = map(cat.iter().collect(), |name| {
            let other = valid.and_then(|valid| valid.find(name));
            let array = table.column(name)?;
            let factors = Factors::of(name, array)?;
            let levels = Categorify::levels(name, array, &factors, train, other, table.categories(name)?)?;
            Ok::<_, Error>((levels, of_category(name, &factors, table.origin())))
        });
        for (name, levels) in cat.iter().zip(levels) {
            let ((levels, lacks), odd) = levels?;
            warnings.extend(odd);
            categorify.columns.push((name.clone(), levels));
            incomplete.extend(lacks.then(|| name.clone()));
        }
        let mut fill = procs.iter().find_map(|proc| match proc {
            Proc::FillMissing { add_col, .. } => Some(FillMissing { columns: Vec::new(), add_col: *add_col }),
            _ => None,
        });
        let mut normalize = procs.contains(&Proc::Normalize).then(Normalize::default);
        let (mut medians, mut ranges) = (Vec::new(), Vec::new());
        let statistics = map(cont.iter().collect(), |name| {
            let array = table.column(name)?;
            let values = feature_numbers(name, array, table.origin())?;
            let single = !array.data_type().is_integer();
            let mut statistics = Statistics::of(name, &values, train, procs, single, table.origin())?;
            statistics.warnings.extend(of_numbers(name, array, &values, table.origin()));
            if fill.is_none() {
                // A validation table may lack the column, which is found out when it is encoded.
                let other = valid.and_then(|valid| valid.find(name));
                refuse_missing(name, &values, table.origin())?;
                if let (Some(other), Some(valid)) = (other, valid) {
                    refuse_missing(name, &numbers(name, other, valid.origin())?, valid.origin())?;
                }
            }
            Ok::<_, Error>(statistics)
        });
        for (name, statistics) in cont.iter().zip(statistics) {
            let Statistics { lacks, range, median, filled, mean, std, warnings: odd } = statistics?;
            warnings.extend(odd);
            incomplete.extend(lacks.then(|| name.clone()));
            medians.push(median);
            ranges.push(range);
            if let Some(fill) = fill.as_mut().filter(|_| lacks) {
                fill.columns.push((name.clone(), filled));
            }
            if let Some(normalize) = &mut normalize {
                normalize.means.push(mean);
                normalize.stds.push(std);
            }
        }
        let mut cat_names = cat;
        for (column, _) in fill.iter().filter(|fill| fill.add_col).flat_map(|fill| &fill.columns) {
            let name = FillMissing::na_name(column);
            if cat_names.contains(&name) || cont.contains(&name) {
                let message = format!(
                    "tells where `{column}` is missing, but is there already; rename it, or fill without adding columns"
                );
                return Err(Error::column(name, message));
            }
            categorify.push_na(name.clone());
            cat_names.push(name);
        }
        let fitted = Self {
            columns: table.names().map(String::from).collect(),
            cat_names,
            cont_names: cont,
            procs: procs.to_vec(),
            fill,
            categorify,
            normalize,
            medians,
            ranges,
            incomplete,
            task,
        };
        Ok((fitted, warnings))
    }

    /// Whether a pipeline that comes from a file fits itself.
    pub(crate) fn check(&self) -> Result<()> {
        let known = self.categorify.columns.iter().map(|(name, _)| name);
        let n = self.cont_names.len();
        let normalized = self.normalize.as_ref().is_none_or(|normalize| {
            let usable = |std: &f64| std.is_finite() && *std > 0.0;
            normalize.means.len() == n && normalize.stds.len() == n && normalize.stds.iter().all(usable)
        });
        let mut names: Vec<_> = self.cat_names.iter().chain(&self.cont_names).collect();
        names.sort_unstable();
        let unique = names.windows(2).all(|pair| pair[0] != pair[1]);
        let ranged = self.ranges.len() == n
            && self.ranges.iter().all(|(low, high)| low.is_finite() && high.is_finite() && low <= high);
        let asked = self.procs.contains(&Proc::Normalize) == self.normalize.is_some();
        if known.eq(&self.cat_names) && normalized && asked && self.medians.len() == n && ranged && unique {
            return Ok(());
        }
        Err(Error::data("the preparation of the columns contradicts itself"))
    }

    /// The categorical columns in the order of the codes, with `<column>_na` for filled columns last.
    pub fn cat_names(&self) -> &[String] {
        &self.cat_names
    }

    /// The continuous columns in the order of the numbers.
    pub fn cont_names(&self) -> &[String] {
        &self.cont_names
    }

    /// The columns that a table must have: the categorical ones without `<column>_na`, then the continuous.
    pub fn feature_names(&self) -> impl Iterator<Item = &str> {
        let added = self.na_columns().count();
        let cat = &self.cat_names[..self.cat_names.len().saturating_sub(added)];
        cat.iter().chain(&self.cont_names).map(String::as_str)
    }

    /// How many codes each categorical column has, 0 for `#na#` included.
    pub fn cardinalities(&self) -> Vec<usize> {
        self.categorify.columns.iter().map(|(_, levels)| levels.len() + 1).collect()
    }

    /// What the codes of a categorical column stand for, `#na#` first; `None` for other names.
    pub fn classes(&self, name: &str) -> Option<Vec<String>> {
        let (_, levels) = self.categorify.columns.iter().find(|(column, _)| column == name)?;
        Some(std::iter::once("#na#".into()).chain(levels.iter().map(Level::to_string)).collect())
    }

    /// What is to be predicted.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The steps that were asked for.
    pub fn procs(&self) -> &[Proc] {
        &self.procs
    }

    /// The columns that had missing values in the training rows, with what is filled in.
    pub fn fill_values(&self) -> Vec<(String, f64)> {
        self.fill.as_ref().map_or_else(Vec::new, |fill| fill.columns.clone())
    }

    /// The means of the continuous columns over the training rows, in their order; empty when they are not
    /// normalized.
    pub fn means(&self) -> &[f64] {
        self.normalize.as_ref().map_or(&[], |normalize| &normalize.means)
    }

    /// The standard deviations that belong to [`Pipeline::means`]: the population's, plus 1e-7.
    pub fn stds(&self) -> &[f64] {
        self.normalize.as_ref().map_or(&[], |normalize| &normalize.stds)
    }

    /// The continuous columns that have a column `<column>_na`, in its order.
    pub(super) fn na_columns(&self) -> impl Iterator<Item = &str> {
        let fill = self.fill.iter().filter(|fill| fill.add_col);
        fill.flat_map(|fill| &fill.columns).map(|(column, _)| column.as_str())
    }
}

/// The numbers of a continuous column over the training rows.
struct Statistics {
    /// Whether values are missing.
    lacks: bool,
    /// The smallest and the largest.
    range: (f64, f64),
    median: f64,
    /// What stands for missing values.
    filled: f64,
    mean: f64,
    std: f64,
    /// What is to be told of it.
    warnings: Vec<Warning>,
}

impl Statistics {
    fn of(
        name: &str,
        values: &[f64],
        train: &[u32],
        procs: &[Proc],
        single: bool,
        origin: &Origin,
    ) -> Result<Self> {
        let rows = train.iter().map(|row| values[*row as usize]);
        let mut present = Vec::with_capacity(train.len());
        present.extend(rows.clone().filter(|value| !value.is_nan()));
        if present.is_empty() {
            return Err(Error::column(name, NO_VALUE));
        }
        let lacks = present.len() < train.len();
        let range = present.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
        let median = median(&mut present);
        let mut filled = median;
        if let Some(strategy) = procs.iter().filter(|_| lacks).find_map(|proc| match proc {
            Proc::FillMissing { strategy, .. } => Some(*strategy),
            _ => None,
        }) {
            filled = strategy.value(&mut present);
            if !filled.is_finite() {
                let message = format!("{filled} cannot be filled in for missing values");
                return Err(Error::config("fill", message));
            }
        }
        let (mut mean, mut std, mut warnings) = (0.0, 1.0, Vec::new());
        if procs.contains(&Proc::Normalize) {
            let whole = rows.map(|value| if value.is_nan() { filled } else { value });
            (mean, std) = Normalize::statistics(whole, single);
            warnings.extend(outlier(name, values, train, mean, std, origin));
            warnings.extend(narrow(name, mean, std));
        }
        Ok(Self { lacks, range, median, filled, mean, std, warnings })
    }
}

/// Fails for columns without any value in these rows, and names all of them: one after the other they would take as many
/// attempts.
pub(super) fn refuse_empty<'a>(
    table: &Table,
    names: impl Iterator<Item = &'a String>,
    rows: &[u32],
) -> Result<()> {
    let mut empty = Vec::new();
    for name in names {
        let array = table.column(name)?;
        let float = array.as_primitive_opt::<Float64Type>();
        let missing = |row: usize| array.is_null(row) || float.is_some_and(|float| float.value(row).is_nan());
        if *array.data_type() == DataType::Null || rows.iter().all(|row| missing(*row as usize)) {
            empty.push(name.as_str());
        }
    }
    match empty.as_slice() {
        [] => Ok(()),
        [name] => Err(Error::column(*name, NO_VALUE)),
        names => Err(Error::data(format!(
            "in {} columns all values of the training rows are missing; leave them out: {}",
            names.len(),
            names.join(",")
        ))),
    }
}

fn refuse_missing(name: &str, values: &[f64], origin: &Origin) -> Result<()> {
    let missing = values.iter().filter(|value| value.is_nan()).count();
    let Some(first) = values.iter().position(|value| value.is_nan()) else { return Ok(()) };
    let message = format!(
        "{missing} of {} values are missing, first in {}; add `fill_missing` to the procs",
        values.len(),
        origin.row(first)
    );
    Err(Error::column(name, message))
}
