//! Rows without a target: finding them, leaving them out, and what of a table cannot be trained on.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Int64Array, make_array};
use arrow_data::transform::MutableArrayData;

use super::factors::{Factors, MISSING};
use super::numbers::feature_numbers;
use super::pipeline::refuse_empty;
use super::tabular_data::features;
use super::task::{fit_task, infer_kind};
use super::{DataConfig, Split, Table, TabularData};
use crate::{Error, Result};

impl Table {
    /// The rows in which none of these columns is missing, and which rows those are, counted from 0. Messages about them name
    /// their lines in the file as it is.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let table = read_csv_from(Path::new("x.csv"), b"a,y\n1,no\n2,\n3,yes\n".as_slice(), &CsvOptions::default())?;
    /// let (table, rows) = table.rows_with(&["y".into()])?;
    /// assert_eq!((table.rows(), rows), (2, vec![0, 2]));
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn rows_with(&self, columns: &[String]) -> Result<(Self, Vec<u32>)> {
        let mut present = vec![true; self.rows()];
        for name in columns {
            let codes = Factors::of(name, self.column(name)?)?.codes;
            present.iter_mut().zip(codes).for_each(|(present, code)| *present &= code != MISSING);
        }
        let rows: Vec<u32> = (0..self.rows() as u32).filter(|row| present[*row as usize]).collect();
        if rows.len() == self.rows() {
            return Ok((self.clone(), rows));
        }
        let taken = self.columns().iter().map(|(name, array)| {
            let taken = take(name, array, &rows)?;
            let whole = columns.contains(name).then(|| as_integers(&taken)).flatten();
            Ok((name.clone(), whole.unwrap_or(taken)))
        });
        let table = Self::new(taken.collect::<Result<_>>()?)?.with_origin(self.origin().take(&rows));
        Ok((table, rows))
    }

    /// Why a model that predicts `targets` cannot be trained on this table as it is, if so: targets that are missing or have
    /// one class only, columns without any value, or with words where numbers are needed. [`TabularData::new`] fails with the
    /// same, one at a time.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let table = read_csv_from(Path::new("x.csv"), b"a,y\n1,no\n2,\n3,yes\n".as_slice(), &CsvOptions::default())?;
    /// let [missing] = table.refusals(&["y".into()]).try_into().unwrap();
    /// assert!(missing.to_string().contains("missing in 1 of 3 rows, first in line 3 of x.csv"));
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn refusals(&self, targets: &[String]) -> Vec<Error> {
        self.refusals_with(&DataConfig { targets: targets.to_vec(), ..DataConfig::default() })
    }

    /// The same if columns are used and predicted as `config` says.
    pub fn refusals_with(&self, config: &DataConfig) -> Vec<Error> {
        let (targets, rows): (_, Vec<u32>) = (&config.targets, (0..self.rows() as u32).collect());
        let mut refusals = Vec::new();
        if !targets.is_empty() && !rows.is_empty() {
            let kind = config.task.map_or_else(|| infer_kind(self, targets), Ok);
            let fitted = kind.and_then(|kind| fit_task(self, targets, kind, &rows, None));
            refusals.extend(fitted.err());
        }
        let (cont, cat) = features(self, config).unwrap_or_else(|error| {
            // Without targets nothing is said of what to predict from.
            refusals.extend(Some(error).filter(|_| !targets.is_empty()));
            Default::default()
        });
        refusals.extend(refuse_empty(self, cont.iter().chain(&cat), &rows).err());
        for name in &cat {
            refusals.extend(self.column(name).and_then(|array| Factors::of(name, array)).err());
        }
        for name in &cont {
            let values = self.column(name).and_then(|array| feature_numbers(name, array, self.origin()));
            refusals.extend(values.err());
        }
        refusals
    }
}

impl TabularData {
    /// Of the rows that have their targets.
    pub(super) fn of_rows_with_target(table: &Table, config: &DataConfig) -> Result<Self> {
        let (complete, kept) = table.rows_with(&config.targets)?;
        if complete.rows() == 0 {
            return Err(Error::data(format!("no row has its target: {}", config.targets.join(", "))));
        }
        let (valid, valid_kept) = among(&config.valid, table.rows(), &kept, &config.targets)?;
        let config = DataConfig { valid, drop_missing_target: false, ..config.clone() };
        let mut data = Self::new(&complete, &config)?;
        let in_file = |rows: &mut [u32], kept: &[u32]| {
            rows.iter_mut().for_each(|row| *row = kept[*row as usize]);
        };
        in_file(&mut data.train_rows, &kept);
        data.without_target = table.rows() - kept.len();
        match &valid_kept {
            Some((rows, kept)) => {
                in_file(&mut data.valid_rows, kept);
                data.without_target += rows - kept.len();
            }
            None => in_file(&mut data.valid_rows, &kept),
        }
        Ok(data)
    }
}

/// Of a validation table: how many rows it had, and which are kept.
type ValidKept = Option<(usize, Vec<u32>)>;

/// The split of those of `rows` rows that are kept. Rows that are named are those of the whole table, so that a range means
/// the same lines of a file whether targets are missing in it or not; a share is drawn from the rows that are kept.
fn among(split: &Split, rows: usize, kept: &[u32], targets: &[String]) -> Result<(Split, ValidKept)> {
    let positions = |list: &[usize]| {
        list.iter().filter_map(|row| kept.binary_search(&(*row as u32)).ok()).collect::<Vec<_>>()
    };
    let split = match split {
        Split::Fraction { .. } => split.clone(),
        Split::Table(valid) => {
            let (complete, kept) = valid.rows_with(targets)?;
            return Ok((Split::Table(complete), Some((valid.rows(), kept))));
        }
        named => {
            // Finds rows that the table does not have.
            named.divide(rows, None)?;
            match named {
                Split::Given { train, valid } => {
                    Split::Given { train: positions(train), valid: positions(valid) }
                }
                Split::List(list) => Split::List(positions(list)),
                Split::Rows(range) => Split::List(positions(&range.clone().collect::<Vec<_>>())),
                other => other.clone(),
            }
        }
    };
    Ok((split, None))
}

/// These rows of a column, ascending.
fn take(name: &str, array: &ArrayRef, rows: &[u32]) -> Result<ArrayRef> {
    let data = array.to_data();
    let mut taken = MutableArrayData::new(vec![&data], false, rows.len());
    for run in rows.chunk_by(|a, b| a + 1 == *b) {
        let start = run[0] as usize;
        let extended = taken.try_extend(0, start, start + run.len());
        extended.map_err(|error| Error::column(name, error.to_string()))?;
    }
    Ok(make_array(taken.freeze()))
}

/// Whole numbers that a file with missing ones among them made floats.
fn as_integers(array: &ArrayRef) -> Option<ArrayRef> {
    // Below this every whole number is one of these floats.
    const EXACT: f64 = (1_u64 << 53) as f64;
    let floats = array.as_primitive_opt::<Float64Type>()?;
    let whole = floats.values().iter().all(|value| value.fract() == 0.0 && value.abs() < EXACT);
    whole.then(|| Arc::new(floats.values().iter().map(|value| *value as i64).collect::<Int64Array>()) as _)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{CsvOptions, TaskKind, read_csv_from};

    fn table(text: &str) -> Table {
        read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap()
    }

    /// Row 2 of every 5 lacks its target, which is the row's number modulo 2.
    fn gaps(rows: usize) -> Table {
        let target = |row: usize| if row % 5 == 2 { String::new() } else { (row % 2).to_string() };
        let lines = (0..rows).map(|row| format!("{row}.5,c{},{}\n", row % 3, target(row)));
        table(&format!("a,b,y\n{}", lines.collect::<String>()))
    }

    fn config(valid: Split) -> DataConfig {
        DataConfig { targets: vec!["y".into()], valid, drop_missing_target: true, ..DataConfig::default() }
    }

    #[test]
    fn rows_keep_their_numbers_and_whole_numbers_stay_whole() {
        let data = TabularData::new(&gaps(20), &config(Split::Rows(5..10))).unwrap();
        assert_eq!((data.valid_rows.as_slice(), data.without_target), ([5, 6, 8, 9].as_slice(), 4));
        assert_eq!(data.train_rows, [0, 1, 3, 4, 10, 11, 13, 14, 15, 16, 18, 19]);
        assert_eq!(data.pipeline.task().class_names(), ["0", "1"]);
        let share = Split::Fraction { fraction: 0.25, seed: 1, stratify: true };
        let data = TabularData::new(&gaps(20), &config(share)).unwrap();
        assert_eq!((data.train.rows(), data.valid.rows()), (12, 4));
        assert!(data.train_rows.iter().chain(&data.valid_rows).all(|row| row % 5 != 2));
        let given = Split::Given { train: vec![9, 7, 1, 0], valid: vec![2, 4, 3] };
        let data = TabularData::new(&gaps(20), &config(given)).unwrap();
        assert_eq!((data.train_rows, data.valid_rows), (vec![9, 1, 0], vec![4, 3]));
        let data = TabularData::new(&gaps(20), &config(Split::Table(gaps(10)))).unwrap();
        assert_eq!((data.train.rows(), data.valid_rows.len(), data.without_target), (16, 8, 6));
    }

    #[test]
    fn it_is_as_if_the_rows_had_never_been_there() {
        let clean = table(
            &(String::from("a,b,y\n")
                + &(0..20)
                    .filter(|row| row % 5 != 2)
                    .map(|row| format!("{row}.5,c{},{}\n", row % 3, row % 2))
                    .collect::<String>()),
        );
        let all = TabularData::new(&gaps(20), &config(Split::default())).unwrap();
        let none = TabularData::new(&clean, &config(Split::default())).unwrap();
        assert_eq!((all.pipeline, all.train.fingerprint()), (none.pipeline, none.train.fingerprint()));
        assert_eq!((all.without_target, none.without_target), (4, 0));
    }

    #[test]
    fn messages_name_lines_of_the_whole_file() {
        let text = "a,y\n1.5,x\n2.5,\n3.5,y\ninf,x\n2.5,y\n";
        let error = TabularData::new(&table(text), &config(Split::Rows(0..1))).unwrap_err().to_string();
        assert!(error.contains("inf in line 5 of x.csv"), "{error}");
        let error = |valid| TabularData::new(&gaps(20), &config(valid)).unwrap_err().to_string();
        assert!(error(Split::Rows(2..3)).contains("none of the 16 rows is for validation"));
        assert!(error(Split::Rows(2..30)).contains("2..30 is not within the 20 rows"));
        let error = TabularData::new(&table("a,y\n1,\n2,\n"), &config(Split::default())).unwrap_err();
        assert!(error.to_string().contains("no row has its target: y"), "{error}");
    }

    #[test]
    fn what_cannot_be_trained_on_is_listed() {
        let of = |text: &str| table(text).refusals(&["y".into()]).iter().map(ToString::to_string).collect();
        let lines: Vec<String> = of("a,b,y\n1,,0\n2,,\n3,,1\n");
        assert!(lines[0].contains("`y`: the target is missing in 1 of 3 rows, first in line 3"), "{lines:?}");
        assert!(lines[1].contains("`b`") && lines.len() == 2, "{lines:?}");
        assert_eq!(TaskKind::infer(&gaps(20), &["y".into()]).unwrap(), TaskKind::Classification);
        let lines: Vec<String> = of("a,y\n1,x\n2,x\n");
        assert!(lines.len() == 1 && lines[0].contains("the class `x`"), "{lines:?}");
        assert_eq!(of("a,y\n1,x\n2,z\n"), [""; 0]);
    }

    #[test]
    fn columns_of_words_are_refused_as_numbers() {
        let table = table("a,b,y\nOslo,3,0\nRome,x,1\nRome,4,0\n");
        let config = DataConfig {
            targets: vec!["y".into()],
            cont: Some(vec!["a".into(), "b".into()]),
            ..DataConfig::default()
        };
        let lines: Vec<String> = table.refusals_with(&config).iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("`a`: holds words, such as `Oslo` in line 2"), "{lines:?}");
        assert!(lines[1].contains("`b`: `x` in line 3 of x.csv is not a number"), "{lines:?}");
        let trained =
            TabularData::new(&table, &DataConfig { valid: Split::Rows(0..1), ..config }).unwrap_err();
        assert_eq!(trained.to_string(), lines[0]);
    }
}
