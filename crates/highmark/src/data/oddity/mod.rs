//! What in a column is probably not as its owner means it, though it can be used as it is.

mod dates;
mod precision;
#[cfg(test)]
mod tests;
mod words;

use arrow_array::{Array, ArrayRef};

use self::dates::is_date;
use self::precision::{lost_digits, merged_integers};
pub(super) use self::words::words_among_numbers;
use super::factors::Factors;
use super::hash::FastMap;
use super::level::{Level, quoted};
use super::numbers::numbers;
use super::origin::Origin;
use super::outlier::{narrow, outlier};
use super::procs::Normalize;
use super::task::{TaskKind, infer_kind};
use super::{Table, cont_cat_split};
use crate::repr::repr;

/// Values from which on nothing can be taken for chance.
const MANY: usize = 20;

impl Table {
    /// What in the columns is probably not as it is meant, a line each, if they are used as [`cont_cat_split`] with at most
    /// 20 distinct integers takes them and `targets` are predicted: identifiers, numbers that became text, constants, values
    /// that swamp all others, numbers that lose digits. [`TabularData::warnings`](crate::TabularData::warnings) has the same
    /// for what is really used.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let text = "age\n39\n50\n?\n28\n61\n";
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// assert!(table.warnings(&[])[0].starts_with("column `age`: is text because of `?` in line 4 of x.csv"));
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn warnings(&self, targets: &[String]) -> Vec<String> {
        let (cont, _) = cont_cat_split(self, MANY, &[]);
        let kind = infer_kind(self, targets).ok();
        let mut lines = Vec::new();
        for (name, array) in self.columns() {
            if targets.contains(name) {
                lines.extend(kind.and_then(|kind| of_target(name, array, kind, self.origin())));
            } else if cont.contains(name) {
                let values = match numbers(name, array, self.origin()) {
                    Ok(values) => values,
                    Err(error) => {
                        lines.push(error.to_string());
                        continue;
                    }
                };
                lines.extend(of_numbers(name, array, &values, self.origin()));
                let rows: Vec<u32> =
                    (0..self.rows() as u32).filter(|row| !values[*row as usize].is_nan()).collect();
                let present = rows.iter().map(|row| values[*row as usize]);
                let (mean, std) = Normalize::statistics(present, !array.data_type().is_integer());
                lines.extend(outlier(name, &values, &rows, mean, std, self.origin()));
                lines.extend(narrow(name, mean, std));
            } else if let Ok(factors) = Factors::of(name, array) {
                lines.extend(of_category(name, &factors, self.origin()));
            }
        }
        lines
    }
}

/// What to tell of a categorical column.
pub(super) fn of_category(name: &str, factors: &Factors, origin: &Origin) -> Option<String> {
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
    let text = |level: &Level| if let Level::Text(text) = level { text.clone() } else { level.to_string() };
    if distinct > MANY / 2
        && let Some(first) = factors.levels.iter().position(|level| is_date(&text(level)))
        && factors.levels.iter().filter(|level| is_date(&text(level))).count() * 10 >= distinct * 9
    {
        return Some(format!(
            "column `{name}`: looks like dates, such as {}, each a category of its own; put the year, the month or what \
             matters into columns of numbers, or leave it out",
            place(factors, first, origin)
        ));
    }
    if distinct > MANY && distinct * 2 > present {
        return Some(format!(
            "column `{name}`: has {distinct} different texts in {present} values, too few of each to learn from; if it is an \
             identifier or free text, leave it out"
        ));
    }
    let mut spellings: FastMap<String, usize> = FastMap::default();
    for (number, level) in factors.levels.iter().enumerate() {
        let first = *spellings.entry(text(level).trim().to_lowercase()).or_insert(number);
        if first != number {
            return Some(format!(
                "column `{name}`: {} and {} are two categories; write them alike if they are one",
                place(factors, first, origin),
                place(factors, number, origin),
            ));
        }
    }
    None
}

/// What to tell of a continuous column with these values, NaN where one is missing.
pub(super) fn of_numbers(name: &str, array: &ArrayRef, values: &[f64], origin: &Origin) -> Option<String> {
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
    let counted = |(row, value): (usize, &f64)| *value == first + row as f64;
    if array.data_type().is_integer() && values.len() > MANY && values.iter().enumerate().all(counted) {
        return Some(format!(
            "column `{name}`: counts the rows from {first}; if it is no more than their number, leave it out"
        ));
    }
    None
}

/// What to tell of a target for which this kind of task was taken.
pub(super) fn of_target(name: &str, array: &ArrayRef, kind: TaskKind, origin: &Origin) -> Option<String> {
    let data_type = array.data_type();
    let suspect = match kind {
        TaskKind::Classification => !data_type.is_numeric(),
        TaskKind::Regression => data_type.is_integer(),
        TaskKind::MultiLabel => false,
    };
    if !suspect {
        return None;
    }
    let factors = Factors::of(name, array).ok()?;
    let distinct = factors.levels.len();
    match kind {
        TaskKind::Classification => words_among_numbers(name, &factors, &factors.counts().0, origin),
        _ => (distinct <= MANY / 2).then(|| {
            format!(
                "target `{name}`: its {distinct} different whole numbers are predicted as a quantity; if they stand for \
                 classes, make it a classification"
            )
        }),
    }
}

/// A value of a column, and the first row that has it.
fn place(factors: &Factors, level: usize, origin: &Origin) -> String {
    let value = quoted(&factors.levels[level].to_string());
    format!("{value} in {}", origin.row(factors.first_row(level)))
}

fn counted_date(name: &str) -> String {
    format!(
        "column `{name}`: holds dates, which are taken as whole numbers that count from 1970; put the year, the month or what \
         matters into columns of numbers, or leave it out"
    )
}

fn constant(name: &str, value: &str) -> String {
    format!(
        "column `{name}`: is {} in every row, so nothing can be learned from it; leave it out",
        quoted(value)
    )
}
