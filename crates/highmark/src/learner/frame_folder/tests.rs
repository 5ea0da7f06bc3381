//! Faults at every call of the write path.

use std::fs;
use std::io::{self, Error as IoError, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::learner::checkpoint::find;
use crate::learner::checkpoint::tests::{folder, frame};
use crate::learner::disk::{NewFile, SystemDisk};

/// How a call fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `ENOSPC`, after which a file holds what fitted.
    Full,
    /// `EIO`.
    Device,
    /// `EROFS`.
    ReadOnly,
    /// A write that takes less than it was given; no error.
    Short,
}

/// The system's disk, on which the call of this number fails.
#[derive(Clone)]
struct FaultyDisk {
    calls: Arc<AtomicUsize>,
    at: usize,
    fault: Fault,
}

impl FaultyDisk {
    fn new(at: usize, fault: Fault) -> Self {
        Self { calls: Arc::default(), at, fault }
    }

    fn strikes(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) == self.at
    }

    fn call(&self) -> io::Result<()> {
        if !self.strikes() {
            return Ok(());
        }
        Err(match self.fault {
            Fault::Full => IoError::from(io::ErrorKind::StorageFull),
            Fault::Device => IoError::other("input/output error"),
            Fault::ReadOnly => IoError::from(io::ErrorKind::ReadOnlyFilesystem),
            Fault::Short => return Ok(()),
        })
    }
}

struct FaultyFile {
    file: Box<dyn NewFile>,
    disk: FaultyDisk,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.disk.strikes() {
            return self.file.write(bytes);
        }
        let half = &bytes[..bytes.len().div_ceil(2)];
        self.file.write_all(half)?;
        match self.disk.fault {
            Fault::Short => Ok(half.len()),
            _ => Err(IoError::from(io::ErrorKind::StorageFull)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.call()?;
        self.file.sync()
    }
}

impl Disk for FaultyDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        SystemDisk.make_folder(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.call()?;
        Ok(Box::new(FaultyFile { file: SystemDisk.create(path)?, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        SystemDisk.remove(path)
    }

    fn hold(&self, path: &Path) -> Option<fs::File> {
        SystemDisk.hold(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        SystemDisk.sync_folder(path)
    }
}

fn newest_number(folder: &Path) -> usize {
    let found = find(folder).unwrap().unwrap();
    assert_eq!(found.note, None, "the newest is damaged");
    found.checkpoint.meta.position.epoch
}

#[test]
fn a_fault_at_any_call_costs_no_checkpoint_that_was_there() {
    for fault in [Fault::Full, Fault::Device, Fault::ReadOnly, Fault::Short] {
        let (mut at, mut failed) = (0, 0);
        loop {
            let path = folder("faults");
            let disk = FaultyDisk::new(at, fault);
            let calls = Arc::clone(&disk.calls);
            let mut folder = FrameFolder::new(path.clone(), Arc::new(disk), Kept::None);
            let mut good = 0;
            for number in 1..=4 {
                let written = folder.write(&frame(number));
                failed += usize::from(written.is_err());
                if written.is_ok() {
                    good = number;
                    assert_eq!(newest_number(&path), number, "{fault:?} at call {at}");
                } else if good > 0 {
                    // The last good one is there, or this one, whose folder alone could not be synced.
                    let newest = newest_number(&path);
                    assert!(newest == good || newest == number, "{fault:?} at call {at}: {newest}");
                }
            }
            if good < 4 {
                folder
                    .write(&frame(5))
                    .unwrap_or_else(|e| panic!("{fault:?} at call {at}: no end of it: {e}"));
            }
            // Whatever happened, both that are kept are whole.
            fs::remove_file(newest(&path)).unwrap();
            assert!((1..=4).contains(&newest_number(&path)), "{fault:?} at call {at}");
            fs::remove_dir_all(path).unwrap();
            if calls.load(Ordering::Relaxed) <= at {
                break;
            }
            at += 1;
        }
        assert!(at > 20, "{fault:?}: only {at} calls were tried");
        assert!(matches!(fault, Fault::Short) == (failed == 0), "{fault:?}: {failed} failed");
    }
}

#[test]
fn an_unfinished_file_and_checkpoints_of_another_fit_are_no_obstacle() {
    let path = folder("stale");
    fs::write(path.join("checkpoint.safetensors.part"), vec![7; 100_000]).unwrap();
    for (file, number) in [(newest(&path), 8), (previous(&path), 7)] {
        frame(number).write(&mut fs::File::create(file).unwrap()).unwrap();
    }
    let mut folder = FrameFolder::new(path.clone(), Arc::new(SystemDisk), Kept::None);
    folder.write(&frame(1)).unwrap();
    assert_eq!(newest_number(&path), 1);
    assert!(!previous(&path).exists(), "it is of another fit");
    folder.write(&frame(2)).unwrap();
    // The folder goes, and comes back with the next one.
    fs::remove_dir_all(&path).unwrap();
    folder.write(&frame(3)).unwrap();
    assert_eq!(newest_number(&path), 3);
    fs::remove_dir_all(path).unwrap();
}

/// There is room for two: once there are two, the older one gives way, and what is saved goes on being saved.
#[test]
fn on_a_disk_with_room_for_two_the_newest_is_saved() {
    let path = folder("room-for-two");
    let mut folder = FrameFolder::new(path.clone(), Arc::new(SystemDisk), Kept::None);
    folder.write(&frame(1)).unwrap();
    folder.write(&frame(2)).unwrap();
    // The first write: the third call.
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(2, Fault::Full));
    let mut folder = FrameFolder::new(path.clone(), disk, Kept::Newest);
    folder.write(&frame(3)).unwrap();
    assert_eq!(newest_number(&path), 3);
    fs::remove_file(newest(&path)).unwrap();
    assert_eq!(newest_number(&path), 2);
    fs::remove_dir_all(path).unwrap();
}
