//! Applying a fitted pipeline to a table.

use super::drift::{Drift, Far, Unseen};
use super::factors::Factors;
use super::level::{Vocabulary, quoted};
use super::numbers::numbers;
use super::origin::Origin;
use super::parallel::map;
use super::pipeline::Pipeline;
use super::task::refuse_missing;
use super::{Dataset, Table, Targets, Task};
use crate::engine::{LARGE_PAGE, all_finite, large_pages};
use crate::error::shortened;
use crate::repr::repr;
use crate::{Error, Result};

/// How many unseen values are named.
const EXAMPLES: usize = 3;

/// What to do about classes of rows that are not those of the training table.
const OF_OTHERS: &str = "leave those rows out, or train on rows of it too";

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
        let (mut encoded, mut drift) = self.encode_features(table)?;
        if self.task.columns().iter().all(|name| table.find(name).is_some()) {
            match self.encode_targets(table, OF_OTHERS) {
                Ok(targets) => encoded.targets = Some(targets),
                Err(error) => drift.targets = Some(error.to_string()),
            }
        }
        Ok((encoded.dataset()?, drift))
    }

    /// Like [`Pipeline::apply`], for rows whose targets are needed: it is an error when a target column is not
    /// there, or holds a missing value or a class that training did not have.
    pub fn apply_labelled(&self, table: &Table) -> Result<(Dataset, Drift)> {
        let (encoded, drift) = self.encode_labelled(table, OF_OTHERS)?;
        Ok((encoded.dataset()?, drift))
    }

    /// The columns behind [`Pipeline::apply_labelled`]. `advice` is what to do about classes that training does not have.
    pub(super) fn encode_labelled(&self, table: &Table, advice: &str) -> Result<(Encoded, Drift)> {
        let targets = self.encode_targets(table, advice)?;
        let (encoded, drift) = self.encode_features(table)?;
        Ok((Encoded { targets: Some(targets), ..encoded }, drift))
    }

    fn encode_features(&self, table: &Table) -> Result<(Encoded, Drift)> {
        self.refuse_absent(table)?;
        let mut drift = self.layout(table);
        // The columns that tell of missing values have their codes from the continuous ones.
        let added = self.na_columns().count().min(self.cat_names.len());
        let real = self.cat_names.len() - added;
        let mut cat = Vec::new();
        let columns = map(self.categorify.columns.iter().take(real).collect(), |(name, levels)| {
            let factors = Factors::of(name, table.column(name)?)?;
            let vocabulary = Vocabulary::new(levels);
            let code = |level| vocabulary.find(level).map_or(0, |code| code as u32 + 1);
            let known: Vec<u32> = factors.levels.iter().map(code).collect();
            let mut drift = Drift::default();
            self.note_categories(name, &factors, &known, &mut drift);
            let mut codes = factors.codes;
            codes.iter_mut().for_each(|code| *code = known.get(*code as usize).copied().unwrap_or(0));
            Ok::<_, Error>((codes, drift))
        });
        for column in columns {
            let (codes, found) = column?;
            cat.push(codes);
            drift.missing.extend(found.missing);
            drift.unseen.extend(found.unseen);
        }
        // A damaged model file may name more of these columns than there are.
        let mut told: Vec<Vec<u32>> = vec![Vec::new(); added];
        let mut cont = Vec::new();
        let columns = map(self.cont_names.iter().enumerate().collect(), |(position, name)| {
            let values = numbers(name, table.column(name)?, table.origin())?;
            let missing = values.iter().filter(|value| value.is_nan()).count();
            let number = self.na_columns().take(added).position(|column| column == name);
            let told = number.map(|number| {
                (number, values.iter().map(|value| 1 + u32::from(value.is_nan())).collect::<Vec<_>>())
            });
            let far = self.ranges.get(position).and_then(|range| Far::of(name, &values, *range));
            Ok::<_, Error>((
                self.encode_numbers(name, position, &values, table.origin())?,
                missing,
                far,
                told,
            ))
        });
        for (name, column) in self.cont_names.iter().zip(columns) {
            let (numbers, missing, far, codes) = column?;
            cont.push(numbers);
            drift.far.extend(far);
            self.note_missing(name, missing, &mut drift);
            if let Some((number, codes)) = codes {
                told[number] = codes;
            }
        }
        told.iter_mut().for_each(|codes| codes.resize(table.rows(), 0));
        cat.extend(told);
        Ok((Encoded { rows: table.rows(), cat, cont, targets: None }, drift))
    }

    fn encode_numbers(
        &self,
        name: &str,
        position: usize,
        values: &[f64],
        origin: &Origin,
    ) -> Result<Vec<f32>> {
        let fill = self.fill.as_ref().and_then(|fill| fill.value(name));
        let fill = fill.unwrap_or_else(|| self.medians.get(position).copied().unwrap_or_default());
        let mean = self.means().get(position).copied().unwrap_or(0.0);
        let std = self.stds().get(position).copied().unwrap_or(1.0);
        let number = |value: f64| ((if value.is_nan() { fill } else { value } - mean) / std) as f32;
        let numbers: Vec<f32> = values.iter().map(|value| number(*value)).collect();
        if !all_finite(&numbers)
            && let Some(row) = numbers.iter().position(|number| !number.is_finite())
        {
            let value = if values[row].is_nan() { fill } else { values[row] };
            let message = format!(
                "{} in {} is too large for 32-bit numbers; scale the column",
                repr(value),
                origin.row(row)
            );
            return Err(Error::column(name, message));
        }
        Ok(numbers)
    }

    /// Encodes the target columns of a table, all rows.
    fn encode_targets(&self, table: &Table, advice: &str) -> Result<Targets> {
        match &self.task {
            Task::Classification { column, classes } => {
                let factors = Factors::of(column, table.column(column)?)?;
                refuse_missing(column, &factors, table.origin())?;
                let vocabulary = Vocabulary::new(classes);
                let mut codes = Vec::new();
                let mut unseen = Vec::new();
                for level in &factors.levels {
                    let code = vocabulary.find(level);
                    codes.push(code.unwrap_or_default() as u32);
                    if code.is_none() {
                        unseen.push(quoted(&level.to_string()));
                    }
                }
                if !unseen.is_empty() {
                    let message = format!(
                        "the training rows have no row of the class {}; {advice}",
                        shortened(&unseen)
                    );
                    return Err(Error::column(column, message));
                }
                Ok(Targets::Classes(factors.codes.iter().map(|code| codes[*code as usize]).collect()))
            }
            Task::Regression { columns } | Task::MultiLabel { columns, .. } => {
                let width = columns.len();
                let mut values = vec![0.0; table.rows() * width];
                for (position, name) in columns.iter().enumerate() {
                    let array = table.column(name)?;
                    let column = numbers(name, array, table.origin())?;
                    if column.iter().any(|value| value.is_nan()) {
                        refuse_missing(name, &Factors::of(name, array)?, table.origin())?;
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
                        let (value, place) = (repr(value), table.origin().row(row));
                        return Err(Error::column(name, format!("{value} in {place} {wrong}")));
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
                    shortened(&absent),
                    shortened(&there)
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

/// A table on the way to a dataset, column by column.
pub(super) struct Encoded {
    rows: usize,
    cat: Vec<Vec<u32>>,
    cont: Vec<Vec<f32>>,
    targets: Option<Targets>,
}

impl Encoded {
    /// All rows.
    fn dataset(&self) -> Result<Dataset> {
        self.take(&(0..self.rows as u32).collect::<Vec<_>>())
    }

    /// These rows, in this order.
    pub(super) fn take(&self, rows: &[u32]) -> Result<Dataset> {
        let targets = self.targets.as_ref().map(|targets| targets.take(rows));
        let (cat, cont) = (interleave(&self.cat, rows), interleave(&self.cont, rows));
        Dataset::new(self.cat.len(), self.cont.len(), cat, cont, targets)
    }
}

/// Row by row what is there column by column, of these rows.
fn interleave<T: Copy + Default + Send + Sync>(columns: &[Vec<T>], rows: &[u32]) -> Vec<T> {
    let width = columns.len();
    let mut all = vec![T::default(); rows.len() * width];
    large_pages(&all);
    if width > 0 {
        let many = (LARGE_PAGE / size_of::<T>()).div_ceil(width);
        let blocks = all.chunks_mut(many * width).zip(rows.chunks(many)).collect();
        map(blocks, |(block, rows): (&mut [T], &[u32])| {
            for (to, row) in block.chunks_exact_mut(width).zip(rows) {
                for (to, column) in to.iter_mut().zip(columns) {
                    *to = column[*row as usize];
                }
            }
        });
    }
    all
}
