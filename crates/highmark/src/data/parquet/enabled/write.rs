//! Writing.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::Type;

use super::super::super::Table;
use super::super::super::factors::Factors;
use super::super::super::level::Level;
use crate::{Error, Result};

/// A column as it is written.
enum Column {
    Ints(Vec<Option<i64>>),
    Floats(Vec<Option<f64>>),
    Bools(Vec<Option<bool>>),
    Text(Vec<Option<ByteArray>>),
}

/// Writes a table as a Parquet file with one row group, compressed with Snappy, every column optional:
/// integers as INT64, floats as DOUBLE, truth values as BOOLEAN, text as UTF-8.
///
/// Fails when the file cannot be written and for columns of a type that [`Table`] does not support. In a build
/// without the feature `parquet` it always fails.
pub fn write_parquet(table: &Table, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let mut columns = Vec::new();
    for (name, array) in table.columns() {
        columns.push((name.as_str(), column(&Factors::of(name, array)?)));
    }
    let file = File::create(path).map_err(|error| Error::io("create", path, error))?;
    write(file, &columns).map_err(|error| Error::file(path, format!("cannot be written: {error}")))
}

fn column(factors: &Factors) -> Column {
    fn rows<T: Clone>(factors: &Factors, value: impl Fn(&Level) -> T) -> Vec<Option<T>> {
        let values: Vec<T> = factors.levels.iter().map(value).collect();
        factors.codes.iter().map(|code| values.get(*code as usize).cloned()).collect()
    }
    let all = |is: fn(&Level) -> bool| factors.levels.iter().all(is);
    if all(|level| matches!(level, Level::Float(_))) {
        return Column::Floats(rows(factors, float));
    }
    if all(|level| matches!(level, Level::Int(_))) {
        return Column::Ints(rows(factors, |level| if let Level::Int(value) = level { *value } else { 0 }));
    }
    if all(|level| matches!(level, Level::Bool(_))) {
        return Column::Bools(rows(factors, |level| *level == Level::Bool(true)));
    }
    if all(|level| matches!(level, Level::Text(_))) {
        return Column::Text(rows(factors, |level| ByteArray::from(level.to_string().as_str())));
    }
    // Unsigned integers of which some are beyond an i64.
    Column::Floats(rows(factors, float))
}

fn float(level: &Level) -> f64 {
    match level {
        Level::Float(value) => *value,
        Level::Int(value) => *value as f64,
        Level::Bool(_) | Level::Text(_) => f64::NAN,
    }
}

fn write(file: File, columns: &[(&str, Column)]) -> std::result::Result<(), ParquetError> {
    let mut fields = Vec::new();
    for (name, column) in columns {
        let (physical, logical) = match column {
            Column::Ints(_) => (PhysicalType::INT64, None),
            Column::Floats(_) => (PhysicalType::DOUBLE, None),
            Column::Bools(_) => (PhysicalType::BOOLEAN, None),
            Column::Text(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        fields.push(Arc::new(field));
    }
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        match column {
            Column::Ints(values) => write_values::<Int64Type>(&mut group, values)?,
            Column::Floats(values) => write_values::<DoubleType>(&mut group, values)?,
            Column::Bools(values) => write_values::<BoolType>(&mut group, values)?,
            Column::Text(values) => write_values::<ByteArrayType>(&mut group, values)?,
        }
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

fn write_values<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[Option<T::T>],
) -> std::result::Result<(), ParquetError> {
    let levels: Vec<i16> = rows.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = rows.iter().flatten().cloned().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}
