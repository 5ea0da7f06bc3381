//! What the user is told of checkpoints that cannot be written.

use std::fs;
use std::io::{self, Error as IoError};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::learner::checkpoint::tests::{folder, frame};
use crate::learner::disk::{NewFile, SystemDisk};

/// The system's disk, on which no file can be made while that is set; or the thread dies that makes one.
#[derive(Default)]
struct FullDisk {
    full: AtomicBool,
    deadly: AtomicBool,
}

impl Disk for FullDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.make_folder(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        assert!(!self.deadly.load(Ordering::Relaxed), "the thread dies, as it shall");
        if self.full.load(Ordering::Relaxed) {
            return Err(IoError::from(io::ErrorKind::StorageFull));
        }
        SystemDisk.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.sync_folder(path)
    }
}

fn checkpoints(name: &str) -> (Checkpoints, Arc<FullDisk>, PathBuf) {
    let (path, disk) = (folder(name), Arc::new(FullDisk::default()));
    let shared: Arc<dyn Disk> = Arc::<FullDisk>::clone(&disk);
    let made = Checkpoints::new(CheckpointConfig::new(&path), Identity::default(), Kept::None, shared, 100);
    (made, disk, path)
}

/// The number of the newest in the folder.
fn newest(path: &Path) -> usize {
    checkpoint::find(path).unwrap().unwrap().checkpoint.meta.position.epoch
}

#[test]
fn every_failure_before_the_end_is_told() {
    let (mut made, disk, path) = checkpoints("told");
    disk.full.store(true, Ordering::Relaxed);
    assert!(made.frame(false).0.is_some());
    assert_eq!(made.write(frame(1), false), None);
    // The fit ends while that is being written: its failure is told, and the last one's as well.
    let (free, note) = made.frame(true);
    assert!(free.is_some() && note.unwrap().contains("the next one is tried"));
    let note = made.write(frame(2), true).unwrap();
    assert!(note.contains("no checkpoint") && !note.contains("the next one"), "{note}");
    assert!(made.finish().0.is_none());
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_thread_that_dies_is_told_and_the_next_checkpoint_is_another_ones() {
    let (mut made, disk, path) = checkpoints("died");
    assert!(made.frame(false).0.is_some());
    made.write(frame(1), false);
    assert!(made.frame(true).1.is_none());
    disk.deadly.store(true, Ordering::Relaxed);
    made.write(frame(2), false);
    let note = loop {
        if let Some(note) = made.poll() {
            break note;
        }
    };
    assert!(note.contains("no checkpoint: ") && note.contains("the thread"), "{note}");
    disk.deadly.store(false, Ordering::Relaxed);
    assert_eq!(newest(&path), 1);
    assert!(made.frame(false).0.is_some());
    assert_eq!(made.write(frame(3), false), None);
    assert_eq!(made.frame(true).1.as_deref(), Some("checkpoints can be written again"));
    assert_eq!(newest(&path), 3);
    drop(made.finish());
    fs::remove_dir_all(path).unwrap();
}
