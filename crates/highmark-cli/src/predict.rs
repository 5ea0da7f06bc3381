//! `highmark predict`.

use std::io::{BufWriter, IsTerminal};
use std::path::Path;

use highmark::arrow_array::ArrayRef;
use highmark::{Drift, ErrorKind, Table, write_csv, write_csv_to, write_parquet};

use crate::args::PredictArgs;
use crate::failure::{Failure, Result};
use crate::notice;
use crate::result_file::ResultFile;
use crate::screen;
use crate::source;
use crate::text_table::count;
use crate::trained::Trained;

/// Predicts every row and writes the predictions.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let file = args.out.as_deref().filter(|out| !screen::is_stdout(out));
    let file = file.map(|path| ResultFile { path, option: "-o", what: "the predictions" });
    let trained = Trained::find(&args.run)?;
    if let Some(file) = &file {
        file.refuse_existing(args.overwrite, &[Path::new(&args.data), &trained.file])?;
    }
    let stop = notice::watch(&args.deadline)?;
    let mut model = trained.load(args.threads)?.stop_flag(stop.clone());
    let table = source::read(&args.data, &trained.csv_options(&args.csv)?)?;
    let kept = kept(&table, &args.keep)?;
    // Columns that are not there may be all in one.
    let hint = || source::delimiter_hint(&args.data, &table).map(Failure::failed);
    let (predicted, drift) = model.predict(&table).map_err(|error| hint().unwrap_or_else(|| error.into()))?;
    let predictions = beside(kept, &predicted.to_table()?)?;
    // Whether there is a target is all the same to a prediction.
    let drift = Drift { targets: None, ..drift };
    drift.lines().iter().for_each(screen::note);
    let Some(file) = file else { return print(&predictions) };
    let parquet = source::is_parquet(file.path);
    file.write(&stop, |path| {
        if parquet { write_parquet(&predictions, path) } else { write_csv(&predictions, path) }
    })?;
    screen::note(format!("{} predicted to {}", count(predicted.rows(), "row"), file.path.display()));
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
