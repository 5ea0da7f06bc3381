//! Steps that wait. A row of a large embedding that no row of a batch uses has gradients of 0, and nobody reads it before a
//! batch uses it again or somebody looks at the whole model. So its steps are put off until then, and made one after another
//! while the row is at hand: the same arithmetic in the same order, so the same bits, but a row goes through memory once
//! where it went once a step. (Its averages go on to decay and to move it, so no step can be left out, as the sparse
//! optimizers of other systems do at the price of other results.)

use std::ops::Range;

use super::update::{Slices, Update};
use crate::data::Batch;
use crate::engine::{Cut, LINE, Scratch, Shard};

/// Steps that a row can lack at most. As many batches take one part of the table each, whether they use it or not: so there
/// is never much to catch up on at once, and the list of steps stays short.
const MOST: usize = 128;

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
    /// Rows of a batch.
    pub(crate) batch: usize,
}

/// A table whose rows have not all had the last steps.
#[derive(Clone, Debug)]
pub(super) struct Deferred {
    table: Table,
    /// The last steps, and how many there were before them.
    steps: Vec<Update>,
    forgotten: usize,
    /// How many each row has had; of the rows of the batch under way, with the one that it is going to bring.
    had: Vec<u32>,
    /// The rows of that batch in order, each once.
    used: Vec<u32>,
    /// The rows that have to catch up before the batch is computed, in order, and how many steps they have had.
    late: Vec<(u32, u32)>,
    /// Batches so far.
    batches: usize,
}

/// What a tile has of the values and of what the optimizer remembers.
pub(super) struct Tile<'s, 'a> {
    pub(super) values: &'s mut Shard<'a>,
    pub(super) grad_avg: &'s mut Shard<'a>,
    pub(super) sqr_avg: &'s mut Shard<'a>,
}

impl Deferred {
    pub(super) fn new(table: Table) -> Self {
        Self {
            steps: Vec::with_capacity(2 * MOST),
            forgotten: 0,
            had: vec![0; table.levels],
            used: Vec::with_capacity(table.batch),
            late: Vec::with_capacity(table.batch + table.levels / MOST + 1),
            batches: 0,
            table,
        }
    }

    pub(super) fn parameter(&self) -> usize {
        self.table.parameter
    }

    /// How many steps there were.
    fn now(&self) -> u32 {
        (self.forgotten + self.steps.len()) as u32
    }

    /// Takes in the rows that `batch` uses, and a part of all. They have to [catch up](Self::catch_up) now.
    pub(super) fn begin_batch(&mut self, batch: &Batch) {
        self.end_batch();
        let now = self.now();
        for code in batch.codes(self.table.column, self.table.columns) {
            // One that does not exist is an error of the forward pass.
            let Some(had) = self.had.get_mut(code as usize) else { continue };
            if *had <= now {
                self.used.push(code);
                if *had < now {
                    self.late.push((code, *had));
                }
                *had = now + 1;
            }
        }
        // From all over the table, so that every tile has its share.
        for row in (self.batches % MOST..self.table.levels).step_by(MOST) {
            let had = &mut self.had[row];
            if *had < now {
                self.late.push((row as u32, *had));
                *had = now;
            }
        }
        self.batches += 1;
        self.used.sort_unstable();
        self.late.sort_unstable();
    }

    /// The batch is over. If its step was left out, its rows have not had it.
    fn end_batch(&mut self) {
        let now = self.now();
        self.used.drain(..).for_each(|row| self.had[row as usize] = now);
        self.late.clear();
    }

    /// Takes in all rows that lack steps, also in the middle of a batch.
    pub(super) fn take_all(&mut self) {
        self.late.clear();
        let now = self.now();
        for (row, had) in self.had.iter_mut().enumerate().filter(|(_, had)| **had < now) {
            self.late.push((row as u32, *had));
            *had = now;
        }
    }

    /// Notes a step, which the rows of the batch have to [take](Self::step) now.
    pub(super) fn note(&mut self, step: Update) {
        if self.steps.len() == self.steps.capacity() {
            // All rows have had these.
            self.steps.drain(..MOST);
            self.forgotten += MOST;
        }
        self.steps.push(step);
    }

    /// Numbers that have to catch up, each as often as it lacks steps.
    pub(super) fn late_numbers(&self) -> usize {
        let now = self.now();
        self.late.iter().map(|(_, had)| (now - had) as usize).sum::<usize>() * self.table.size
    }

    /// Numbers in the whole table.
    pub(super) fn len(&self) -> usize {
        self.table.levels * self.table.size
    }

    /// Makes the steps that rows lack which belong to the tile.
    pub(super) fn catch_up(&self, tile: (usize, usize), numbers: Tile<'_, '_>, scratch: &mut Scratch) {
        let own = self.own(tile);
        let size = self.table.size;
        let width = size.next_multiple_of(LINE);
        let mut of_tile = numbers.of(self.table.parameter);
        let lines = &mut scratch.lines[0];
        lines.grow(4 * width);
        let (copies, zeros) = lines[..4 * width].split_at_mut(3 * width);
        zeros.fill(0.0);
        for (row, had) in within(&self.late, &own, |(row, _)| *row) {
            let steps = &self.steps[*had as usize - self.forgotten..];
            // In whole vectors that begin at cache lines. Behind the end is a parameter that its averages do not move.
            let row = of_tile.each_mut().map(|part| row_of(part, *row as usize - own.start, size));
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
        let own = self.own(tile);
        let mut of_tile = numbers.of(self.table.parameter);
        for row in within(&self.used, &own, |row| *row) {
            let row = *row as usize;
            let grads = &grads[row * size..][..size];
            let [values, grad_avg, sqr_avg] =
                of_tile.each_mut().map(|part| row_of(part, row - own.start, size));
            step.apply(Slices { values, grads, grad_avg, sqr_avg });
        }
    }

    /// The rows of the table that belong to a tile.
    fn own(&self, (i, tiles): (usize, usize)) -> Range<usize> {
        Cut::new(self.table.levels, tiles).range(i)
    }
}

/// Those of some rows in order that are in a range.
fn within<'r, T>(rows: &'r [T], range: &Range<usize>, row: impl Fn(&T) -> u32) -> &'r [T] {
    let [start, end] = [range.start, range.end].map(|at| rows.partition_point(|x| (row(x) as usize) < at));
    &rows[start..end]
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
