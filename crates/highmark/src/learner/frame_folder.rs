//! The checkpoints of a fit in their folder.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::atomic_file::{put, write_part};
use super::checkpoint::{newest, previous};
use super::disk::Disk;
use super::frame::{Frame, PIECE_BYTES};
use crate::{Error, Result};

/// Which good checkpoints of this fit are in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// None: what may be there is of another fit, and gives way to the first.
    None,
    /// The newest is damaged or missing.
    Previous,
    /// The newest is good.
    Newest,
}

/// Writes frames into a folder, each whole or not at all, and keeps the last two.
pub(crate) struct FrameFolder {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    kept: Kept,
}

impl FrameFolder {
    pub(crate) fn new(folder: PathBuf, disk: Arc<dyn Disk>, kept: Kept) -> Self {
        Self { folder, disk, kept }
    }

    /// At every moment there is a whole checkpoint under one of the two names, once there was one. Returns the oldest if it is
    /// no longer kept: closing it takes as long as writing one, and nobody need wait for that.
    pub(crate) fn write(&mut self, frame: &Frame) -> Result<Option<File>> {
        let (newest, previous) = (newest(&self.folder), previous(&self.folder));
        let mut part = self.write_part(frame);
        if self.kept == Kept::Newest && part.as_ref().is_err_and(is_full) && newest.is_file() {
            // There is room for two and no more: the older one is worth less than one of now.
            drop(self.disk.remove(&previous));
            part = self.write_part(frame);
        }
        let (part, mut oldest) = (part?, None);
        if self.kept == Kept::Newest {
            // The system takes a file away when nobody has it open.
            oldest = self.disk.hold(&previous);
            if let Err(error) = self.disk.rename(&newest, &previous)
                && error.kind() != ErrorKind::NotFound
            {
                drop(self.disk.remove(&part));
                return Err(Error::io("replace", previous, error));
            }
            self.kept = Kept::Previous;
        }
        put(&*self.disk, &part, &newest)?;
        if self.kept == Kept::None {
            // Of another fit: not the one before this.
            drop(self.disk.remove(&previous));
        }
        self.kept = Kept::Newest;
        Ok(oldest)
    }

    fn write_part(&self, frame: &Frame) -> Result<PathBuf> {
        write_part(&*self.disk, &newest(&self.folder), |out| {
            let mut out = BufWriter::with_capacity(PIECE_BYTES, out);
            frame.write(&mut out)?;
            out.flush()
        })
    }
}

fn is_full(error: &Error) -> bool {
    let kinds = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
    matches!(error.kind(), crate::ErrorKind::Io { source, .. } if kinds.contains(&source.kind()))
}

#[cfg(test)]
mod tests;
