//! Mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

/// The fitted step: mean and standard deviation of each continuous column, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Normalize {
    /// Means over the training rows, filled values included.
    pub(crate) means: Vec<f64>,
    /// Population standard deviations, plus 1e-7 as in fastai.
    pub(crate) stds: Vec<f64>,
}

impl Normalize {
    /// What fastai adds to each deviation.
    pub(crate) const ADDED: f64 = 1e-7;

    /// Mean and standard deviation of a column with these values in the training rows, none missing. With `single`
    /// they are rounded to f32, as fastai has those of float columns.
    ///
    /// What differs by no more than rounding is a constant, as in scikit-learn. Divided by next to nothing, the first other
    /// value that a model meets would be millions; so the deviation of a constant is its size, or 1 if it is smaller.
    pub(crate) fn statistics(values: impl Iterator<Item = f64> + Clone, single: bool) -> (f64, f64) {
        let round = |number: f64| match number as f32 {
            rounded if single && rounded.is_finite() => f64::from(rounded),
            _ => number,
        };
        let (count, sum) = values.clone().fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
        let n = f64::from(count.max(1));
        let mean = sum / n;
        let variance = values.clone().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
        let rounding = if single { f64::from(f32::EPSILON) } else { 10.0 * f64::EPSILON };
        let unless_constant = |mean: f64, std: f64, added: f64| {
            let constant = std <= rounding * mean.abs();
            (round(mean), if constant { round(mean).abs().max(1.0) } else { round(std) + added })
        };
        if variance.is_finite() {
            return unless_constant(mean, variance.sqrt(), Self::ADDED);
        }
        // The squares are too large for a double, or the sum is: the same in units of the largest value.
        let unit = values.clone().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let mean = values.clone().map(|value| value / unit / n).sum::<f64>();
        let variance = values.map(|value| (value / unit - mean).powi(2)).sum::<f64>() / n;
        unless_constant((mean * unit).clamp(f64::MIN, f64::MAX), (variance.sqrt() * unit).min(f64::MAX), 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_the_populations() {
        let numbers = Normalize::statistics([1.0, 2.0, 3.0, 6.0].into_iter(), false);
        assert_eq!(numbers, (3.0, 3.5_f64.sqrt() + 1e-7));
    }

    #[test]
    fn what_differs_by_rounding_is_a_constant() {
        let single = |values: &[f32]| Normalize::statistics(values.iter().map(|x| f64::from(*x)), true);
        assert_eq!(single(&[5.0, 5.0]), (5.0, 5.0));
        assert_eq!(single(&[0.0, 0.0]), (0.0, 1.0));
        assert_eq!(single(&[-1e9, -1e9, -1e9 + 64.0]), (-1e9, 1e9));
        assert!(single(&[1e9, 1e9 + 512.0]).1 < 300.0);
        let (mean, std) = Normalize::statistics([1e15, 1e15 + 0.125].into_iter(), false);
        assert!(mean >= 1e15 && std >= 1e15, "{mean} {std}");
        assert_eq!(Normalize::statistics([1e15, 1e15 + 4096.0].into_iter(), false).1, 2048.0 + 1e-7);
        let (mean, std) = Normalize::statistics([1e308; 5].into_iter(), true);
        assert!((mean / 1e308 - 1.0).abs() < 1e-12 && (std / 1e308 - 1.0).abs() < 1e-12, "{mean} {std}");
    }

    #[test]
    fn numbers_whose_squares_are_too_large_have_one_too() {
        let (mean, std) = Normalize::statistics([1e308, -1e308, 1e308, -1e308].into_iter(), false);
        assert!(mean == 0.0 && (std / 1e308 - 1.0).abs() < 1e-12, "{mean} {std}");
        let (mean, std) = Normalize::statistics([f64::MAX, f64::MAX, 0.0].into_iter(), true);
        assert!(mean.is_finite() && std.is_finite() && std > 0.0, "{mean} {std}");
    }
}
