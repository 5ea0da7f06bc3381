//! Buffers cut by features into tiles, which threads borrow one by one.
#![expect(unsafe_code, reason = "tiles of one buffer are lent to several threads at once")]

use std::marker::PhantomData;
use std::ops::Range;

use super::params::Parameter;

/// Where `len` features are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    len: usize,
    tiles: usize,
}

impl Cut {
    /// `len` features in `tiles` tiles, some of them empty when there are few features.
    pub(crate) fn new(len: usize, tiles: usize) -> Self {
        Self { len, tiles }
    }

    pub(crate) fn tiles(self) -> usize {
        self.tiles
    }

    /// The features of tile `i`.
    pub(crate) fn range(self, i: usize) -> Range<usize> {
        i * self.len / self.tiles..(i + 1) * self.len / self.tiles
    }
}

/// What can be lent in tiles.
///
/// # Safety
/// Different tiles must have no memory in common. They are made, and used, on other threads than the one that lends.
pub(crate) unsafe trait Lend: Sync {
    /// One tile.
    type Tile;

    /// Tile number `i`.
    ///
    /// # Safety
    /// No two tiles of one number may live at the same time, and none may outlive the borrow that the lender holds.
    unsafe fn tile(&self, i: usize) -> Self::Tile;
}

/// A buffer that is lent in parts.
#[derive(Clone, Copy)]
struct Lent<'a> {
    start: *mut f32,
    len: usize,
    numbers: PhantomData<&'a mut [f32]>,
}

// SAFETY: what it stands for, a `&mut [f32]`, may be used by another thread, and here each gets a part of its own.
unsafe impl Sync for Lent<'_> {}

impl<'a> Lent<'a> {
    fn new(data: &'a mut [f32]) -> Self {
        Self { start: data.as_mut_ptr(), len: data.len(), numbers: PhantomData }
    }

    /// The numbers of `range`, as far as there are any: of an empty buffer, none.
    ///
    /// # Safety
    /// Parts that have numbers in common must not live at the same time.
    unsafe fn part(self, range: Range<usize>) -> &'a mut [f32] {
        let [start, end] = [range.start, range.end].map(|at| at.min(self.len));
        // SAFETY: start ..= end is within the buffer; that nobody else has it is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), end.saturating_sub(start)) }
    }
}

/// A buffer with `width` numbers a feature, feature by feature; or an empty one, whose tiles are empty.
pub(crate) struct Rows<'a> {
    buffer: Lent<'a>,
    width: usize,
    cut: Cut,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(data: &'a mut [f32], width: usize, cut: Cut) -> Self {
        Self { buffer: Lent::new(data), width, cut }
    }
}

// SAFETY: the ranges of a cut do not overlap, and each feature has its numbers for itself.
unsafe impl<'a> Lend for Rows<'a> {
    type Tile = &'a mut [f32];

    unsafe fn tile(&self, i: usize) -> &'a mut [f32] {
        let features = self.cut.range(i);
        // SAFETY: as above; that this tile is lent once is the caller's promise.
        unsafe { self.buffer.part(features.start * self.width..features.end * self.width) }
    }
}

/// A buffer with features of different widths: that of number i lies between `starts[i]` and the next start, each so many
/// times `width`.
pub(crate) struct Spans<'a> {
    buffer: Lent<'a>,
    width: usize,
    starts: &'a [usize],
    cut: Cut,
}

impl<'a> Spans<'a> {
    /// `cut` is of one feature less than there are starts: the last is the end. They must be in order.
    pub(crate) fn new(data: &'a mut [f32], width: usize, starts: &'a [usize], cut: Cut) -> Self {
        let apart = starts.is_sorted() && starts.len() == cut.len + 1;
        assert!(apart, "{} features begin at {starts:?}", cut.len);
        Self { buffer: Lent::new(data), width, starts, cut }
    }
}

// SAFETY: the ranges of a cut do not overlap, and the starts are in order.
unsafe impl<'a> Lend for Spans<'a> {
    type Tile = &'a mut [f32];

    unsafe fn tile(&self, i: usize) -> &'a mut [f32] {
        let features = self.cut.range(i);
        let [start, end] = [features.start, features.end].map(|f| self.starts[f].saturating_mul(self.width));
        // SAFETY: as above; that this tile is lent once is the caller's promise.
        unsafe { self.buffer.part(start..end) }
    }
}

/// A buffer as long as all parameters, of which a tile has its rows of each: those whose gradients the same tile of a
/// layer computes. Or an empty one, whose tiles are empty.
pub(crate) struct Shards<'a> {
    buffer: Lent<'a>,
    parameters: &'a [Parameter],
    tiles: usize,
}

impl<'a> Shards<'a> {
    /// The parameters must lie one after another.
    pub(crate) fn new(data: &'a mut [f32], parameters: &'a [Parameter], tiles: usize) -> Self {
        let apart = parameters.is_sorted_by(|a, b| a.range.end <= b.range.start);
        assert!(apart, "parameters overlap");
        Self { buffer: Lent::new(data), parameters, tiles }
    }
}

/// A tile of [`Shards`].
pub(crate) struct Shard<'a> {
    buffer: Lent<'a>,
    parameters: &'a [Parameter],
    tile: (usize, usize),
}

impl<'a> Shard<'a> {
    /// The only tile, with all rows.
    pub(crate) fn whole(data: &'a mut [f32], parameters: &'a [Parameter]) -> Self {
        // SAFETY: there is no other tile.
        unsafe { Shards::new(data, parameters, 1).tile(0) }
    }

    /// Its rows of parameter `place` of the list.
    pub(crate) fn rows(&mut self, place: usize) -> &mut [f32] {
        let (tile, tiles) = self.tile;
        // SAFETY: parameters do not overlap, nor do the tiles of one, and this tile is borrowed as long as what it gives.
        unsafe { self.buffer.part(self.parameters[place].tile(tile, tiles)) }
    }
}

// SAFETY: tiles differ in the rows that they have of every parameter.
unsafe impl<'a> Lend for Shards<'a> {
    type Tile = Shard<'a>;

    unsafe fn tile(&self, i: usize) -> Shard<'a> {
        let Self { buffer, parameters, tiles } = *self;
        assert!(i < tiles, "tile {i} of {tiles} would reach into the next parameter");
        Shard { buffer, parameters, tile: (i, tiles) }
    }
}

// SAFETY: each part keeps the promise by itself.
unsafe impl<L: Lend, const N: usize> Lend for [L; N] {
    type Tile = [L::Tile; N];

    unsafe fn tile(&self, i: usize) -> Self::Tile {
        // SAFETY: the caller's promise, passed on.
        self.each_ref().map(|part| unsafe { part.tile(i) })
    }
}

// SAFETY: each part keeps the promise by itself.
unsafe impl<A: Lend, B: Lend> Lend for (A, B) {
    type Tile = (A::Tile, B::Tile);

    unsafe fn tile(&self, i: usize) -> Self::Tile {
        // SAFETY: the caller's promise, passed on.
        unsafe { (self.0.tile(i), self.1.tile(i)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_the_features_of_a_tile() {
        // Widths 2, 0, 3 and 1, each twice.
        let starts = [0, 2, 2, 5, 6];
        let mut data: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let whole = data.clone();
        for tiles in 1..7 {
            let cut = Cut::new(4, tiles);
            let spans = Spans::new(&mut data, 2, &starts, cut);
            for i in 0..tiles {
                let range = cut.range(i);
                // SAFETY: one tile at a time.
                let tile = unsafe { spans.tile(i) };
                assert_eq!(tile, &whole[2 * starts[range.start]..2 * starts[range.end]]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "features begin at")]
    fn spans_need_a_cut_of_their_features() {
        let _ = Spans::new(&mut [0.0; 4], 1, &[0, 1, 4], Cut::new(3, 1));
    }

    #[test]
    fn tiles_cover_every_feature_once() {
        for len in 0..700 {
            for threads in 1..9 {
                let cut = Cut::new(len, threads);
                let mut next = 0;
                for i in 0..threads {
                    let range = cut.range(i);
                    assert_eq!(range.start, next, "{len} features, {threads} threads");
                    assert!(range.end >= range.start);
                    next = range.end;
                }
                assert_eq!(next, len);
            }
        }
    }
}
