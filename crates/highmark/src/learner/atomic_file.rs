//! Files that are there whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::disk::{Disk, SystemDisk};
use super::folder_lock::{self, folder_of};
use crate::{Error, Result};

/// Writes `bytes` to `path`: to a temporary name beside it, synced, then renamed over it, and the folder synced, so that
/// whatever happens the file is the old one or the new one. Makes the folder if it is missing; an unfinished
/// `PATH.part` of a process that was killed is written over. What is there and is no file, such as `/dev/stdout`, is written
/// to as it is.
///
/// ```
/// let path = std::env::temp_dir().join("highmark-doc-write-file.txt");
/// highmark::write_file(&path, b"all of it")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn write_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return std::fs::write(path, bytes).map_err(|e| Error::io("write", path, e));
    }
    let part = write_part(&SystemDisk, path, |out| out.write_all(bytes))?;
    put(&SystemDisk, &part, path)
}

/// Writes what `write` writes to a temporary name beside `path`, synced, and returns that name.
pub(crate) fn write_part(
    disk: &dyn Disk,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf> {
    disk.make_folder(folder_of(path)).map_err(|e| Error::io("write", path, e))?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = disk.create(&part).and_then(|mut file| {
        write(&mut *file)?;
        file.sync()
    });
    if let Err(error) = written {
        // The first error is the one to tell; a leftover that cannot be removed is written over next time.
        drop(disk.remove(&part));
        return Err(Error::io("write", path, error));
    }
    Ok(part)
}

/// Renames what [`write_part`] has written into its place.
pub(crate) fn put(disk: &dyn Disk, part: &Path, path: &Path) -> Result<()> {
    if let Err(error) = disk.rename(part, path) {
        drop(disk.remove(part));
        return Err(Error::io("write", path, error));
    }
    disk.sync_folder(folder_of(path)).map_err(|e| Error::io("sync", folder_of(path), e))
}

/// Whether a file is there that this process can have put there.
pub(crate) fn is_in_place(path: &Path) -> bool {
    path.is_file() && folder_lock::check(folder_of(path)).is_ok()
}
