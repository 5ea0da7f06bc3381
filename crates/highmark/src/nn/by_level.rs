//! The levels of a batch: rows that have the same level of a categorical column have the same embedding, so the first
//! linear layer works [level by level](super::embedded_linear).

use std::ops::Range;

use super::{Embedding, Embeddings};
use crate::data::Batch;
use crate::engine::{Group, Index, Lines, Matrix, Pool, all_finite};

/// Rows that are turned at a time, so that they stay in the first cache; as many as a group has bits.
pub(super) const CHUNK: usize = u64::BITS as usize;

/// The categorical columns of a batch level by level, and its continuous columns.
#[derive(Clone, Debug)]
pub(crate) struct ByLevel {
    pub(super) embeds: Embeddings,
    /// Where the features of each column begin; and where the continuous ones begin and end.
    pub(super) features: Vec<usize>,
    pub(super) rows: usize,
    /// The levels in the batch, column after column, each once.
    levels: Vec<u32>,
    /// Where those of each column begin, and where the last ones end.
    pub(super) starts: Vec<usize>,
    /// How many levels there are at most in batches of as many rows as the largest so far.
    pub(super) most_levels: usize,
    /// Which of the levels each row has, [rows, columns].
    numbers: Vec<u32>,
    /// The rows of each level in each chunk of rows, column after column and chunk after chunk.
    groups: Vec<Group>,
    /// Where those of each column and chunk begin, and where the last ones end.
    group_starts: Vec<usize>,
    /// Of the levels of one column, while the batch is taken in.
    seen: Vec<Seen>,
    /// The continuous columns, [columns, rows].
    cont: Lines,
    /// The gradients of the embeddings of the levels, one after another, and then of the continuous columns; from either
    /// half of the outputs.
    halves: Lines,
    /// Where those of each column begin; and where those of the continuous ones begin and end.
    pub(super) places: Vec<usize>,
    /// Of each column.
    touched: Vec<Touched>,
}

/// The rows of a large table whose gradients need not be zeros: the others are left as they are.
#[derive(Clone, Debug, Default)]
struct Touched {
    /// Whether it is these and no others.
    known: bool,
    /// At most as many as the table has; some of them perhaps twice.
    rows: Vec<u32>,
}

/// A level of a column.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Which of those in the batch it is.
    number: u32,
    /// The rows of the chunk that have it, a bit each.
    rows: u64,
}

const UNSEEN: Seen = Seen { number: u32::MAX, rows: 0 };

impl ByLevel {
    /// For these embeddings and so many continuous columns.
    pub(crate) fn new(embeds: &Embeddings, continuous: usize) -> Self {
        let tables = embeds.tables();
        let mut features = vec![0];
        for (i, size) in tables.iter().map(|table| table.size).chain([continuous]).enumerate() {
            features.push(features[i] + size);
        }
        let most = tables.iter().map(|table| table.levels).max().unwrap_or(0);
        Self {
            embeds: embeds.clone(),
            rows: 0,
            levels: vec![],
            starts: vec![0; tables.len() + 1],
            most_levels: 0,
            numbers: vec![],
            groups: vec![],
            group_starts: vec![],
            seen: vec![UNSEEN; most],
            cont: Lines::default(),
            halves: Lines::default(),
            places: vec![0; features.len()],
            features,
            touched: vec![Touched::default(); tables.len()],
        }
    }

    /// Somebody may have changed the gradients.
    pub(crate) fn forget_touched(&mut self) {
        self.touched.iter_mut().for_each(|touched| touched.known = false);
    }

    /// Memory for batches of `rows`; does nothing when there is enough.
    fn reserve(&mut self, rows: usize) {
        let tables = self.embeds.tables();
        let sum = |of: &dyn Fn(&Embedding) -> usize| tables.iter().map(of).sum::<usize>();
        let levels = sum(&|table| table.levels.min(rows));
        let embedded = sum(&|table| table.levels.min(rows) * table.size);
        let groups = sum(&|table| table.levels.min(CHUNK) * rows.div_ceil(CHUNK));
        let cont = self.size(self.columns()) * rows;
        self.cont.grow(cont);
        self.halves.grow(2 * (embedded + cont));
        self.most_levels = self.most_levels.max(levels);
        // One more, to be written before it is known whether it counts.
        self.levels.resize(self.levels.len().max(levels + 1), 0);
        self.groups.resize(self.groups.len().max(groups + 1), Group::default());
    }

    /// Takes in the levels of `batch`. Returns where its continuous columns go, [columns, rows].
    pub(crate) fn take(&mut self, batch: &Batch) -> &mut [f32] {
        let (columns, rows) = (self.embeds.tables().len(), batch.rows);
        self.reserve(rows);
        self.rows = rows;
        self.group_starts.clear();
        self.numbers.resize(rows * columns, 0);
        let (levels, groups) = (&mut self.levels[..], &mut self.groups[..]);
        let (mut level, mut group) = (0, 0);
        for (column, table) in self.embeds.tables().iter().enumerate() {
            let first = level;
            let seen = &mut self.seen[..table.levels];
            let codes = batch.x_cat.chunks(CHUNK * columns).zip(self.numbers.chunks_mut(CHUNK * columns));
            for (codes, numbers) in codes {
                let (first_new, first_group) = (level as u32, group);
                self.group_starts.push(group);
                let rows = codes.chunks_exact(columns).zip(numbers.chunks_exact_mut(columns));
                // Without branches: nobody can guess whether a level is there for the first time.
                for (row, (codes, numbers)) in rows.enumerate() {
                    let code = codes[column];
                    let Seen { number, rows } = seen[code as usize];
                    let new = number == UNSEEN.number;
                    let number = if new { level as u32 } else { number };
                    seen[code as usize] = Seen { number, rows: rows | 1 << row };
                    numbers[column] = number;
                    levels[level] = code;
                    level += usize::from(new);
                    // Its code, until the chunk is over.
                    groups[group].to = code;
                    group += usize::from(rows == 0);
                }
                for group in &mut groups[first_group..group] {
                    let Seen { number, rows } = &mut seen[group.to as usize];
                    *group = Group { to: *number, rows: std::mem::take(rows), fresh: *number >= first_new };
                }
            }
            for level in &levels[first..level] {
                seen[*level as usize] = UNSEEN;
            }
            self.starts[column + 1] = level;
            self.places[column + 1] = self.places[column] + (level - first) * table.size;
        }
        self.group_starts.push(group);
        let cont = self.size(columns) * rows;
        self.places[columns + 1] = self.places[columns] + cont;
        &mut self.cont[..cont]
    }

    /// Memory for the gradient of the inputs from either half of the outputs, one after the other; to be given back
    /// with [`ByLevel::put_halves`].
    pub(crate) fn take_halves(&mut self) -> Lines {
        std::mem::take(&mut self.halves)
    }

    pub(crate) fn put_halves(&mut self, halves: Lines) {
        self.halves = halves;
    }

    /// Adds the gradients of the embeddings, the sum of both halves, to `grads`, or to zeros when `fresh`, and puts those
    /// of the continuous columns, [columns, rows], into `cont`. Returns whether all of the embeddings' are finite.
    pub(crate) fn put_gradients(
        &mut self,
        pool: &Pool,
        grads: &mut [f32],
        fresh: bool,
        cont: &mut [f32],
    ) -> bool {
        let (first, second) = self.halves.split_at(self.len());
        let sums_of = |column: usize| {
            let place = self.places[column]..self.places[column + 1];
            first[place.clone()].iter().zip(&second[place]).map(|(a, b)| a + b)
        };
        let numbers = |(table, touched): (&Embedding, &Touched)| {
            let rows = if touched.known { 2 * self.rows.min(table.levels) } else { table.levels };
            rows * table.size
        };
        let numbers = self.embeds.tables().iter().zip(&self.touched).map(numbers).sum();
        let finite = self.embeds.put(pool, numbers, grads, |column, own| {
            let size = self.size(column);
            let place = |row: &u32| *row as usize * size..(*row as usize + 1) * size;
            let Touched { known, rows } = &self.touched[column];
            if fresh && *known {
                rows.iter().for_each(|row| own[place(row)].fill(0.0));
            } else if fresh {
                own.fill(0.0);
            }
            let mut sums = sums_of(column);
            for level in self.levels(column) {
                own[place(level)].iter_mut().zip(&mut sums).for_each(|(grad, sum)| *grad += sum);
            }
            let finite = |rows: &[u32]| rows.iter().all(|row| all_finite(&own[place(row)]));
            if *known { finite(self.levels(column)) && (fresh || finite(rows)) } else { all_finite(own) }
        });
        cont.iter_mut().zip(sums_of(self.columns())).for_each(|(d, sum)| *d = sum);
        self.touch(fresh);
        finite
    }

    /// Notes the rows that have gradients by now: those of this batch, and those of before unless that were `fresh`.
    fn touch(&mut self, fresh: bool) {
        let tables = self.embeds.tables().iter().zip(&mut self.touched).enumerate();
        for (column, (table, Touched { known, rows })) in tables.filter(|(_, (table, _))| table.is_large()) {
            let levels = &self.levels[self.starts[column]..self.starts[column + 1]];
            if fresh {
                rows.clear();
            }
            *known = (fresh || *known) && rows.len() + levels.len() <= table.levels;
            if *known {
                rows.reserve(self.rows.min(table.levels));
                rows.extend(levels);
            }
        }
    }

    /// Numbers in the gradient of the inputs.
    pub(crate) fn len(&self) -> usize {
        self.places[self.features.len() - 1]
    }

    /// How many columns have levels.
    pub(super) fn columns(&self) -> usize {
        self.starts.len() - 1
    }

    /// Features of a column with levels, or, for the last one, of all others.
    pub(super) fn size(&self, column: usize) -> usize {
        self.features[column + 1] - self.features[column]
    }

    /// The levels of a column that the batch has.
    pub(super) fn levels(&self, column: usize) -> &[u32] {
        &self.levels[self.starts[column]..self.starts[column + 1]]
    }

    /// The continuous columns of some rows, [columns, rows].
    pub(super) fn cont(&self, rows: &Range<usize>) -> Matrix<'_> {
        Matrix::new(&self.cont, self.size(self.columns()), self.rows).take_cols(rows.start, rows.len())
    }

    /// The groups of a column in a chunk of rows.
    pub(super) fn groups(&self, column: usize, rows: &Range<usize>) -> &[Group] {
        let at = column * self.rows.div_ceil(CHUNK) + rows.start / CHUNK;
        &self.groups[self.group_starts[at]..self.group_starts[at + 1]]
    }

    /// The levels of some rows.
    pub(super) fn index(&self, rows: &Range<usize>) -> Index<'_> {
        let columns = self.columns();
        Index { numbers: &self.numbers[rows.start * columns..rows.end * columns], columns }
    }
}

/// The rows of a batch, some at a time.
pub(super) fn chunks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(CHUNK).map(move |start| start..rows.min(start + CHUNK))
}
