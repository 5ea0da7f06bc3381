//! The folder that a run leaves behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use highmark::Error;

use crate::failure::{Failure, Result};

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const HISTORY: &str = "history.csv";
pub(crate) const EVENTS: &str = "events.jsonl";
pub(crate) const REPORT: &str = "report.json";
pub(crate) const MODEL: &str = "best.safetensors";

/// The files of a run, and nothing else is ever removed.
const FILES: [&str; 5] = [CONFIG, HISTORY, EVENTS, REPORT, MODEL];

/// A run's folder, made for it.
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Folders that were not there before, the innermost last.
    made: Vec<PathBuf>,
}

/// Fails when the folder that is asked for cannot be a new run's, before any work is done.
pub(crate) fn refuse_existing(path: &Path, overwrite: bool) -> Result<()> {
    if path.exists() && !path.is_dir() {
        return Err(Failure::failed(format!(
            "{} is a file, not a folder; choose another --out",
            path.display()
        )));
    }
    let Ok(mut entries) = fs::read_dir(path) else { return Ok(()) };
    if entries.next().is_some() && !overwrite {
        let message =
            "exists and is not empty; choose another --out, or replace the run in it with --overwrite";
        return Err(Failure::failed(format!("the run folder {} {message}", path.display())));
    }
    Ok(())
}

impl RunFolder {
    /// Makes the folder: `out`, or the first `runs/NAME-N` that is free. What an earlier run left there is removed. Fails
    /// when it cannot be written to.
    pub(crate) fn create(out: Option<&Path>, name: &str) -> Result<Self> {
        let mut folder = match out {
            Some(path) => Self { path: path.into(), made: Vec::new() },
            None => Self { path: PathBuf::from("runs"), made: Vec::new() },
        };
        folder.make()?;
        if out.is_none() {
            folder.number(name)?;
        }
        let probed = folder.probe();
        if probed.is_err() {
            folder.discard();
        }
        probed.map(|()| folder)
    }

    /// Makes the folder and those above it.
    fn make(&mut self) -> Result<()> {
        let missing = self.path.ancestors().filter(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
        missing.reverse();
        fs::create_dir_all(&self.path).map_err(|error| Error::io("create", &self.path, error))?;
        self.made = missing;
        Ok(())
    }

    /// Goes to the first `NAME-N` that another run has not taken.
    fn number(&mut self, name: &str) -> Result<()> {
        for n in 1.. {
            let path = self.path.join(format!("{name}-{n}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    self.path.clone_from(&path);
                    self.made.push(path);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    self.discard();
                    return Err(Error::io("create", path, error).into());
                }
            }
        }
        Ok(())
    }

    /// Whether files can be written here, found out before training and not after.
    fn probe(&self) -> Result<()> {
        for file in FILES {
            match fs::remove_file(self.file(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("replace", self.file(file), error).into());
                }
                _ => {}
            }
        }
        let file = self.file(REPORT);
        let written = fs::write(&file, "").and_then(|()| fs::remove_file(&file));
        written.map_err(|error| Error::io("write to the run folder", &self.path, error).into())
    }

    /// Takes away what was made for a run that has come to nothing.
    pub(crate) fn discard(&self) {
        if self.made.is_empty() {
            return;
        }
        for file in FILES {
            drop(fs::remove_file(self.file(file)));
        }
        // A folder with anything else in it stays.
        self.made.iter().rev().for_each(|path| drop(fs::remove_dir(path)));
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes one of the run's files.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.file(name);
        fs::write(&path, text).map_err(|error| Error::io("write", path, error).into())
    }
}
