//! What a command about an existing model is given: a run folder or a model file.

use std::path::{Path, PathBuf};

use highmark::{CsvOptions, SavedModel};

use crate::args::CsvArgs;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::inspect::read_report;
use crate::run_folder::{self, MODEL};
use crate::shell;

/// A model file, and the run that it is of, if that is known.
pub(crate) struct Trained {
    pub(crate) run: Option<PathBuf>,
    pub(crate) file: PathBuf,
}

impl Trained {
    /// Finds the model of a run folder, or the model file itself.
    pub(crate) fn find(path: &Path) -> Result<Self> {
        if !path.exists() {
            let message = format!("there is no {}; name a run folder or a model file", path.display());
            return Err(Failure::failed(message));
        }
        if !path.is_dir() {
            return Ok(Self { run: None, file: path.into() });
        }
        let file = path.join(MODEL);
        if !file.exists() {
            return Err(Failure::failed(without_model(path)?));
        }
        Ok(Self { run: Some(path.into()), file })
    }

    /// The model, on as many threads as asked.
    pub(crate) fn load(&self, threads: Option<usize>) -> Result<SavedModel> {
        let threads = threads.unwrap_or(Config::default().threads);
        Config { threads, ..Config::default() }.check()?;
        highmark::set_data_threads(threads);
        Ok(SavedModel::load(&self.file)?.threads(threads))
    }

    /// The run's experiment, if there is a run that has one.
    pub(crate) fn config(&self) -> Result<Option<Config>> {
        let path = self.run.as_ref().map(|run| run.join(run_folder::CONFIG));
        path.filter(|path| path.exists()).map(|path| Config::of_file(&path)).transpose()
    }

    /// How a new file is written: as the run's own, unless it is said.
    pub(crate) fn csv_options(&self, args: &CsvArgs) -> Result<CsvOptions> {
        let mut config = self.config()?.unwrap_or_default();
        config.set_csv(args);
        config.csv_options()
    }
}

/// What to tell of a folder that holds no model.
fn without_model(path: &Path) -> Result<String> {
    let (shown, aside) = (path.display(), path.join(run_folder::OVERWRITTEN));
    if !run_folder::is_run(path) {
        return Ok(format!("{shown} holds no {MODEL}; it is not the folder of a run"));
    }
    Ok(match read_report(path)? {
        // Resumed, it would break down again.
        Some(report) if !report.has_model() => {
            format!(
                "the run in {shown} has no {MODEL}: training broke down: {}; train anew",
                report.stop_detail
            )
        }
        Some(_) if run_folder::has_checkpoint(path) => format!(
            "the run in {shown} has ended, but its {MODEL} is gone; have it written again by `highmark resume {}`",
            shell::word(path)
        ),
        // Resumed, it would be shown, and no more.
        Some(_) => format!(
            "the run in {shown} has ended, but its {MODEL} is gone; bring it back, or repeat the run: `highmark train {}`",
            shell::word(path.join(run_folder::CONFIG))
        ),
        None => {
            let next = run_folder::next(path);
            let replaced = if aside.join(MODEL).is_file() {
                format!(", or use the one that it replaces: {}", aside.display())
            } else {
                String::new()
            };
            format!("the run in {shown} has no {MODEL} yet; {next}{replaced}")
        }
    })
}
