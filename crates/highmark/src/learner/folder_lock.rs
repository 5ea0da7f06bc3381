//! One process at a time works in a folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How long a process that was killed may take to end: it still writes what it was writing to the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held while a process works in a folder: of a run, or of checkpoints. The system lets go of it when the process ends,
/// however that happens.
///
/// ```
/// use highmark::FolderLock;
/// # let folder = std::env::temp_dir().join("highmark-doc-lock");
/// let lock = FolderLock::take(&folder)?;
/// assert!(folder.join(FolderLock::FILE).exists());
/// drop(lock);
/// assert!(!folder.exists(), "it was made for the lock, and nothing came into it");
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    file: Option<File>,
    /// The folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl FolderLock {
    /// The file that is locked; it holds the number of the process.
    pub const FILE: &str = "run.lock";

    /// Locks `folder`, which is made if it is not there. Fails, and says who is at work, when it is locked already. A process
    /// that was killed a moment ago has two seconds to end.
    pub fn take(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let missing = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists());
        let made: Vec<PathBuf> = missing.map(PathBuf::from).collect();
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        let path = folder.join(Self::FILE);
        // Nothing is to be undone before it is held: the file may be another's.
        let file = hold(&path, folder)?;
        Ok(Self { path, file, made })
    }
}

/// Nothing where the file system has no locks, which is no reason not to train.
fn hold(path: &Path, folder: &Path) -> Result<Option<File>> {
    let id = std::process::id().to_string();
    let begin = Instant::now();
    // Whoever held it may take the file away between our opening and locking it.
    for _ in 0..1000 {
        let opened = OpenOptions::new().create(true).write(true).truncate(false).open(path);
        let mut file = opened.map_err(|error| Error::io("write", path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            Err(TryLockError::WouldBlock) => return Err(busy(folder, path, &id)),
            Err(TryLockError::Error(_)) => return Ok(None),
        }
        let written = file.set_len(0).and_then(|()| file.write_all(id.as_bytes()));
        if written.is_err() || fs::read_to_string(path).is_ok_and(|text| text == id) {
            return Ok(Some(file));
        }
    }
    Err(busy(folder, path, &id))
}

fn busy(folder: &Path, path: &Path, id: &str) -> Error {
    let who = match fs::read_to_string(path) {
        Ok(holder) if holder == id => "another fit of this process".into(),
        Ok(holder) if !holder.is_empty() => format!("another process, number {holder},"),
        _ => "another process".into(),
    };
    let message = format!("{who} is at work in it; wait for its end, or choose another folder");
    Error::io("lock", folder, io::Error::new(io::ErrorKind::WouldBlock, message))
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Before the lock is let go of, so that nobody else's file is removed.
        drop(fs::remove_file(&self.path));
        if let Some(file) = self.file.take() {
            // A forked child may hold the same file open.
            drop(file.unlock());
        }
        // What was made goes again if it is empty.
        self.made.iter().for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_kept_out_and_told_why() {
        let outer = std::env::temp_dir().join(format!("highmark-folder-lock-{}", std::process::id()));
        let folder = outer.join("a/b");
        let lock = FolderLock::take(&folder).unwrap();
        let error = FolderLock::take(&folder).unwrap_err().to_string();
        assert!(error.contains("another fit of this process is at work in it"), "{error}");
        assert!(error.contains(&folder.display().to_string()), "{error}");
        assert!(FolderLock::take(&folder).is_err(), "whoever was kept out has not removed the other's lock");
        fs::write(folder.join("kept"), "").unwrap();
        drop(lock);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);

        fs::remove_file(folder.join("kept")).unwrap();
        drop(FolderLock::take(&folder).unwrap());
        assert!(folder.exists(), "it was there before");
        fs::remove_dir_all(&outer).unwrap();
    }
}
