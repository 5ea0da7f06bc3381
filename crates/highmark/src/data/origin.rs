//! Where the rows of a table come from, for messages about them.

use std::path::Path;
use std::sync::Arc;

use super::csv::parse_float_with;

/// The file that rows were read from, if they were, and the lines that they are on, if each is on a line of its own; and which
/// of the columns of whole numbers are dates there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    file: Option<Arc<Path>>,
    first_line: Option<usize>,
    dates: Arc<[String]>,
    /// Which rows of the file they are, if some are left out.
    rows: Option<Arc<[u32]>>,
    /// What stands before decimals in its texts, if it is no point.
    decimal: Option<u8>,
    /// Columns of integers that are floats because some are missing.
    gaps: Arc<[String]>,
}

impl Origin {
    /// Rows of a file whose place in it is not known.
    pub(crate) fn file(path: &Path) -> Self {
        Self { file: Some(path.into()), ..Self::default() }
    }

    /// The same, with dates in these columns.
    #[cfg(feature = "parquet")]
    pub(crate) fn with_dates(self, columns: Vec<String>) -> Self {
        Self { dates: columns.into(), ..self }
    }

    /// Whether the file has dates in a column.
    pub(crate) fn is_date(&self, column: &str) -> bool {
        self.dates.iter().any(|name| name == column)
    }

    /// The same, with these columns of integers that are floats because some are missing.
    pub(crate) fn with_gaps(self, columns: Vec<String>) -> Self {
        Self { gaps: columns.into(), ..self }
    }

    /// Whether a column would be one of integers if none were missing.
    pub(crate) fn has_gaps(&self, column: &str) -> bool {
        self.gaps.iter().any(|name| name == column)
    }

    /// The same, with numbers whose decimals begin with this.
    pub(crate) fn with_decimal(self, decimal: u8) -> Self {
        Self { decimal: Some(decimal).filter(|decimal| *decimal != b'.'), ..self }
    }

    /// Whether decimals begin with a point.
    pub(crate) fn decimal_is_point(&self) -> bool {
        self.decimal.is_none()
    }

    /// What the sign before decimals is called.
    pub(crate) fn decimal_name(&self) -> &'static str {
        if self.decimal.is_some() { "comma" } else { "point" }
    }

    /// The number that a text of the file is, if it is one.
    pub(crate) fn number(&self, text: &str) -> Option<f64> {
        parse_float_with(text.as_bytes(), self.decimal.unwrap_or(b'.'))
    }

    /// Rows that are the lines of a file from this one on, counted from 1.
    pub(crate) fn lines(path: &Path, first: usize) -> Self {
        Self { first_line: Some(first), ..Self::file(path) }
    }

    /// The same without the first `rows` rows.
    pub(crate) fn skip(&self, rows: usize) -> Self {
        match &self.rows {
            Some(kept) => Self { rows: Some(kept[rows.min(kept.len())..].into()), ..self.clone() },
            None => Self { first_line: self.first_line.map(|line| line + rows), ..self.clone() },
        }
    }

    /// Of these rows alone.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let in_file = |row: u32| self.rows.as_ref().map_or(row, |kept| kept[row as usize]);
        Self { rows: Some(rows.iter().map(|row| in_file(*row)).collect()), ..self.clone() }
    }

    /// Row number `row`, in words: `line 4 of x.csv`, or `data row 3`.
    pub(crate) fn row(&self, row: usize) -> String {
        let of = self.file.as_ref().map(|file| format!(" of {}", file.display())).unwrap_or_default();
        let row = self.rows.as_ref().and_then(|kept| kept.get(row)).map_or(row, |row| *row as usize);
        match self.first_line {
            Some(line) => format!("line {}{of}", line + row),
            None => format!("data row {}{of}", row + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_where_that_is_known() {
        let path = Path::new("x.csv");
        assert_eq!(Origin::default().row(2), "data row 3");
        assert_eq!(Origin::file(path).row(2), "data row 3 of x.csv");
        assert_eq!(Origin::lines(path, 2).skip(1).row(2), "line 5 of x.csv");
        let some = Origin::lines(path, 2).take(&[0, 3, 7, 9]);
        assert_eq!((some.row(1), some.skip(2).row(1)), ("line 5 of x.csv".into(), "line 11 of x.csv".into()));
        assert_eq!(some.take(&[2]).row(0), "line 9 of x.csv");
    }
}
