//! What a run that has ended has lost of the files that it left.

use std::fs;
use std::path::Path;

use highmark::{CsvLogger, SavedModel, checkpoint_rows};

use crate::run_folder::{EVENTS, HISTORY, MODEL};
use crate::run_report::RunReport;

/// Those that are missing, empty or damaged, by name.
pub(crate) fn of(folder: &Path, report: &RunReport) -> Vec<&'static str> {
    let lost = [
        (MODEL, report.has_model() && SavedModel::load(folder.join(MODEL)).is_err()),
        (HISTORY, !has_history(folder)),
        (EVENTS, !fs::metadata(folder.join(EVENTS)).is_ok_and(|file| file.len() > 0)),
    ];
    lost.into_iter().filter_map(|(file, lost)| lost.then_some(file)).collect()
}

/// Whether `history.csv` holds what the checkpoint says, or anything, if there is no good one.
fn has_history(folder: &Path) -> bool {
    let Ok(text) = fs::read_to_string(folder.join(HISTORY)) else { return false };
    match checkpoint_rows(folder) {
        Ok(Some(rows)) => CsvLogger::is_of(&text, &rows),
        _ => !text.is_empty(),
    }
}
