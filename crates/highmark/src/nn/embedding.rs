//! Embeddings: a learned row of numbers for every level of a categorical column.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::init;
use crate::data::Batch;
use crate::engine::{Cut, PER_NUMBER, ParamKind, Params, Pool, Spans, all_finite};
use crate::{Error, Result};

/// Numbers from which on rows of a table that no row of a batch uses are left alone: such a table, with its gradients and
/// what the optimizer remembers, is larger than what a core has at hand.
const LARGE_TABLE: usize = 100_000;

/// The tables of all categorical columns, the features of one below those of another.
#[derive(Clone, Debug)]
pub(crate) struct Embeddings {
    tables: Vec<Embedding>,
    /// Where the features of each table begin, and where the last ones end.
    features: Vec<usize>,
    /// The same for the parameters, which follow one another.
    weights: Vec<usize>,
}

/// One table, [levels, size].
#[derive(Clone, Debug)]
pub(crate) struct Embedding {
    pub(crate) levels: usize,
    pub(crate) size: usize,
}

impl Embeddings {
    /// Tables of so many levels and of such sizes.
    pub(crate) fn new(params: &mut Params, tables: impl Iterator<Item = (usize, usize)>, seed: u64) -> Self {
        let mut embeds = Self { tables: vec![], features: vec![0], weights: vec![params.len()] };
        for (i, (levels, size)) in tables.enumerate() {
            let number = params.list().len();
            let weight = params.add(format!("embeds.{i}.weight"), &[levels, size], ParamKind::Embedding);
            init::embedding(&mut params.values[weight.clone()], seed, number);
            embeds.features.push(embeds.features[i] + size);
            embeds.weights.push(weight.end);
            embeds.tables.push(Embedding { levels, size });
        }
        embeds
    }

    pub(crate) fn tables(&self) -> &[Embedding] {
        &self.tables
    }

    /// Whether the batch has a code for each table in each of its rows.
    pub(crate) fn are_columns_of(&self, batch: &Batch) -> bool {
        batch.x_cat.len() == self.tables.len() * batch.rows
    }

    /// Fails on a code that its table does not have.
    pub(crate) fn check_codes(&self, batch: &Batch) -> Result<()> {
        let rows =
            || batch.x_cat.chunks_exact(self.tables.len().max(1)).map(|row| row.iter().zip(&self.tables));
        let unknown = |(code, table): (&u32, &Embedding)| *code as usize >= table.levels;
        // Counted, not searched: a search asks again at each of them whether it is over.
        let count: usize = rows().map(|row| row.map(unknown).map(usize::from).sum::<usize>()).sum();
        if count > 0
            && let Some((column, (code, table))) =
                rows().find_map(|row| row.enumerate().find(|(_, entry)| unknown(*entry)))
        {
            let levels = table.levels;
            let message = format!("code {code} of categorical column {column} is beyond its {levels} levels");
            return Err(Error::data(message));
        }
        Ok(())
    }

    /// Of all tables.
    pub(crate) fn features(&self) -> usize {
        self.features[self.tables.len()]
    }

    /// `y` [features, rows] = the embeddings of the codes of `batch`.
    pub(crate) fn forward(&self, pool: &Pool, values: &[f32], batch: &Batch, y: &mut [f32]) {
        let rows = batch.rows;
        let (tiles, columns) = self.tiles(pool, self.features() * rows);
        pool.run(tiles, Spans::new(y, rows, &self.features, columns), |i, mut y, _| {
            for column in columns.range(i) {
                let table = &self.tables[column];
                let own = y.split_off_mut(..table.size * rows).unwrap_or_default();
                table.forward(
                    &values[self.weight(column)],
                    batch.codes(column, self.tables.len()),
                    own,
                    rows,
                );
            }
        });
    }

    /// Adds `dy` [features, rows] to the gradients of the rows that were used, or to zeros when `fresh`. Returns whether
    /// all of the tables' are finite.
    pub(crate) fn backward(
        &self,
        pool: &Pool,
        grads: &mut [f32],
        batch: &Batch,
        dy: &[f32],
        fresh: bool,
    ) -> bool {
        let rows = batch.rows;
        let numbers = self.features() * rows + self.parameters();
        self.put(pool, numbers, grads, |column, own| {
            let dy = &dy[self.features[column] * rows..][..self.tables[column].size * rows];
            if fresh {
                own.fill(0.0);
            }
            self.tables[column].backward(own, batch.codes(column, self.tables.len()), dy, rows);
            all_finite(own)
        })
    }

    /// Has `put` see to the gradients of each table, which says whether they are finite; work on so many numbers in all.
    /// Returns whether all of them are.
    pub(super) fn put(
        &self,
        pool: &Pool,
        numbers: usize,
        grads: &mut [f32],
        put: impl Fn(usize, &mut [f32]) -> bool + Sync,
    ) -> bool {
        let (tiles, columns) = self.tiles(pool, numbers);
        let finite = AtomicBool::new(true);
        pool.run(tiles, Spans::new(grads, 1, &self.weights, columns), |i, mut grads, _| {
            for column in columns.range(i) {
                let own = grads.split_off_mut(..self.weight(column).len()).unwrap_or_default();
                if !put(column, own) {
                    finite.store(false, Ordering::Relaxed);
                }
            }
        });
        finite.into_inner()
    }

    /// Into how many tiles work on so many numbers is cut, and which columns they have.
    fn tiles(&self, pool: &Pool, numbers: usize) -> (usize, Cut) {
        let tiles = pool.tiles(numbers * PER_NUMBER);
        (tiles, Cut::new(self.tables.len(), tiles))
    }

    /// How many parameters all tables have.
    pub(crate) fn parameters(&self) -> usize {
        self.weights[self.tables.len()] - self.weights[0]
    }

    /// Where the parameters of a table lie.
    pub(crate) fn weight(&self, column: usize) -> Range<usize> {
        self.weights[column]..self.weights[column + 1]
    }
}

impl Embedding {
    /// Whether it is worth while to look which of its rows a batch uses.
    pub(crate) fn is_large(&self) -> bool {
        self.levels * self.size >= LARGE_TABLE
    }

    /// `y` [size, rows] = the rows of `table` for `codes`.
    fn forward(&self, table: &[f32], codes: impl Iterator<Item = u32>, y: &mut [f32], rows: usize) {
        for (row, code) in codes.enumerate() {
            let embedding = &table[code as usize * self.size..][..self.size];
            for (feature, number) in embedding.iter().enumerate() {
                y[feature * rows + row] = *number;
            }
        }
    }

    /// Adds `dy` [size, rows] to the rows of `table` for `codes`.
    fn backward(&self, table: &mut [f32], codes: impl Iterator<Item = u32>, dy: &[f32], rows: usize) {
        for (row, code) in codes.enumerate() {
            let embedding = &mut table[code as usize * self.size..][..self.size];
            for (feature, number) in embedding.iter_mut().enumerate() {
                *number += dy[feature * rows + row];
            }
        }
    }
}
