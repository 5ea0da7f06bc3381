//! The input of the first linear layer [level by level](super::embedded_linear): the levels of a batch, its continuous
//! columns, and the gradients of both.

use std::ops::Range;

use super::{Embedding, Embeddings, Levels};
use crate::engine::{Lines, Matrix, Pool, all_finite};

/// The categorical columns of a batch level by level, and its continuous columns.
#[derive(Clone, Debug)]
pub(crate) struct ByLevel {
    /// To be [found](Levels::find) before the batch is [taken in](ByLevel::take_in).
    pub(crate) levels: Levels,
    /// Where the features of each column begin; and where the continuous ones begin and end.
    pub(super) features: Vec<usize>,
    /// How many levels there are at most in batches of as many rows as the largest so far.
    pub(super) most_levels: usize,
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

impl ByLevel {
    /// For these embeddings and so many continuous columns.
    pub(crate) fn new(embeds: &Embeddings, continuous: usize) -> Self {
        let tables = embeds.tables();
        let mut features = vec![0];
        for (i, size) in tables.iter().map(|table| table.size).chain([continuous]).enumerate() {
            features.push(features[i] + size);
        }
        Self {
            levels: Levels::new(embeds),
            most_levels: 0,
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

    /// Makes room for the batch whose levels have been found. Returns where its continuous columns go, [columns, rows].
    pub(crate) fn take_in(&mut self) -> &mut [f32] {
        let (columns, rows) = (self.columns(), self.levels.rows());
        for column in 0..columns {
            self.places[column + 1] = self.places[column] + self.levels.of(column).len() * self.size(column);
        }
        let cont = self.size(columns) * rows;
        self.places[columns + 1] = self.places[columns] + cont;
        self.cont.grow(cont);
        let tables = self.levels.embeds().tables();
        let embedded = tables.iter().map(|table| table.levels.min(rows) * table.size).sum::<usize>();
        self.halves.grow(2 * (embedded + cont));
        self.most_levels = self.most_levels.max(self.levels.most(rows));
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
            let rows = if touched.known { 2 * self.levels.rows().min(table.levels) } else { table.levels };
            rows * table.size
        };
        let numbers = self.levels.embeds().tables().iter().zip(&self.touched).map(numbers).sum();
        let finite = self.levels.embeds().put(pool, numbers, grads, |column, own| {
            let size = self.size(column);
            let place = |row: &u32| *row as usize * size..(*row as usize + 1) * size;
            let Touched { known, rows } = &self.touched[column];
            if fresh && *known {
                rows.iter().for_each(|row| own[place(row)].fill(0.0));
            } else if fresh {
                own.fill(0.0);
            }
            let mut sums = sums_of(column);
            for level in self.levels.of(column) {
                own[place(level)].iter_mut().zip(&mut sums).for_each(|(grad, sum)| *grad += sum);
            }
            let finite = |rows: &[u32]| rows.iter().all(|row| all_finite(&own[place(row)]));
            if *known { finite(self.levels.of(column)) && (fresh || finite(rows)) } else { all_finite(own) }
        });
        cont.iter_mut().zip(sums_of(self.columns())).for_each(|(d, sum)| *d = sum);
        self.touch(fresh);
        finite
    }

    /// Notes the rows that have gradients by now: those of this batch, and those of before unless that were `fresh`.
    fn touch(&mut self, fresh: bool) {
        let tables = self.levels.embeds().tables().iter().zip(&mut self.touched).enumerate();
        for (column, (table, Touched { known, rows })) in tables.filter(|(_, (table, _))| table.is_large()) {
            let levels = self.levels.of(column);
            if fresh {
                rows.clear();
            }
            *known = (fresh || *known) && rows.len() + levels.len() <= table.levels;
            if *known {
                rows.reserve(self.levels.rows().min(table.levels));
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
        self.levels.columns()
    }

    /// Features of a column with levels, or, for the last one, of all others.
    pub(super) fn size(&self, column: usize) -> usize {
        self.features[column + 1] - self.features[column]
    }

    /// The continuous columns of some rows, [columns, rows].
    pub(super) fn cont(&self, rows: &Range<usize>) -> Matrix<'_> {
        Matrix::new(&self.cont, self.size(self.columns()), self.levels.rows())
            .take_cols(rows.start, rows.len())
    }
}
