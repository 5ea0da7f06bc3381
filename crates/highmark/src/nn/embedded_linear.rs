//! The first linear layer on embeddings and continuous columns, level by level. The product of an embedding with the
//! weights is formed once for all rows of a batch that have this level, and added to each of them; on the way back the
//! gradients of these rows are added up before they meet the weights. In a batch of 64 rows the nine columns of the Adult
//! data have some 65 levels, where a row by row layer multiplies 576 embeddings.
//!
//! Products and sums lie row by row here, [rows or levels, outputs], in blocks of outputs.

use std::ops::Range;

use super::levels::{CHUNK, chunks};
use super::{ByLevel, Linear};
use crate::engine::{
    Claims, Cut, Factor, LINE, Lines, Matrix, MatrixMut, Picked, Pool, Scratch, Spans, Thin, gather_add,
    gemm, sum_groups, thin_products, transpose_into,
};

/// Outputs in a block, at most: few enough for the products to be read where they lie.
const BLOCK: usize = 128;

/// Embeddings of so many numbers and more are multiplied as matrices of their own, so many levels at a time being put side
/// by side; for narrower ones that is more work than the product.
const WIDE: usize = 32;

/// The layer with its inputs.
#[derive(Clone, Copy)]
pub(crate) struct EmbeddedLinear<'a> {
    batch: &'a ByLevel,
    linear: &'a Linear,
    values: &'a [f32],
}

/// What a block of outputs needs on its way back.
struct Block<'a> {
    outputs: Range<usize>,
    /// Its gradient, [outputs, rows].
    dy: Matrix<'a>,
    /// The outputs, and to whole lines behind them numbers that mean nothing.
    width: usize,
}

impl<'a> Block<'a> {
    /// The outputs from `first` on, of which `dy` [outputs, rows] is the gradient.
    fn new(first: usize, dy: &'a [f32], rows: usize) -> Self {
        let count = dy.len() / rows;
        Self {
            outputs: first..first + count,
            dy: Matrix::new(dy, count, rows),
            width: count.next_multiple_of(LINE),
        }
    }
}

impl<'a> EmbeddedLinear<'a> {
    pub(crate) fn new(batch: &'a ByLevel, linear: &'a Linear, values: &'a [f32]) -> Self {
        Self { batch, linear, values }
    }

    /// Outputs in a block, at most, with those behind them to whole lines: memory is made for so many, however the layer is cut.
    fn most_outputs(self) -> usize {
        self.linear.outputs.min(BLOCK).next_multiple_of(LINE)
    }

    /// `y` [tile, rows] = these outputs. `next` is memory that is written after that, and means nothing yet: it is claimed meanwhile.
    pub(crate) fn forward_tile(
        self,
        outputs: Range<usize>,
        y: &mut [f32],
        next: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (Self { batch, linear, values }, most) = (self, self.most_outputs());
        let [mut weights, mut products, mut turned] = std::mem::take(&mut scratch.lines);
        let mut claims = Claims::new(next);
        for block in blocks(outputs.clone()) {
            let width = block.len().next_multiple_of(LINE);
            // Input by input, and the bias behind.
            weights.grow((linear.inputs + 1) * most);
            let (weights, bias) = weights[..(linear.inputs + 1) * width].split_at_mut(linear.inputs * width);
            transpose_into(linear.weight(values).take_rows(block.start, block.len()), width, weights);
            bias.fill(0.0);
            if let Some(range) = &linear.bias {
                bias[..block.len()].copy_from_slice(&values[range.clone()][block.clone()]);
            }
            products.grow(batch.most_levels * most);
            self.products(weights, &mut products, width, &mut turned, scratch);
            let weights = &weights[batch.features[batch.columns()] * width..];
            turned.grow(CHUNK * most);
            for rows in chunks(batch.levels.rows()) {
                let turned = &mut turned[..rows.len() * width];
                let x = (batch.cont(&rows), weights);
                gather_add(turned, bias, x, &products, batch.levels.index(&rows), &mut claims);
                let turned = Matrix::new(turned, rows.len(), width).take_cols(0, block.len());
                let to = &mut y[(block.start - outputs.start) * batch.levels.rows() + rows.start..];
                transpose_into(turned, batch.levels.rows(), to);
            }
        }
        scratch.lines = [weights, products, turned];
    }

    /// From `dy` [tile, rows] of these outputs: the gradient of their weights, `dw` [tile, inputs], added to what is there
    /// unless that is `fresh`; and what they give to the gradient of the inputs. That is formed in two halves, each from
    /// half of the outputs, so that a thread can go on with its own rows of the weight: `halves` has memory for as many of
    /// them as the tile is of.
    pub(crate) fn backward_tile(
        self,
        outputs: Range<usize>,
        dy: &[f32],
        dw: &mut [f32],
        halves: &mut [f32],
        fresh: bool,
        scratch: &mut Scratch,
    ) {
        let (rows, inputs, len, most) =
            (self.batch.levels.rows(), self.linear.inputs, self.batch.len(), self.most_outputs());
        let pieces = (halves.len() / len).max(1);
        let mut halves = halves.chunks_exact_mut(len);
        let [mut gradients, mut sums, mut turned] = std::mem::take(&mut scratch.lines);
        for piece in 0..pieces {
            let piece = Cut::new(outputs.len(), pieces).range(piece);
            let mut half = halves.next();
            if let Some(half) = half.as_mut().filter(|_| piece.is_empty()) {
                // Half of one output.
                half.fill(0.0);
            }
            for tile in blocks(piece.clone()) {
                let block =
                    Block::new(outputs.start + tile.start, &dy[tile.start * rows..tile.end * rows], rows);
                gradients.grow(inputs * most);
                let gradients = &mut gradients[..inputs * block.width];
                self.sums(&block, 0..self.batch.columns(), [&mut sums, &mut turned], gradients, scratch);
                self.embedded_gradients(&sums, gradients, block.width, &mut turned, scratch);
                let new = Matrix::new(gradients, inputs, block.width).take_cols(0, tile.len());
                let dw = &mut dw[tile.start * inputs..tile.end * inputs];
                if fresh {
                    transpose_into(new, inputs, dw);
                } else {
                    turned.grow(inputs * most);
                    transpose_into(new, inputs, &mut turned[..dw.len()]);
                    dw.iter_mut().zip(&*turned).for_each(|(dw, new)| *dw += new);
                }
                if let Some(half) = &mut half {
                    let columns = 0..self.batch.columns() + 1;
                    self.inputs(&block, columns, &sums, half, tile.start > piece.start, scratch);
                }
            }
        }
        scratch.lines = [gradients, sums, turned];
    }

    /// Both halves of the gradient of the inputs from `dy` [outputs, rows], [`ByLevel::len`] numbers each, cut by columns.
    pub(crate) fn input_halves(self, pool: &Pool, dy: &[f32], halves: &mut [f32]) {
        let (batch, outputs) = (self.batch, self.linear.outputs);
        let columns = batch.columns() + 1;
        let tiles = pool.tiles(self.linear.multiplications(batch.levels.rows()));
        let cut = Cut::new(columns, tiles);
        let (first, second) = halves.split_at_mut(batch.len());
        let lent = [first, second].map(|half| Spans::new(half, 1, &batch.places, cut));
        pool.run(tiles, lent, |i, halves, scratch| {
            let [unused, mut sums, mut turned] = std::mem::take(&mut scratch.lines);
            let columns = cut.range(i);
            for (half, to) in halves.into_iter().enumerate() {
                let half = Cut::new(outputs, 2).range(half);
                if half.is_empty() {
                    to.fill(0.0);
                }
                for outputs in blocks(half.clone()) {
                    let dy = &dy[outputs.start * batch.levels.rows()..outputs.end * batch.levels.rows()];
                    let block = Block::new(outputs.start, dy, batch.levels.rows());
                    let add = block.outputs.start > half.start;
                    let with_levels = columns.start..columns.end.min(batch.columns());
                    self.sums(&block, with_levels, [&mut sums, &mut turned], &mut [], scratch);
                    self.inputs(&block, columns.clone(), &sums, to, add, scratch);
                }
            }
            scratch.lines = [unused, sums, turned];
        });
    }

    /// `sums` [levels, outputs]: what `dy` comes to over the rows of each level of these columns; and in the last rows of
    /// `gradients` [inputs, outputs], if it has any, the gradient of the weights of the continuous columns.
    fn sums(
        self,
        block: &Block<'_>,
        columns: Range<usize>,
        [sums, turned]: [&mut Lines; 2],
        gradients: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (batch, width, most) = (self.batch, block.width, self.most_outputs());
        sums.grow(batch.most_levels * most);
        turned.grow(CHUNK * most);
        for rows in chunks(batch.levels.rows()) {
            let turned = &mut turned[..rows.len() * width];
            transpose_into(block.dy.take_cols(rows.start, rows.len()), width, turned);
            for column in columns.clone() {
                sum_groups(batch.levels.groups(column, &rows), turned, sums, width);
            }
            let place = batch.features[batch.columns()] * width;
            if let Some(of_cont) = gradients.get_mut(place..).filter(|of_cont| !of_cont.is_empty()) {
                let dy = Factor::Unpacked(Matrix::new(turned, rows.len(), width));
                let cont = batch.cont(&rows);
                gemm(scratch, MatrixMut::new(of_cont, cont.rows(), width), cont, dy, rows.start > 0);
            }
        }
    }

    /// `products` [levels, outputs] of all embeddings with `weights` [inputs, outputs].
    fn products(
        self,
        weights: &[f32],
        products: &mut [f32],
        width: usize,
        picked: &mut Lines,
        scratch: &mut Scratch,
    ) {
        let batch = self.batch;
        let thin = |column| {
            let (from, to) = (batch.features[column], batch.levels.starts[column]);
            Thin { a: self.embeddings(column), from, to }
        };
        thin_products::<false>(self.columns(false).map(thin), weights, products, width);
        for column in self.columns(true) {
            let weights = Matrix::new(&weights[batch.features[column] * width..], batch.size(column), width);
            for levels in chunks(batch.levels.of(column).len()) {
                let to = &mut products[(batch.levels.starts[column] + levels.start) * width..];
                let to = MatrixMut::new(to, levels.len(), width);
                gemm(scratch, to, self.picked(column, levels, picked), Factor::Unpacked(weights), false);
            }
        }
    }

    /// `gradients` [inputs, outputs] of the weights of all embeddings, from `sums` [levels, outputs].
    fn embedded_gradients(
        self,
        sums: &[f32],
        gradients: &mut [f32],
        width: usize,
        picked: &mut Lines,
        scratch: &mut Scratch,
    ) {
        let batch = self.batch;
        let thin = |column| {
            let (from, to) = (batch.levels.starts[column], batch.features[column]);
            Thin { a: self.embeddings(column), from, to }
        };
        thin_products::<true>(self.columns(false).map(thin), sums, gradients, width);
        for column in self.columns(true) {
            for levels in chunks(batch.levels.of(column).len()) {
                let to = &mut gradients[batch.features[column] * width..];
                let to = MatrixMut::new(to, batch.size(column), width);
                let sums = &sums[(batch.levels.starts[column] + levels.start) * width..];
                let sums = Factor::Unpacked(Matrix::new(sums, levels.len(), width));
                let add = levels.start > 0;
                gemm(scratch, to, self.picked(column, levels, picked).transposed(), sums, add);
            }
        }
    }

    /// The columns whose embeddings are wide, or the others.
    fn columns(self, wide: bool) -> impl Iterator<Item = usize> {
        (0..self.batch.columns()).filter(move |column| (self.batch.size(*column) >= WIDE) == wide)
    }

    /// The embeddings of some of the levels of a column, side by side.
    fn picked(self, column: usize, levels: Range<usize>, to: &mut Lines) -> Matrix<'_> {
        let Picked { table, size, rows } = self.embeddings(column);
        let (count, rows) = (levels.len(), &rows[levels]);
        // As many as there can be in a batch, so that none after it needs more.
        to.grow(CHUNK.min(self.batch.levels.rows()) * size);
        for (to, row) in to.chunks_exact_mut(size).zip(rows) {
            to.copy_from_slice(&table[*row as usize * size..][..size]);
        }
        Matrix::new(to, count, size)
    }

    /// The embeddings of the levels of a column.
    fn embeddings(&self, column: usize) -> Picked<'_> {
        Picked {
            table: &self.values[self.batch.levels.embeds().weight(column)],
            size: self.batch.size(column),
            rows: self.batch.levels.of(column),
        }
    }

    /// What a block of outputs gives to the gradient of these columns; that of the continuous ones is the last.
    fn inputs(
        self,
        block: &Block<'_>,
        columns: Range<usize>,
        sums: &[f32],
        to: &mut [f32],
        add: bool,
        scratch: &mut Scratch,
    ) {
        let (batch, inputs, outputs) = (self.batch, self.linear.inputs, block.outputs.len());
        // From a copy, as in `Linear::input_half`; with some numbers behind, so that whole vectors can be read to the end.
        let mut copy = std::mem::take(&mut scratch.weights);
        copy.grow(self.most_outputs() * inputs + LINE);
        let own = &self.values[self.linear.weight.clone()];
        let own = &own[block.outputs.start * inputs..block.outputs.end * inputs];
        copy[..own.len()].copy_from_slice(own);
        let weights = Matrix::new(&copy, outputs, inputs);
        let first = batch.places[columns.start];
        for column in columns {
            let weights = weights.take_cols(batch.features[column], batch.size(column));
            let to = &mut to[batch.places[column] - first..];
            if column < batch.columns() {
                let sums = self.sums_of(column, block, sums).take_cols(0, outputs);
                let to = MatrixMut::new(to, batch.levels.of(column).len(), batch.size(column));
                gemm(scratch, to, sums, Factor::Unpacked(weights), add);
            } else {
                let to = MatrixMut::new(to, batch.size(column), batch.levels.rows());
                gemm(scratch, to, weights.transposed(), Factor::Unpacked(block.dy), add);
            }
        }
        scratch.weights = copy;
    }

    /// Those of a column, [levels, outputs].
    fn sums_of<'s>(&self, column: usize, block: &Block<'_>, sums: &'s [f32]) -> Matrix<'s> {
        let sums = &sums[self.batch.levels.starts[column] * block.width..];
        Matrix::new(sums, self.batch.levels.of(column).len(), block.width)
    }
}

/// Blocks of nearly one size.
fn blocks(outputs: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let cut = Cut::new(outputs.len(), outputs.len().div_ceil(BLOCK));
    (0..cut.tiles()).map(move |i| {
        let block = cut.range(i);
        outputs.start + block.start..outputs.start + block.end
    })
}
