//! Reading data: by the name of what comes with highmark, or from a file.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use highmark::{CsvOptions, NamedData, Table, read_csv, read_csv_from};

use crate::failure::{Failure, Result};
use crate::run_folder;
use crate::shell;

/// What stands for standard input in place of a file.
pub(crate) const STDIN: &str = "-";

/// Reads `adult`, `adult-train`, `adult-test`, the file of that name, or standard input.
pub(crate) fn read(data: &str, csv: &CsvOptions) -> Result<Table> {
    if data == STDIN {
        return read_stdin(csv);
    }
    if let Some(named) = NamedData::from_name(data) {
        return Ok(named.table()?);
    }
    let path = Path::new(data);
    if path.is_dir() {
        let config = path.join(run_folder::CONFIG);
        let what = if config.exists() {
            format!(
                "the folder of a run, not data; `highmark inspect {}` describes the run, `highmark train {}` repeats it",
                shell::word(path),
                shell::word(&config)
            )
        } else {
            "a folder; name a CSV or Parquet file in it".into()
        };
        return Err(Failure::failed(format!("{data} is {what}")));
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) && path.exists() {
        return Err(Failure::failed(format!(
            "{data} is an experiment, not data; name the data that it names"
        )));
    }
    if !path.exists() {
        let names = NamedData::NAMES.join(", ");
        let message =
            format!("there is no file {data}; name a CSV or Parquet file, or built-in data: {names}");
        return Err(Failure::failed(message));
    }
    if is_parquet(path) {
        return Ok(Table::read(path)?);
    }
    Ok(read_csv(path, csv)?)
}

/// Reads CSV that another program writes. It is read once: what comes after it finds no data.
fn read_stdin(csv: &CsvOptions) -> Result<Table> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        let message = "- is standard input, but no data comes from there; name a file, or pipe one in: cat x.csv | highmark ...";
        return Err(Failure::usage(message));
    }
    let name = shown(STDIN);
    let start = input.fill_buf().map_err(|error| highmark::Error::io("read", name, error))?;
    if start.starts_with(b"PAR1") {
        let message =
            format!("{name}: is a Parquet file, which must be read from a file; save it and name it");
        return Err(Failure::failed(message));
    }
    Ok(read_csv_from(Path::new(name), input, csv)?)
}

/// What data is called in messages.
pub(crate) fn shown(data: &str) -> &str {
    if data == STDIN { "standard input" } else { data }
}

/// What to try with a file that seems to have one column because another character separates them.
pub(crate) fn delimiter_hint(data: &str, table: &Table) -> Option<String> {
    let mut names = table.names();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    if is_parquet(Path::new(data)) {
        return None;
    }
    let separators = [(';', "';'"), ('\t', "tab"), ('|', "'|'"), (',', "','")];
    let (_, typed) = separators.into_iter().find(|(c, _)| name.contains(*c) || parts_values(table, *c))?;
    let data = shown(data);
    Some(format!("{data} has one column only, `{}`; try --delimiter {typed}", name.escape_debug()))
}

/// Whether a character parts each of the most frequent values into as many numbers, as where the names of the columns are not in
/// the file.
fn parts_values(table: &Table, separator: char) -> bool {
    let columns = table.describe();
    let parts = |value: &str| {
        let numbers = value.split(separator).filter(|part| part.trim().parse::<f64>().is_ok()).count();
        (numbers > 1 && value.split(separator).count() == numbers).then_some(numbers)
    };
    let values = columns.first().map_or(&[][..], |column| &column.top);
    let first = values.first().and_then(|(value, _)| parts(value));
    first.is_some() && values.iter().all(|(value, _)| parts(value) == first)
}

/// Whether the file's name says that it is a Parquet file.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["parquet", "pq"].contains(&extension.to_ascii_lowercase().as_str())
}

/// What the data is called in the name of a run's folder: `adult`, `stdin`, or the file's name without its extension.
pub(crate) fn name(data: &str) -> String {
    if data == STDIN {
        return "stdin".into();
    }
    let stem = Path::new(data).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "data".into())
}
