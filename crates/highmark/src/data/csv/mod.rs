//! Comma separated files, read the way pandas reads them.

mod columns;
mod number;
mod source;
#[cfg(test)]
mod tests;
mod write;

use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use self::columns::{Column, Missing};
use self::source::Source;
use super::Table;
use crate::{Error, Result};

pub use write::{write_csv, write_csv_to};

/// How a comma separated file is written. The default is what pandas' `read_csv` takes for granted.
///
/// ```
/// use std::path::Path;
/// use highmark::{CsvOptions, read_csv_from};
///
/// let options = CsvOptions { delimiter: Some(b';'), ..CsvOptions::default() };
/// let table = read_csv_from(Path::new("people.csv"), "age;city\n39;Oslo\n;Bergen\n".as_bytes(), &options)?;
/// assert_eq!(table.rows(), 2);
/// assert_eq!(table.column("age")?.null_count(), 1);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// The byte between two values; `None`, the default, is a tab for files named `.tsv` and a comma for others.
    pub delimiter: Option<u8>,
    /// The byte around values that hold delimiters or line ends, `"` by default; written twice within them.
    pub quote: u8,
    /// Whether the first line holds the names of the columns; true by default.
    pub header: bool,
    /// Names for the columns, in place of the header's, one for each column. Without names and without a
    /// header the columns are called `column_1`, `column_2`...
    pub column_names: Option<Vec<String>>,
    /// The spellings of a missing value; by default those of pandas. They are compared to the letter, also
    /// in quotes. The empty text is one of them.
    pub missing: Vec<String>,
    /// Whether to drop the blanks after a delimiter, as pandas' `skipinitialspace` does; false by default.
    /// Numbers may always have blanks around them.
    pub trim: bool,
    /// A byte that makes a line that begins with it a comment; none by default.
    pub comment: Option<u8>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        let missing = [
            "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
            "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
        ];
        Self {
            delimiter: None,
            quote: b'"',
            header: true,
            column_names: None,
            missing: missing.map(String::from).to_vec(),
            trim: false,
            comment: None,
        }
    }
}

/// Reads a comma separated file into memory.
///
/// Each column's type follows from all of its values, as in pandas: `Int64` for whole numbers without missing
/// ones, `Float64` for numbers (also for a column without any value), `Boolean` for `True`/`False` without
/// missing ones, and for everything else text, as a dictionary with sorted values.
///
/// Fails when the file cannot be read, is empty, is not UTF-8, has two columns of one name, or has a line with
/// more or fewer values than columns; the error names the line.
pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Table> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
    parse(path, bytes, options)
}

/// Reads comma separated values from anywhere, like [`read_csv`]. `name` stands for the source in errors; a
/// name ending in `.tsv` means tabs.
pub fn read_csv_from(name: &Path, mut reader: impl Read, options: &CsvOptions) -> Result<Table> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| Error::io("read", name, error))?;
    parse(name, bytes, options)
}

fn parse(path: &Path, bytes: Vec<u8>, options: &CsvOptions) -> Result<Table> {
    let source = Source::new(path, bytes, options)?;
    let mut reader = open(&source, options);
    let mut record = ByteRecord::new();
    let names = column_names(&source, &mut reader, &mut record, options)?;
    let missing = Missing::new(&options.missing);
    let mut columns: Vec<Column> = names.iter().map(|_| Column::default()).collect();
    let mut rows = 0;
    // Without a header, the first record is data and already there.
    let mut more = !options.header;
    let mut last = begin(&record);
    if !more {
        more = next(&source, &mut reader, &mut record)?;
    }
    while more {
        if record.len() != names.len() {
            return Err(ragged(&source, &record, &names, options));
        }
        last = begin(&record);
        for (column, field) in columns.iter_mut().zip(&record) {
            column.push(field, &missing);
        }
        rows += 1;
        more = next(&source, &mut reader, &mut record)?;
    }
    // Only the last record can run into the end of the file.
    source.refuse_unclosed(last, options)?;
    if rows == 0 {
        return Err(Error::file(path, "has the names of columns but no rows"));
    }
    reread(&source, options, &missing, &mut columns)?;
    let columns = names.into_iter().zip(columns);
    Table::new(
        columns.map(|(name, column)| Ok((name.clone(), column.finish(&name)?))).collect::<Result<_>>()?,
    )
}

/// A column that turned out to be text after its first values looked like numbers needs those as they were
/// written (007 is not 7), so the beginning is read again for it.
fn reread(source: &Source, options: &CsvOptions, missing: &Missing, columns: &mut [Column]) -> Result<()> {
    let rows = columns.iter().map(Column::unread).max().unwrap_or(0);
    if rows == 0 {
        return Ok(());
    }
    let mut reader = open(source, options);
    let mut record = ByteRecord::new();
    if options.header {
        next(source, &mut reader, &mut record)?;
    }
    for row in 0..rows {
        next(source, &mut reader, &mut record)?;
        for (column, field) in columns.iter_mut().zip(&record) {
            column.read_again(row, field, missing);
        }
    }
    Ok(())
}

fn open<'a>(source: &'a Source, options: &CsvOptions) -> csv::Reader<&'a [u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        // Ragged lines are reported here, with the line on which they begin.
        .flexible(true)
        .delimiter(source.delimiter())
        .quote(options.quote)
        .comment(options.comment)
        .buffer_capacity(1 << 16)
        .from_reader(source.bytes())
}

fn next(source: &Source, reader: &mut csv::Reader<&[u8]>, record: &mut ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).map_err(|error| Error::file(source.path(), error.to_string()))
}

/// The byte that the parser was at when it began to read `record`.
fn begin(record: &ByteRecord) -> usize {
    record.position().map_or(0, |position| position.byte() as usize)
}

/// Reads the first record and tells the names of the columns.
fn column_names(
    source: &Source,
    reader: &mut csv::Reader<&[u8]>,
    record: &mut ByteRecord,
    options: &CsvOptions,
) -> Result<Vec<String>> {
    if !next(source, reader, record)? {
        return Err(Error::file(source.path(), "has no lines with values"));
    }
    let names: Vec<String> = match &options.column_names {
        Some(names) if names.len() != record.len() => {
            let message =
                format!("has {} columns, but {} column names were given", record.len(), names.len());
            return Err(source.error(record, message));
        }
        Some(names) => names.clone(),
        None if !options.header => (1..=record.len()).map(|number| format!("column_{number}")).collect(),
        None => record
            .iter()
            .enumerate()
            .map(|(number, name)| match String::from_utf8_lossy(name) {
                // The index that pandas writes has no name; it is read back under this one.
                name if name.is_empty() => format!("Unnamed: {number}"),
                name => name.into_owned(),
            })
            .collect(),
    };
    for (number, name) in names.iter().enumerate() {
        if let Some(first) = names[..number].iter().position(|other| other == name) {
            let message = format!(
                "columns {} and {} are both named `{name}`; rename one of them",
                first + 1,
                number + 1
            );
            return Err(source.error(record, message));
        }
    }
    Ok(names)
}

fn ragged(source: &Source, record: &ByteRecord, names: &[String], options: &CsvOptions) -> Error {
    if let Err(unclosed) = source.refuse_unclosed(begin(record), options) {
        return unclosed;
    }
    let many = |n: usize| if n == 1 { "1 value".to_owned() } else { format!("{n} values") };
    let mut message = format!("has {}, expected {}", many(record.len()), many(names.len()));
    if let Some(hint) = delimiter_hint(names) {
        message = format!("{message}; {hint}");
    } else if record.iter().any(|field| field.contains(&b'\n')) {
        message += "; a quote that is opened here may never be closed";
    } else if record.len() > names.len() {
        message += "; a value that holds the delimiter must be in quotes";
    }
    source.error(record, message)
}

/// What to try when all names are in one column, since the file has another delimiter.
fn delimiter_hint(names: &[String]) -> Option<String> {
    let [name] = names else { return None };
    let byte = [';', '\t', '|'].into_iter().find(|byte| name.contains(*byte))?;
    let byte = if byte == '\t' { "tab".into() } else { format!("'{byte}'") };
    Some(format!("the columns seem to be separated otherwise; try --delimiter {byte}"))
}
