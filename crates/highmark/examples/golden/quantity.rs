//! One compared quantity: a line of the report.

use std::fmt;

/// How far highmark's numbers are from fastai's, at worst.
pub(crate) struct Quantity {
    name: &'static str,
    worst: f64,
    /// `None`: reported, not judged.
    bound: Option<f64>,
    /// What the deviation is of: `relative`, `absolute`, `differ`.
    unit: &'static str,
    note: String,
}

impl Quantity {
    /// How many of two lists' entries are not equal; none may be. Lists of different lengths differ throughout.
    pub(crate) fn exact<A: PartialEq<B>, B>(name: &'static str, ours: &[A], theirs: &[B]) -> Self {
        let differ = if ours.len() == theirs.len() {
            ours.iter().zip(theirs).filter(|(a, b)| *a != *b).count()
        } else {
            ours.len().max(theirs.len())
        };
        let note = format!("of {}", theirs.len());
        Self { name, worst: differ as f64, bound: Some(0.0), unit: "differ", note }
    }

    /// The largest of the deviations, which must not be above `bound`.
    pub(crate) fn within(name: &'static str, bound: f64, unit: &'static str, deviations: &[f64]) -> Self {
        Self {
            name,
            worst: worst(deviations),
            bound: Some(bound),
            unit,
            note: format!("of {}", deviations.len()),
        }
    }

    /// The largest of the deviations, whatever it is.
    pub(crate) fn reported(name: &'static str, unit: &'static str, deviations: &[f64]) -> Self {
        Self { name, worst: worst(deviations), bound: None, unit, note: format!("of {}", deviations.len()) }
    }

    #[must_use]
    pub(crate) fn note(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    /// NaN is never within bounds.
    pub(crate) fn holds(&self) -> bool {
        self.bound.is_none_or(|bound| self.worst <= bound)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.bound, self.holds()) {
            (None, _) => "    ",
            (_, true) => "ok  ",
            (_, false) => "FAIL",
        };
        let bound = self.bound.map_or("not judged".into(), |bound| format!("bound {bound:e}"));
        write!(
            f,
            "{verdict} {:<44} worst {:<10.3e} {:<9} {bound:<12} {}",
            self.name, self.worst, self.unit, self.note
        )
    }
}

fn worst(deviations: &[f64]) -> f64 {
    // Not f64::max, which passes over NaN.
    deviations.iter().fold(0.0, |worst, d| if *d > worst || d.is_nan() { *d } else { worst })
}

/// |a - b| for each pair; infinite once if there are not equally many.
pub(crate) fn absolute(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    deviations(ours, theirs, |a, b| (a - b).abs())
}

/// |a - b| / |b| for each pair; infinite once if there are not equally many.
pub(crate) fn relative(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    deviations(ours, theirs, |a, b| if a == b { 0.0 } else { (a - b).abs() / b.abs() })
}

/// |a - b| / max(1, |b|) for each pair: relative for large numbers, absolute for small ones.
pub(crate) fn scaled(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    deviations(ours, theirs, |a, b| (a - b).abs() / b.abs().max(1.0))
}

fn deviations(ours: &[f64], theirs: &[f64], of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    if ours.len() != theirs.len() {
        return vec![f64::INFINITY];
    }
    ours.iter().zip(theirs).map(|(a, b)| of(*a, *b)).collect()
}
