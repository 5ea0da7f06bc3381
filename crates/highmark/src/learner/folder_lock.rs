//! One process at a time works in a folder.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How long a process that was killed may take to end: it still writes what it was writing to the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// What this process holds, by the folders' absolute paths: the [`super::disk::SystemDisk`] looks here, through [`check`],
/// whether a folder that it changes is still the same one.
static HELD: Mutex<BTreeMap<PathBuf, Held>> = Mutex::new(BTreeMap::new());

/// Held while a process works in a folder: of a run, or of checkpoints. The system lets go of it when the process ends,
/// however that happens.
///
/// A folder can be moved away under a process, and another come into its place. Of one that this process has locked,
/// [`crate::write_file`] and everything that saves models and checkpoints find that out before they put a file into it, and
/// fail; what another has made there is left alone. A folder that is merely gone is made again, and locked again.
///
/// ```
/// use highmark::FolderLock;
/// # let folder = std::env::temp_dir().join("highmark-doc-lock");
/// let lock = FolderLock::take(&folder)?;
/// assert!(folder.join(FolderLock::FILE).exists());
/// lock.check()?;
/// drop(lock);
/// assert!(!folder.exists(), "it was made for the lock, and nothing came into it");
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    /// Its absolute path, if there is an entry for it in [`HELD`].
    key: Option<PathBuf>,
    /// The folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

/// Both open, so that no other file or folder gets their numbers.
#[derive(Debug)]
struct Held {
    file: File,
    folder: Option<File>,
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
        // Nothing is to be undone before it is held: the file may be another's.
        let file = hold(&folder.join(Self::FILE), folder)?;
        let mut key = None;
        if let (Some(file), Ok(path)) = (file, std::path::absolute(folder)) {
            held().insert(path.clone(), Held { file, folder: File::open(folder).ok() });
            key = Some(path);
        }
        Ok(Self { folder: folder.into(), key, made })
    }

    /// Fails when another folder has come into the place of the one that was locked, or another process has taken it over.
    /// One that is gone is made again.
    pub fn check(&self) -> Result<()> {
        check(&self.folder).map_err(|error| Error::io("go on in", &self.folder, error))
    }
}

fn held() -> MutexGuard<'static, BTreeMap<PathBuf, Held>> {
    // A panic elsewhere leaves it as it is: entries are put in and taken out whole.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails when this process had locked `folder` and something else is in its place now. Folders that it has not locked are
/// nobody's.
pub(crate) fn check(folder: &Path) -> io::Result<()> {
    let Ok(key) = std::path::absolute(folder) else { return Ok(()) };
    let mut all = held();
    let Some(held) = all.get_mut(&key) else { return Ok(()) };
    let file = folder.join(FolderLock::FILE);
    if is_at(&held.file, &file) {
        return Ok(());
    }
    let same = held.folder.as_ref().is_none_or(|open| is_at(open, folder));
    if (same || !folder.exists()) && !file.exists() {
        *held = again(&file, folder)?;
        return Ok(());
    }
    let message = "it was moved away or removed, and what is in its place now is another's";
    Err(io::Error::other(message))
}

/// The folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Locks a folder once more that is gone, or its lock; fails if somebody else does at the same time.
fn again(path: &Path, folder: &Path) -> io::Result<Held> {
    fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create_new(true).write(true).open(path)?;
    file.try_lock()?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    Ok(Held { file, folder: File::open(folder).ok() })
}

/// Whether what is open is what is found under a path.
#[cfg(unix)]
fn is_at(open: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |there: io::Result<fs::Metadata>| there.map(|there| (there.dev(), there.ino())).ok();
    let found = number(fs::metadata(path));
    found.is_some() && found == number(open.metadata())
}

/// What is open cannot be moved away there.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
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
        match fs::read_to_string(path) {
            _ if written.is_err() => return Ok(Some(file)),
            Ok(text) if text == id => return Ok(Some(file)),
            // Taken away, or another's by now.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("lock", folder, error)),
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
        let path = self.folder.join(Self::FILE);
        let held = self.key.take().and_then(|key| held().remove(&key));
        // Before the lock is let go of, so that nobody else's file is removed; nor is that of whoever is in its place.
        if held.as_ref().is_none_or(|held| is_at(&held.file, &path)) {
            drop(fs::remove_file(&path));
        }
        if let Some(held) = held {
            // A forked child may hold the same file open.
            drop(held.file.unlock());
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

    #[cfg(unix)]
    #[test]
    fn a_folder_in_its_place_is_left_alone() {
        let outer = std::env::temp_dir().join(format!("highmark-folder-moved-{}", std::process::id()));
        let folder = outer.join("run");
        let put = |name: &str| super::super::atomic_file::write_file(folder.join(name), b"ours");
        let lock = FolderLock::take(&folder).unwrap();
        put("a").unwrap();

        // Gone: it is made again, and ours again.
        fs::rename(&folder, outer.join("first")).unwrap();
        put("b").unwrap();
        assert!(FolderLock::take(&folder).is_err());
        // Only the lock: likewise.
        fs::remove_file(folder.join(FolderLock::FILE)).unwrap();
        lock.check().unwrap();

        // Another's, who is at work in it or has been.
        fs::rename(&folder, outer.join("second")).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("b"), "another's").unwrap();
        for _ in 0..2 {
            let error = put("b").unwrap_err().to_string();
            assert!(error.contains("run/b") && error.contains("another's"), "{error}");
            assert!(lock.check().is_err());
            fs::write(folder.join(FolderLock::FILE), "1").unwrap();
        }
        drop(lock);
        assert_eq!(fs::read_to_string(folder.join("b")).unwrap(), "another's");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "neither a file more nor one less");
        // Whoever takes it now finds no entry of ours.
        drop(FolderLock::take(&folder).unwrap());
        fs::remove_dir_all(&outer).unwrap();
    }
}
