//! Codes in place of categories.

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::super::factors::Factors;
use super::super::level::Level;
use super::NO_VALUE;
use crate::{Error, Result};

/// The fitted step: the levels of each categorical column. A level's code is its position plus one; 0 is a
/// missing or unseen value, shown as `#na#`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Categorify {
    /// The columns in their order, those that tell of missing values last.
    pub(crate) columns: Vec<(String, Vec<Level>)>,
}

impl Categorify {
    /// The levels of a column, and whether values are missing in the training rows. A column that says itself which levels
    /// there are (`own`) has those. Text has all levels of the table
    /// and of the validation table: fastai's rule, which keeps the codes of a column independent of the split. Numbers
    /// and truth values have the levels of the training rows.
    pub(crate) fn levels(
        name: &str,
        array: &ArrayRef,
        factors: &Factors,
        train: &[u32],
        valid: Option<&ArrayRef>,
        own: Option<Vec<Level>>,
    ) -> Result<(Vec<Level>, bool)> {
        let lacks = train.iter().any(|row| factors.level_of(*row as usize).is_none());
        if let Some(own) = own {
            return Ok((own, lacks));
        }
        let mut levels = if is_text(array) { factors.levels.clone() } else { factors.sorted_levels(train) };
        if is_text(array)
            && let Some(valid) = valid.filter(|valid| is_text(valid))
        {
            levels.extend(Factors::of(name, valid)?.levels);
        }
        levels.sort_by(Level::order);
        levels.dedup();
        if levels.is_empty() {
            return Err(Error::column(name, NO_VALUE));
        }
        Ok((levels, lacks))
    }

    /// Adds a column that tells where values were missing.
    pub(crate) fn push_na(&mut self, name: String) {
        self.columns.push((name, vec![Level::Bool(false), Level::Bool(true)]));
    }
}

/// Whether a column is text, or something that has fixed categories.
fn is_text(array: &ArrayRef) -> bool {
    let data_type = array.data_type();
    data_type.is_string() || matches!(data_type, DataType::Dictionary(..))
}
