//! One process at a time works in a run's folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highmark::Error;

use crate::failure::{Failure, Result};

/// The file that is locked; it holds the number of the process.
pub(crate) const LOCK: &str = "run.lock";

/// How long a process that was killed may take to end: it still writes what it was writing to the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held while a process works in the folder. The system lets go of it when the process ends, however that happens.
pub(crate) struct RunLock {
    path: PathBuf,
    file: Option<File>,
}

impl RunLock {
    /// Fails, and says who is at work, when another process holds the folder. One that was killed a moment ago has the time
    /// to end.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let id = std::process::id().to_string();
        let begin = Instant::now();
        // Whoever held it may take the file away between our opening and locking it.
        for _ in 0..1000 {
            let opened = OpenOptions::new().create(true).write(true).truncate(false).open(&path);
            let mut file = opened.map_err(|error| Error::io("write", &path, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = fs::read_to_string(&path).unwrap_or_default();
                    let holder =
                        if holder.is_empty() { String::new() } else { format!(", number {holder},") };
                    return Err(Failure::failed(format!(
                        "another process{holder} is at work in the run folder {}; wait for its end, or choose another --out",
                        folder.display()
                    )));
                }
                // A file system without locks is no reason not to train.
                Err(TryLockError::Error(_)) => return Ok(Self { path, file: None }),
            }
            let written = file.set_len(0).and_then(|()| file.write_all(id.as_bytes()));
            if written.is_err() || fs::read_to_string(&path).is_ok_and(|text| text == id) {
                return Ok(Self { path, file: Some(file) });
            }
        }
        Err(Failure::failed(format!("{} cannot be locked", path.display())))
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Before the lock is let go of, so that nobody else's file is removed.
        drop(fs::remove_file(&self.path));
        drop(self.file.take());
    }
}
