//! A training step allocates nothing: everything that it needs is there from the first steps on.

#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use highmark::{
    Accuracy, Callback, CallbackState, Clip, DataConfig, Event, EventSet, Flow, Learner, LearnerConfig,
    NamedData, OneCycle, OptimizerConfig, Phase, Result, Span, Split, TabularConfig, TabularData, Trainer,
    on,
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

/// Notes the count after each batch, with the phase and the epoch.
struct Count(Arc<Mutex<Vec<(Phase, usize, u64)>>>);

impl Callback for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Batch)])
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        let count = COUNT.load(Ordering::Relaxed);
        self.0.lock().unwrap().push((t.phase(), t.progress().epoch, count));
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

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
    // Of a large table the rows of a batch are stepped alone, unless gradients are clipped. Within some epochs threads have been
    // tried, which leaves the work in one piece.
    let large = BTreeMap::from([("native-country".to_string(), 3000)]);
    let usual = (0.05, Some(Clip::Norm(1.0)), BTreeMap::new());
    for (threads, inside, batch_size, epochs, (embed_dropout, clip, embedding_sizes)) in [
        (1, false, 64, 2, usual.clone()),
        (2, false, 64, 2, usual.clone()),
        (1, true, 64, 2, usual.clone()),
        (2, false, 500, 4, usual),
        (2, false, 64, 8, (0.0, None, BTreeMap::new())),
        (1, false, 16, 2, (0.0, None, large.clone())),
        (2, false, 16, 2, (0.0, Some(Clip::Norm(1.0)), large)),
    ] {
        let counts = Arc::new(Mutex::new(Vec::with_capacity(2000)));
        let model = TabularConfig {
            layers: vec![100, 50],
            dropout: vec![0.1],
            embed_dropout,
            embedding_sizes,
            ..TabularConfig::default()
        };
        let config = LearnerConfig {
            model,
            optimizer: OptimizerConfig { clip, ..OptimizerConfig::default() },
            metrics: vec![Box::new(Accuracy::default())],
            callbacks: vec![Box::new(Count(Arc::clone(&counts)))],
            threads,
            batch_size,
            ..LearnerConfig::default()
        };
        let mut learn = Learner::tabular(&data, config).unwrap();
        if inside {
            learn.callbacks_mut().add(on("inside", Event::AfterLoss, |_| Ok(()))).unwrap();
        }
        learn.quiet();
        learn.fit_one_cycle(epochs, &OneCycle::default()).unwrap();
        let counts = counts.lock().unwrap();
        // From the end of one batch to the end of the next, after the first epoch, which brings the memory.
        let steps: Vec<_> = counts
            .windows(2)
            .filter(|pair| pair[0].1 >= 1 && pair[0].1 == pair[1].1 && pair[0].0 == pair[1].0)
            .map(|pair| pair[1].2 - pair[0].2)
            .collect();
        assert!(steps.len() >= (epochs - 1) * (3000 / batch_size - 1));
        assert!(
            steps.iter().all(|count| *count == 0),
            "{threads} threads, {inside}, batches of {batch_size}: {steps:?}"
        );
    }
}
