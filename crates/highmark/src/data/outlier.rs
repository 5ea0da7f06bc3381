//! Values so far from all others of their column that normalizing leaves no difference between those.

use super::origin::Origin;
use super::procs::Normalize;
use super::warning::{Warning, WarningKind};
use crate::repr::repr;

/// Values that are looked at for the spread of a column.
const SAMPLE: usize = 4096;

/// How many times larger than the spread of nine tenths of the values a standard deviation must be: then those lie within
/// a fiftieth of a unit, and the model cannot tell them apart. What is merely skewed stays far below.
const SWAMPED: f64 = 50.0;

/// Says which value of a column swamps the others, if one does. `std` is the deviation over these rows; values may be
/// missing (NaN).
pub(super) fn outlier(
    name: &str,
    values: &[f64],
    rows: &[u32],
    mean: f64,
    std: f64,
    origin: &Origin,
) -> Option<Warning> {
    let present =
        || rows.iter().map(|row| (values[*row as usize], *row)).filter(|(value, _)| !value.is_nan());
    let mut sample: Vec<f64> =
        present().step_by(rows.len().div_ceil(SAMPLE).max(1)).map(|(value, _)| value).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let twentieth = sample.len() / 20;
    let spread = sample.get(sample.len().checked_sub(1 + twentieth)?)? - sample.get(twentieth)?;
    // A column that is almost always the same has no spread to lose.
    if spread <= 0.0 || std - Normalize::ADDED <= SWAMPED * spread {
        return None;
    }
    let far = |value: f64| (value - mean).abs();
    let (value, row) = present().max_by(|a, b| far(a.0).total_cmp(&far(b.0)))?;
    Some(Warning::of(
        WarningKind::Swamped,
        name,
        format!(
            "{} in {} is so far from the others that it leaves no difference between them; correct it, or clip the column",
            shown(value),
            origin.row(row as usize)
        ),
    ))
}

/// A value of a continuous column, in as many digits as it has: most columns have gone through f32, whose digits are fewer.
pub(super) fn shown(value: f64) -> String {
    if f64::from(value as f32) == value { format!("{:?}", value as f32) } else { repr(value) }
}

/// Says of a column that its numbers are so near to each other that normalizing takes them for the same. `std` is the
/// deviation by which it divides.
pub(super) fn narrow(name: &str, mean: f64, std: f64) -> Option<Warning> {
    const NARROW: f64 = 10.0 * Normalize::ADDED;
    let spread = std - Normalize::ADDED;
    (spread > 0.0 && spread < NARROW).then(|| {
        Warning::of(WarningKind::Narrow, name, format!(
            "its numbers lie within {spread:.1e} around {mean:.1e}, which normalizing takes for little or no \
             difference, since it adds 1e-7 to that; write them in a smaller unit"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f64]) -> Option<Warning> {
        let rows: Vec<u32> = (0..values.len() as u32).collect();
        let (mean, std) = Normalize::statistics(values.iter().copied(), false);
        outlier("a", values, &rows, mean, std, &Origin::default())
    }

    #[test]
    fn one_value_that_swamps_the_others_is_named() {
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from(i % 37)).collect();
        assert_eq!(found(&values), None);
        for (far, text) in
            [(1e6, "1000000.0"), (f64::from(-1e30_f32), "-1e30"), (f64::MAX, "1.7976931348623157e+308")]
        {
            values[345] = far;
            let line = found(&values).unwrap().message;
            assert!(line.starts_with(&format!("column `a`: {text} in data row 346 is so far")), "{line}");
        }
    }

    #[test]
    fn skewed_and_almost_constant_columns_are_as_they_are() {
        let skewed: Vec<f64> = (0..1000).map(|i| (f64::from(i) / 100.0).exp()).collect();
        assert_eq!(found(&skewed), None);
        let mut rare = vec![0.0; 1000];
        rare[7] = 99_999.0;
        assert_eq!(found(&rare), None);
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[1.0, 1e9]), None);
    }
}
