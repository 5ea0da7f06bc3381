//! Which rows are trained on and which are held back.

use std::ops::Range;

use super::Table;
use super::warning::{Warning, WarningKind};
use crate::seed::{Random, Stream};
use crate::{Error, Result};

/// How the validation rows are chosen. All other rows are for training.
///
/// ```
/// use highmark::Split;
/// let (train, valid) = Split::Rows(2..4).divide(6, None)?;
/// assert_eq!((train, valid), (vec![0, 1, 4, 5], vec![2, 3]));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Split {
    /// A range of rows, counted from 0.
    Rows(Range<usize>),
    /// These rows, counted from 0, in any order.
    List(Vec<usize>),
    /// Rows drawn at random without replacement.
    Fraction {
        /// The share of the rows, between 0 and 1; the count is rounded down.
        fraction: f64,
        /// The same seed draws the same rows.
        seed: u64,
        /// Whether each class gets its share of the validation rows; for classification only.
        stratify: bool,
    },
    /// A table of its own; all rows of the other are for training.
    Table(Table),
    /// Both sides as they are given, counted from 0 and each in its order; rows of neither are left out. Rows may be given
    /// several times, to weigh more, and on both sides, to train on all there is.
    Given {
        /// The rows to train on.
        train: Vec<usize>,
        /// The rows to validate on.
        valid: Vec<usize>,
    },
}

/// A fifth of the rows, drawn with seed 42, not stratified.
impl Default for Split {
    fn default() -> Self {
        Self::Fraction { fraction: 0.2, seed: 42, stratify: false }
    }
}

impl Split {
    /// The training and the validation rows of a table of `rows` rows, each in ascending order but for
    /// [`Split::Given`]; for [`Split::Table`] the latter count in that table. `classes` has a class number for each row and is
    /// needed to stratify.
    ///
    /// Fails when one side would be empty, for rows that are not there, and for those that [`Split::List`] has twice.
    pub fn divide(&self, rows: usize, classes: Option<&[u32]>) -> Result<(Vec<u32>, Vec<u32>)> {
        let mut is_valid = vec![false; rows];
        match self {
            Self::Rows(range) => {
                if range.end > rows || range.start >= range.end {
                    let message =
                        format!("the range {}..{} is not within the {rows} rows", range.start, range.end);
                    return Err(Error::config("valid", message));
                }
                is_valid[range.clone()].fill(true);
            }
            Self::List(list) => {
                check("valid", list, rows)?;
                for &row in list {
                    if std::mem::replace(&mut is_valid[row], true) {
                        return Err(Error::config("valid", format!("row {row} is given twice")));
                    }
                }
            }
            Self::Fraction { fraction, seed, stratify } => {
                if !(*fraction > 0.0 && *fraction < 1.0) {
                    return Err(Error::config(
                        "valid",
                        format!("the fraction {fraction} is not between 0 and 1"),
                    ));
                }
                let mut order: Vec<u32> = (0..rows as u32).collect();
                Random::new(*seed, Stream::Split, 0).shuffle(&mut order);
                let count = (fraction * rows as f64) as usize;
                if *stratify {
                    let Some(classes) = classes else {
                        let message = "needs a target with classes; regression cannot be stratified";
                        return Err(Error::config("stratify", message));
                    };
                    let mut left = shares(classes, *fraction, count);
                    if count > 0 && left.iter().all(|share| *share == 0) {
                        return Err(too_many_classes(classes));
                    }
                    for &row in &order {
                        let left = &mut left[classes[row as usize] as usize];
                        is_valid[row as usize] = *left > 0;
                        *left = left.saturating_sub(1);
                    }
                } else {
                    for row in &order[..count] {
                        is_valid[*row as usize] = true;
                    }
                }
            }
            Self::Table(table) => {
                return both_sides((0..rows as u32).collect(), (0..table.rows() as u32).collect());
            }
            Self::Given { train, valid } => {
                check("train", train, rows)?;
                check("valid", valid, rows)?;
                let numbers = |rows: &[usize]| rows.iter().map(|row| *row as u32).collect();
                return both_sides(numbers(train), numbers(valid));
            }
        }
        let (valid, train) = (0..rows as u32).partition(|row| is_valid[*row as usize]);
        both_sides(train, valid)
    }
}

/// Fails for rows that are not there.
fn check(setting: &str, list: &[usize], rows: usize) -> Result<()> {
    match list.iter().find(|row| **row >= rows) {
        None => Ok(()),
        Some(row) => {
            let message = format!("row {row} is not among the {rows} rows (counted from 0)");
            Err(Error::config(setting, message))
        }
    }
}

/// What to tell of a split that validates on training rows.
pub(super) fn seen_in_training(rows: usize, train: &[u32], valid: &[u32]) -> Option<Warning> {
    let mut trained = vec![false; rows];
    train.iter().for_each(|row| trained[*row as usize] = true);
    let both = valid.iter().filter(|row| trained[**row as usize]).count();
    let which = if both == valid.len() { "all".into() } else { format!("{both} of the") };
    let n = valid.len();
    (both > 0).then(|| Warning {
        kind: WarningKind::SeenInTraining,
        column: None,
        message: format!(
            "{which} {n} validation rows are trained on too, so what validation says does not hold for other rows"
        ),
    })
}

fn both_sides(train: Vec<u32>, valid: Vec<u32>) -> Result<(Vec<u32>, Vec<u32>)> {
    let rows = train.len() + valid.len();
    if rows == 0 {
        return Err(Error::data("there are no rows"));
    }
    if train.is_empty() {
        return Err(Error::config("valid", format!("{} left to train on; validate on fewer", none_of(rows))));
    }
    if valid.is_empty() {
        let advice = match rows {
            0 | 1 => "at least two rows are needed, one to train on and one to validate on",
            _ => "hold a larger share of them back, or name them",
        };
        return Err(Error::config("valid", format!("{} for validation; {advice}", none_of(rows))));
    }
    Ok((train, valid))
}

fn none_of(rows: usize) -> String {
    if rows == 1 { "the only row is not".into() } else { format!("none of the {rows} rows is") }
}

/// Of a stratified draw that finds no class with a row to spare: the target is hardly one of classes.
fn too_many_classes(classes: &[u32]) -> Error {
    let distinct = classes.iter().collect::<std::collections::HashSet<_>>().len();
    let message = format!(
        "the target has {distinct} classes for {} rows, so no class has rows to train on and to validate on; \
         a regression, another target or a draw that is not stratified may be meant",
        classes.len()
    );
    Error::config("stratify", message)
}

/// How many of `count` validation rows each class gets: its share, rounded by the largest remainders. A class
/// keeps at least one row to train on.
fn shares(classes: &[u32], fraction: f64, count: usize) -> Vec<usize> {
    let mut sizes = vec![0_usize; classes.iter().map(|class| *class as usize + 1).max().unwrap_or(0)];
    for class in classes {
        sizes[*class as usize] += 1;
    }
    let exact: Vec<f64> = sizes.iter().map(|size| *size as f64 * fraction).collect();
    let mut shares: Vec<usize> = exact.iter().map(|share| *share as usize).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()));
    let missing = count.saturating_sub(shares.iter().sum());
    let able = by_remainder.into_iter().filter(|class| shares[*class] + 1 < sizes[*class]);
    for class in able.take(missing).collect::<Vec<_>>() {
        shares[class] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fraction(fraction: f64, stratify: bool) -> Split {
        Split::Fraction { fraction, seed: 1, stratify }
    }

    #[test]
    fn every_row_is_on_one_side() {
        for split in [Split::Rows(3..7), Split::List(vec![9, 0, 4]), fraction(0.35, false)] {
            let (train, valid) = split.divide(10, None).unwrap();
            assert!(train.is_sorted() && valid.is_sorted());
            let mut all = [train, valid].concat();
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn fractions_round_down_and_depend_on_the_seed() {
        let (_, valid) = fraction(0.35, false).divide(10, None).unwrap();
        assert_eq!(valid.len(), 3);
        let large =
            |seed| Split::Fraction { fraction: 0.5, seed, stratify: false }.divide(1000, None).unwrap().1;
        assert_eq!(large(1), large(1));
        assert_ne!(large(1), large(2));
        assert_ne!(large(1), (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn strata_keep_their_proportions() {
        let classes: Vec<u32> = (0..1000)
            .map(|row| {
                if row % 10 == 0 {
                    1
                } else if row == 1 {
                    2
                } else {
                    0
                }
            })
            .collect();
        let (train, valid) = fraction(0.2, true).divide(1000, Some(&classes)).unwrap();
        assert_eq!(valid.len(), 200);
        let count = |rows: &[u32], class| rows.iter().filter(|row| classes[**row as usize] == class).count();
        assert_eq!((count(&valid, 1), count(&valid, 2)), (20, 0));
        assert_eq!((count(&train, 1), count(&train, 2)), (80, 1));
        assert!(fraction(0.2, true).divide(1000, None).is_err());
    }

    #[test]
    fn a_class_for_every_row_cannot_be_shared_out() {
        let classes: Vec<u32> = (0..100).collect();
        let error = fraction(0.2, true).divide(100, Some(&classes)).unwrap_err().to_string();
        for part in ["100 classes for 100 rows", "a regression", "another target", "not stratified"] {
            assert!(error.contains(part), "{error}");
        }
        // Too few rows for the share, whatever the classes.
        let error = fraction(0.2, true).divide(4, Some(&[0, 0, 1, 1])).unwrap_err().to_string();
        assert!(error.contains("none of the 4 rows is for validation"), "{error}");
    }

    #[test]
    fn given_rows_may_repeat_and_be_on_both_sides() {
        let split = Split::Given { train: vec![0, 1, 2, 1], valid: vec![2, 3, 3] };
        let (train, valid) = split.divide(4, None).unwrap();
        assert_eq!((train.as_slice(), valid.as_slice()), ([0, 1, 2, 1].as_slice(), [2, 3, 3].as_slice()));
        let told = seen_in_training(4, &train, &valid).unwrap().message;
        assert!(told.starts_with("1 of the 3 validation rows are trained on too"), "{told}");
        assert!(seen_in_training(4, &train, &[1, 2]).unwrap().message.starts_with("all 2 validation rows"));
        assert_eq!(seen_in_training(4, &train, &[3]), None);
    }

    #[test]
    fn impossible_splits() {
        let error = |split: Split| split.divide(10, None).unwrap_err().to_string();
        assert!(error(Split::Rows(5..11)).contains("5..11 is not within the 10 rows"));
        assert!(error(Split::Rows(0..10)).contains("left to train on"));
        assert!(error(Split::List(vec![])).contains("for validation"));
        assert!(error(Split::List(vec![10])).contains("row 10"));
        assert!(error(Split::List(vec![1, 1])).contains("twice"));
        let given =
            |train: &[usize], valid: &[usize]| Split::Given { train: train.into(), valid: valid.into() };
        assert_eq!(given(&[7, 2], &[3, 0]).divide(10, None).unwrap(), (vec![7, 2], vec![3, 0]));
        assert!(error(given(&[10], &[2])).contains("train: row 10 is not among"));
        assert!(error(given(&[1], &[])).contains("for validation"));
        assert!(error(fraction(0.05, false)).contains("for validation"));
        for wrong in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(error(fraction(wrong, false)).contains("between 0 and 1"));
        }
    }
}
