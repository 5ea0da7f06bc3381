//! The batch behind the one under way, loaded by whoever has the time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Dataset, Loader};

/// The next batch of an epoch. It can be loaded by another thread while a step is computed; if none has, the loop does it when
/// its turn comes, and the batch is the same. In a fit, [`Model::look_ahead`](crate::Model::look_ahead) hands it to the model.
///
/// PyTorch's and Keras's loaders have whole batches made ahead by other processes or threads; here it is one batch, since its
/// rows lie in memory.
///
/// ```
/// use std::sync::Arc;
/// use highmark::{Dataset, Loader, NextBatch, Order};
///
/// let data = Arc::new(Dataset::new(0, 1, vec![], vec![0.0, 1.0, 2.0, 3.0, 4.0], None)?);
/// let loader = Loader::new(data, 2, Order::Sequential, false)?;
/// let next = NextBatch::new(&loader);
/// let (mut batch, mut ahead, mut sum) = (loader.empty_batch(), 0, 0.0);
/// for position in 0..loader.batches() {
///     if next.take(position, &mut batch) {
///         ahead += 1;
///     } else {
///         loader.load(position, &mut batch);
///     }
///     next.ask(&loader, position + 1);
///     std::thread::scope(|threads| {
///         threads.spawn(|| next.load(|_| {}));
///         sum += batch.x_cont.iter().sum::<f32>();
///     });
/// }
/// assert_eq!((ahead, sum), (2, 10.0));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct NextBatch {
    /// In the largest.
    rows: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    dataset: Arc<Dataset>,
    /// The rows of the batch that is asked for, and those of the one behind it.
    rows: Vec<u32>,
    behind: Vec<u32>,
    batch: Batch,
}

/// How far the batch at a position of the epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Nothing,
    Asked(usize),
    Loaded(usize),
}

impl NextBatch {
    /// With memory for batches of `loader`. Nobody has asked for one yet.
    pub fn new(loader: &Loader) -> Self {
        // A whole batch at once: when the first is loaded is chance, and no step shall allocate.
        let (rows, mut batch) = (loader.rows_of(0).to_vec(), loader.empty_batch());
        loader.dataset().gather(&rows, &mut batch);
        let (most, behind, dataset) = (rows.len(), rows.clone(), Arc::clone(loader.dataset()));
        let state = State { stage: Stage::Nothing, dataset, rows, behind, batch };
        Self { rows: most, state: Mutex::new(state) }
    }

    /// Rows in the largest batch of the loader that it was made for.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Asks for the batch at `position` of the epoch that `loader` has started. Behind the last one there is none.
    pub fn ask(&self, loader: &Loader, position: usize) {
        let State { stage, dataset, rows, behind, .. } = &mut *self.state();
        if !Arc::ptr_eq(dataset, loader.dataset()) {
            *dataset = Arc::clone(loader.dataset());
        }
        for (to, position) in [(&mut *rows, position), (behind, position.saturating_add(1))] {
            to.clear();
            to.extend_from_slice(loader.rows_of(position));
        }
        *stage = if rows.is_empty() { Stage::Nothing } else { Stage::Asked(position) };
    }

    /// Loads the batch that was asked for, and calls `then` with it. Does nothing if nobody has asked, or it has been loaded.
    /// Whoever needs the batch meanwhile waits, so `then` must not turn to this `NextBatch` itself.
    pub fn load(&self, then: impl FnOnce(&Batch)) {
        let State { stage, dataset, rows, behind, batch } = &mut *self.state();
        if let Stage::Asked(position) = *stage {
            // If it panics, the batch is not there.
            *stage = Stage::Nothing;
            dataset.gather(rows, batch);
            dataset.fetch(behind);
            then(batch);
            *stage = Stage::Loaded(position);
        }
    }

    /// Puts the batch at `position` into `batch`, whose memory it gets instead, and says whether it has been loaded. If not, or
    /// if another one was asked for, it is not asked for any more.
    pub fn take(&self, position: usize, batch: &mut Batch) -> bool {
        let State { stage, batch: loaded, .. } = &mut *self.state();
        let there = std::mem::replace(stage, Stage::Nothing) == Stage::Loaded(position);
        if there {
            std::mem::swap(loaded, batch);
        }
        there
    }

    /// Nobody asks for it any more: its epoch is over.
    pub fn forget(&self) {
        self.state().stage = Stage::Nothing;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Order;

    fn loader() -> Loader {
        let data = Dataset::new(0, 1, vec![], vec![0.0, 1.0, 2.0, 3.0, 4.0], None).unwrap();
        Loader::new(Arc::new(data), 2, Order::Shuffled { seed: 3 }, false).unwrap()
    }

    #[test]
    fn only_what_was_asked_for_and_loaded() {
        let mut loader = loader();
        let (next, mut batch, mut want) =
            (NextBatch::new(&loader), loader.empty_batch(), loader.empty_batch());
        next.load(|_| panic!("nobody has asked"));
        next.ask(&loader, 1);
        assert!(!next.take(1, &mut batch), "not loaded");
        next.load(|_| panic!("nobody asks any more"));
        for (asked, taken) in [(1, 1), (2, 2), (1, 2), (2, 0)] {
            next.ask(&loader, asked);
            next.load(|_| {});
            next.load(|_| panic!("it is there"));
            assert_eq!(next.take(taken, &mut batch), asked == taken);
            if asked == taken {
                loader.load(asked, &mut want);
                assert_eq!((batch.rows, &batch.x_cont), (want.rows, &want.x_cont));
            }
            assert!(!next.take(taken, &mut batch), "once");
        }
        next.ask(&loader, 3);
        next.load(|_| panic!("behind the last one"));
        // The same place of another epoch.
        next.ask(&loader, 1);
        next.load(|_| {});
        next.forget();
        loader.start(1);
        assert!(!next.take(1, &mut batch));
    }

    #[test]
    fn loading_allocates_nothing_and_any_loader_may_ask() {
        let (loader, next) = (loader(), NextBatch::new(&loader()));
        let memory = || next.state().batch.x_cont.as_ptr();
        let before = memory();
        next.ask(&loader, 1);
        next.load(|_| {});
        assert_eq!((memory(), next.rows()), (before, 2));
        // Of other data, with other columns.
        let data = Dataset::new(1, 0, vec![7, 8, 9], vec![], None).unwrap();
        let other = Loader::new(Arc::new(data), 3, Order::Sequential, false).unwrap();
        next.ask(&other, 0);
        next.load(|batch| assert_eq!((batch.rows, &batch.x_cat[..]), (3, &[7, 8, 9][..])));
        assert!(next.take(0, &mut other.empty_batch()));
    }

    #[test]
    fn a_panic_leaves_no_batch() {
        let (loader, mut seen) = (loader(), 0);
        let (next, mut batch) = (NextBatch::new(&loader), loader.empty_batch());
        next.ask(&loader, 0);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            next.load(|batch| {
                seen = batch.rows;
                panic!("on purpose");
            });
        }));
        assert!(caught.is_err() && seen == 2);
        assert!(!next.take(0, &mut batch));
        next.ask(&loader, 0);
        next.load(|_| {});
        assert!(next.take(0, &mut batch));
    }
}
