//! Mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

/// The fitted step: mean and standard deviation of each continuous column, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Normalize {
    /// Means over the training rows, filled values included.
    pub(crate) means: Vec<f64>,
    /// Population standard deviations, plus 1e-7 so that a constant column can be divided by it.
    pub(crate) stds: Vec<f64>,
}

impl Normalize {
    /// Mean and standard deviation of a column with these values in the training rows, none missing. With `single`
    /// they are rounded to f32, as fastai has those of float columns.
    pub(crate) fn statistics(values: impl Iterator<Item = f64> + Clone, single: bool) -> (f64, f64) {
        let round = |number: f64| match number as f32 {
            rounded if single && rounded.is_finite() => f64::from(rounded),
            _ => number,
        };
        let (count, sum) = values.clone().fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
        let n = f64::from(count.max(1));
        let mean = sum / n;
        let variance = values.clone().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
        if variance.is_finite() {
            return (round(mean), round(variance.sqrt()) + 1e-7);
        }
        // The squares are too large for a double, or the sum is: the same in units of the largest value.
        let unit = values.clone().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let mean = values.clone().map(|value| value / unit / n).sum::<f64>();
        let variance = values.map(|value| (value / unit - mean).powi(2)).sum::<f64>() / n;
        (round(mean * unit), round((variance.sqrt() * unit).min(f64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_the_populations() {
        let numbers = Normalize::statistics([1.0, 2.0, 3.0, 6.0].into_iter(), false);
        assert_eq!(numbers, (3.0, 3.5_f64.sqrt() + 1e-7));
        assert_eq!(Normalize::statistics([5.0, 5.0].into_iter(), true), (5.0, 1e-7));
    }

    #[test]
    fn numbers_whose_squares_are_too_large_have_one_too() {
        let (mean, std) = Normalize::statistics([1e308, -1e308, 1e308, -1e308].into_iter(), false);
        assert!(mean == 0.0 && (std / 1e308 - 1.0).abs() < 1e-12, "{mean} {std}");
        let (mean, std) = Normalize::statistics([f64::MAX, f64::MAX, 0.0].into_iter(), true);
        assert!(mean.is_finite() && std.is_finite() && std > 0.0, "{mean} {std}");
    }
}
