//! Columns in which nearly every row has a text of its own.

use super::{MANY, first_date, place, words_among_numbers};
use crate::Table;
use crate::data::factors::{Factors, MISSING};
use crate::data::level::Level;

/// A column of texts nearly all of which are different, as names, identifiers and free text are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// Its name.
    pub column: String,
    /// How many different texts it has.
    pub distinct: usize,
    /// In how many rows it is not missing.
    pub present: usize,
    /// One of its values and where it is, if they look like dates.
    pub date: Option<String>,
}

impl Table {
    /// Which of these columns hold texts of which at least nine in ten are different, 20 or more of them. As a category such a
    /// column makes a large embedding in which each level is learned from a row or two. Numbers that became text by a few words
    /// are none of them: [`Table::warnings`] tells which those are. Names that the table does not have are passed over.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let rows: String = (0..50).map(|row| format!("c-{row},{}\n", ["Oslo", "Bergen"][row % 2])).collect();
    /// let text = format!("customer,city\n{rows}");
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// let [found] = table.identifiers(&["customer".into(), "city".into()]).try_into().unwrap();
    /// assert_eq!((found.column.as_str(), found.distinct, found.present), ("customer", 50, 50));
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn identifiers(&self, columns: &[String]) -> Vec<Identifier> {
        columns.iter().filter_map(|name| self.identifier(name)).collect()
    }

    fn identifier(&self, name: &str) -> Option<Identifier> {
        let array = self.find(name)?;
        // Most columns repeat themselves too often in a fifth of the rows already.
        let glance = Factors::of(name, &array.slice(0, array.len().div_ceil(5))).ok()?;
        let present = glance.codes.iter().filter(|code| **code != MISSING).count();
        if (present - glance.levels.len()) * 10 > array.len() {
            return None;
        }
        let factors = Factors::of(name, array).ok()?;
        let (counts, missing) = factors.counts();
        let (distinct, present) = (counts.len(), factors.codes.len() - missing);
        let text = |level: &Level| matches!(level, Level::Text(_));
        let own = distinct >= MANY && distinct * 10 >= present * 9 && factors.levels.iter().all(text);
        if !own || words_among_numbers(name, &factors, &counts, self.origin()).is_some() {
            return None;
        }
        let date = first_date(&factors).map(|first| place(&factors, first, self.origin()));
        Some(Identifier { column: name.into(), distinct, present, date })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{CsvOptions, Identifier, Table, read_csv_from};

    fn found(value: impl Fn(usize) -> String) -> usize {
        identifiers(value, &CsvOptions::default()).len()
    }

    fn identifiers(value: impl Fn(usize) -> String, options: &CsvOptions) -> Vec<Identifier> {
        let rows: String = (0..100).map(|row| format!("{},{row}.5\n", value(row))).collect();
        let text = format!("c,d\n{rows}");
        let table: Table = read_csv_from(Path::new("x.csv"), text.as_bytes(), options).unwrap();
        table.identifiers(&["c".into(), "d".into(), "e".into()])
    }

    #[test]
    fn nearly_every_row_has_its_own() {
        assert_eq!(found(|row| format!("c-{row}")), 1);
        assert_eq!(found(|row| format!("c-{}", row % 90)), 1);
        assert_eq!(found(|row| format!("2020-01-01T00:{:02}:{:02}Z", row / 60, row % 60)), 1);
        // Missing ones have no level.
        assert_eq!(found(|row| if row < 60 { format!("c-{row}") } else { String::new() }), 1);
        assert_eq!(found(|row| if row < 19 { format!("c-{row}") } else { String::new() }), 0);
        assert_eq!(found(|row| format!("c-{}", row % 89)), 0);
        assert_eq!(found(|row| row.to_string()), 0);
        // To be mended, not left out.
        assert_eq!(found(|row| if row == 7 { "?".into() } else { row.to_string() }), 0);
    }
    #[test]
    fn dates_are_told_from_names() {
        let options = CsvOptions::default();
        let date = |value: fn(usize) -> String| identifiers(value, &options).remove(0).date;
        assert_eq!(
            date(|row| format!("{}-01-31", 1900 + row)).as_deref(),
            Some("`1900-01-31` in line 2 of x.csv")
        );
        assert_eq!(date(|row| format!("c-{row}")), None);
    }

    #[test]
    fn thousands_with_points_are_numbers() {
        let options = CsvOptions { decimal: b',', delimiter: Some(b';'), ..CsvOptions::default() };
        let rows: String = (0..100).map(|row| format!("{}.{}\n", 100 + row, 900 - row)).collect();
        let text = format!("price\n{rows}");
        let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &options).unwrap();
        assert_eq!(table.identifiers(&["price".into()]), []);
        let error = table.many_classes("price").unwrap().unwrap().message;
        assert!(
            error.contains("numbers such as `100.900`") && error.contains("signs of thousands"),
            "{error}"
        );
    }
}
