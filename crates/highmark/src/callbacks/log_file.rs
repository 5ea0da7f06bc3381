//! A text file that a fit adds lines to, and that a resumed fit goes on with.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crate::learner::Trainer;
use crate::{Error, Result};

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogMode {
    /// From its beginning.
    Anew,
    /// After what it holds.
    Append,
}

/// What a file held at a checkpoint, which it is written anew with.
#[derive(Debug)]
pub(super) enum Was {
    /// This and nothing else: a file that holds anything else is damaged.
    Exactly(String),
    /// This, and perhaps more: it is lost if the file is shorter than it was.
    AlsoThis(String),
    /// More than this: it is lost if the file holds nothing, and a shorter one is gone on with.
    MoreThan(String),
}

/// Lines that cannot be written wait for the next attempt, so that a full disk costs no line once there is room again.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// Whether the end of the fit waits until it is on the disk.
    durable: bool,
    file: Option<File>,
    /// Whether the last attempt failed, and the user knows.
    failing: bool,
    /// Bytes that are whole lines.
    length: u64,
    waiting: String,
    /// What a resumed fit should find.
    was: Option<Was>,
}

impl LogFile {
    pub(super) fn new(path: PathBuf, durable: bool) -> Self {
        Self { path, durable, file: None, failing: false, length: 0, waiting: String::new(), was: None }
    }

    /// Opens the file for a fit, and makes its folder.
    pub(super) fn open(&mut self, mode: LogMode) -> Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        }
        let mut options = OpenOptions::new();
        let opened = options.create(true).write(true).truncate(mode == LogMode::Anew).open(&self.path);
        let file = opened.map_err(|e| Error::io("write", &self.path, e))?;
        self.length = file.metadata().map_err(|e| Error::io("read", &self.path, e))?.len();
        self.file = Some(file);
        self.waiting.clear();
        Ok(())
    }

    /// Opens the file of a fit that goes on; [`LogFile::cut`] follows.
    pub(super) fn reopen(&mut self, was: Was) -> Result<()> {
        self.was = Some(was);
        self.open(LogMode::Append)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0 && self.waiting.is_empty()
    }

    /// The length of the file when everything has been written: what a checkpoint remembers.
    pub(super) fn length(&self) -> u64 {
        self.length + self.waiting.len() as u64
    }

    /// Takes away what was written after the checkpoint that knew this length.
    pub(super) fn cut(&mut self, length: u64) -> Result<()> {
        let (Some(file), Some(was)) = (&mut self.file, self.was.take()) else { return Ok(()) };
        let (lost, text) = match was {
            Was::Exactly(text) => {
                let same = || std::fs::read(&self.path).is_ok_and(|found| found.starts_with(text.as_bytes()));
                (self.length < length || length != text.len() as u64 || !same(), text)
            }
            Was::AlsoThis(text) => (self.length < length, text),
            Was::MoreThan(text) => (self.length == 0, text),
        };
        self.length = if lost { 0 } else { self.length.min(length) };
        file.set_len(self.length).map_err(|e| Error::io("write", &self.path, e))?;
        if lost { self.write(&text) } else { Ok(()) }
    }

    /// The same as [`LogFile::write`] for lines that training does not stop for: the user is told, once.
    pub(super) fn add(&mut self, lines: &str, t: &mut Trainer) {
        let failed_before = std::mem::replace(&mut self.failing, false);
        if let Err(error) = self.write(lines) {
            self.failing = true;
            if !failed_before {
                t.say(&format!("{error}; training goes on, and the line is tried again"));
            }
        }
    }

    /// At the end of a fit: tries once more to write what waits, and waits for the disk if the file is durable. The user is
    /// told of what is missing.
    pub(super) fn finish(&mut self, t: &mut Trainer) {
        let written = if self.waiting.is_empty() { Ok(()) } else { self.write("") };
        let file = self.file.as_ref().filter(|_| self.durable);
        let synced = written.and_then(|()| {
            let synced = file.map_or(Ok(()), File::sync_data);
            synced.map_err(|e| Error::io("write", &self.path, e))
        });
        if let Err(error) = synced {
            t.say(&format!("{error}; its last lines are missing"));
        }
    }

    /// Adds lines, each with its end. After an error they are tried again with the next ones.
    ///
    /// What the system has been given outlives the process. It is not waited for until it is on the disk: that can take as long
    /// as an epoch, and checkpoints hold the lines as well.
    pub(super) fn write(&mut self, lines: &str) -> Result<()> {
        self.waiting += lines;
        let Some(file) = &mut self.file else { return Ok(()) };
        let write = |file: &mut File| -> io::Result<()> {
            file.seek(SeekFrom::Start(self.length))?;
            file.write_all(self.waiting.as_bytes())
        };
        if let Err(error) = write(file) {
            // Half a line is worse than none.
            drop(file.set_len(self.length));
            return Err(Error::io("write", &self.path, error));
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_fit_cuts_or_mends_the_file() {
        let path = std::env::temp_dir().join(format!("highmark-log-file-{}.csv", std::process::id()));
        let text = || std::fs::read_to_string(&path).unwrap();
        let mut log = LogFile::new(path.clone(), true);
        log.open(LogMode::Anew).unwrap();
        log.write("a\nb\n").unwrap();
        let length = log.length();
        log.write("after the checkpoint\n").unwrap();

        let mut log = LogFile::new(path.clone(), true);
        log.reopen(Was::AlsoThis("lost\n".into())).unwrap();
        log.cut(length).unwrap();
        log.write("c\n").unwrap();
        assert_eq!(text(), "a\nb\nc\n");

        // Cut, zeroed, one flipped bit.
        for damaged in ["a\n", "\0\0\0\0\0\0", "a\nc\nmore\n", ""] {
            std::fs::write(&path, damaged).unwrap();
            let mut log = LogFile::new(path.clone(), true);
            log.reopen(Was::Exactly("a\nb\n".into())).unwrap();
            log.cut(length).unwrap();
            log.write("c\n").unwrap();
            assert_eq!(text(), "a\nb\nc\n", "{damaged:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
