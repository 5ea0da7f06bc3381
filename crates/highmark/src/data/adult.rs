//! The Adult data, carried in the library so that the first run needs no download.

use std::path::Path;

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::{CsvOptions, Table, read_csv_from};
use crate::{Error, Result};

/// More than any of the files takes.
const LIMIT: usize = 1 << 23;

/// Data that comes with the library: who earns 50,000 dollars a year and more, by the census of 1994 (Becker
/// and Kohavi, "Adult", UCI Machine Learning Repository, 1996, doi:10.24432/C5XW20, CC BY 4.0). All have the
/// same 15 columns; the target is `salary`, `<50k` or `>=50k`.
///
/// ```
/// use highmark::NamedData;
/// let table = NamedData::from_name("adult-test").unwrap().table()?;
/// assert_eq!(table.rows(), 16_281);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedData {
    /// The 32,561 training rows in another order, with about 500 values each removed from `education-num` and
    /// `occupation`: like the sample that fastai's tutorials use.
    Adult,
    /// The 32,561 training rows as they are published.
    AdultTrain,
    /// The 16,281 test rows as they are published.
    AdultTest,
}

impl NamedData {
    /// All names.
    pub const NAMES: [&str; 3] = ["adult", "adult-train", "adult-test"];

    /// The data of this name, one of [`NamedData::NAMES`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "adult" => Some(Self::Adult),
            "adult-train" => Some(Self::AdultTrain),
            "adult-test" => Some(Self::AdultTest),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The data as a CSV file with a header. The texts begin with a blank, as they were published.
    pub fn csv_bytes(self) -> Result<Vec<u8>> {
        let packed: &[u8] = match self {
            Self::Adult => include_bytes!("../../assets/adult/adult.csv.deflate"),
            Self::AdultTrain => include_bytes!("../../assets/adult/adult-train.csv.deflate"),
            Self::AdultTest => include_bytes!("../../assets/adult/adult-test.csv.deflate"),
        };
        decompress_to_vec_with_limit(packed, LIMIT).map_err(|error| {
            Error::data(format!("the built-in data `{}` is damaged ({error}); build anew", self.name()))
        })
    }

    /// The data as a table.
    pub fn table(self) -> Result<Table> {
        read_csv_from(Path::new(self.name()), self.csv_bytes()?.as_slice(), &CsvOptions::default())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;

    use super::*;
    use crate::data::factors::Factors;

    #[test]
    fn names_and_contents_agree() {
        for (name, rows, missing, rich) in
            [("adult", 32_561, 487, 7841), ("adult-train", 32_561, 0, 7841), ("adult-test", 16_281, 0, 3846)]
        {
            let data = NamedData::from_name(name).unwrap();
            assert_eq!(data.name(), name);
            let table = data.table().unwrap();
            assert_eq!((table.rows(), table.columns().len()), (rows, 15));
            assert_eq!(table.column("education-num").unwrap().null_count(), missing);
            let salary = Factors::of("salary", table.column("salary").unwrap()).unwrap();
            let mut counts = salary.counts().0;
            counts.sort_unstable();
            assert_eq!(counts, [rich, rows - rich], "{name}");
            let sex = Factors::of("sex", table.column("sex").unwrap()).unwrap();
            assert!(sex.levels.iter().all(|level| level.to_string().starts_with(' ')));
        }
        assert!(NamedData::from_name("iris").is_none());
    }
}
