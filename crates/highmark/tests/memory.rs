//! A thousand fits in one process. A binary of its own, so that nothing else asks for memory meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "an allocator that counts")]
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use highmark::{
    CheckpointConfig, Dataset, EarlyStopping, Learner, LearnerConfig, Monitor, Mse, OneCycle, SaveBest,
    TabularConfig, TabularModel, Targets,
};

/// Bytes that were asked for and not given back.
static LIVE: AtomicI64 = AtomicI64::new(0);

struct Counting;

fn counted(layout: Layout, sign: i64) -> Layout {
    LIVE.fetch_add(sign * layout.size() as i64, Ordering::Relaxed);
    layout
}

// SAFETY: it hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(counted(layout, 1)) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, counted(layout, -1)) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Of `/proc/self/status`: a number, or kilobytes.
fn status(name: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Live bytes, and kilobytes that the process holds, once no more than `threads` run: what a fit leaves behind is given back
/// by a thread that nobody waits for.
fn held(threads: i64) -> [i64; 2] {
    let begin = Instant::now();
    while status("Threads:") > threads {
        assert!(begin.elapsed() < Duration::from_secs(60), "threads have not ended");
        sleep(Duration::from_millis(5));
    }
    [LIVE.load(Ordering::Relaxed), status("VmRSS:")]
}

fn rows(count: usize) -> Arc<Dataset> {
    let numbers: Vec<f32> = (0..count * 4).map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0).collect();
    let values = numbers.chunks(4).map(|x| x[0] - x[1]).collect();
    let codes = (0..count).map(|row| row as u32 % 7).collect();
    Arc::new(Dataset::new(1, 4, codes, numbers, Some(Targets::Values { values, width: 1 })).unwrap())
}

#[test]
fn a_thousand_fits_keep_memory_flat() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory");
    let (train, valid) = (rows(512), rows(128));
    let fit = || {
        let options = TabularConfig { layers: vec![64, 32], dropout: vec![0.1], ..TabularConfig::default() };
        let model = TabularModel::new(&options, &[("level".into(), 7)], 4, 1, 1).unwrap().threads(2);
        let config = LearnerConfig {
            callbacks: vec![
                Box::new(EarlyStopping::new(Monitor::new("valid_loss"))),
                Box::new(SaveBest::new(Monitor::new("valid_loss")).in_memory()),
            ],
            checkpoint: Some(CheckpointConfig::new(&folder)),
            ..LearnerConfig::default()
        };
        let (train, valid) = (Arc::clone(&train), Arc::clone(&valid));
        let mut learn = Learner::new(Box::new(model), Box::new(Mse), train, valid, config).unwrap();
        learn.quiet();
        learn.fit_one_cycle(2, &OneCycle::default()).unwrap();
    };
    let threads = status("Threads:");
    // Threads have their stacks and the allocator its pools after some of them.
    (0..200).for_each(|_| fit());
    let before = held(threads);
    (0..800).for_each(|_| fit());
    let after = held(threads);
    // Each holds about 150 kB. How many pools the system's allocator has is a matter of how threads meet.
    assert!(after[0] < before[0] + 4096, "{before:?} bytes and kB after 200 fits, {after:?} after 1,000");
    assert!(after[1] < before[1] + 16384, "{before:?} bytes and kB after 200 fits, {after:?} after 1,000");
}
