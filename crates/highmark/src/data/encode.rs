//! Applying a fitted pipeline to a table.

use super::drift::{Drift, Unseen};
use super::factors::Factors;
use super::level::Vocabulary;
use super::numbers::numbers;
use super::pipeline::Pipeline;
use super::task::refuse_missing;
use super::{Dataset, Table, Targets, Task};
use crate::{Error, Result};

/// How many unseen values are named.
const EXAMPLES: usize = 3;

impl Pipeline {
    /// Encodes all rows of a table, and tells in what it differs from the training table.
    ///
    /// Unseen categories become code 0 and missing numbers the training rows' median (or fill value);
    /// columns are found by name, others are passed over, and numbers may come as text and the other way
    /// round. The targets are encoded when all target columns are there and usable; why they are not usable
    /// is told by [`Drift::targets`].
    ///
    /// Fails when a feature is missing or has an unsupported type, and for values of a continuous column that
    /// are no finite number.
    pub fn apply(&self, table: &Table) -> Result<(Dataset, Drift)> {
        let (encoded, mut drift) = self.encode_features(table)?;
        let mut targets = None;
        if self.task.columns().iter().all(|name| table.find(name).is_some()) {
            match self.encode_targets(table) {
                Ok(encoded) => targets = Some(encoded),
                Err(error) => drift.targets = Some(error.to_string()),
            }
        }
        Ok((encoded.dataset(targets)?, drift))
    }

    /// Like [`Pipeline::apply`], for rows whose targets are needed: it is an error when a target column is not
    /// there, or holds a missing value or a class that training did not have.
    pub fn apply_labelled(&self, table: &Table) -> Result<(Dataset, Drift)> {
        let targets = self.encode_targets(table)?;
        let (encoded, drift) = self.encode_features(table)?;
        Ok((encoded.dataset(Some(targets))?, drift))
    }

    fn encode_features(&self, table: &Table) -> Result<(Encoded, Drift)> {
        self.refuse_absent(table)?;
        let rows = table.rows();
        let (n_cat, n_cont) = (self.cat_names.len(), self.cont_names.len());
        let mut encoded =
            Encoded { n_cat, n_cont, x_cat: vec![0; rows * n_cat], x_cont: vec![0.0; rows * n_cont] };
        let mut drift = self.layout(table);
        // The columns that tell of missing values have their codes from the continuous ones.
        let real = n_cat - self.na_columns().count().min(n_cat);
        for (position, (name, levels)) in self.categorify.columns.iter().enumerate().take(real) {
            let factors = Factors::of(name, table.column(name)?)?;
            let vocabulary = Vocabulary::new(levels);
            let codes: Vec<u32> = factors
                .levels
                .iter()
                .map(|level| vocabulary.find(level).map_or(0, |code| code as u32 + 1))
                .collect();
            for (row, code) in factors.codes.iter().enumerate() {
                encoded.x_cat[row * n_cat + position] = codes.get(*code as usize).copied().unwrap_or(0);
            }
            self.note_categories(name, &factors, &codes, &mut drift);
        }
        for (position, name) in self.cont_names.iter().enumerate() {
            let values = numbers(name, table.column(name)?)?;
            self.note_missing(name, values.iter().filter(|value| value.is_nan()).count(), &mut drift);
            // A damaged model file may name more of these columns than there are.
            let told = self.na_columns().take(n_cat - real).position(|column| column == name);
            if let Some(number) = told {
                for (row, value) in values.iter().enumerate() {
                    encoded.x_cat[row * n_cat + real + number] = 1 + u32::from(value.is_nan());
                }
            }
            self.encode_numbers(name, position, &values, &mut encoded)?;
        }
        Ok((encoded, drift))
    }

    fn encode_numbers(
        &self,
        name: &str,
        position: usize,
        values: &[f64],
        encoded: &mut Encoded,
    ) -> Result<()> {
        let fill = self.fill.as_ref().and_then(|fill| fill.value(name));
        let fill = fill.unwrap_or_else(|| self.medians.get(position).copied().unwrap_or_default());
        let mean = self.means().get(position).copied().unwrap_or(0.0);
        let std = self.stds().get(position).copied().unwrap_or(1.0);
        for (row, value) in values.iter().enumerate() {
            let value = if value.is_nan() { fill } else { *value };
            let number = ((value - mean) / std) as f32;
            if !number.is_finite() {
                let message = format!(
                    "{value} in data row {} is too large for 32-bit numbers; scale the column",
                    row + 1
                );
                return Err(Error::column(name, message));
            }
            encoded.x_cont[row * encoded.n_cont + position] = number;
        }
        Ok(())
    }

    /// Encodes the target columns of a table, all rows.
    fn encode_targets(&self, table: &Table) -> Result<Targets> {
        match &self.task {
            Task::Classification { column, classes } => {
                let factors = Factors::of(column, table.column(column)?)?;
                refuse_missing(column, &factors)?;
                let vocabulary = Vocabulary::new(classes);
                let mut codes = Vec::new();
                let mut unseen = Vec::new();
                for level in &factors.levels {
                    let code = vocabulary.find(level);
                    codes.push(code.unwrap_or_default() as u32);
                    if code.is_none() {
                        unseen.push(format!("`{level}`"));
                    }
                }
                if !unseen.is_empty() {
                    let message = format!(
                        "the training rows have no row of the class {}; stratify the split, or leave those rows out",
                        unseen.join(", ")
                    );
                    return Err(Error::column(column, message));
                }
                Ok(Targets::Classes(factors.codes.iter().map(|code| codes[*code as usize]).collect()))
            }
            Task::Regression { columns } | Task::MultiLabel { columns } => {
                let width = columns.len();
                let mut values = vec![0.0; table.rows() * width];
                for (position, name) in columns.iter().enumerate() {
                    let array = table.column(name)?;
                    let column = numbers(name, array)?;
                    if column.iter().any(|value| value.is_nan()) {
                        refuse_missing(name, &Factors::of(name, array)?)?;
                    }
                    for (row, value) in column.into_iter().enumerate() {
                        let wrong = match self.task {
                            Task::MultiLabel { .. } if value != 0.0 && value != 1.0 => "is neither 0 nor 1",
                            _ if !(value as f32).is_finite() => {
                                "is too large for 32-bit numbers; scale the column"
                            }
                            _ => {
                                values[row * width + position] = value as f32;
                                continue;
                            }
                        };
                        return Err(Error::column(name, format!("{value} in data row {} {wrong}", row + 1)));
                    }
                }
                Ok(Targets::Values { values, width })
            }
        }
    }

    fn refuse_absent(&self, table: &Table) -> Result<()> {
        let absent: Vec<&str> = self.feature_names().filter(|name| table.find(name).is_none()).collect();
        match absent.as_slice() {
            [] => Ok(()),
            [name] => Err(Error::unknown("column", *name, table.names())),
            [..] => {
                let there: Vec<&str> = table.names().collect();
                let message = format!(
                    "these columns of the training table are not there: {}; there are: {}",
                    absent.join(", "),
                    there.join(", ")
                );
                Err(Error::data(message))
            }
        }
    }

    /// What is different about the columns themselves.
    fn layout(&self, table: &Table) -> Drift {
        let known = |name: &&str| self.columns.iter().any(|column| column == name);
        let extra = table.names().filter(|name| !known(name)).map(String::from).collect();
        let order: Vec<usize> =
            table.names().filter_map(|name| self.columns.iter().position(|column| column == name)).collect();
        Drift { rows: table.rows(), extra, reordered: !order.is_sorted(), ..Drift::default() }
    }

    fn note_categories(&self, name: &str, factors: &Factors, codes: &[u32], drift: &mut Drift) {
        let (counts, missing) = factors.counts();
        self.note_missing(name, missing, drift);
        let mut unseen = Unseen { column: name.into(), rows: 0, levels: 0, examples: Vec::new() };
        for ((level, count), _) in
            factors.levels.iter().zip(counts).zip(codes).filter(|(_, code)| **code == 0)
        {
            unseen.rows += count;
            unseen.levels += 1;
            if unseen.examples.len() < EXAMPLES {
                unseen.examples.push(level.to_string());
            }
        }
        if unseen.levels > 0 {
            drift.unseen.push(unseen);
        }
    }

    fn note_missing(&self, name: &str, missing: usize, drift: &mut Drift) {
        if missing > 0 && !self.incomplete.iter().any(|column| column == name) {
            drift.missing.push((name.into(), missing));
        }
    }
}

/// The features of a table on the way to a dataset.
struct Encoded {
    n_cat: usize,
    n_cont: usize,
    x_cat: Vec<u32>,
    x_cont: Vec<f32>,
}

impl Encoded {
    fn dataset(self, targets: Option<Targets>) -> Result<Dataset> {
        Dataset::new(self.n_cat, self.n_cont, self.x_cat, self.x_cont, targets)
    }
}
