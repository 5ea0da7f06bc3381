//! What the columns of a table hold, in short.

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::factors::Factors;
use super::numbers::raw_numbers;
use super::origin::Origin;
use super::{Table, cont_cat_split};

/// How many of the most frequent values are told.
const TOP: usize = 5;

/// What a column would be used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// As a number.
    Continuous,
    /// As one of several values.
    Categorical,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// Its type: `int`, `float`, `bool`, `text`, or Arrow's name for others.
    pub dtype: String,
    /// How many values are missing.
    pub missing: usize,
    /// How many different values there are, missing ones not counted.
    pub distinct: usize,
    /// What [`cont_cat_split`] with at most 20 distinct integers takes it for.
    pub kind: ColumnKind,
    /// Smallest, mean and largest finite number, for columns of numbers that have any.
    pub range: Option<(f64, f64, f64)>,
    /// The most frequent values with their counts, at most five, the most frequent first; those of equal
    /// count in order of appearance.
    pub top: Vec<(String, usize)>,
}

impl Table {
    /// Summarises each column, in order.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let text = "age,city\n39,Oslo\n,Bergen\n51,Oslo\n";
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// let [age, city] = table.describe().try_into().unwrap();
    /// assert_eq!((age.missing, age.range), (1, Some((39.0, 45.0, 51.0))));
    /// assert_eq!(city.top, [("Oslo".to_string(), 2), ("Bergen".to_string(), 1)]);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn describe(&self) -> Vec<ColumnSummary> {
        let (cont, _) = cont_cat_split(self, 20, &[]);
        self.columns().iter().map(|(name, array)| summary(name, array, cont.contains(name))).collect()
    }
}

fn summary(name: &str, array: &ArrayRef, continuous: bool) -> ColumnSummary {
    let kind = if continuous { ColumnKind::Continuous } else { ColumnKind::Categorical };
    let (name, dtype) = (name.to_owned(), type_name(array.data_type()));
    let Ok(factors) = Factors::of(&name, array) else {
        let missing = array.null_count();
        return ColumnSummary { name, dtype, missing, distinct: 0, kind, range: None, top: Vec::new() };
    };
    let (counts, missing) = factors.counts();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|level| std::cmp::Reverse(counts[*level]));
    let top =
        order.iter().take(TOP).map(|level| (factors.levels[*level].to_string(), counts[*level])).collect();
    let range = if array.data_type().is_numeric() { range(&name, array) } else { None };
    ColumnSummary { name, dtype, missing, distinct: factors.levels.len(), kind, range, top }
}

fn range(name: &str, array: &ArrayRef) -> Option<(f64, f64, f64)> {
    let values: Vec<f64> = raw_numbers(name, array, &Origin::default())
        .ok()?
        .into_iter()
        .filter(|value| value.is_finite())
        .collect();
    let min = values.iter().copied().reduce(f64::min)?;
    let max = values.iter().copied().reduce(f64::max)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // The sum of the largest numbers is beyond a double; their mean is not.
    let mean = if mean.is_finite() { mean } else { values.iter().map(|value| value / n).sum() };
    Some((min, mean, max))
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, values) => type_name(values),
        DataType::Boolean => "bool".into(),
        DataType::Null => "empty".into(),
        t if t.is_nested() => "nested".into(),
        t if t.is_integer() => "int".into(),
        t if t.is_floating() => "float".into(),
        t if t.is_string() => "text".into(),
        other => other.to_string(),
    }
}
