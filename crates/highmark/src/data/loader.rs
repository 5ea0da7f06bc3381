//! The order of the rows, and the batches it makes.

use std::sync::Arc;

use super::{Batch, Dataset};
use crate::seed::{Random, Stream};
use crate::{Error, Result};

/// In which order an epoch goes through the rows.
///
/// ```
/// use std::sync::Arc;
/// use highmark::{Dataset, Loader, Order};
/// let data = Arc::new(Dataset::new(0, 1, vec![], vec![0.0, 0.1, 0.2], None)?);
/// let order = Order::Given(Arc::new(vec![vec![2, 0], vec![1, 1]]));
/// let mut loader = Loader::new(data, 1, order, false)?;
/// for (epoch, rows) in [(0, [2, 0]), (1, [1, 1]), (2, [2, 0])] {
///     loader.start(epoch);
///     assert_eq!(loader.rows(), rows);
/// }
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are.
    Sequential,
    /// A new permutation each epoch, a pure function of the seed and the epoch's number.
    Shuffled {
        /// The same seed gives the same permutations.
        seed: u64,
    },
    /// Given rows for each epoch, from the first again after the last; all epochs of one length. Rows may be
    /// left out or repeated, as for sampling with weights.
    Given(Arc<Vec<Vec<u32>>>),
}

/// Cuts a dataset into batches. What a batch holds depends on the epoch and its position alone, so a run can
/// be resumed anywhere.
///
/// ```
/// use std::sync::Arc;
/// use highmark::{Dataset, Loader, Order};
///
/// let data = Arc::new(Dataset::new(0, 1, vec![], vec![0.0, 1.0, 2.0, 3.0, 4.0], None)?);
/// let mut loader = Loader::new(data, 2, Order::Shuffled { seed: 42 }, false)?;
/// let mut batch = loader.empty_batch();
/// loader.start(3);
/// for position in 0..loader.batches() {
///     loader.load(position, &mut batch);
/// }
/// assert_eq!((loader.batches(), batch.rows), (3, 1));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Loader {
    dataset: Arc<Dataset>,
    batch_size: usize,
    order: Order,
    drop_last: bool,
    /// The rows of the epoch that was started.
    rows: Vec<u32>,
}

impl Loader {
    /// A loader at the start of epoch 0. With `drop_last`, rows that do not fill a batch are left out.
    ///
    /// Fails for batches of no rows, for an empty dataset, when `drop_last` would leave no batch, and for
    /// given orders that are empty, of several lengths, or name rows that are not there.
    pub fn new(dataset: Arc<Dataset>, batch_size: usize, order: Order, drop_last: bool) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::config("batch size", "must be at least 1"));
        }
        let rows = match &order {
            Order::Given(epochs) => check_epochs(epochs, dataset.rows())?,
            _ => dataset.rows(),
        };
        if rows == 0 {
            return Err(Error::data("there are no rows to make batches of"));
        }
        if drop_last && batch_size > rows {
            let message = format!("{batch_size} is larger than the {rows} training rows; use at most {rows}");
            return Err(Error::config("batch size", message));
        }
        let mut loader = Self { dataset, batch_size, order, drop_last, rows: Vec::with_capacity(rows) };
        loader.start(0);
        Ok(loader)
    }

    /// How many batches an epoch has.
    pub fn batches(&self) -> usize {
        if self.drop_last {
            self.rows.len() / self.batch_size
        } else {
            self.rows.len().div_ceil(self.batch_size)
        }
    }

    /// Rows in a batch; the last may have fewer.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The rows it draws from.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// The order that it goes by.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Whether rows that do not fill a batch are left out.
    pub fn drops_last(&self) -> bool {
        self.drop_last
    }

    /// The rows of the epoch that was started last, in its order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Turns to epoch number `epoch`, counted from 0. Allocates nothing after the first.
    pub fn start(&mut self, epoch: u64) {
        self.rows.clear();
        match &self.order {
            Order::Given(epochs) => {
                self.rows.extend_from_slice(&epochs[(epoch % epochs.len() as u64) as usize]);
            }
            Order::Sequential => self.rows.extend(0..self.dataset.rows() as u32),
            Order::Shuffled { seed } => {
                // From the identity each time: a permutation of the last one would depend on the past.
                self.rows.extend(0..self.dataset.rows() as u32);
                Random::new(*seed, Stream::Order, epoch).shuffle(&mut self.rows);
            }
        }
    }

    /// Puts batch number `position` of the epoch into `batch`, using its buffers again. A position behind the
    /// last batch gives one without rows.
    pub fn load(&self, position: usize, batch: &mut Batch) {
        self.dataset.gather(self.rows_of(position), batch);
        // The rows of the next batch lie all over the data, and nobody could guess where: asked for now, they come while
        // this batch is computed.
        self.dataset.fetch(self.rows_of(position.saturating_add(1)));
    }

    /// The rows of batch `position`; none behind the last.
    pub(super) fn rows_of(&self, position: usize) -> &[u32] {
        let end = if self.drop_last { self.batches() * self.batch_size } else { self.rows.len() };
        let start = position.saturating_mul(self.batch_size).min(end);
        &self.rows[start..end.min(start + self.batch_size)]
    }

    /// A batch without rows, for [`Loader::load`].
    pub fn empty_batch(&self) -> Batch {
        self.dataset.empty_batch()
    }
}

/// Checks the rows of given epochs and returns how many each has.
fn check_epochs(epochs: &[Vec<u32>], rows: usize) -> Result<usize> {
    let Some(first) = epochs.first() else {
        return Err(Error::config("order", "needs the rows of at least one epoch"));
    };
    for (number, epoch) in epochs.iter().enumerate() {
        if epoch.len() != first.len() {
            let message = format!("epoch {number} has {} rows, but epoch 0 has {}", epoch.len(), first.len());
            return Err(Error::config("order", message));
        }
        if let Some(row) = epoch.iter().find(|row| **row as usize >= rows) {
            return Err(Error::config(
                "order",
                format!("epoch {number} names row {row} of {rows} (counted from 0)"),
            ));
        }
    }
    Ok(first.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loader(rows: usize, batch_size: usize, order: Order, drop_last: bool) -> Result<Loader> {
        let numbers = (0..rows).map(|row| row as f32).collect();
        Loader::new(
            Arc::new(Dataset::new(0, 1, vec![], numbers, None).unwrap()),
            batch_size,
            order,
            drop_last,
        )
    }

    fn epoch(loader: &mut Loader, number: u64) -> Vec<Vec<f32>> {
        loader.start(number);
        let mut batch = loader.empty_batch();
        (0..loader.batches())
            .map(|position| {
                loader.load(position, &mut batch);
                batch.x_cont.clone()
            })
            .collect()
    }

    #[test]
    fn the_last_batch_is_short_or_dropped() {
        let mut keep = loader(5, 2, Order::Sequential, false).unwrap();
        assert_eq!(epoch(&mut keep, 0), [vec![0.0, 1.0], vec![2.0, 3.0], vec![4.0]]);
        let mut drop = loader(5, 2, Order::Sequential, true).unwrap();
        assert_eq!(epoch(&mut drop, 0), [[0.0, 1.0], [2.0, 3.0]]);
        let mut batch = drop.empty_batch();
        drop.load(2, &mut batch);
        assert_eq!(batch.rows, 0);
    }

    #[test]
    fn shuffles_are_permutations_and_functions_of_the_epoch() {
        let mut one = loader(100, 7, Order::Shuffled { seed: 5 }, false).unwrap();
        let third = epoch(&mut one, 3).concat();
        let mut sorted = third.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, (0..100).map(|row| row as f32).collect::<Vec<_>>());
        assert_ne!(third, sorted);
        assert_ne!(third, epoch(&mut one, 4).concat());
        let mut other = loader(100, 7, Order::Shuffled { seed: 5 }, false).unwrap();
        assert_eq!(third, epoch(&mut other, 3).concat());
        let mut seeded = loader(100, 7, Order::Shuffled { seed: 6 }, false).unwrap();
        assert_ne!(third, epoch(&mut seeded, 3).concat());
    }

    #[test]
    fn given_orders_are_cycled() {
        let order = Order::Given(Arc::new(vec![vec![2, 0], vec![1, 1]]));
        let mut loader = loader(3, 2, order, true).unwrap();
        assert_eq!(epoch(&mut loader, 0), [[2.0, 0.0]]);
        assert_eq!(epoch(&mut loader, 3), [[1.0, 1.0]]);
    }

    #[test]
    fn impossible_loaders() {
        let error = |rows, size, order, drop| loader(rows, size, order, drop).unwrap_err().to_string();
        assert!(error(10, 0, Order::Sequential, false).contains("at least 1"));
        assert!(
            error(10, 64, Order::Sequential, true)
                .contains("batch size: 64 is larger than the 10 training rows")
        );
        assert!(error(0, 1, Order::Sequential, false).contains("no rows"));
        assert!(error(2, 1, Order::Given(Arc::new(vec![])), false).contains("at least one epoch"));
        assert!(error(2, 1, Order::Given(Arc::new(vec![vec![2]])), false).contains("names row 2 of 2"));
        assert!(
            error(2, 1, Order::Given(Arc::new(vec![vec![1], vec![]])), false).contains("epoch 1 has 0 rows")
        );
    }
}
