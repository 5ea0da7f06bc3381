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

/// How every `config.toml` of a run begins: what tells a run's folder from others.
pub(crate) const FIRST_LINE: &str = "# `highmark train` with this file repeats the run.";

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
    let message = match (entries.next(), overwrite) {
        (None, _) => return Ok(()),
        (_, true) if is_run(path) => return Ok(()),
        (_, true) => {
            "holds other things than a run of highmark, so --overwrite leaves it alone; choose another --out"
        }
        (_, false) => {
            "exists and is not empty; choose another --out, or replace the run in it with --overwrite"
        }
    };
    Err(Failure::failed(format!("the run folder {} {message}", path.display())))
}

/// Whether the folder is a run's: other programs have a `config.toml` or a `report.json` too.
fn is_run(path: &Path) -> bool {
    let config = fs::read(path.join(CONFIG)).unwrap_or_default();
    config.starts_with(FIRST_LINE.as_bytes())
        && [EVENTS, REPORT, MODEL].iter().any(|file| path.join(file).is_file())
}

impl RunFolder {
    /// Makes the folder: `out`, or the first `runs/NAME-N` that is free. What an earlier run left there is removed, but
    /// for its model. Fails when it cannot be written to.
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

    /// Whether files can be written here, found out before training and not after. The earlier run's model stays until
    /// there is another: a run that is killed must not leave less than it found.
    fn probe(&self) -> Result<()> {
        if let Some(file) = FILES.iter().map(|file| self.file(file)).find(|file| file.is_dir()) {
            return Err(Failure::failed(format!("{} is a folder; choose another --out", file.display())));
        }
        self.write(REPORT, "")?;
        [HISTORY, EVENTS, REPORT].iter().try_for_each(|file| self.remove(file))
    }

    /// Removes one of the run's files, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("replace", self.file(name), error).into())
            }
            _ => Ok(()),
        }
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

    /// Writes one of the run's files: beside its place and then into it, so that it is there whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let (path, part) = (self.file(name), self.file(&format!("{name}.part")));
        fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(|error| {
            drop(fs::remove_file(&part));
            Error::io("write", path, error).into()
        })
    }
}
