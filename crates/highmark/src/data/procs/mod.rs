//! What is done to the columns before a model sees them: asked for as a [`Proc`], then fitted.

mod categorify;
mod fill_missing;
mod normalize;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub(crate) use self::categorify::Categorify;
pub use self::fill_missing::FillStrategy;
pub(crate) use self::fill_missing::{FillMissing, median};
pub(crate) use self::normalize::Normalize;
use crate::{Error, Result};

/// What is wrong with a column that is empty.
pub(crate) const NO_VALUE: &str = "all values of the training rows are missing; leave it out";

/// A step of the preparation, as the user asks for it. Steps always run in the order below, whatever the
/// order they are given in, so that the statistics of [`Proc::Normalize`] include the filled values.
///
/// ```
/// use highmark::Proc;
/// assert_eq!(Proc::parse("FillMissing")?, Proc::parse("fill_missing")?);
/// assert_eq!(Proc::parse("normalize")?, Proc::Normalize);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "proc", rename_all = "snake_case")]
pub enum Proc {
    /// Replaces the missing values of continuous columns.
    FillMissing {
        /// By what.
        strategy: FillStrategy,
        /// Whether a categorical column `<column>_na` tells where a value was missing, for each column that
        /// had missing values in the training rows.
        add_col: bool,
    },
    /// Replaces the values of categorical columns by codes.
    Categorify,
    /// Gives continuous columns mean 0 and standard deviation 1 over the training rows.
    Normalize,
}

impl Proc {
    /// All three, filling by the median and with `_na` columns.
    pub fn all() -> Vec<Self> {
        vec![Self::fill_missing(), Self::Categorify, Self::Normalize]
    }

    /// Filling by the median, with `_na` columns.
    pub fn fill_missing() -> Self {
        Self::FillMissing { strategy: FillStrategy::Median, add_col: true }
    }

    /// The step of this name, with its defaults: `fill_missing`, `categorify` or `normalize`, also as
    /// `FillMissing` or `fill-missing`. Fails for other names.
    pub fn parse(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().replace(['_', '-'], "").as_str() {
            "fillmissing" => Ok(Self::fill_missing()),
            "categorify" => Ok(Self::Categorify),
            "normalize" => Ok(Self::Normalize),
            _ => Err(Error::unknown("proc", name, ["fill_missing", "categorify", "normalize"])),
        }
    }

    /// Its name, as [`Proc::parse`] reads it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FillMissing { .. } => "fill_missing",
            Self::Categorify => "categorify",
            Self::Normalize => "normalize",
        }
    }
}

impl FromStr for Proc {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::parse(name)
    }
}

impl fmt::Display for Proc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
