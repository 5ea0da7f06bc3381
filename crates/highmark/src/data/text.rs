//! Text columns while they are read.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Int32Array, StringArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};

use super::hash::FastMap;
use crate::{Error, Result};

/// Text while it is read: each distinct one is kept once.
#[derive(Default)]
pub(crate) struct Text {
    /// Per row a position in `values`, or -1 for a missing one.
    keys: Vec<i32>,
    /// In order of first appearance.
    values: Vec<Arc<[u8]>>,
    known: FastMap<Arc<[u8]>, i32>,
}

impl Text {
    /// So many missing values.
    pub(crate) fn missing(rows: usize) -> Self {
        Self { keys: vec![-1; rows], ..Self::default() }
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Appends a missing value.
    pub(crate) fn push_missing(&mut self) {
        self.keys.push(-1);
    }

    /// Replaces the value of an earlier row.
    pub(crate) fn set(&mut self, row: usize, field: &[u8]) {
        self.keys[row] = self.key(field);
    }

    /// Appends a value.
    #[inline]
    pub(crate) fn push(&mut self, field: &[u8]) {
        let key = self.key(field);
        self.keys.push(key);
    }

    #[inline]
    fn key(&mut self, field: &[u8]) -> i32 {
        if let Some(key) = self.known.get(field) {
            return *key;
        }
        let key = self.values.len() as i32;
        let value: Arc<[u8]> = field.into();
        self.values.push(value.clone());
        self.known.insert(value, key);
        key
    }
}

/// The column as a dictionary with its values sorted by their bytes, which for UTF-8 is the order of code
/// points. Fails when the distinct texts exceed 2 GB, and for text that is not UTF-8.
pub(crate) fn dictionary(name: &str, text: Text) -> Result<DictionaryArray<Int32Type>> {
    let Text { mut keys, values, .. } = text;
    if values.iter().map(|value| value.len()).sum::<usize>() > i32::MAX as usize {
        return Err(Error::column(
            name,
            "has more than 2 GB of distinct text; leave the column out of the file",
        ));
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].cmp(&values[*b]));
    let mut rank = vec![0; values.len()];
    let mut sorted = Vec::with_capacity(values.len());
    for (position, number) in order.into_iter().enumerate() {
        rank[number] = position as i32;
        let text = std::str::from_utf8(&values[number]);
        sorted.push(text.map_err(|_| Error::column(name, "holds text that is not UTF-8"))?);
    }
    let nulls: Option<NullBuffer> =
        keys.iter().any(|key| *key < 0).then(|| keys.iter().map(|key| *key >= 0).collect());
    for key in &mut keys {
        *key = usize::try_from(*key).map_or(0, |key| rank[key]);
    }
    let keys = Int32Array::new(ScalarBuffer::from(keys), nulls);
    DictionaryArray::try_new(keys, Arc::new(StringArray::from(sorted)))
        .map_err(|error| Error::column(name, error.to_string()))
}
