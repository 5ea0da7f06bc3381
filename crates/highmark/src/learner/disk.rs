//! What writing a file whole asks of the system, behind a trait, so that tests can let each call fail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::folder_lock::{self, folder_of};

/// A file that is being written.
pub(crate) trait NewFile: Write {
    /// Waits until everything is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// The calls that the write path makes.
pub(crate) trait Disk: Send + Sync {
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Opens a file that is about to be replaced, where the system lets open files be replaced.
    fn hold(&self, path: &Path) -> Option<File>;
    /// Waits until the names in a folder are on the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// The real one. It changes nothing in a folder that this process has locked, and that is another one by now: a folder can be
/// moved away at any moment, between the writing of a file and its renaming for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemDisk;

/// A file of the system's. What is written goes to the disk while more is written: else syncing would begin with all of it.
struct SystemFile {
    file: File,
    written: u64,
    /// How much of it is on its way.
    sent: u64,
}

/// So much is sent at a time.
const SENT: u64 = 1 << 18;

impl Write for SystemFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        if self.written - self.sent >= SENT {
            send(&self.file, self.sent, self.written - self.sent);
            self.sent = self.written;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile for SystemFile {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Lets the system begin to put a part of a file on the disk, which it does for what is not needed in memory any more.
#[cfg(target_os = "linux")]
fn send(file: &File, start: u64, bytes: u64) {
    use rustix::fs::{Advice, fadvise};
    // What it does not do now it does when the file is synced.
    let _ = fadvise(file, start, std::num::NonZeroU64::new(bytes), Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn send(_: &File, _: u64, _: u64) {}

impl Disk for SystemDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        folder_lock::check(path)?;
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(SystemFile { file: File::create(path)?, written: 0, sent: 0 }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        folder_lock::check(folder_of(to))?;
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        folder_lock::check(folder_of(path))?;
        fs::remove_file(path)
    }

    #[cfg(unix)]
    fn hold(&self, path: &Path) -> Option<File> {
        File::open(path).ok()
    }

    #[cfg(not(unix))]
    fn hold(&self, _: &Path) -> Option<File> {
        None
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        // Not every system can open a folder; the file itself is safe by then.
        File::open(path).map_or(Ok(()), |folder| folder.sync_all())
    }
}
