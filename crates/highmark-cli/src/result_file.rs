//! A file for a result that the user names: nothing that is there is lost for it unasked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::time::Duration;

use highmark::{Error, StopFlag};

use crate::failure::{Failure, Result};

/// A result and the place that was asked for it.
pub(crate) struct ResultFile<'a> {
    pub(crate) path: &'a Path,
    /// The option that names it.
    pub(crate) option: &'static str,
    /// What it is for.
    pub(crate) what: &'static str,
}

impl ResultFile<'_> {
    /// Fails when something is there that may not be replaced, before any work is done. What the result is made from may not
    /// even if that is asked for.
    pub(crate) fn refuse_existing(&self, replace: bool, made_from: &[&Path]) -> Result<()> {
        let Self { path, option, what } = self;
        let shown = path.display();
        if path.is_dir() {
            return Err(Failure::failed(format!("{shown} is a folder; name a file for {what}")));
        }
        let place = fs::canonicalize(path);
        let is_place = |file: &&Path| {
            place.as_ref().is_ok_and(|place| fs::canonicalize(file).is_ok_and(|it| it == *place))
        };
        if let Some(file) = made_from.iter().copied().find(is_place) {
            let name = file.display();
            return Err(Failure::failed(format!(
                "{name} is read for {what}, so it is not replaced by it; choose another {option}"
            )));
        }
        // A link that leads nowhere is somebody's too.
        if fs::symlink_metadata(path).is_ok() && !replace && !is_stream(path) {
            let message = format!("{shown} exists; choose another {option}, or replace it with --overwrite");
            return Err(Failure::failed(message));
        }
        if let Some(folder) =
            path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
        {
            return Err(Failure::failed(format!("there is no folder {} for {shown}", folder.display())));
        }
        Ok(())
    }

    /// Writes it whole or not at all: beside its place, and then into it; that of a link is where the link leads. What is no
    /// file, such as `/dev/stdout`, is written to as it is.
    pub(crate) fn write(&self, stop: &StopFlag, write: impl Fn(&Path) -> highmark::Result<()>) -> Result<()> {
        let out = fs::canonicalize(self.path).unwrap_or_else(|_| self.path.into());
        if out.exists() && !out.is_file() {
            // Open until it is written, so that nobody waits once more.
            let _reader = reader(self.path, stop)?;
            return Ok(write(self.path)?);
        }
        let mut part = out.as_os_str().to_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let put = || -> io::Result<()> {
            fs::File::open(&part)?.sync_all()?;
            fs::rename(&part, &out)
        };
        let written = write(&part).and_then(|()| put().map_err(|error| Error::io("write", self.path, error)));
        if written.is_err() {
            drop(fs::remove_file(&part));
        }
        Ok(written?)
    }
}

/// Waits until somebody reads from a pipe, which opening it does too, but so that neither a signal nor a deadline ends it.
#[cfg(target_os = "linux")]
fn reader(path: &Path, stop: &StopFlag) -> Result<Option<fs::File>> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

    use rustix::{fs::OFlags, io::Errno};

    if !fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo()) {
        return Ok(None);
    }
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    loop {
        match fs::OpenOptions::new().write(true).custom_flags(flags).open(path) {
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {}
            opened => return opened.map(Some).map_err(|error| Error::io("write", path, error).into()),
        }
        if stop.is_raised() {
            let shown = path.display();
            return Err(Failure::Interrupted(format!(
                "interrupted: nobody reads from {shown}; run it again"
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(not(target_os = "linux"))]
fn reader(_: &Path, _: &StopFlag) -> Result<()> {
    Ok(())
}

/// Whether nothing that is there can be lost by writing to it: a pipe, a terminal, `/dev/null`.
#[cfg(unix)]
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo() || there.file_type().is_char_device())
}

#[cfg(not(unix))]
fn is_stream(_: &Path) -> bool {
    false
}
