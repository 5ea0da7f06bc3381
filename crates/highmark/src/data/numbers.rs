//! Any numeric column as f64.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::factors::Factors;
use super::level::{Level, quoted};
use super::origin::Origin;
use crate::{Error, Result};

/// The numbers of a column; NaN where one is missing.
///
/// Floats pass through f32 when all of them fit, because that is the precision that the model sees and that
/// fastai takes its statistics from. Infinite numbers and text that is no number are errors that say where.
pub(crate) fn numbers(name: &str, array: &ArrayRef, origin: &Origin) -> Result<Vec<f64>> {
    let mut values = raw_numbers(name, array, origin)?;
    if array.data_type().is_integer() {
        return Ok(values);
    }
    // Looked at to the end, which is many at once, where a search that may stop is one after the other.
    let large = values.iter().fold(false, |large, value| large | (value.abs() > f64::from(f32::MAX)));
    if !large {
        for value in &mut values {
            *value = f64::from(*value as f32);
        }
    } else if let Some(row) = values.iter().position(|value| value.is_infinite()) {
        let message =
            format!("{} in {} is not a finite number; replace or remove it", values[row], origin.row(row));
        return Err(Error::column(name, message));
    }
    Ok(values)
}

/// The same of a column to predict from, which says what to do when it holds words.
pub(super) fn feature_numbers(name: &str, array: &ArrayRef, origin: &Origin) -> Result<Vec<f64>> {
    refuse_words(name, array, origin, "make it categorical, not continuous")?;
    numbers(name, array, origin)
}

/// The numbers as they are: not rounded, and infinite ones too.
pub(crate) fn raw_numbers(name: &str, array: &ArrayRef, origin: &Origin) -> Result<Vec<f64>> {
    Ok(match array.data_type() {
        DataType::Int8 => primitive::<Int8Type>(array, |v| v as f64),
        DataType::Int16 => primitive::<Int16Type>(array, |v| v as f64),
        DataType::Int32 => primitive::<Int32Type>(array, |v| v as f64),
        DataType::Int64 => primitive::<Int64Type>(array, |v| v as f64),
        DataType::UInt8 => primitive::<UInt8Type>(array, |v| v as f64),
        DataType::UInt16 => primitive::<UInt16Type>(array, |v| v as f64),
        DataType::UInt32 => primitive::<UInt32Type>(array, |v| v as f64),
        DataType::UInt64 => primitive::<UInt64Type>(array, |v| v as f64),
        DataType::Float32 => primitive::<Float32Type>(array, f64::from),
        DataType::Float64 => primitive::<Float64Type>(array, |v| v),
        DataType::Null => vec![f64::NAN; array.len()],
        DataType::Boolean => {
            array.as_boolean().iter().map(|v| v.map_or(f64::NAN, |v| f64::from(u8::from(v)))).collect()
        }
        DataType::Utf8 => parse(name, array.as_string::<i32>().iter(), origin)?,
        DataType::LargeUtf8 => parse(name, array.as_string::<i64>().iter(), origin)?,
        DataType::Utf8View => parse(name, array.as_string_view().iter(), origin)?,
        DataType::Dictionary(..) => dictionary(name, array, origin)?,
        other => return Err(unsupported(name, other)),
    })
}

/// Fails on a column of texts none of which is a number, and gives `advice`.
pub(crate) fn refuse_words(name: &str, array: &ArrayRef, origin: &Origin, advice: &str) -> Result<()> {
    if array.data_type().is_numeric() {
        return Ok(());
    }
    let factors = Factors::of(name, array)?;
    let word = |level: &Level| matches!(level, Level::Text(text) if origin.number(text).is_none());
    let Some(first) = factors.levels.first().filter(|_| factors.levels.iter().all(word)) else {
        return Ok(());
    };
    let (value, place) = (quoted(&first.to_string()), origin.row(factors.first_row(0)));
    Err(Error::column(name, format!("holds words, such as {value} in {place}, and no numbers; {advice}")))
}

/// What to say of a column of a type that nothing can be done with.
pub(crate) fn unsupported(name: &str, data_type: &DataType) -> Error {
    if data_type.is_nested() {
        return Error::column(name, "is nested, which is not supported; flatten it, or leave it out");
    }
    let advice = match data_type {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            "put the year, the month or what matters into columns of numbers (in Python by add_datepart), or leave it out"
        }
        DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => {
            "convert it to numbers, of seconds for one, or leave it out"
        }
        _ => "convert it to numbers or text, or ignore it",
    };
    Error::column(name, format!("its type {data_type} is not supported; {advice}"))
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, convert: impl Fn(T::Native) -> f64) -> Vec<f64> {
    let array = array.as_primitive::<T>();
    match array.nulls() {
        None => array.values().iter().map(|v| convert(*v)).collect(),
        Some(_) => array.iter().map(|v| v.map_or(f64::NAN, &convert)).collect(),
    }
}

fn parse<'a>(name: &str, texts: impl Iterator<Item = Option<&'a str>>, origin: &Origin) -> Result<Vec<f64>> {
    texts
        .enumerate()
        .map(|(row, text)| match text {
            None => Ok(f64::NAN),
            Some(text) => origin.number(text).ok_or_else(|| no_number(name, text, &origin.row(row))),
        })
        .collect()
}

fn no_number(name: &str, text: &str, place: &str) -> Error {
    let message = format!(
        "{} in {place} is not a number; correct it, declare it missing, or make the column categorical",
        quoted(text)
    );
    Error::column(name, message)
}

/// Parses each value of the dictionary once. A value that no row uses may be anything.
fn dictionary(name: &str, array: &ArrayRef, origin: &Origin) -> Result<Vec<f64>> {
    let dictionary = array.as_any_dictionary();
    if dictionary.values().is_empty() {
        return Ok(vec![f64::NAN; array.len()]);
    }
    let keys = dictionary.normalized_keys();
    let nulls = dictionary.keys().nulls();
    let used = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
    let known: Vec<Option<f64>> = (0..dictionary.values().len())
        .map(|key| raw_numbers(name, &dictionary.values().slice(key, 1), origin).ok().map(|value| value[0]))
        .collect();
    let mut values = Vec::with_capacity(keys.len());
    for (row, key) in keys.into_iter().enumerate() {
        values.push(match known[key] {
            _ if !used(row) => f64::NAN,
            Some(value) => value,
            None => {
                let factors = Factors::of(name, dictionary.values())?;
                let text = factors.level_of(key).map(ToString::to_string).unwrap_or_default();
                return Err(no_number(name, &text, &origin.row(row)));
            }
        });
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn integers_keep_their_precision_and_floats_pass_through_f32() {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(16_777_217), None]));
        let values = numbers("n", &ints, &Origin::default()).unwrap();
        assert_eq!(values[0], 16_777_217.0);
        assert!(values[1].is_nan());
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.1]));
        assert_eq!(numbers("n", &floats, &Origin::default()).unwrap(), [f64::from(0.1_f32)]);
        let large: ArrayRef = Arc::new(Float64Array::from(vec![0.1, 1e300]));
        assert_eq!(numbers("n", &large, &Origin::default()).unwrap(), [0.1, 1e300]);
    }

    #[test]
    fn infinite_numbers_and_words_say_where() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, f64::NEG_INFINITY]));
        let error = numbers("gain", &floats, &Origin::default()).unwrap_err().to_string();
        assert_eq!(error, "column `gain`: -inf in data row 3 is not a finite number; replace or remove it");
        let plain: ArrayRef = Arc::new(StringArray::from(vec![Some(" 1.5"), None, Some("many")]));
        let coded: DictionaryArray<Int32Type> = vec![Some(" 1.5"), None, Some("many")].into_iter().collect();
        for array in [plain, Arc::new(coded)] {
            let error = numbers("gain", &array, &Origin::default()).unwrap_err().to_string();
            assert!(error.starts_with("column `gain`: `many` in data row 3 is not a number"), "{error}");
        }
    }

    #[test]
    fn dictionaries_are_looked_up() {
        let coded: DictionaryArray<Int32Type> =
            vec![Some("2"), None, Some("7.5"), Some("2")].into_iter().collect();
        let values = numbers("n", &(Arc::new(coded) as ArrayRef), &Origin::default()).unwrap();
        assert_eq!((values[0], values[2], values[3]), (2.0, 7.5, 2.0));
        assert!(values[1].is_nan());
    }
}
