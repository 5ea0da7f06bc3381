//! The next batch, loaded and its levels found by a thread that would wait while one computes the output layer and the loss.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::data::{Batch, NextBatch};
use crate::engine::Errand;
use crate::nn::{Embeddings, Levels};

/// The errand of that thread, and what it brings.
#[derive(Debug)]
pub(super) struct LookAhead {
    /// The training's; its data shall go with it, wherever the model goes.
    next: Weak<NextBatch>,
    found: Mutex<Found>,
}

/// The levels of a batch, and its codes by which it is known. No codes: of none.
#[derive(Debug)]
struct Found {
    levels: Option<Levels>,
    codes: Vec<u32>,
}

impl LookAhead {
    /// Finds `levels` too if the model works by them.
    pub(super) fn new(next: &Arc<NextBatch>, mut levels: Option<Levels>) -> Self {
        // At once: when the first are found is chance, and no step shall allocate.
        levels.iter_mut().for_each(|levels| levels.reserve(next.rows()));
        let columns = levels.as_ref().map_or(0, |levels| levels.embeds().tables().len());
        let codes = Vec::with_capacity(columns * next.rows());
        Self { next: Arc::downgrade(next), found: Mutex::new(Found { levels, codes }) }
    }

    /// Whether it is for this one.
    pub(super) fn is_for(&self, next: &Arc<NextBatch>) -> bool {
        std::ptr::eq(self.next.as_ptr(), Arc::as_ptr(next))
    }

    /// Puts the levels of `batch` into `levels` if it is the one that they were found for, and says whether. Then its codes
    /// are those of its rows, and the embeddings have them.
    pub(super) fn take(&self, batch: &Batch, levels: &mut Levels) -> bool {
        let Found { levels: found, codes } = &mut *self.found();
        let same = !codes.is_empty() && *codes == batch.x_cat;
        let Some(found) = found.as_mut().filter(|found| same && found.rows() == batch.rows) else {
            return false;
        };
        std::mem::swap(found, levels);
        codes.clear();
        true
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Errand for LookAhead {
    fn run(&self) {
        let Some(next) = self.next.upgrade() else { return };
        next.load(|batch| {
            let Found { levels, codes } = &mut *self.found();
            codes.clear();
            let sound =
                |embeds: &Embeddings| embeds.are_columns_of(batch) && embeds.check_codes(batch).is_ok();
            if let Some(levels) = levels.as_mut().filter(|levels| sound(levels.embeds())) {
                levels.find(batch);
                codes.extend_from_slice(&batch.x_cat);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Loader, Order};
    use crate::engine::Params;

    /// One column of three levels, and a row with a fourth one.
    #[test]
    fn levels_are_of_the_very_codes() {
        let data = Dataset::new(1, 0, vec![0, 1, 1, 2, 2, 3], vec![], None).unwrap();
        let loader = Loader::new(Arc::new(data), 2, Order::Sequential, false).unwrap();
        let embeds = Embeddings::new(&mut Params::default(), [(3, 2)].into_iter(), 1);
        let next = Arc::new(NextBatch::new(&loader));
        let ahead = LookAhead::new(&next, Some(Levels::new(&embeds)));
        let (mut levels, mut batch) = (Levels::new(&embeds), loader.empty_batch());
        for (position, known) in [(0, true), (1, true), (2, false), (0, true)] {
            next.ask(&loader, position);
            ahead.run();
            assert!(next.take(position, &mut batch));
            let cut = Batch { rows: 1, ..batch.clone() };
            assert!(!ahead.take(&cut, &mut levels), "codes of other rows");
            let mut other = batch.clone();
            other.x_cat.reverse();
            assert_eq!(ahead.take(&other, &mut levels), known && other.x_cat == batch.x_cat);
            assert_eq!(ahead.take(&batch, &mut levels), known && other.x_cat != batch.x_cat);
            assert!(!ahead.take(&batch, &mut levels), "once");
            if known {
                let mut want = Levels::new(&embeds);
                want.find(&batch);
                assert_eq!(format!("{levels:?}"), format!("{want:?}"));
            }
        }
    }
}
