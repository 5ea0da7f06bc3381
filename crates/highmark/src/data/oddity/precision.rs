//! Numbers with more digits than are kept.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};

use super::super::numbers::raw_numbers;
use super::super::origin::Origin;
use super::MANY;
use crate::data::warning::{Warning, WarningKind};

/// From here on not every integer is a 64-bit float.
const EXACT: f64 = (1_u64 << 53) as f64;

/// Values that are looked at.
const SAMPLE: usize = 4096;

/// Says of integers that are too large for floats which of them become one.
pub(super) fn merged_integers(name: &str, array: &ArrayRef, origin: &Origin) -> Option<Warning> {
    let advice = "if it is an identifier, leave it out";
    if let Some(ints) = array.as_primitive_opt::<Int64Type>() {
        let large = |value: &(i64, usize)| value.0.unsigned_abs() >= EXACT as u64;
        let rows = ints.iter().enumerate().filter_map(|(row, value)| Some((value?, row)));
        let mut values: Vec<(i64, usize)> = rows.filter(large).collect();
        values.sort_unstable();
        values.dedup_by_key(|(value, _)| *value);
        let pair = values.windows(2).find(|pair| pair[0].0 as f64 == pair[1].0 as f64)?;
        return Some(Warning::of(
            WarningKind::LostDigits,
            name,
            format!(
                "{} in {} and {} in {} are the same as 64-bit floats, which keep 16 digits; {advice}, or make it a \
             category",
                pair[0].0,
                origin.row(pair[0].1),
                pair[1].0,
                origin.row(pair[1].1),
            ),
        ));
    }
    // Whole numbers of a column with missing values, or beyond 64 bits, are floats already: those that use all of their
    // digits were probably longer.
    let floats = array.as_primitive_opt::<Float64Type>()?;
    let long = |value: f64| value.abs() > EXACT && value.is_finite() && digits(value) >= 15;
    let row = (0..floats.len()).find(|row| floats.is_valid(*row) && long(floats.value(*row)))?;
    Some(Warning::of(
        WarningKind::LostDigits,
        name,
        format!(
            "whole numbers as large as that in {} keep 16 digits only, so that different ones may have become one; \
         {advice}",
            origin.row(row)
        ),
    ))
}

/// Says of floats that differ beyond the seventh digit how many of them are left when they are rounded to 32 bits.
pub(super) fn lost_digits(name: &str, array: &ArrayRef) -> Option<Warning> {
    let floats = array.as_primitive_opt::<Float64Type>()?;
    let left = left_in_32_bits(floats.len(), |row| floats.is_valid(row).then(|| floats.value(row)))?;
    let text = format!("{left}; if their differences matter, subtract a number near all of them");
    Some(Warning::of(WarningKind::LostDigits, name, text))
}

/// The same of a target, whose whole numbers are rounded too.
pub(super) fn lost_target_digits(name: &str, array: &ArrayRef, origin: &Origin) -> Option<Warning> {
    let values = raw_numbers(name, array, origin).ok()?;
    let left = left_in_32_bits(values.len(), |row| Some(values[row]))?;
    let text = format!(
        "{left}, and the rounded ones are what is learned and measured against; subtract a number near all of them \
         from the target, and add it to the predictions"
    );
    Some(Warning::of_target(WarningKind::LostDigits, name, text))
}

/// In words, how many different numbers there are and how many are left in 32 bits, if those are half as many at most.
fn left_in_32_bits(rows: usize, value: impl Fn(usize) -> Option<f64>) -> Option<String> {
    let step = rows.div_ceil(SAMPLE).max(1);
    let mut values: Vec<f64> =
        (0..rows).step_by(step).filter_map(value).filter(|value| !value.is_nan()).collect();
    if values.iter().any(|value| value.abs() > f64::from(f32::MAX)) {
        // These are not rounded.
        return None;
    }
    let mut rounded: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    rounded.sort_unstable_by(f32::total_cmp);
    rounded.dedup();
    let (many, few) = (values.len(), rounded.len());
    (many > MANY && few * 2 <= many).then(|| {
        format!("{many} different numbers are {few} when they are rounded to 32 bits, which keep 7 digits")
    })
}

/// How many decimal digits a number needs.
fn digits(value: f64) -> usize {
    let text = format!("{value:e}");
    text.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count()
}
