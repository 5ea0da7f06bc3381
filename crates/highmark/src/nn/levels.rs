//! The levels of a batch: rows that have the same level of a categorical column have the same embedding, so the first
//! linear layer works [level by level](super::embedded_linear).

use std::ops::Range;

use super::Embeddings;
use crate::data::Batch;
use crate::engine::{Group, Index};

/// Rows that are turned at a time, so that they stay in the first cache; as many as a group has bits.
pub(super) const CHUNK: usize = u64::BITS as usize;

/// Which levels of each categorical column a batch has, and in which rows.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    embeds: Embeddings,
    rows: usize,
    /// The levels in the batch, column after column, each once.
    codes: Vec<u32>,
    /// Where those of each column begin, and where the last ones end.
    pub(super) starts: Vec<usize>,
    /// Which of the levels each row has, [rows, columns].
    numbers: Vec<u32>,
    /// The rows of each level in each chunk of rows, column after column and chunk after chunk.
    groups: Vec<Group>,
    /// Where those of each column and chunk begin, and where the last ones end.
    group_starts: Vec<usize>,
    /// Of the levels of one column, while the batch is taken in.
    seen: Vec<Seen>,
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

impl Levels {
    /// For these embeddings.
    pub(crate) fn new(embeds: &Embeddings) -> Self {
        let tables = embeds.tables();
        let most = tables.iter().map(|table| table.levels).max().unwrap_or(0);
        Self {
            embeds: embeds.clone(),
            rows: 0,
            codes: vec![],
            starts: vec![0; tables.len() + 1],
            numbers: vec![],
            groups: vec![],
            group_starts: vec![],
            seen: vec![UNSEEN; most],
        }
    }

    /// Those that are looked for.
    pub(crate) fn embeds(&self) -> &Embeddings {
        &self.embeds
    }

    /// Memory for batches of `rows`; does nothing when there is enough.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let (tables, chunks) = (self.embeds.tables(), rows.div_ceil(CHUNK));
        let groups = tables.iter().map(|table| table.levels.min(CHUNK)).sum::<usize>() * chunks;
        let (levels, columns) = (self.most(rows), tables.len());
        self.numbers.reserve((columns * rows).saturating_sub(self.numbers.len()));
        self.group_starts.reserve((columns * chunks + 1).saturating_sub(self.group_starts.len()));
        // One more, to be written before it is known whether it counts.
        self.codes.resize(self.codes.len().max(levels + 1), 0);
        self.groups.resize(self.groups.len().max(groups + 1), Group::default());
    }

    /// Rows of the batch that they were found for.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many there can be in so many rows.
    pub(super) fn most(&self, rows: usize) -> usize {
        self.embeds.tables().iter().map(|table| table.levels.min(rows)).sum()
    }

    /// Finds those of `batch`, whose codes the embeddings [have](Embeddings::check_codes).
    pub(crate) fn find(&mut self, batch: &Batch) {
        let (columns, rows) = (self.embeds.tables().len(), batch.rows);
        self.reserve(rows);
        self.rows = rows;
        self.group_starts.clear();
        self.numbers.resize(rows * columns, 0);
        let (levels, groups) = (&mut self.codes[..], &mut self.groups[..]);
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
        }
        self.group_starts.push(group);
    }

    /// How many columns have levels.
    pub(super) fn columns(&self) -> usize {
        self.starts.len() - 1
    }

    /// Those of a column.
    pub(super) fn of(&self, column: usize) -> &[u32] {
        &self.codes[self.starts[column]..self.starts[column + 1]]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Params;

    #[test]
    fn batches_of_reserved_rows_allocate_nothing() {
        let embeds = Embeddings::new(&mut Params::default(), [(3, 1), (900, 2), (70, 1)].into_iter(), 1);
        let mut levels = Levels::new(&embeds);
        levels.reserve(150);
        let memory = |l: &Levels| {
            let [codes, numbers] = [&l.codes, &l.numbers].map(|v| (v.as_ptr() as usize, v.capacity()));
            (codes, numbers, l.groups.as_ptr() as usize, l.group_starts.capacity())
        };
        let before = memory(&levels);
        for (rows, spread) in [(3, 1), (150, 0), (64, 7), (150, 6), (1, 0), (65, 1)] {
            let code = |i: usize| (i * spread) as u32 % [3, 900, 70][i % 3];
            let batch =
                Batch { rows, x_cat: (0..3 * rows).map(code).collect(), x_cont: vec![], targets: None };
            levels.find(&batch);
            let of_rows = levels.index(&(0..rows));
            for (i, number) in of_rows.numbers.iter().enumerate() {
                assert_eq!(levels.codes[*number as usize], batch.x_cat[i], "{rows} rows, number {i}");
            }
            assert!(memory(&levels) == before, "{rows} rows");
        }
    }
}
