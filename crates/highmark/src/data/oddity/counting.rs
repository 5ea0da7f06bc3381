//! Columns that number the rows.

use std::ops::RangeInclusive;

use super::MANY;
use crate::data::warning::{Warning, WarningKind};

/// Whole numbers in this range that count upwards are years: a series has one row for each.
const YEARS: RangeInclusive<f64> = 1500.0..=2100.0;

/// Says of whole numbers that they count the rows, or that each row has another one of numbers that could: nothing can be
/// learned from those. NaN where one is missing.
pub(super) fn row_numbers(name: &str, values: &[f64]) -> Option<Warning> {
    let (first, rows) = (*values.first()?, values.len());
    if rows <= MANY || values.iter().all(|value| YEARS.contains(value)) {
        return None;
    }
    if values.iter().enumerate().all(|(row, value)| *value == first + row as f64) {
        return Some(Warning::of(
            WarningKind::RowNumbers,
            name,
            format!("counts the rows from {first}; if it is no more than their number, leave it out"),
        ));
    }
    let (low, high) = values.iter().fold((first, first), |(low, high), x| (low.min(*x), high.max(*x)));
    let width = high - low + 1.0;
    // Numbers drawn from a range so narrow would soon repeat themselves.
    let narrow = width <= 2.0 * rows as f64;
    (narrow && all_differ(values, low, width as usize)).then(|| {
        Warning::of(WarningKind::RowNumbers, name, format!(
        "its {rows} whole numbers from {low} to {high} are all different, as numbers given to rows are; if they \
         say no more than that, leave it out"
        ))
    })
}

/// Whether no two of these whole numbers from `low` on are the same. A missing value is like no other.
fn all_differ(values: &[f64], low: f64, width: usize) -> bool {
    let mut seen = vec![false; width];
    let mut present = values.iter().filter(|value| !value.is_nan());
    present.all(|value| !std::mem::replace(&mut seen[(value - low) as usize], true))
}
