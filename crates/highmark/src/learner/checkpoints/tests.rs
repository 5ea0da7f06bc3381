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

    fn hold(&self, path: &Path) -> Option<fs::File> {
        SystemDisk.hold(path)
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
    let thread = Background::start().unwrap();
    disk.full.store(true, Ordering::Relaxed);
    assert!(made.frame(false).0.is_some());
    assert_eq!(made.write(frame(1), false, Some(&thread)), None);
    // The fit ends while that is being written: its failure is told, and the last one's as well.
    let (free, note) = made.frame(true);
    assert!(free.is_some() && note.unwrap().contains("the next one is tried"));
    let note = made.write(frame(2), true, Some(&thread)).unwrap();
    assert!(note.contains("no checkpoint") && !note.contains("the next one"), "{note}");
    assert!(made.finish().0.is_none());
    thread.stop(|| ());
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_last_one_that_cannot_be_filled_is_told_after_other_failures() {
    let (mut made, _, path) = checkpoints("not-filled");
    let fail = |made: &mut Checkpoints, last: bool| {
        let frame = made.frame(last).0.unwrap();
        made.give_up(frame, Error::data("it is odd"), last)
    };
    assert!(fail(&mut made, false).unwrap().contains("it is odd; training goes on"));
    assert_eq!(fail(&mut made, false), None);
    assert_eq!(fail(&mut made, true).as_deref(), Some("no checkpoint: it is odd"));
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_thread_that_dies_is_told_and_the_next_checkpoint_is_another_ones() {
    let (mut made, disk, path) = checkpoints("died");
    let thread = Background::start().unwrap();
    assert!(made.frame(false).0.is_some());
    made.write(frame(1), false, Some(&thread));
    assert!(made.frame(true).1.is_none());
    disk.deadly.store(true, Ordering::Relaxed);
    made.write(frame(2), false, Some(&thread));
    let note = loop {
        if let Some(note) = made.poll() {
            break note;
        }
    };
    assert!(note.contains("no checkpoint: ") && note.contains("the thread"), "{note}");
    disk.deadly.store(false, Ordering::Relaxed);
    assert_eq!(newest(&path), 1);
    while thread.is_alive() {}
    let thread = Background::start().unwrap();
    assert!(made.frame(false).0.is_some());
    assert_eq!(made.write(frame(3), false, Some(&thread)), None);
    assert_eq!(made.frame(true).1.as_deref(), Some("checkpoints can be written again"));
    assert_eq!(newest(&path), 3);
    drop(made.finish());
    thread.stop(|| ());
    fs::remove_dir_all(path).unwrap();
}

/// Two are kept and nothing else, whichever thread takes the oldest away.
#[test]
fn the_oldest_is_taken_away() {
    let (mut made, _, path) = checkpoints("swept");
    let thread = Background::start().unwrap();
    for number in 1..=5 {
        assert!(made.frame(true).0.is_some());
        let background = (number != 4).then_some(&thread);
        assert_eq!(made.write(frame(number), number == 5, background), None);
    }
    drop(made.finish());
    thread.stop(|| ());
    let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["checkpoint-previous.safetensors", "checkpoint.safetensors"]);
    assert_eq!(newest(&path), 5);
    fs::remove_file(checkpoint::newest(&path)).unwrap();
    assert_eq!(newest(&path), 4);
    fs::remove_dir_all(path).unwrap();
}
