//! Comma separated files, read the way pandas reads them.

mod columns;
mod number;
mod pieces;
mod records;
mod source;
#[cfg(test)]
mod tests;
mod windows;
mod write;

use std::fs;
use std::io::Read;
use std::path::Path;

use memchr::memrchr;

use self::columns::{Column, Notation};
use self::pieces::{join, read_pieces};
use self::records::Records;
use self::source::Source;
use self::windows::{Fault, File, LineEnds, Windows};
use super::Table;
use super::hash::FastMap;
use super::origin::Origin;
use super::parallel::{map, threads};
use crate::{Error, Result};

pub(crate) use number::parse_float_with;
pub use write::{write_csv, write_csv_to};

/// Bytes for which another thread is worth its start.
const PIECE: usize = 1 << 18;

/// Bytes of a window of a file: a part of a core's second cache.
const WINDOW: usize = 1 << 18;

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
    /// The byte before the decimals of a number, `.` by default. If it is another one, a number with a point is text.
    pub decimal: u8,
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
            decimal: b'.',
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
///
/// ```
/// use highmark::{CsvOptions, read_csv};
/// # let path = std::env::temp_dir().join(format!("highmark-doc-read-csv-{}.csv", std::process::id()));
/// std::fs::write(&path, "age,city\n39,Oslo\n,Bergen\n").ok();
/// let table = read_csv(&path, &CsvOptions::default())?;
/// assert_eq!((table.rows(), table.column("age")?.null_count()), (2, 1));
/// # std::fs::remove_file(&path).ok();
/// let error = read_csv("not-there.csv", &CsvOptions::default()).unwrap_err().to_string();
/// assert!(error.starts_with("cannot read not-there.csv: "), "{error}");
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Table> {
    let path = path.as_ref();
    if let Some(table) = read_in_windows(path, options, WINDOW, pieces) {
        return Ok(table);
    }
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    parse(path, bytes, options)
}

/// Reads comma separated values from anywhere, like [`read_csv`]. `name` stands for the source in errors; a
/// name ending in `.tsv` means tabs.
pub fn read_csv_from(name: &Path, mut reader: impl Read, options: &CsvOptions) -> Result<Table> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| Error::io("read", name, error))?;
    parse(name, bytes, options)
}

/// The table of a file that is larger than a window, if nothing is wrong with it: what is needs the whole text, which knows the
/// lines. None too if a window, the first without any line end or the end of one in quotes, does not hold whole records. `pieces`
/// tells in how many to read so many bytes.
fn read_in_windows(
    path: &Path,
    options: &CsvOptions,
    window: usize,
    pieces: impl Fn(usize) -> usize,
) -> Option<Table> {
    let state = || {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((metadata.len(), metadata.modified().ok()))
    };
    let before = state()?;
    let length = usize::try_from(before.0).ok().filter(|length| *length > window)?;
    // Blanks are dropped from the text as a whole.
    if options.trim {
        return None;
    }
    let mut head = vec![0; window];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    head.truncate(memrchr(b'\n', &head)? + 1);
    let head = Source::new(path, head, options).ok()?;
    let header = Header::read(&head, options).ok()?;
    let start = head.start();
    let file = File { path, dialect: head.dialect(), start, len: length - start, window };
    let table = read_table(&Windows::File(file), &header, options, pieces(length)).ok()?;
    (state() == Some(before)).then_some(table)
}

fn parse(path: &Path, bytes: Vec<u8>, options: &CsvOptions) -> Result<Table> {
    let pieces = pieces(bytes.len());
    parse_in_pieces(path, bytes, options, pieces)
}

/// In how many pieces to read so many bytes.
fn pieces(bytes: usize) -> usize {
    (bytes / PIECE).clamp(1, threads())
}

/// The table is the same for any number of pieces, and so are the errors.
fn parse_in_pieces(path: &Path, bytes: Vec<u8>, options: &CsvOptions, pieces: usize) -> Result<Table> {
    let source = Source::new(path, bytes, options)?;
    let header = Header::read(&source, options)?;
    read_table(&Windows::Whole(&source), &header, options, pieces).map_err(|fault| match fault {
        Fault::Ragged(begin) => ragged(&source, begin, &header.names),
        Fault::Unclosed(quote) => source.unclosed(quote),
        Fault::NotUtf8 => Error::file(path, "not UTF-8"),
        Fault::Other(error) => error,
    })
}

fn read_table(
    text: &Windows<'_>,
    header: &Header,
    options: &CsvOptions,
    pieces: usize,
) -> Result<Table, Fault> {
    let notation = Notation::new(options);
    let pieces = read_pieces(text, header.end, pieces, header.names.len(), &notation)?;
    let rows = pieces.iter().map(|piece| piece.rows).sum();
    if rows == 0 {
        return Err(Error::file(text.path(), "has the names of columns but no rows").into());
    }
    // Line by line, unless lines are blank or in quotes.
    let line_ends = pieces.iter().map(|piece| piece.line_ends).reduce(LineEnds::and);
    let origin = match line_ends {
        Some(ends) if ends.lines() == rows => Origin::lines(text.path(), header.lines + 1),
        _ => Origin::file(text.path()),
    };
    let columns = join(text, pieces, &notation)?;
    let arrays = map(header.names.iter().zip(columns).collect(), |(name, parts): (&String, Vec<Column>)| {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().unwrap_or_default();
        whole.reserve(rows);
        parts.for_each(|part| whole.append(part));
        let gaps = whole.lacks_integers().then(|| name.clone());
        Ok(((name.clone(), whole.finish(name)?), gaps))
    });
    let (arrays, gaps): (Vec<_>, Vec<_>) =
        arrays.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let origin = origin.with_decimal(options.decimal).with_gaps(gaps.into_iter().flatten().collect());
    Ok(Table::new(arrays)?.with_origin(origin))
}

/// What comes before the rows.
struct Header {
    names: Vec<String>,
    /// Where the rows begin: at the first record if there is no header.
    end: usize,
    /// Lines before that.
    lines: usize,
}

impl Header {
    fn read(source: &Source, options: &CsvOptions) -> Result<Self> {
        let mut records = source.records(0);
        let names = column_names(source, &mut records, options)?;
        let end = if options.header { records.at() } else { 0 };
        match records.unclosed() {
            Some(quote) => Err(source.unclosed(quote)),
            None => Ok(Self { names, end, lines: source.line(end) - 1 }),
        }
    }
}

/// Reads the first record and tells the names of the columns.
fn column_names(source: &Source, records: &mut Records<'_>, options: &CsvOptions) -> Result<Vec<String>> {
    if !records.find(usize::MAX) {
        return Err(Error::file(source.path(), "has no lines with values"));
    }
    let begin = records.at();
    let first = record(records);
    let names: Vec<String> = match &options.column_names {
        Some(names) if names.len() != first.len() => {
            let message = format!("has {} columns, but {} column names were given", first.len(), names.len());
            return Err(source.error(begin, message));
        }
        Some(names) => names.clone(),
        None if !options.header => (1..=first.len()).map(|number| format!("column_{number}")).collect(),
        None => first
            .iter()
            .enumerate()
            .map(|(number, name)| match String::from_utf8_lossy(name) {
                // The index that pandas writes has no name; it is read back under this one.
                name if name.is_empty() => format!("Unnamed: {number}"),
                name => name.into_owned(),
            })
            .collect(),
    };
    let mut known = FastMap::default();
    for (number, name) in names.iter().enumerate() {
        let first = *known.entry(name).or_insert(number);
        if first < number {
            let message = format!(
                "columns {} and {} are both named `{name}`; rename one of them",
                first + 1,
                number + 1
            );
            return Err(source.error(begin, message));
        }
    }
    Ok(names)
}

/// All values of the record that begins here.
fn record(records: &mut Records<'_>) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    loop {
        let (value, last) = records.value();
        values.push(value.to_vec());
        if last {
            return values;
        }
    }
}

/// What is wrong with the record at byte `begin`, which has not as many values as there are columns.
fn ragged(source: &Source, begin: usize, names: &[String]) -> Error {
    let mut records = source.records(begin);
    let record = record(&mut records);
    if let Some(quote) = records.unclosed() {
        return source.unclosed(quote);
    }
    let many = |n: usize| if n == 1 { "1 value".to_owned() } else { format!("{n} values") };
    let mut message = format!("has {}, expected {}", many(record.len()), many(names.len()));
    if let Some(hint) = delimiter_hint(names) {
        message = format!("{message}; {hint}");
    } else if record.len() == names.len() + 1 && record.last().is_some_and(Vec::is_empty) {
        message += "; it ends with a delimiter that the header does not have";
    } else if record.iter().any(|field| field.contains(&b'\n')) {
        message += "; a quote that is opened here may never be closed";
    } else if record.len() > names.len() {
        message += "; a value that holds the delimiter must be in quotes";
    }
    source.error(begin, message)
}

/// What to try when all names are in one column, since the file has another delimiter.
fn delimiter_hint(names: &[String]) -> Option<String> {
    let [name] = names else { return None };
    let byte = [';', '\t', '|'].into_iter().find(|byte| name.contains(*byte))?;
    let byte = if byte == '\t' { "tab".into() } else { format!("'{byte}'") };
    Some(format!("the columns seem to be separated otherwise; try the delimiter {byte}"))
}
