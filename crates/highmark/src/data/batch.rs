//! What one step sees: codes, numbers and targets of a few rows.

use crate::{Error, Result};

/// The targets of some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class number a row: binary and multi-class classification.
    Classes(Vec<u32>),
    /// `width` numbers a row, row by row: regression, or 0 and 1 for multi-label.
    Values {
        /// rows × width numbers.
        values: Vec<f32>,
        /// Columns.
        width: usize,
    },
}

impl Targets {
    /// Classes from numbers that came from elsewhere. Fails for those that are none: negative ones, and those beyond 32 bits.
    ///
    /// ```
    /// use highmark::Targets;
    /// assert_eq!(Targets::from_classes([2, 0])?, Targets::Classes(vec![2, 0]));
    /// let error = Targets::from_classes([0, -1]).unwrap_err().to_string();
    /// assert!(error.starts_with("class -1 in row 1 does not exist"), "{error}");
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn from_classes(numbers: impl IntoIterator<Item = i64>) -> Result<Self> {
        let class = |(row, number): (usize, i64)| {
            u32::try_from(number).map_err(|_| {
                Error::data(format!(
                    "class {number} in row {row} does not exist: classes are numbered from 0, and so are rows"
                ))
            })
        };
        Ok(Self::Classes(numbers.into_iter().enumerate().map(class).collect::<Result<_>>()?))
    }

    /// An empty set of the same kind.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        match self {
            Self::Classes(_) => Self::Classes(Vec::new()),
            Self::Values { width, .. } => Self::Values { values: Vec::new(), width: *width },
        }
    }

    /// The targets of these rows, in this order. Panics on a row that is not there.
    #[must_use]
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(rows.iter().map(|row| classes[*row as usize]).collect()),
            Self::Values { values, width } => {
                let row = |row: &u32| &values[*row as usize * width..][..*width];
                Self::Values { values: rows.iter().flat_map(row).copied().collect(), width: *width }
            }
        }
    }

    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        match self {
            Self::Classes(classes) => classes.clear(),
            Self::Values { values, .. } => values.clear(),
        }
    }

    /// Rows held.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values { values, width } => values.len() / (*width).max(1),
        }
    }
}

/// The rows of one step, gathered into buffers that are used again for the next.
///
/// ```
/// use std::sync::Arc;
/// use highmark::{Dataset, Loader, Order, Targets};
/// // One categorical column and two continuous ones.
/// let targets = Targets::Classes(vec![0, 1, 1]);
/// let data = Dataset::new(1, 2, vec![4, 5, 6], vec![0.0, 0.1, 1.0, 1.1, 2.0, 2.1], Some(targets))?;
/// let mut loader = Loader::new(Arc::new(data), 2, Order::Sequential, false)?;
/// let mut batch = loader.empty_batch();
/// loader.load(1, &mut batch);
/// assert_eq!((batch.rows, &batch.x_cat[..], &batch.x_cont[..]), (1, &[6][..], &[2.0, 2.1][..]));
/// assert_eq!(batch.targets, Some(Targets::Classes(vec![1])));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    /// Rows in it.
    pub rows: usize,
    /// Category codes, rows × categorical columns, row by row.
    pub x_cat: Vec<u32>,
    /// Numbers, rows × continuous columns, row by row.
    pub x_cont: Vec<f32>,
    /// Targets; `None` when predicting on data without them.
    pub targets: Option<Targets>,
}

impl Batch {
    /// The codes of one of `n_cat` categorical columns, row by row.
    pub(crate) fn codes(&self, column: usize, n_cat: usize) -> impl Iterator<Item = u32> {
        self.x_cat.iter().skip(column).step_by(n_cat).copied()
    }
}
