//! `highmark predict`.

use std::fs;
use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use highmark::arrow_array::ArrayRef;
use highmark::{Drift, Error, ErrorKind, Table, write_csv, write_csv_to, write_parquet};

use crate::args::PredictArgs;
use crate::failure::{Failure, Result};
use crate::notice;
use crate::screen;
use crate::source;
use crate::text_table::count;
use crate::trained::Trained;

/// Predicts every row and writes the predictions.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let file = args.out.as_deref().filter(|out| !screen::is_stdout(out));
    if let Some(out) = file {
        refuse_existing(out, args.overwrite)?;
    }
    let trained = Trained::find(&args.run)?;
    let mut model = trained.load(args.threads)?.stop_flag(notice::watch(&args.deadline)?);
    let table = source::read(&args.data, &trained.csv_options(&args.csv)?)?;
    let kept = kept(&table, &args.keep)?;
    // Columns that are not there may be all in one.
    let hint = || source::delimiter_hint(&args.data, &table).map(Failure::failed);
    let (predicted, drift) = model.predict(&table).map_err(|error| hint().unwrap_or_else(|| error.into()))?;
    // Whether there is a target is all the same to a prediction.
    let drift = Drift { targets: None, ..drift };
    drift.lines().iter().for_each(screen::note);
    let predictions = beside(kept, &predicted.to_table()?)?;
    let Some(out) = file else { return print(&predictions) };
    write(&predictions, out)?;
    screen::note(format!("{} predicted to {}", count(predicted.rows(), "row"), out.display()));
    Ok(())
}

/// The columns that go in front of the predictions.
fn kept(table: &Table, names: &[String]) -> Result<Vec<(String, ArrayRef)>> {
    let column = |name: &String| match table.column(name) {
        Ok(array) => Ok((name.clone(), array.clone())),
        Err(error) => Err(Failure::failed(format!("keep: {error}"))),
    };
    if let Some(twice) = (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
        return Err(Failure::failed(format!("keep: `{}` is named twice", names[twice])));
    }
    names.iter().map(column).collect()
}

fn beside(mut kept: Vec<(String, ArrayRef)>, predictions: &Table) -> Result<Table> {
    if let Some((name, _)) = kept.iter().find(|(name, _)| predictions.names().any(|other| other == name)) {
        return Err(Failure::failed(format!(
            "keep: a column of the predictions is called `{name}` too; rename that of the data, or leave it out"
        )));
    }
    kept.extend_from_slice(predictions.columns());
    Ok(Table::new(kept)?)
}

/// Writes the file whole or not at all: beside its place, and then into it. What is no file, such as `/dev/stdout`, is
/// written to as it is.
fn write(predictions: &Table, out: &Path) -> Result<()> {
    let write = |path: &Path| {
        if source::is_parquet(out) { write_parquet(predictions, path) } else { write_csv(predictions, path) }
    };
    if out.exists() && !out.is_file() {
        return Ok(write(out)?);
    }
    let mut part = out.as_os_str().to_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let put = || fs::File::open(&part).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&part, out));
    let written = write(&part).and_then(|()| put().map_err(|error| Error::io("write", out, error)));
    if written.is_err() {
        drop(fs::remove_file(&part));
    }
    Ok(written?)
}

fn refuse_existing(out: &Path, overwrite: bool) -> Result<()> {
    if out.is_dir() {
        return Err(Failure::failed(format!(
            "{} is a folder; name a file for the predictions",
            out.display()
        )));
    }
    if out.exists() && !overwrite {
        let message = format!("{} exists; choose another -o, or replace it with --overwrite", out.display());
        return Err(Failure::failed(message));
    }
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(Failure::failed(format!(
            "there is no folder {} for {}",
            folder.display(),
            out.display()
        )));
    }
    Ok(())
}

/// As CSV on standard output.
fn print(predictions: &Table) -> Result<()> {
    if std::io::stdout().is_terminal() {
        // A file gets the names of the classes as they are.
        let mut text = Vec::new();
        write_csv_to(predictions, Path::new("standard output"), &mut text)?;
        return screen::print(&String::from_utf8_lossy(&text));
    }
    let out = BufWriter::new(std::io::stdout().lock());
    let written = write_csv_to(predictions, Path::new("standard output"), out);
    written.map_err(|error| match error.kind() {
        ErrorKind::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => error.into(),
    })
}
