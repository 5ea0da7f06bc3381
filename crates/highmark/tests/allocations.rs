//! A training step allocates nothing: everything that it needs is there from the first steps on.

#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use highmark::{
    Accuracy, Clip, DataConfig, Event, Learner, LearnerConfig, NamedData, OneCycle, OptimizerConfig, Span,
    Split, TabularConfig, TabularData, on,
};

/// Allocations of all threads, growing ones included.
static COUNT: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: it hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_step_allocates_nothing() {
    let table = NamedData::Adult.table().unwrap().slice(0, 4000);
    let config = DataConfig {
        targets: vec!["salary".into()],
        valid: Split::Rows(3000..4000),
        ..DataConfig::default()
    };
    let data = TabularData::new(&table, &config).unwrap();
    // With a callback inside the step, the loop goes event by event. In large batches threads share more of the work.
    for (threads, inside, batch_size, at_least) in
        [(1, false, 64, 50), (2, false, 64, 50), (1, true, 64, 50), (2, false, 500, 5)]
    {
        let counts = Arc::new(Mutex::new(Vec::with_capacity(1000)));
        let seen = Arc::clone(&counts);
        let config = LearnerConfig {
            model: TabularConfig { dropout: vec![0.1], embed_dropout: 0.05, ..TabularConfig::default() },
            optimizer: OptimizerConfig { clip: Some(Clip::Norm(1.0)), ..OptimizerConfig::default() },
            metrics: vec![Box::new(Accuracy::default())],
            callbacks: vec![on("count", Event::After(Span::Batch), move |trainer| {
                let count = COUNT.load(Ordering::Relaxed);
                seen.lock().unwrap().push((trainer.phase(), trainer.progress().epoch, count));
                Ok(())
            })],
            threads,
            batch_size,
            ..LearnerConfig::default()
        };
        let mut learn = Learner::tabular(&data, config).unwrap();
        if inside {
            learn.callbacks_mut().add(on("inside", Event::AfterLoss, |_| Ok(()))).unwrap();
        }
        learn.quiet();
        learn.fit_one_cycle(2, &OneCycle::default()).unwrap();
        let counts = counts.lock().unwrap();
        // From the end of one batch to the end of the next, in the second epoch; the first brings the memory.
        let steps: Vec<_> = counts
            .windows(2)
            .filter(|pair| pair[0].1 == 1 && pair[0].0 == pair[1].0)
            .map(|pair| pair[1].2 - pair[0].2)
            .collect();
        assert!(steps.len() >= at_least);
        assert!(
            steps.iter().all(|count| *count == 0),
            "{threads} threads, {inside}, batches of {batch_size}: {steps:?}"
        );
    }
}
