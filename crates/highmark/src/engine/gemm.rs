//! Matrix multiplication, on the f32 part of the `gemm` crate.
#![expect(unsafe_code, reason = "the gemm crate takes raw pointers; shapes are checked here")]

/// A matrix to read: `rows` × `cols` numbers, with the distance between two rows and two columns.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
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

    /// Only the columns `start .. start + cols`.
    pub(crate) fn columns(self, start: usize, cols: usize) -> Self {
        assert!(start + cols <= self.cols);
        Self { data: &self.data[start * self.col_stride..], cols, ..self }
    }
}

/// c = a · b, or c += a · b when `add`; `c` is row-major and as large as the product. One thread.
pub(crate) fn gemm(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert!(b.rows == k && c.len() == m * n, "{m} x {k} times {} x {n} into {}", b.rows, c.len());
    if m == 0 || n == 0 {
        return;
    }
    let last = |x: Matrix<'_>| (x.rows.max(1) - 1) * x.row_stride + (x.cols.max(1) - 1) * x.col_stride;
    assert!(k == 0 || (last(a) < a.data.len() && last(b) < b.data.len()));
    // SAFETY: the asserts above keep every element of a and b that strides can reach inside their slices,
    // and c is exactly m × n with unit column stride; c is borrowed mutably, so nothing aliases it.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_the_definition() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 2), (64, 70, 61), (2, 64, 100), (7, 1, 9), (1, 9, 4)] {
            let a: Vec<f32> = (0..m * k).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i % 5) as f32 - 2.0).collect();
            let mut transposed = vec![0.0; b.len()];
            for i in 0..k {
                for j in 0..n {
                    transposed[j * k + i] = b[i * n + j];
                }
            }
            let mut c = vec![1.0; m * n];
            gemm(&mut c, Matrix::new(&a, m, k), Matrix::new(&transposed, n, k).transposed(), true);
            for i in 0..m {
                for j in 0..n {
                    let want: f32 = 1.0 + (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum::<f32>();
                    assert_eq!(c[i * n + j], want, "{m} {n} {k} at {i} {j}");
                }
            }
        }
    }
}
