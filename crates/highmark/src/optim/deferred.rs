//! Steps that wait. A row of a large embedding that no row of a batch uses has gradients of 0, and nobody reads it before a
//! batch uses it again or somebody looks at the whole model. So its steps are put off until then, and made one after another
//! while the row is at hand: the same arithmetic in the same order, so the same bits, but a row goes through memory once
//! where it went once a step. (Its averages go on to decay and to move it, so no step can be left out, as the sparse
//! optimizers of other systems do at the price of other results.)

use std::ops::Range;

use super::update::{Slices, Update};
use crate::data::Batch;
use crate::engine::{ALIGNED, Cut, Scratch, Shard};

/// Steps after which all rows are brought up to date: often enough that there is never much to catch up on at once, and that the
/// list stays short.
const MOST: usize = 256;

/// A parameter whose rows are the levels of a categorical column.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its place in [`crate::Params::list`].
    pub(crate) parameter: usize,
    /// The column, and how many there are.
    pub(crate) column: usize,
    pub(crate) columns: usize,
    pub(crate) levels: usize,
    /// Numbers a row.
    pub(crate) size: usize,
}

/// The steps of one table since all of its rows were even.
#[derive(Clone, Debug)]
pub(super) struct Deferred {
    table: Table,
    steps: Vec<Update>,
    /// How many of them each row has had; of the rows of the batch under way, with the one that it is going to bring.
    had: Vec<u32>,
    /// The rows of that batch in order, each once, and how many steps it had had.
    rows: Vec<(u32, u32)>,
    /// Steps when that batch began.
    began: usize,
}

/// What a tile has of the values and of what the optimizer remembers.
pub(super) struct Tile<'s, 'a> {
    pub(super) values: &'s mut Shard<'a>,
    pub(super) grad_avg: &'s mut Shard<'a>,
    pub(super) sqr_avg: &'s mut Shard<'a>,
}

impl Deferred {
    pub(super) fn new(table: Table) -> Self {
        let had = vec![0; table.levels];
        Self { table, steps: Vec::with_capacity(MOST), had, rows: Vec::new(), began: 0 }
    }

    pub(super) fn parameter(&self) -> usize {
        self.table.parameter
    }

    /// Takes in the rows that `batch` uses, which have to [catch up](Self::catch_up) before anybody reads them.
    pub(super) fn begin(&mut self, batch: &Batch) {
        self.end();
        self.began = self.steps.len();
        let now = self.began as u32;
        for code in batch.codes(self.table.column, self.table.columns) {
            // One that does not exist is an error of the forward pass.
            if let Some(had) = self.had.get_mut(code as usize)
                && *had <= now
            {
                self.rows.push((code, *had));
                *had = now + 1;
            }
        }
        self.rows.sort_unstable();
    }

    /// The batch is over. If its step was left out, its rows have not had it.
    pub(super) fn end(&mut self) {
        for (row, _) in self.rows.drain(..) {
            self.had[row as usize] = self.steps.len() as u32;
        }
    }

    /// All rows have had all steps.
    pub(super) fn is_even(&mut self) {
        self.steps.clear();
        self.had.fill(0);
        self.began = 0;
    }

    /// Whether it is time to bring all rows up to date.
    pub(super) fn is_full(&self) -> bool {
        self.steps.len() >= MOST
    }

    /// Notes a step, which the rows of the batch have to [take](Self::step) now.
    pub(super) fn note(&mut self, step: Update) {
        self.steps.push(step);
    }

    /// Numbers that rows of the batch have to catch up on, each as often as there are steps.
    pub(super) fn late(&self) -> usize {
        self.rows.iter().map(|(_, had)| self.began - *had as usize).sum::<usize>() * self.table.size
    }

    /// Numbers in the whole table.
    pub(super) fn len(&self) -> usize {
        self.table.levels * self.table.size
    }

    /// Makes the steps that the rows of the batch have not had, as far as the rows belong to the tile.
    pub(super) fn catch_up(&self, tile: (usize, usize), numbers: Tile<'_, '_>, scratch: &mut Scratch) {
        let (own, rows) = self.own(tile);
        self.make(own.start, rows.iter().copied(), numbers, scratch);
    }

    /// The same for all rows, after the [end](Self::end) of a batch.
    pub(super) fn catch_up_all(&self, tile: (usize, usize), numbers: Tile<'_, '_>, scratch: &mut Scratch) {
        let own = self.own(tile).0;
        self.make(own.start, own.map(|row| (row as u32, self.had[row])), numbers, scratch);
    }

    /// Makes the steps that each of these rows has not had; the tile's begin with `first`.
    fn make(
        &self,
        first: usize,
        rows: impl Iterator<Item = (u32, u32)>,
        numbers: Tile<'_, '_>,
        scratch: &mut Scratch,
    ) {
        let size = self.table.size;
        let width = size.next_multiple_of(ALIGNED);
        let mut of_tile = numbers.of(self.table.parameter);
        let lines = &mut scratch.lines[0];
        lines.grow(4 * width);
        let (copies, zeros) = lines[..4 * width].split_at_mut(3 * width);
        zeros.fill(0.0);
        for (row, had) in rows {
            let steps = &self.steps[had as usize..];
            if steps.is_empty() {
                continue;
            }
            // In whole vectors that begin at cache lines. Behind the end is a parameter that its averages do not move.
            let row = of_tile.each_mut().map(|part| row_of(part, row as usize - first, size));
            for ((copy, own), behind) in copies.chunks_exact_mut(width).zip(&row).zip([1.0, 0.0, 0.0]) {
                copy[..own.len()].copy_from_slice(own);
                copy[own.len()..].fill(behind);
            }
            let (values, averages) = copies.split_at_mut(width);
            let (grad_avg, sqr_avg) = averages.split_at_mut(width);
            Update::apply_late(steps, Slices { values, grads: zeros, grad_avg, sqr_avg });
            for (copy, own) in copies.chunks_exact(width).zip(row) {
                own.copy_from_slice(&copy[..own.len()]);
            }
        }
    }

    /// Makes the last step on the rows of the batch that belong to the tile; `grads` are those of the whole table.
    pub(super) fn step(&self, tile: (usize, usize), numbers: Tile<'_, '_>, grads: &[f32]) {
        let Some(step) = self.steps.last() else { return };
        let size = self.table.size;
        let (own, rows) = self.own(tile);
        let mut of_tile = numbers.of(self.table.parameter);
        for (row, _) in rows {
            let row = *row as usize;
            let grads = &grads[row * size..][..size];
            let [values, grad_avg, sqr_avg] =
                of_tile.each_mut().map(|part| row_of(part, row - own.start, size));
            step.apply(Slices { values, grads, grad_avg, sqr_avg });
        }
    }

    /// The rows of the table that belong to a tile, and those among them that were taken in.
    fn own(&self, (i, tiles): (usize, usize)) -> (Range<usize>, &[(u32, u32)]) {
        let own = Cut::new(self.table.levels, tiles).range(i);
        let [start, end] =
            [own.start, own.end].map(|at| self.rows.partition_point(|(row, _)| (*row as usize) < at));
        (own, &self.rows[start..end])
    }
}

impl<'s> Tile<'s, '_> {
    /// The tile's rows of a parameter.
    fn of(self, parameter: usize) -> [&'s mut [f32]; 3] {
        [self.values, self.grad_avg, self.sqr_avg].map(|shard| shard.rows(parameter))
    }
}

/// A row; empty where the optimizer does not remember any.
fn row_of(part: &mut [f32], row: usize, size: usize) -> &mut [f32] {
    part.get_mut(row * size..(row + 1) * size).unwrap_or_default()
}
