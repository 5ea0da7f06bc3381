//! Named columns of one length.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::factors::Factors;
use super::level::Level;
use super::origin::Origin;
use super::{CsvOptions, read_csv, read_parquet};
use crate::{Error, Result};

/// Named Arrow arrays of equal length: what is read from a file or handed over from elsewhere.
///
/// Columns may hold integers and floats of 8 to 64 bits, truth values, text (`Utf8`, `LargeUtf8`, `Utf8View`),
/// and dictionaries of those. Other types may be present, and are an error when they are used as a feature or
/// target. A null is a missing value, and so is a NaN.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, StringArray};
/// use highmark::Table;
///
/// let age: ArrayRef = Arc::new(Int64Array::from(vec![Some(39), None]));
/// let city: ArrayRef = Arc::new(StringArray::from(vec!["Oslo", "Bergen"]));
/// let table = Table::new(vec![("age".into(), age), ("city".into(), city)])?;
/// assert_eq!(table.rows(), 2);
/// assert_eq!(table.names().collect::<Vec<_>>(), ["age", "city"]);
/// assert!(table.column("town").is_err());
/// # Ok::<(), highmark::Error>(())
/// ```
///
/// A `RecordBatch` becomes one without a copy. The version of Arrow must be that of [`arrow_array`](crate::arrow_array).
///
/// ```
/// use std::sync::Arc;
/// use highmark::Table;
/// use highmark::arrow_array::{ArrayRef, Float32Array, RecordBatch};
///
/// let size: ArrayRef = Arc::new(Float32Array::from(vec![1.5, 2.5]));
/// let table = Table::try_from(RecordBatch::try_from_iter([("size", size)]).expect("columns of one length"))?;
/// assert_eq!(table.rows(), 2);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
    origin: Origin,
    /// The columns whose dictionaries say which levels there are.
    categories: Vec<String>,
}

impl Table {
    /// A table of these columns, in this order. Fails when lengths differ, when two columns have one name,
    /// when there are no columns, or when there are more rows than 32 bits count.
    pub fn new(columns: Vec<(String, ArrayRef)>) -> Result<Self> {
        let Some((first, array)) = columns.first() else {
            return Err(Error::data("a table needs at least one column"));
        };
        let rows = array.len();
        for (number, (name, array)) in columns.iter().enumerate() {
            if array.len() != rows {
                let message = format!("has {} rows, but column `{first}` has {rows}", array.len());
                return Err(Error::column(name, message));
            }
            if columns[..number].iter().any(|(other, _)| other == name) {
                return Err(Error::column(name, "there are two columns with this name; rename one"));
            }
        }
        if u32::try_from(rows).is_err() {
            return Err(Error::data(format!(
                "{rows} rows are more than the {} that are supported",
                u32::MAX
            )));
        }
        Ok(Self { columns, rows, origin: Origin::default(), categories: Vec::new() })
    }

    /// With its rows from there.
    pub(crate) fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The same table, with dictionaries in the columns `names` that are meant: their levels are the values of the dictionary
    /// in its order, used or not. All other columns have the levels that occur, sorted. Names of other columns are passed
    /// over.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, DictionaryArray, Int8Array, Int64Array, StringArray};
    /// use highmark::{DataConfig, Split, Table, TabularData};
    ///
    /// let sizes = Arc::new(StringArray::from(vec!["S", "M", "L", "XL"]));
    /// let size: ArrayRef = Arc::new(DictionaryArray::new(Int8Array::from(vec![2, 0, 1]), sizes));
    /// let y: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 0]));
    /// let table = Table::new(vec![("size".into(), size), ("y".into(), y)])?.with_categories(vec!["size".into()]);
    /// let config = DataConfig { targets: vec!["y".into()], valid: Split::Rows(2..3), ..DataConfig::default() };
    /// let pipeline = TabularData::new(&table, &config)?.pipeline;
    /// assert_eq!(pipeline.classes("size").unwrap(), ["#na#", "S", "M", "L", "XL"]);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    #[must_use]
    pub fn with_categories(self, names: Vec<String>) -> Self {
        Self { categories: names, ..self }
    }

    /// The levels of a column that says itself which there are, in its order.
    pub(crate) fn categories(&self, name: &str) -> Result<Option<Vec<Level>>> {
        let meant = self.categories.iter().any(|other| other == name);
        match self.find(name).filter(|_| meant).and_then(|array| array.as_any_dictionary_opt()) {
            Some(dictionary) => Ok(Some(Factors::of(name, dictionary.values())?.levels)),
            None => Ok(None),
        }
    }

    /// Where its rows come from.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Reads a file by its extension: `.parquet` and `.pq` as Parquet, `.tsv` as tab separated, everything
    /// else as comma separated (see [`read_csv`] for other dialects).
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => read_parquet(path),
            _ => read_csv(path, &CsvOptions::default()),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The columns with their names, in order.
    pub fn columns(&self) -> &[(String, ArrayRef)] {
        &self.columns
    }

    /// The column of this name; when there is none, the error says which there are.
    pub fn column(&self, name: &str) -> Result<&ArrayRef> {
        self.find(name).ok_or_else(|| Error::unknown("column", name, self.names()))
    }

    /// The column of this name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&ArrayRef> {
        self.columns.iter().find(|(other, _)| other == name).map(|(_, array)| array)
    }

    /// `rows` rows from row `start` on, without copying; fewer where the table ends.
    #[must_use]
    pub fn slice(&self, start: usize, rows: usize) -> Self {
        let start = start.min(self.rows);
        let rows = rows.min(self.rows - start);
        let columns =
            self.columns.iter().map(|(name, array)| (name.clone(), array.slice(start, rows))).collect();
        Self { columns, rows, origin: self.origin.skip(start), categories: self.categories.clone() }
    }

    /// The table without the columns named. Names that it does not have are passed over; dropping every
    /// column is an error.
    pub fn without(&self, names: &[&str]) -> Result<Self> {
        let kept = self.columns.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let kept = Self::new(kept.cloned().collect())?.with_origin(self.origin.clone());
        Ok(kept.with_categories(self.categories.clone()))
    }
}

/// Its columns under their names. Fails as [`Table::new`] does.
impl TryFrom<RecordBatch> for Table {
    type Error = Error;

    fn try_from(batch: RecordBatch) -> Result<Self> {
        let (schema, arrays, _) = batch.into_parts();
        Self::new(schema.fields().iter().map(|field| field.name().clone()).zip(arrays).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;

    use super::*;

    fn column(name: &str, values: Vec<i64>) -> (String, ArrayRef) {
        (name.into(), Arc::new(Int64Array::from(values)))
    }

    #[test]
    fn lengths_and_names_are_checked() {
        let error = Table::new(vec![column("a", vec![1, 2]), column("b", vec![1])]).unwrap_err();
        assert_eq!(error.to_string(), "column `b`: has 1 rows, but column `a` has 2");
        assert!(Table::new(vec![column("a", vec![1]), column("a", vec![1])]).is_err());
        assert!(Table::new(vec![]).is_err());
    }

    #[test]
    fn unknown_columns_are_suggested() {
        let table = Table::new(vec![column("salary", vec![1])]).unwrap();
        let error = table.column("salry").unwrap_err().to_string();
        assert!(error.contains("did you mean `salary`"), "{error}");
    }

    #[test]
    fn slices_end_with_the_table() {
        let table = Table::new(vec![column("a", vec![1, 2, 3])]).unwrap();
        assert_eq!(table.slice(1, 10).rows(), 2);
        assert_eq!(table.slice(9, 10).rows(), 0);
    }
}
