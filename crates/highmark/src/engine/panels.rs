//! The right factor of a matrix product, cut into panels: a few vectors of columns, packed row after row as the kernel reads
//! them.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::cut::{Cut, Spans};
use super::kernel;
use super::lines::Lines;
use super::matrix::Matrix;
use super::pool::Pool;
use super::simd::simd;
use super::transpose::transpose;

/// How much of the summed dimension goes into one pass, one sum by itself: a strip of the left factor stays in the first
/// cache.
pub(crate) const DEPTH: usize = 256;

/// Columns that are packed at a time: `DEPTH` × `WIDTH` numbers stay in the second cache.
pub(super) const WIDTH: usize = 512;

/// Rows that are at most so long are read where they lie. Longer ones fall into the same few sets of the cache.
const SHORT_ROW: usize = 144;

/// From so many numbers on, threads share the packing: it takes each of them longer than the hand-over.
const WORTH_SHARING: usize = 1 << 15;

/// The right factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Factor<'a> {
    /// As it lies in memory; what has to be packed is packed by every thread for itself.
    Unpacked(Matrix<'a>),
    /// Packed, for all threads.
    Packed(&'a Panels),
}

impl Factor<'_> {
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Unpacked(b) => b.rows,
            Self::Packed(panels) => panels.rows,
        }
    }

    pub(crate) fn cols(self) -> usize {
        match self {
            Self::Unpacked(b) => b.cols,
            Self::Packed(panels) => panels.cols,
        }
    }
}

/// All panels of a matrix, block after block. The memory is used again for the next matrix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panels {
    numbers: Lines,
    /// Where each panel begins, and where the last one ends.
    starts: Vec<usize>,
    rows: usize,
    cols: usize,
}

impl Panels {
    /// `b` for a product in so many tiles on the threads of `pool`: packed here by all of them, if that pays.
    pub(crate) fn share<'a>(&'a mut self, pool: &Pool, tiles: usize, b: Matrix<'a>) -> Factor<'a> {
        let vectors = Vectors::here();
        if tiles < 2 || b.rows * b.cols < WORTH_SHARING || vectors.read_in_place(b, 0..b.cols) {
            return Factor::Unpacked(b);
        }
        (self.rows, self.cols) = (b.rows, b.cols);
        self.starts.clear();
        self.starts.push(0);
        let mut end = 0;
        for panel in Block::all(b.rows, b.cols).flat_map(|block| vectors.panels(block)) {
            end += panel.len();
            self.starts.push(end);
        }
        self.numbers.grow(end);
        let cut = Cut::new(self.starts.len() - 1, tiles);
        pool.run(tiles, Spans::new(&mut self.numbers, 1, &self.starts, cut), |i, mut numbers, _| {
            let own = cut.range(i);
            let panels = Block::all(b.rows, b.cols).flat_map(|block| vectors.panels(block));
            for panel in panels.skip(own.start).take(own.len()) {
                let to = numbers.split_off_mut(..panel.len()).unwrap_or_default();
                simd(
                    #[inline(always)]
                    || panel.pack(b, to),
                );
            }
        });
        Factor::Packed(self)
    }

    /// Panel number `i`.
    pub(super) fn get(&self, i: usize) -> &[f32] {
        &self.numbers[self.starts[i]..self.starts[i + 1]]
    }
}

/// Rows and columns that are multiplied in one go.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) start: usize,
    pub(super) depth: usize,
    pub(super) first: usize,
    pub(super) width: usize,
}

impl Block {
    /// Those of `rows` × `cols`: for the first columns all rows, and so on. One even without rows, for the zeros.
    #[inline(always)]
    pub(super) fn all(rows: usize, cols: usize) -> impl Iterator<Item = Self> {
        (0..cols).step_by(WIDTH).flat_map(move |first| {
            let width = WIDTH.min(cols - first);
            (0..rows.max(1)).step_by(DEPTH).map(move |start| Self {
                start,
                depth: DEPTH.min(rows - start),
                first,
                width,
            })
        })
    }
}

/// A panel: rows `start .. start + depth` and columns `from .. to`, in memory `width` a row.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    pub(super) start: usize,
    pub(super) depth: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) width: usize,
}

impl Panel {
    /// Numbers in it when it is packed.
    pub(super) fn len(self) -> usize {
        self.depth * self.width
    }

    /// `to` = its part of `b`, with zeros behind the columns.
    #[inline(always)]
    pub(super) fn pack(self, b: Matrix<'_>, to: &mut [f32]) {
        let part = b.take_rows(self.start, self.depth).take_cols(self.from, self.to - self.from);
        if part.col_stride > 1 {
            return transpose(part.transposed(), self.width, to);
        }
        for (row, to) in to.chunks_exact_mut(self.width).enumerate() {
            copy_row(part.row(row), to);
        }
    }
}

/// Copies a row of a panel, with zeros behind it, in pieces that stay inline.
#[inline(always)]
fn copy_row(from: &[f32], to: &mut [f32]) {
    const PIECE: usize = 8;
    let (pieces, rest) = from.as_chunks::<PIECE>();
    let (head, tail) = to.split_at_mut(from.len() - rest.len());
    head.as_chunks_mut::<PIECE>().0.iter_mut().zip(pieces).for_each(|(to, from)| *to = *from);
    tail.fill(0.0);
    tail.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
}

/// The vectors of a processor.
#[derive(Clone, Copy)]
pub(super) struct Vectors {
    lanes: usize,
    /// In the widest panel.
    most: usize,
}

impl Vectors {
    /// Vectors of `lanes` numbers, and `most` of them in a panel.
    #[inline(always)]
    pub(super) fn new(lanes: usize, most: usize) -> Self {
        Self { lanes, most }
    }

    #[inline(always)]
    pub(super) fn of<S: Simd>() -> Self {
        Self { lanes: S::F32_LANES, most: kernel::max_vectors::<S>() }
    }

    /// Those of this processor.
    fn here() -> Self {
        struct Ask;
        impl WithSimd for Ask {
            type Output = Vectors;

            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> Vectors {
                Vectors::of::<S>()
            }
        }
        Arch::new().dispatch(Ask)
    }

    /// Whether the kernel reads these columns of `b` where they lie: in whole vectors, which must not reach beyond what is
    /// borrowed.
    #[inline(always)]
    pub(super) fn read_in_place(self, b: Matrix<'_>, columns: Range<usize>) -> bool {
        let end = columns.start + columns.len().next_multiple_of(self.lanes);
        b.col_stride == 1 && b.row_stride <= SHORT_ROW && b.reaches(end)
    }

    /// The panels of a block, of nearly one width: a narrow last one would waste the registers.
    #[inline(always)]
    pub(super) fn panels(self, block: Block) -> impl Iterator<Item = Panel> {
        let vectors = block.width.div_ceil(self.lanes);
        let panels = vectors.div_ceil(self.most).max(1);
        let Block { start, depth, first, width } = block;
        let cut = move |panel: usize| vectors * panel / panels * self.lanes;
        (0..panels).map(move |panel| {
            let (from, to) = (cut(panel), cut(panel + 1));
            Panel { start, depth, from: first + from, to: first + to.min(width), width: to - from }
        })
    }

    /// Vectors in a panel of that width.
    #[inline(always)]
    pub(super) fn in_panel(self, panel: Panel) -> usize {
        panel.width / self.lanes
    }
}
