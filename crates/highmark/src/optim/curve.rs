//! How a number moves over training.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A number as a function of the position in training, from 0 at the first step to below 1 at the last.
///
/// ```
/// use highmark::Curve;
/// let warm_up = Curve::Linear { start: 0.0, end: 0.1 };
/// let curve = Curve::pieces(vec![(0.25, warm_up), (0.75, Curve::Constant(0.1))])?;
/// assert_eq!((curve.at(0.125), curve.at(0.5)), (0.05, 0.1));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curve {
    /// Always the same.
    Constant(f64),
    /// A straight line.
    Linear {
        /// At position 0.
        start: f64,
        /// Towards position 1.
        end: f64,
    },
    /// Half a period of a cosine: flat at both ends.
    Cosine {
        /// At position 0.
        start: f64,
        /// Towards position 1.
        end: f64,
    },
    /// By equal factors; both ends have the same sign and are not 0.
    Exponential {
        /// At position 0.
        start: f64,
        /// Towards position 1.
        end: f64,
    },
    /// The line, with the position raised to `power`.
    Poly {
        /// At position 0.
        start: f64,
        /// Towards position 1.
        end: f64,
        /// The exponent, above 0.
        power: f64,
    },
    /// One curve after the other, each over its fraction of the whole; see [`Curve::pieces`].
    Pieces(Vec<(f64, Curve)>),
}

impl Curve {
    /// Curves one after the other, each with its fraction of the whole. Fails unless the fractions are not negative
    /// and sum to 1 (within 1e-6).
    pub fn pieces(pieces: Vec<(f64, Curve)>) -> Result<Self> {
        let curve = Self::Pieces(pieces);
        curve.check()?;
        Ok(curve)
    }

    /// Whether all its numbers make sense; for curves that were read from a file.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::config("curve", message));
        let (numbers, sound, reason) = match self {
            Self::Constant(value) => ([*value, 0.0], true, ""),
            Self::Linear { start, end } | Self::Cosine { start, end } => ([*start, *end], true, ""),
            Self::Exponential { start, end } => (
                [*start, *end],
                start * end > 0.0,
                "the ends of an exponential must have one sign and not be 0",
            ),
            Self::Poly { start, end, power } => {
                ([*start, *end], power.is_finite() && *power > 0.0, "the power must be above 0")
            }
            Self::Pieces(pieces) => {
                if pieces.iter().any(|(fraction, _)| fraction.is_nan() || *fraction < 0.0) {
                    return wrong("the fractions must not be negative".into());
                }
                let sum: f64 = pieces.iter().map(|(fraction, _)| fraction).sum();
                if (sum - 1.0).abs() > 1e-6 {
                    return wrong(format!("the fractions must sum to 1, not {sum}"));
                }
                return pieces.iter().try_for_each(|(_, curve)| curve.check());
            }
        };
        if numbers.iter().any(|number| !number.is_finite()) {
            return wrong("all numbers must be finite".into());
        }
        if sound { Ok(()) } else { wrong(reason.into()) }
    }

    /// The least and the greatest number at the ends of its pieces, between which it stays; none for no pieces.
    fn range(&self) -> Option<(f64, f64)> {
        match self {
            Self::Constant(value) => Some((*value, *value)),
            Self::Linear { start, end }
            | Self::Cosine { start, end }
            | Self::Exponential { start, end }
            | Self::Poly { start, end, .. } => Some((start.min(*end), start.max(*end))),
            Self::Pieces(pieces) => pieces
                .iter()
                .filter_map(|(_, curve)| curve.range())
                .reduce(|all, piece| (all.0.min(piece.0), all.1.max(piece.1))),
        }
    }

    /// Whether an optimizer can follow `lr`, and `mom` if there is one.
    pub(crate) fn check_hypers(lr: &Self, mom: Option<&Self>) -> Result<()> {
        lr.check()?;
        if let Some((least, _)) = lr.range().filter(|(least, _)| *least < 0.0) {
            return Err(Error::config("lr", format!("the curve goes down to {least}; a rate is 0 or more")));
        }
        let Some(mom) = mom else { return Ok(()) };
        mom.check()?;
        match mom.range() {
            Some((least, most)) if least < 0.0 || most >= 1.0 => {
                let message =
                    format!("the curve goes from {least} to {most}; a momentum is from 0 to below 1");
                Err(Error::config("mom", message))
            }
            _ => Ok(()),
        }
    }

    /// The number at `position`.
    pub fn at(&self, position: f64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Linear { start, end } => start + position * (end - start),
            Self::Cosine { start, end } => {
                start + (1.0 + (std::f64::consts::PI * (1.0 - position)).cos()) * (end - start) / 2.0
            }
            Self::Exponential { start, end } => start * (end / start).powf(position),
            Self::Poly { start, end, power } => start + (end - start) * position.powf(*power),
            Self::Pieces(pieces) => at_piece(pieces, position),
        }
    }
}

/// Finds the piece and the position in it in 32 bits, as fastai's `combine_scheds`, so that schedules agree with its to
/// the last bit.
fn at_piece(pieces: &[(f64, Curve)], position: f64) -> f64 {
    let position = position as f32;
    let mut sum = 0.0;
    let mut low = 0.0;
    let mut found = None;
    for (fraction, curve) in pieces {
        sum += f64::from(*fraction as f32);
        let high = sum as f32;
        // The last piece that begins at or before the position; empty pieces are passed over.
        if position >= low && high > low || found.is_none() {
            found = Some((low, high, curve));
        }
        low = high;
    }
    let Some((low, high, curve)) = found else { return f64::NAN };
    let inside = if high > low { (position - low) / (high - low) } else { 0.0 };
    curve.at(f64::from(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(start: f64, end: f64) -> Curve {
        Curve::Linear { start, end }
    }

    #[test]
    fn shapes() {
        let near = |curve: Curve, position, value: f64| {
            assert!(
                (curve.at(position) - value).abs() < 1e-12,
                "{curve:?} at {position}: {}",
                curve.at(position)
            );
        };
        near(Curve::Constant(3.0), 0.7, 3.0);
        near(ramp(1.0, 3.0), 0.25, 1.5);
        near(Curve::Cosine { start: 1.0, end: 0.0 }, 0.0, 1.0);
        near(Curve::Cosine { start: 1.0, end: 0.0 }, 1.0 / 3.0, 0.75);
        near(Curve::Cosine { start: 1.0, end: 0.0 }, 1.0, 0.0);
        near(Curve::Exponential { start: 1e-7, end: 10.0 }, 0.5, 1e-3);
        near(Curve::Poly { start: 1.0, end: 2.0, power: 2.0 }, 0.5, 1.25);
    }

    #[test]
    fn lr_finder_values() {
        let curve = Curve::Exponential { start: 1e-7, end: 10.0 };
        for (k, lr) in
            [(0, 1e-7), (1, 1.20226e-7), (10, 6.30957e-7), (50, 1e-3), (94, 3.31131), (99, 8.31764)]
        {
            assert!((curve.at(f64::from(k) / 100.0) / lr - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn pieces_meet_at_their_borders() {
        let curve = Curve::pieces(vec![(0.25, ramp(0.0, 1.0)), (0.75, ramp(5.0, 8.0))]).unwrap();
        assert_eq!(curve.at(0.0), 0.0);
        assert_eq!(curve.at(0.25), 5.0);
        // 1/3 in 32 bits.
        assert!((curve.at(0.5) - 6.0).abs() < 1e-6);
        assert_eq!(curve.at(1.0), 8.0);
    }

    #[test]
    fn empty_pieces_are_passed_over() {
        for (pieces, start, end) in [
            (vec![(0.0, ramp(9.0, 9.0)), (1.0, ramp(0.0, 1.0))], 0.0, 1.0),
            (vec![(1.0, ramp(0.0, 1.0)), (0.0, ramp(9.0, 9.0))], 0.0, 1.0),
            (vec![(0.5, ramp(0.0, 1.0)), (0.0, ramp(9.0, 9.0)), (0.5, ramp(2.0, 3.0))], 0.0, 3.0),
        ] {
            let curve = Curve::pieces(pieces).unwrap();
            assert_eq!((curve.at(0.0), curve.at(1.0)), (start, end));
        }
        assert!(Curve::Pieces(vec![]).at(0.5).is_nan());
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(Curve::pieces(vec![]).is_err());
        assert!(Curve::pieces(vec![(0.5, ramp(0.0, 1.0))]).is_err());
        assert!(Curve::pieces(vec![(-0.5, ramp(0.0, 1.0)), (1.5, ramp(0.0, 1.0))]).is_err());
        assert!(Curve::pieces(vec![(1.0, ramp(0.0, f64::NAN))]).is_err());
        assert!(Curve::Exponential { start: 0.0, end: 1.0 }.check().is_err());
        assert!(Curve::Poly { start: 0.0, end: 1.0, power: -1.0 }.check().is_err());
        let tenths = (0..10).map(|_| (0.1, Curve::Constant(1.0))).collect();
        assert!(Curve::pieces(tenths).is_ok());
    }

    #[test]
    fn survives_a_file() {
        let curve = Curve::Pieces(vec![(0.5, ramp(0.0, 1.0)), (0.5, Curve::Constant(2.0))]);
        let json = serde_json::to_string(&curve).unwrap();
        assert_eq!(json, r#"{"pieces":[[0.5,{"linear":{"start":0.0,"end":1.0}}],[0.5,{"constant":2.0}]]}"#);
        assert_eq!(serde_json::from_str::<Curve>(&json).unwrap(), curve);
    }
}
