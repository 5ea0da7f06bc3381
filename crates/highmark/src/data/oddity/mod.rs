//! What in a column is probably not as its owner means it, though it can be used as it is.

mod classes;
mod copies;
mod counting;
mod dates;
mod few_rows;
mod identifiers;
mod leaks;
mod precision;
mod quantities;
#[cfg(test)]
mod tests;
mod words;

use arrow_array::{Array, ArrayRef};

use self::classes::of_classes;
use self::counting::row_numbers;
use self::dates::is_date;
pub(super) use self::few_rows::few_rows;
pub use self::identifiers::Identifier;
use self::leaks::tells_target;
use self::precision::{lost_digits, lost_target_digits, merged_integers};
pub(super) use self::words::words_among_numbers;
use super::factors::{Factors, MISSING};
use super::hash::FastMap;
use super::level::{Level, quoted};
use super::numbers::feature_numbers;
use super::origin::Origin;
use super::outlier::{narrow, outlier};
use super::procs::Normalize;
use super::tabular_data::features;
use super::task::{TaskKind, infer_kind};
use super::warning::{Warning, WarningKind};
use super::{DataConfig, Table};
use crate::repr::repr;

/// Values from which on nothing can be taken for chance.
pub(super) const MANY: usize = 20;

impl Table {
    /// What in the columns is probably not as it is meant, if they are used as
    /// [`cont_cat_split`](crate::cont_cat_split) with at most 20 distinct integers takes them and `targets` are predicted:
    /// identifiers, numbers that became text, constants, values that swamp all others, numbers that lose digits.
    /// [`TabularData::warnings`](crate::TabularData::warnings) has the same for what is really used.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let text = "age\n39\n50\n?\n28\n61\n";
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// assert!(table.warnings(&[])[0].message.starts_with("column `age`: is text because of `?` in line 4 of x.csv"));
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn warnings(&self, targets: &[String]) -> Vec<Warning> {
        self.warnings_with(&DataConfig { targets: targets.to_vec(), ..DataConfig::default() })
    }

    /// The same if columns are used and predicted as `config` says.
    pub fn warnings_with(&self, config: &DataConfig) -> Vec<Warning> {
        let targets = &config.targets;
        let (cont, cat) = features(self, config).unwrap_or_default();
        let kind = config.task.or_else(|| infer_kind(self, targets).ok());
        let asked = config.task.is_some();
        let mut warnings = Vec::new();
        for (name, array) in self.columns() {
            if targets.contains(name) {
                warnings.extend(kind.and_then(|kind| of_target(name, array, kind, asked, self.origin())));
                continue;
            }
            if !cont.contains(name) && !cat.contains(name) {
                continue;
            }
            warnings.extend(self.leak(name, array, targets));
            if cont.contains(name) {
                // What is refused needs no doubts.
                let Ok(values) = feature_numbers(name, array, self.origin()) else { continue };
                warnings.extend(of_numbers(name, array, &values, self.origin()));
                let rows: Vec<u32> =
                    (0..self.rows() as u32).filter(|row| !values[*row as usize].is_nan()).collect();
                let present = rows.iter().map(|row| values[*row as usize]);
                let (mean, std) = Normalize::statistics(present, !array.data_type().is_integer());
                warnings.extend(outlier(name, &values, &rows, mean, std, self.origin()));
                warnings.extend(narrow(name, mean, std));
            } else if let Ok(factors) = Factors::of(name, array) {
                warnings.extend(of_category(name, &factors, self.origin()));
            }
        }
        let doubtful = self.doubtful_quantities(&cont, config, &warnings);
        warnings.extend(doubtful);
        warnings
    }

    /// What to tell of a feature that tells one of the targets.
    pub(super) fn leak(&self, name: &str, feature: &ArrayRef, targets: &[String]) -> Option<Warning> {
        targets.iter().find_map(|target| tells_target(name, feature, target, self.find(target)?))
    }
}

/// What to tell of a categorical column.
pub(super) fn of_category(name: &str, factors: &Factors, origin: &Origin) -> Option<Warning> {
    let rows = factors.codes.len();
    let (counts, missing) = factors.counts();
    let present = rows - missing;
    if origin.is_date(name) {
        return Some(counted_date(name));
    }
    match factors.levels.as_slice() {
        [level] if missing == 0 && rows > 1 => return Some(constant(name, &level.to_string())),
        [Level::Text(_), ..] => {}
        _ => return None,
    }
    if let Some(line) = words_among_numbers(name, factors, &counts, origin) {
        return Some(line);
    }
    let distinct = factors.levels.len();
    if let Some(line) = na_among_codes(name, factors, missing, origin) {
        return Some(line);
    }
    if let Some(first) = first_date(factors).filter(|_| distinct > MANY / 2) {
        return Some(Warning::of(
            WarningKind::Dates,
            name,
            format!(
                "looks like dates, such as {}, each a category of its own; put the year, the month or what \
             matters into columns of numbers, or leave it out",
                place(factors, first, origin)
            ),
        ));
    }
    if distinct > MANY && distinct * 2 > present {
        return Some(Warning::of(
            WarningKind::OwnTexts,
            name,
            format!(
                "has {distinct} different texts in {present} values, too few of each to learn from; if it is an \
             identifier or free text, leave it out"
            ),
        ));
    }
    let (one, other) = spelt_otherwise(factors, origin)?;
    let message = format!("{one} and {other} are two categories; write them alike if they are one");
    Some(Warning::of(WarningKind::Spellings, name, message))
}

/// Two values that differ in capitals or blanks alone, and where they are.
fn spelt_otherwise(factors: &Factors, origin: &Origin) -> Option<(String, String)> {
    let mut spellings: FastMap<String, usize> = FastMap::default();
    factors.levels.iter().enumerate().find_map(|(number, level)| {
        let Level::Text(text) = level else { return None };
        let first = *spellings.entry(text.trim().to_lowercase()).or_insert(number);
        (first != number).then(|| (place(factors, first, origin), place(factors, number, origin)))
    })
}

/// The first level that is a date, if nine in ten are.
fn first_date(factors: &Factors) -> Option<usize> {
    let date = |level: &Level| matches!(level, Level::Text(text) if is_date(text));
    let first = factors.levels.iter().position(date)?;
    let dates = factors.levels.iter().filter(|level| date(level)).count();
    (dates * 10 >= factors.levels.len() * 9).then_some(first)
}

/// Says of codes of two letters that NA, the code of Namibia for one, is taken for a missing value.
fn na_among_codes(name: &str, factors: &Factors, missing: usize, origin: &Origin) -> Option<Warning> {
    const CODES: usize = 3;
    let code = |level: &Level| match level {
        Level::Text(text) => text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        _ => false,
    };
    if missing == 0 || factors.levels.len() < CODES || !factors.levels.iter().all(code) {
        return None;
    }
    let first = factors.codes.iter().position(|code| *code == MISSING)?;
    Some(Warning::of(
        WarningKind::MissingCode,
        name,
        format!(
            "all its values are codes of two letters, but {missing} are missing, first in {}; if NA is one of the \
         codes, it is taken as missing: write it in another way",
            origin.row(first)
        ),
    ))
}

/// What to tell of a continuous column with these values, NaN where one is missing.
pub(super) fn of_numbers(name: &str, array: &ArrayRef, values: &[f64], origin: &Origin) -> Option<Warning> {
    if origin.is_date(name) {
        return Some(counted_date(name));
    }
    if let Some(line) = merged_integers(name, array, origin).or_else(|| lost_digits(name, array)) {
        return Some(line);
    }
    let first = *values.first()?;
    if values.len() > 1 && values.iter().all(|value| *value == first) {
        return Some(constant(name, &repr(first)));
    }
    if array.data_type().is_integer() { row_numbers(name, values) } else { None }
}

/// What to tell of a target for which this kind of task was asked, or else inferred.
pub(super) fn of_target(
    name: &str,
    array: &ArrayRef,
    kind: TaskKind,
    asked: bool,
    origin: &Origin,
) -> Option<Warning> {
    match kind {
        TaskKind::Classification => of_classes(name, array, &Factors::of(name, array).ok()?, origin),
        TaskKind::Regression => lost_target_digits(name, array, origin)
            // A task that was asked for is meant.
            .or_else(|| if asked { None } else { few_numbers(name, array) }),
        TaskKind::MultiLabel => None,
    }
}

/// Says of a target of few whole numbers that they may be classes.
fn few_numbers(name: &str, array: &ArrayRef) -> Option<Warning> {
    if !array.data_type().is_integer() {
        return None;
    }
    let distinct = Factors::of(name, array).ok()?.levels.len();
    (distinct <= MANY / 2).then(|| {
        Warning::of_target(
            WarningKind::FewNumbers,
            name,
            format!(
                "its {distinct} different whole numbers are predicted as a quantity; if they stand for \
                 classes, make it a classification"
            ),
        )
    })
}

/// A value of a column, and the first row that has it.
fn place(factors: &Factors, level: usize, origin: &Origin) -> String {
    let value = quoted(&factors.levels[level].to_string());
    format!("{value} in {}", origin.row(factors.first_row(level)))
}

fn counted_date(name: &str) -> Warning {
    Warning::of(
        WarningKind::Dates,
        name,
        "holds dates, which are taken as whole numbers that count from 1970; put the year, the month or what matters into \
         columns of numbers, or leave it out",
    )
}

fn constant(name: &str, value: &str) -> Warning {
    Warning::of(
        WarningKind::Constant,
        name,
        format!("is {} in every row, so nothing can be learned from it; leave it out", quoted(value)),
    )
}
