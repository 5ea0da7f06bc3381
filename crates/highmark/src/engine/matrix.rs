//! Views of numbers in memory as matrices.

/// A matrix to read: `rows` × `cols` numbers, with the distance between two rows and two columns.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` × `cols` numbers, row by row.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert!(data.len() >= rows * cols, "{rows} x {cols} numbers in {}", data.len());
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Only the rows `start .. start + rows`.
    pub(crate) fn take_rows(self, start: usize, rows: usize) -> Self {
        assert!(start + rows <= self.rows);
        Self { data: &self.data[(start * self.row_stride).min(self.data.len())..], rows, ..self }
    }

    /// Only the columns `start .. start + cols`.
    pub(crate) fn take_cols(self, start: usize, cols: usize) -> Self {
        self.transposed().take_rows(start, cols).transposed()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// Whether there are so many numbers from the beginning of every row on, in what is borrowed.
    #[inline(always)]
    pub(super) fn reaches(&self, numbers: usize) -> bool {
        self.rows == 0 || (self.rows - 1) * self.row_stride + numbers <= self.data.len()
    }

    /// The numbers of row `row`, which must lie side by side.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        debug_assert_eq!(self.col_stride, 1);
        &self.data[row * self.row_stride..][..self.cols]
    }

    /// The first number. Everything that the strides reach within `rows` and `cols` lies in the borrowed slice.
    pub(super) fn as_ptr(&self) -> *const f32 {
        self.data.as_ptr()
    }
}

/// A matrix to write: `rows` × `cols` numbers, row by row.
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl<'a> MatrixMut<'a> {
    /// `rows` × `cols` numbers, row by row.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert!(data.len() >= rows * cols, "{rows} x {cols} numbers in {}", data.len());
        Self { data, rows, cols }
    }

    /// The numbers of row `row`.
    #[inline(always)]
    pub(super) fn row(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.cols..][..self.cols]
    }

    /// The first number.
    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.data.as_mut_ptr()
    }
}
