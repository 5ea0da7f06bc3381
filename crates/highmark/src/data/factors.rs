//! A column as numbers of its distinct values.

use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::hash::FastMap;
use super::level::Level;
use super::numbers::unsupported;
use crate::Result;

/// The code of a missing value.
pub(crate) const MISSING: u32 = u32::MAX;

/// A column's distinct values in order of their first appearance, and which of them each row has.
#[derive(Debug)]
pub(crate) struct Factors {
    /// Per row, a position in `levels`, or [`MISSING`].
    pub(crate) codes: Vec<u32>,
    /// The distinct values that occur, in order of first appearance.
    pub(crate) levels: Vec<Level>,
}

impl Factors {
    /// Takes a column apart. Fails for types that are no category.
    pub(crate) fn of(name: &str, array: &ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Int8 => integers::<Int8Type>(array),
            DataType::Int16 => integers::<Int16Type>(array),
            DataType::Int32 => integers::<Int32Type>(array),
            DataType::Int64 => integers::<Int64Type>(array),
            DataType::UInt8 => integers::<UInt8Type>(array),
            DataType::UInt16 => integers::<UInt16Type>(array),
            DataType::UInt32 => integers::<UInt32Type>(array),
            DataType::UInt64 => unsigned(array),
            DataType::Float32 => floats(array.as_primitive::<Float32Type>().iter().map(|v| v.map(f64::from))),
            DataType::Float64 => floats(array.as_primitive::<Float64Type>().iter()),
            DataType::Boolean => distinct(array.as_boolean().iter(), Level::Bool),
            DataType::Utf8 => distinct(array.as_string::<i32>().iter(), |v| Level::Text(v.into())),
            DataType::LargeUtf8 => distinct(array.as_string::<i64>().iter(), |v| Level::Text(v.into())),
            DataType::Utf8View => distinct(array.as_string_view().iter(), |v| Level::Text(v.into())),
            DataType::Null => Self { codes: vec![MISSING; array.len()], levels: Vec::new() },
            DataType::Dictionary(..) => dictionary(name, array)?,
            other => return Err(unsupported(name, other)),
        })
    }

    /// The value in row `row`; `None` where it is missing.
    pub(crate) fn level_of(&self, row: usize) -> Option<&Level> {
        self.levels.get(self.codes[row] as usize)
    }

    /// The first row that has this level; its levels all have one.
    pub(crate) fn first_row(&self, level: usize) -> usize {
        self.codes.iter().position(|code| *code as usize == level).unwrap_or_default()
    }

    /// How many rows have each level, and how many have none.
    pub(crate) fn counts(&self) -> (Vec<usize>, usize) {
        let levels = self.levels.len();
        // Four counts of each, since one that was just written cannot be read again at once; missing values behind the others.
        let mut counts = vec![[0_usize; 4]; levels + 1];
        for codes in self.codes.chunks(4) {
            for (lane, code) in codes.iter().enumerate() {
                counts[levels.min(*code as usize)][lane] += 1;
            }
        }
        let missing = counts.pop().map_or(0, |missing| missing.iter().sum());
        (counts.into_iter().map(|counts| counts.iter().sum()).collect(), missing)
    }

    /// The levels that `rows` have, in the order of a vocabulary.
    pub(crate) fn sorted_levels(&self, rows: &[u32]) -> Vec<Level> {
        let mut seen = vec![false; self.levels.len()];
        for row in rows {
            if let Some(seen) = seen.get_mut(self.codes[*row as usize] as usize) {
                *seen = true;
            }
        }
        let used = self.levels.iter().zip(seen).filter(|(_, seen)| *seen).map(|(level, _)| level.clone());
        let mut levels: Vec<Level> = used.collect();
        levels.sort_by(Level::order);
        levels
    }
}

fn distinct<T: Copy + Eq + Hash>(
    values: impl Iterator<Item = Option<T>>,
    level: impl Fn(T) -> Level,
) -> Factors {
    let mut known: FastMap<T, u32> = FastMap::default();
    let mut levels = Vec::new();
    let codes = values
        .map(|value| {
            value.map_or(MISSING, |value| {
                *known.entry(value).or_insert_with(|| {
                    levels.push(level(value));
                    levels.len() as u32 - 1
                })
            })
        })
        .collect();
    Factors { codes, levels }
}

fn integers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Factors
where
    i64: From<T::Native>,
{
    distinct(array.as_primitive::<T>().iter().map(|v| v.map(i64::from)), Level::Int)
}

/// Integers beyond an i64 become floats, as they do when a file is read.
fn unsigned(array: &ArrayRef) -> Factors {
    distinct(array.as_primitive::<UInt64Type>().iter(), |value| {
        i64::try_from(value).map_or(Level::Float(value as f64), Level::Int)
    })
}

fn floats(values: impl Iterator<Item = Option<f64>>) -> Factors {
    // Adding zero makes -0.0 and 0.0 one value.
    let bits = values.map(|v| v.filter(|v| !v.is_nan()).map(|v| (v + 0.0).to_bits()));
    distinct(bits, |bits| Level::Float(f64::from_bits(bits)))
}

fn dictionary(name: &str, array: &ArrayRef) -> Result<Factors> {
    let dictionary = array.as_any_dictionary();
    // Values may repeat in a foreign dictionary, or be null themselves.
    let values = Factors::of(name, dictionary.values())?;
    if values.levels.is_empty() {
        return Ok(Factors { codes: vec![MISSING; array.len()], levels: Vec::new() });
    }
    // Files are read into keys of this type, which are used where they stand.
    Ok(match dictionary.keys().as_primitive_opt::<Int32Type>() {
        Some(keys) => keyed(keys.values().iter().map(|key| *key as usize), keys.nulls(), &values),
        None => keyed(dictionary.normalized_keys().into_iter(), dictionary.keys().nulls(), &values),
    })
}

/// `values` by key, each row's key given.
fn keyed(keys: impl Iterator<Item = usize>, nulls: Option<&NullBuffer>, values: &Factors) -> Factors {
    let mut number = vec![MISSING; values.levels.len()];
    let mut levels = Vec::new();
    let codes = keys.enumerate().map(|(row, key)| {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return MISSING;
        }
        let value = values.codes[key];
        if value == MISSING {
            return MISSING;
        }
        let number = &mut number[value as usize];
        if *number == MISSING {
            *number = levels.len() as u32;
            levels.push(values.levels[value as usize].clone());
        }
        *number
    });
    Factors { codes: codes.collect(), levels }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{DictionaryArray, Float64Array, Int64Array, StringArray, types::Int8Type};

    use super::*;

    #[test]
    fn first_appearance_and_missing() {
        let array: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(2.0), None, Some(f64::NAN), Some(-0.0), Some(0.0)]));
        let factors = Factors::of("x", &array).unwrap();
        assert_eq!(factors.codes, [0, MISSING, MISSING, 1, 1]);
        assert_eq!(factors.levels, [Level::Float(2.0), Level::Float(0.0)]);
        assert_eq!(factors.counts(), (vec![1, 2], 2));
        assert_eq!(factors.sorted_levels(&[0, 3]), [Level::Float(0.0), Level::Float(2.0)]);
        assert_eq!(factors.sorted_levels(&[0]), [Level::Float(2.0)]);
    }

    #[test]
    fn unused_values_of_a_dictionary_do_not_count() {
        let coded: DictionaryArray<Int8Type> =
            vec![Some("b"), Some("a"), None, Some("a")].into_iter().collect();
        let array = (Arc::new(coded) as ArrayRef).slice(1, 3);
        let factors = Factors::of("x", &array).unwrap();
        assert_eq!(factors.codes, [0, MISSING, 0]);
        assert_eq!(factors.levels, [Level::Text("a".into())]);
    }

    #[test]
    fn dictionaries_of_numbers() {
        let keys = arrow_array::Int8Array::from(vec![1, 0, 1]);
        let coded = DictionaryArray::new(keys, Arc::new(Int64Array::from(vec![5, 7])));
        let factors = Factors::of("x", &(Arc::new(coded) as ArrayRef)).unwrap();
        assert_eq!(factors.levels, [Level::Int(7), Level::Int(5)]);
    }

    #[test]
    fn text_is_distinct_to_the_letter() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["a", " a", "a"]));
        assert_eq!(Factors::of("x", &array).unwrap().codes, [0, 1, 0]);
    }
}
