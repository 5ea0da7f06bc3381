//! Which way a measured number should go.

use serde::{Deserialize, Serialize};

/// Whether higher or lower is better.
///
/// ```
/// use highmark::Direction;
/// assert!(Direction::Lower.improves(0.1, 0.2));
/// assert!(!Direction::Lower.improves(f64::NAN, 0.2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Higher is better: accuracies, R².
    Higher,
    /// Lower is better: losses and errors.
    Lower,
}

impl Direction {
    /// Whether `value` is strictly better than `best`. NaN is never better, and a number is better than NaN.
    pub fn improves(self, value: f64, best: f64) -> bool {
        if best.is_nan() {
            return !value.is_nan();
        }
        match self {
            Self::Higher => value > best,
            Self::Lower => value < best,
        }
    }

    /// The value that every number improves on.
    pub fn worst(self) -> f64 {
        match self {
            Self::Higher => f64::NEG_INFINITY,
            Self::Lower => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_is_strict() {
        assert!(Direction::Higher.improves(2.0, 1.0));
        assert!(!Direction::Higher.improves(1.0, 1.0));
        assert!(!Direction::Lower.improves(1.0, 1.0));
        assert!(!Direction::Lower.improves(2.0, 1.0));
        assert!(Direction::Lower.improves(1.0, Direction::Lower.worst()));
        assert!(Direction::Higher.improves(-1.0, Direction::Higher.worst()));
        assert!(!Direction::Higher.improves(f64::NAN, f64::NEG_INFINITY));
        assert!(Direction::Higher.improves(0.0, f64::NAN));
        assert!(!Direction::Higher.improves(f64::NAN, f64::NAN));
    }
}
