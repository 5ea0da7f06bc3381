//! Reading.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::DataType;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::types::ColumnDescriptor;
use arrow_array::{ArrayRef, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, StructArray};
use arrow_buffer::MutableBuffer;

use super::super::super::Table;
use super::super::super::origin::Origin;
use super::super::super::text::{Text, dictionary};
use crate::error::ErrorKind;
use crate::{Error, Result};

/// How many values are decoded at once.
const CHUNK: usize = 1 << 16;

/// Reads a Parquet file into memory.
///
/// Columns become `Int64`, `Float64`, `Boolean`, or text as a dictionary with sorted values. Dates are days
/// and timestamps are in the file's own unit, both as integers, of which [`Table::warnings`] tells; decimals become floats.
///
/// A nested column is one without values, and so is one of bytes of a fixed length: either is an error where it is used as a
/// feature or target, and no sooner.
///
/// Fails when the file cannot be read or is no Parquet file, and for binary columns that are no text; the error names the
/// column. In a build without the feature `parquet` it always fails.
///
/// ```
/// use highmark::{NamedData, read_parquet, write_parquet};
/// # let path = std::env::temp_dir().join(format!("highmark-doc-read-parquet-{}.parquet", std::process::id()));
/// let table = NamedData::Adult.table()?.slice(0, 20);
/// write_parquet(&table, &path)?;
/// assert!(read_parquet(&path)?.names().eq(table.names()));
/// # std::fs::remove_file(&path).ok();
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn read_parquet(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Error::io("read", path, error))?;
    if file.metadata().map_err(|error| Error::io("read", path, error))?.len() == 0 {
        return Err(Error::file(path, "the file is empty"));
    }
    let reader = SerializedFileReader::new(file)
        .map_err(|error| Error::file(path, format!("is no readable Parquet file: {error}")))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let (mut columns, mut dates) = (Vec::new(), Vec::new());
    for (number, descriptor) in schema.columns().iter().enumerate() {
        if is_nested(descriptor) {
            // All parts of it are one column.
            let name = &descriptor.path().parts()[0];
            if columns.last().is_none_or(|(last, _)| last != name) {
                let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default();
                columns.push((name.clone(), Arc::new(StructArray::new_empty_fields(rows, None)) as ArrayRef));
            }
            continue;
        }
        let name = descriptor.name().to_owned();
        let array = read_column(&reader, number, descriptor, &name).map_err(|problem| {
            let (path, message) = (path.into(), problem.0);
            Error::from(ErrorKind::File { path, line: None, column: Some(name.clone()), message })
        })?;
        if is_date(descriptor) {
            dates.push(name.clone());
        }
        columns.push((name, array));
    }
    let table = Table::new(columns).map_err(|error| Error::file(path, error.to_string()))?;
    Ok(table.with_origin(Origin::file(path).with_dates(dates)))
}

/// Whether a column has lists or other columns in it.
fn is_nested(descriptor: &ColumnDescriptor) -> bool {
    descriptor.max_rep_level() > 0 || descriptor.path().parts().len() > 1
}

/// Whether the whole numbers of a column are days or points in time.
fn is_date(descriptor: &ColumnDescriptor) -> bool {
    let logical = descriptor.logical_type_ref();
    // The last is how timestamps were written before there were types for them.
    matches!(logical, Some(LogicalType::Date | LogicalType::Timestamp(_)))
        || matches!(
            descriptor.converted_type(),
            ConvertedType::DATE | ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS
        )
        || descriptor.physical_type() == PhysicalType::INT96
}

/// What is wrong with a column.
struct Problem(String);

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        match &error {
            ParquetError::General(message) if message.starts_with("Disabled feature") => {
                let codec = message.rsplit(' ').next().unwrap_or_default();
                let codec = if codec == "flate2" { "gzip" } else { codec };
                Self(format!(
                    "is compressed with {codec}, which is not supported; write the file with snappy or zstd"
                ))
            }
            _ => Self(format!("cannot be read: {error}")),
        }
    }
}

/// The values of a column so far.
enum Values {
    Ints(Vec<Option<i64>>),
    Floats(Vec<Option<f64>>),
    Bools(Vec<Option<bool>>),
    Text(Text),
}

fn read_column(
    reader: &SerializedFileReader<File>,
    number: usize,
    descriptor: &ColumnDescriptor,
    name: &str,
) -> std::result::Result<ArrayRef, Problem> {
    let decimal = match descriptor.logical_type_ref() {
        Some(LogicalType::Decimal(decimal)) => Some(decimal.scale),
        _ if descriptor.converted_type() == ConvertedType::DECIMAL => Some(descriptor.type_scale()),
        _ => None,
    };
    let unsigned = match descriptor.logical_type_ref() {
        Some(LogicalType::Integer(int)) => !int.is_signed,
        _ => matches!(descriptor.converted_type(), ConvertedType::UINT_32 | ConvertedType::UINT_64),
    };
    // Dividing by a power of ten gives the float nearest to the decimal; multiplying by 0.01 would not.
    let unit = 10_f64.powi(decimal.unwrap_or_default());
    let half = matches!(descriptor.logical_type_ref(), Some(LogicalType::Float16));
    let mut values: Option<Values> = None;
    for group in 0..reader.num_row_groups() {
        match reader.get_row_group(group)?.get_column_reader(number)? {
            ColumnReader::BoolColumnReader(column) => {
                let Values::Bools(bools) = values.get_or_insert(Values::Bools(Vec::new())) else { continue };
                read_values(column, |value| bools.push(value.copied()))?;
            }
            ColumnReader::Int32ColumnReader(column) => {
                let Values::Ints(ints) = values.get_or_insert(Values::Ints(Vec::new())) else { continue };
                // Unsigned numbers are stored in the bits of signed ones.
                let widen = |value: &i32| if unsigned { i64::from(*value as u32) } else { i64::from(*value) };
                read_values(column, |value| ints.push(value.map(widen)))?;
            }
            ColumnReader::Int64ColumnReader(column) => {
                let Values::Ints(ints) = values.get_or_insert(Values::Ints(Vec::new())) else { continue };
                read_values(column, |value| ints.push(value.copied()))?;
            }
            ColumnReader::Int96ColumnReader(column) => {
                let Values::Ints(ints) = values.get_or_insert(Values::Ints(Vec::new())) else { continue };
                read_values(column, |value| ints.push(value.map(::parquet::data_type::Int96::to_nanos)))?;
            }
            ColumnReader::FloatColumnReader(column) => {
                let Values::Floats(floats) = values.get_or_insert(Values::Floats(Vec::new())) else {
                    continue;
                };
                read_values(column, |value| floats.push(value.map(|value| f64::from(*value))))?;
            }
            ColumnReader::DoubleColumnReader(column) => {
                let Values::Floats(floats) = values.get_or_insert(Values::Floats(Vec::new())) else {
                    continue;
                };
                read_values(column, |value| floats.push(value.copied()))?;
            }
            ColumnReader::ByteArrayColumnReader(column) if decimal.is_none() => {
                let Values::Text(text) = values.get_or_insert(Values::Text(Text::default())) else {
                    continue;
                };
                read_values(column, |value| match value {
                    Some(value) => text.push(value.data()),
                    None => text.push_missing(),
                })?;
            }
            ColumnReader::ByteArrayColumnReader(column) => {
                let Values::Floats(floats) = values.get_or_insert(Values::Floats(Vec::new())) else {
                    continue;
                };
                read_values(column, |value| {
                    floats.push(value.map(|value| whole_number(value.data()) / unit));
                })?;
            }
            ColumnReader::FixedLenByteArrayColumnReader(column) if decimal.is_some() || half => {
                let Values::Floats(floats) = values.get_or_insert(Values::Floats(Vec::new())) else {
                    continue;
                };
                let number = |bytes: &[u8]| match bytes {
                    [low, high] if half => half_float(u16::from_le_bytes([*low, *high])),
                    bytes => whole_number(bytes) / unit,
                };
                read_values(column, |value| floats.push(value.map(|value| number(value.data()))))?;
            }
            ColumnReader::FixedLenByteArrayColumnReader(_) => {
                let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default();
                let width = descriptor.type_length();
                // Its values are not read, because nothing can be done with them; they are not missing either.
                let bytes = MutableBuffer::from_len_zeroed(rows * usize::try_from(width).unwrap_or_default());
                return Ok(Arc::new(FixedSizeBinaryArray::new(width, bytes.into(), None)));
            }
        }
    }
    Ok(match values {
        None => Arc::new(Float64Array::new_null(0)),
        Some(Values::Bools(bools)) => Arc::new(BooleanArray::from(bools)),
        Some(Values::Floats(floats)) => Arc::new(Float64Array::from(floats)),
        Some(Values::Text(text)) => Arc::new(dictionary(name, text).map_err(|error| match error.kind() {
            ErrorKind::Data { message, .. } => Problem(message.clone()),
            _ => Problem(error.to_string()),
        })?),
        Some(Values::Ints(ints)) => match decimal {
            Some(_) => Arc::new(
                ints.into_iter().map(|value| value.map(|v| v as f64 / unit)).collect::<Float64Array>(),
            ),
            None if unsigned && ints.iter().flatten().any(|value| *value < 0) => Arc::new(
                ints.into_iter().map(|value| value.map(|v| v as u64 as f64)).collect::<Float64Array>(),
            ),
            None => Arc::new(Int64Array::from(ints)),
        },
    })
}

/// A whole number of any length: two's complement, the highest byte first.
fn whole_number(bytes: &[u8]) -> f64 {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    if bytes.len() <= 16 {
        let start = if negative { -1 } else { 0 };
        return bytes.iter().fold(start, |sum: i128, byte| (sum << 8) | i128::from(*byte)) as f64;
    }
    // All bits of a negative number are turned over, which leaves it short by one.
    let size =
        bytes.iter().fold(0.0, |sum, byte| sum * 256.0 + f64::from(if negative { !byte } else { *byte }));
    if negative { -size - 1.0 } else { size }
}

/// A float of 16 bits.
fn half_float(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    let size = match exponent {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { size } else { -size }
}

/// Passes every value of a column, or `None` for a missing one, to `push`.
fn read_values<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    mut push: impl FnMut(Option<&T::T>),
) -> std::result::Result<(), Problem> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    loop {
        levels.clear();
        values.clear();
        let (records, ..) = column.read_records(CHUNK, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(());
        }
        // A required column has no levels.
        if levels.is_empty() {
            for value in &values {
                push(Some(value));
            }
        } else {
            let mut present = values.iter();
            for level in &levels {
                push(if *level > 0 { present.next() } else { None });
            }
        }
    }
}
