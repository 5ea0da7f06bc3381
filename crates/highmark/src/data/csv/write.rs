//! Writing comma separated files.

use std::io::{BufWriter, Write};
use std::path::Path;

use csv::Writer;

use super::super::factors::Factors;
use super::super::level::Level;
use super::Table;
use crate::{Error, Result};

/// Writes a table with a header and commas, in the form that [`read_csv`](super::read_csv) reads back: missing
/// values are empty, truth values are `True` and `False`, floats always have a decimal point or an exponent.
///
/// Fails when the file cannot be written or a column has a type without a written form.
///
/// ```
/// use highmark::{CsvOptions, NamedData, read_csv, write_csv};
/// # let path = std::env::temp_dir().join(format!("highmark-doc-write-csv-{}.csv", std::process::id()));
/// let table = NamedData::Adult.table()?.slice(0, 20);
/// write_csv(&table, &path)?;
/// assert_eq!(read_csv(&path, &CsvOptions::default())?.columns(), table.columns());
/// # std::fs::remove_file(&path).ok();
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn write_csv(table: &Table, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let file = std::fs::File::create(path).map_err(|error| Error::io("create", path, error))?;
    write_csv_to(table, path, BufWriter::new(file))
}

/// Writes a table anywhere, like [`write_csv`]. `name` stands for the destination in errors.
pub fn write_csv_to(table: &Table, name: &Path, writer: impl Write) -> Result<()> {
    let mut columns = Vec::new();
    for (name, array) in table.columns() {
        let factors = Factors::of(name, array)?;
        let texts: Vec<String> = factors.levels.iter().map(Level::to_string).collect();
        columns.push((factors.codes, texts));
    }
    // The system's own error, so that a closed pipe can be told from a full disk.
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::io("write", name, error),
        kind => Error::file(name, format!("cannot be written: {kind:?}")),
    };
    let mut writer = Writer::from_writer(writer);
    writer.write_record(table.names()).map_err(failed)?;
    for row in 0..table.rows() {
        let values =
            columns.iter().map(|(codes, texts)| texts.get(codes[row] as usize).map_or("", String::as_str));
        writer.write_record(values).map_err(failed)?;
    }
    writer.flush().map_err(|error| Error::io("write", name, error))
}
