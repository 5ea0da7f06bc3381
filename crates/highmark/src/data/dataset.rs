//! Encoded rows.

use std::hash::Hasher;

use super::hash::FastHasher;
use super::{Batch, Targets};
use crate::engine::fetch;
use crate::{Error, Result};

/// Numbers at most that are asked for ahead; more would drive each other out of the cache.
const FETCHED: usize = 1 << 14;

/// Rows as the model sees them: category codes, numbers and targets, each in one block of memory.
///
/// ```
/// use highmark::{Dataset, Targets};
/// let targets = Targets::Classes(vec![0, 1, 0]);
/// let data = Dataset::new(1, 2, vec![1, 2, 3], vec![0.1, 0.2, 1.1, 1.2, 2.1, 2.2], Some(targets))?;
/// let mut batch = data.empty_batch();
/// data.gather(&[2, 0], &mut batch);
/// assert_eq!((batch.rows, batch.x_cat, batch.x_cont), (2, vec![3, 1], vec![2.1, 2.2, 0.1, 0.2]));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    rows: usize,
    n_cat: usize,
    n_cont: usize,
    x_cat: Vec<u32>,
    x_cont: Vec<f32>,
    targets: Option<Targets>,
}

impl Dataset {
    /// A dataset of `n_cat` codes (`x_cat`, rows × `n_cat`, row by row) and `n_cont` numbers (`x_cont`,
    /// likewise) a row. Fails when the lengths do not belong to one number of rows.
    pub fn new(
        n_cat: usize,
        n_cont: usize,
        x_cat: Vec<u32>,
        x_cont: Vec<f32>,
        targets: Option<Targets>,
    ) -> Result<Self> {
        let rows = (x_cat.len().checked_div(n_cat))
            .or_else(|| x_cont.len().checked_div(n_cont))
            .unwrap_or_else(|| targets.as_ref().map_or(0, Targets::rows));
        let whole = match &targets {
            Some(Targets::Values { values, width }) => values.len() == rows * width && *width > 0,
            Some(Targets::Classes(classes)) => classes.len() == rows,
            None => true,
        };
        if x_cat.len() != rows * n_cat || x_cont.len() != rows * n_cont || !whole {
            let message = format!(
                "{} codes of {n_cat} a row, {} numbers of {n_cont} a row and {} targets are not of equally many rows",
                x_cat.len(),
                x_cont.len(),
                targets.as_ref().map_or(0, Targets::rows)
            );
            return Err(Error::data(message));
        }
        Ok(Self { rows, n_cat, n_cont, x_cat, x_cont, targets })
    }

    /// Rows held.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Codes a row.
    pub fn n_cat(&self) -> usize {
        self.n_cat
    }

    /// Numbers a row.
    pub fn n_cont(&self) -> usize {
        self.n_cont
    }

    /// The codes, rows × categorical columns, row by row; 0 is missing or unseen.
    pub fn x_cat(&self) -> &[u32] {
        &self.x_cat
    }

    /// The numbers, rows × continuous columns, row by row.
    pub fn x_cont(&self) -> &[f32] {
        &self.x_cont
    }

    /// The targets, if the rows have them.
    pub fn targets(&self) -> Option<&Targets> {
        self.targets.as_ref()
    }

    /// A batch without rows, of the kind that this dataset fills.
    pub fn empty_batch(&self) -> Batch {
        let targets = self.targets.as_ref().map(Targets::empty_like);
        Batch { rows: 0, x_cat: Vec::new(), x_cont: Vec::new(), targets }
    }

    /// Replaces the contents of `batch` by these rows, in this order. Its buffers are used again. Panics on a
    /// row that is not there.
    pub fn gather(&self, rows: &[u32], batch: &mut Batch) {
        batch.rows = rows.len();
        gather(&self.x_cat, self.n_cat, rows, &mut batch.x_cat);
        gather(&self.x_cont, self.n_cont, rows, &mut batch.x_cont);
        match (&self.targets, &mut batch.targets) {
            (Some(Targets::Classes(from)), Some(Targets::Classes(to))) => gather(from, 1, rows, to),
            (Some(Targets::Values { values, width }), Some(Targets::Values { values: to, width: old })) => {
                *old = *width;
                gather(values, *width, rows, to);
            }
            (None, targets) => *targets = None,
            (Some(from), targets) => {
                *targets = Some(from.empty_like());
                self.gather(rows, batch);
            }
        }
    }

    /// Has these rows brought into the cache while something else is done: as many as do not drive each other out of it.
    pub(crate) fn fetch(&self, rows: &[u32]) {
        let numbers = self.n_cat + self.n_cont + 1;
        for row in &rows[..rows.len().min(FETCHED / numbers)] {
            let of = |width: usize| *row as usize * width..(*row as usize + 1) * width;
            fetch(&self.x_cat[of(self.n_cat)]);
            fetch(&self.x_cont[of(self.n_cont)]);
            match &self.targets {
                Some(Targets::Classes(classes)) => fetch(&classes[of(1)]),
                Some(Targets::Values { values, width }) => fetch(&values[of(*width)]),
                None => {}
            }
        }
    }

    /// A dataset of these rows, in this order. Panics on a row that is not there.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let mut batch = self.empty_batch();
        self.gather(rows, &mut batch);
        let Batch { rows, x_cat, x_cont, targets } = batch;
        Self { rows, n_cat: self.n_cat, n_cont: self.n_cont, x_cat, x_cont, targets }
    }

    /// A number that changes with the shape, any value or the order of the rows, and is the same on every
    /// machine. For noticing that a run is resumed on other data, not against forgery.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = FastHasher::default();
        for size in [self.rows, self.n_cat, self.n_cont] {
            hash.write_u64(size as u64);
        }
        add_numbers(&mut hash, &self.x_cat, |code| code);
        add_numbers(&mut hash, &self.x_cont, f32::to_bits);
        match &self.targets {
            None => hash.write_u64(0),
            Some(Targets::Classes(classes)) => {
                hash.write_u64(1);
                add_numbers(&mut hash, classes, |class| class);
            }
            Some(Targets::Values { values, width }) => {
                hash.write_u64(2 + *width as u64);
                add_numbers(&mut hash, values, f32::to_bits);
            }
        }
        hash.finish()
    }
}

#[inline]
fn gather<T: Copy + Default>(from: &[T], width: usize, rows: &[u32], to: &mut Vec<T>) {
    to.resize(rows.len() * width, T::default());
    match width {
        0 => {}
        1 => to.iter_mut().zip(rows).for_each(|(to, row)| *to = from[*row as usize]),
        _ => {
            for (to, row) in to.chunks_exact_mut(width).zip(rows) {
                copy_short(&from[*row as usize * width..][..width], to);
            }
        }
    }
}

/// Copies a row. Most are too short for a call of the system's copy to pay, which a loop would become.
#[inline]
fn copy_short<T: Copy>(from: &[T], to: &mut [T]) {
    match from.len() {
        2..4 => copy_ends::<2, T>(from, to),
        4..8 => copy_ends::<4, T>(from, to),
        8..16 => copy_ends::<8, T>(from, to),
        16..=32 => copy_ends::<16, T>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first `N` and the last `N`, which are all of at most 2·`N`.
#[inline(always)]
fn copy_ends<const N: usize, T: Copy>(from: &[T], to: &mut [T]) {
    let ends = (from.first_chunk::<N>(), from.last_chunk::<N>());
    let (Some(first), Some(last)) = ends else { return };
    to[..N].copy_from_slice(first);
    let rest = to.len() - N;
    to[rest..].copy_from_slice(last);
}

/// Takes the numbers into `hash`, two a word, in four hashes side by side: one would wait for each multiplication before the
/// next.
fn add_numbers<T: Copy>(hash: &mut FastHasher, numbers: &[T], bits: impl Fn(T) -> u32) {
    let (blocks, rest) = numbers.as_chunks::<8>();
    let mut lanes: [FastHasher; 4] = Default::default();
    for block in blocks {
        for (lane, [low, high]) in lanes.iter_mut().zip(block.as_chunks().0) {
            lane.write_u64(u64::from(bits(*low)) | u64::from(bits(*high)) << 32);
        }
    }
    lanes.iter().for_each(|lane| hash.write_u64(lane.finish()));
    rest.iter().for_each(|number| hash.write_u32(bits(*number)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(values: Vec<f32>) -> Dataset {
        let targets = Targets::Values { values, width: 2 };
        Dataset::new(0, 1, vec![], vec![1.0, 2.0], Some(targets)).unwrap()
    }

    #[test]
    fn lengths_are_checked() {
        assert!(Dataset::new(2, 0, vec![1, 2, 3], vec![], None).is_err());
        assert!(Dataset::new(1, 1, vec![1, 2], vec![1.0], None).is_err());
        assert!(Dataset::new(1, 0, vec![1, 2], vec![], Some(Targets::Classes(vec![0]))).is_err());
    }

    #[test]
    fn rows_of_any_width_arrive_whole() {
        for width in 0..40 {
            let from: Vec<u32> = (0..3 * width as u32).collect();
            let mut to = vec![];
            gather(&from, width, &[2, 0], &mut to);
            assert_eq!(to, [&from[2 * width..], &from[..width]].concat());
        }
    }

    #[test]
    fn a_batch_of_another_kind_is_made_over() {
        let data = dataset(vec![1.0, 2.0, 3.0, 4.0]);
        let mut batch =
            Batch { rows: 9, x_cat: vec![7; 9], x_cont: vec![], targets: Some(Targets::Classes(vec![1])) };
        data.gather(&[1], &mut batch);
        assert_eq!(batch.targets, Some(Targets::Values { values: vec![3.0, 4.0], width: 2 }));
        assert_eq!((batch.rows, batch.x_cat.len(), batch.x_cont), (1, 0, vec![2.0]));
    }

    #[test]
    fn fingerprints_tell_values_and_order_apart() {
        let data = dataset(vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!(data.fingerprint(), data.clone().fingerprint());
        assert_ne!(data.fingerprint(), dataset(vec![1.0, 2.0, 3.0, 5.0]).fingerprint());
        assert_ne!(data.fingerprint(), data.take(&[1, 0]).fingerprint());
        let of = |codes: &[u32]| Dataset::new(1, 0, codes.to_vec(), vec![], None).unwrap().fingerprint();
        let codes: Vec<u32> = (0..21).collect();
        let mut others = std::collections::BTreeSet::from([of(&codes), of(&codes[1..])]);
        for place in 0..codes.len() {
            let mut other = codes.clone();
            other[place] += 1;
            others.insert(of(&other));
            other.swap(place, (place + 8) % 21);
            others.insert(of(&other));
        }
        assert_eq!(others.len(), 2 + 2 * codes.len());
    }
}
