//! Columns that are there twice, and columns that are hardly there.

use std::collections::BTreeMap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;

use crate::Table;
use crate::data::factors::Factors;

/// Rows by which columns are told apart before all of their rows are compared.
const GLANCE: usize = 64;

impl Table {
    /// Which of these columns are the same in every row as an earlier one of them: the copy, and what it is a copy of. Columns
    /// of one value are not compared. Names that the table does not have are passed over.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let text = "a,b,c\n1,1,1\n2,2,2\n3,3,4\n";
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// let names: Vec<String> = table.names().map(String::from).collect();
    /// assert_eq!(table.copies(&names), [("b".to_string(), "a".to_string())]);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn copies(&self, columns: &[String]) -> Vec<(String, String)> {
        let mut alike: BTreeMap<(Vec<u32>, Vec<String>), Vec<&String>> = BTreeMap::new();
        let mut copies = Vec::new();
        for name in columns {
            let Some(array) = self.find(name) else { continue };
            let Ok(glance) = Factors::of(name, &array.slice(0, array.len().min(GLANCE))) else { continue };
            let levels = glance.levels.iter().map(ToString::to_string).collect();
            let earlier = alike.entry((glance.codes, levels)).or_default();
            match earlier.iter().find(|other| self.find(other).is_some_and(|other| other == array)) {
                // None of a run of constants is a copy: that they are constant is what there is to say.
                Some(other) if glance.levels.len() > 1 || varies(name, array) => {
                    copies.push((name.clone(), (*other).clone()));
                }
                _ => earlier.push(name),
            }
        }
        copies
    }

    /// Which of these columns have a value in one row at least, but in less than a twentieth of them: the column, and in how many
    /// rows.
    pub fn nearly_empty(&self, columns: &[String]) -> Vec<(String, usize)> {
        let present = |name: &String| {
            let array = self.find(name)?;
            let not_numbers = array
                .as_primitive_opt::<Float64Type>()
                .map_or(0, |floats| floats.iter().flatten().filter(|value| value.is_nan()).count());
            Some(array.len() - array.null_count() - not_numbers)
        };
        let few = |name: &String| present(name).filter(|n| *n > 0 && n * 20 < self.rows());
        columns.iter().filter_map(|name| Some((name.clone(), few(name)?))).collect()
    }
}

/// Whether a column has more than one value.
fn varies(name: &str, array: &arrow_array::ArrayRef) -> bool {
    Factors::of(name, array).is_ok_and(|factors| factors.levels.len() > 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{CsvOptions, read_csv_from};

    fn table(header: &str, row: impl Fn(usize) -> String) -> (Table, Vec<String>) {
        let text = format!("{header}\n{}", (0..200).map(|i| row(i) + "\n").collect::<String>());
        let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
        let names = table.names().map(String::from).collect();
        (table, names)
    }

    #[test]
    fn copies_are_found_in_any_type() {
        let (table, names) = table("a,b,c,d,e,f,g,h", |i| {
            let (city, gap) =
                (["Oslo", "Bergen"][i % 2], if i % 3 == 0 { String::new() } else { i.to_string() });
            // `d` differs in the last row, and `h` is a constant like `g`.
            let d = if i == 199 { 7 } else { i };
            format!("{i},{city},{gap},{d},{city},{gap},x,x")
        });
        let of = |copy: &str, other: &str| (copy.to_string(), other.to_string());
        assert_eq!(table.copies(&names), [of("e", "b"), of("f", "c")]);
    }

    #[test]
    fn nearly_empty_columns_are_found() {
        let (table, names) = table("a,b,c,d", |i| {
            let if_below = |limit: usize| if i < limit { "1.5" } else { "" };
            format!("{},{},{},{i}", if_below(9), if_below(10), if i == 3 { "x" } else { "" })
        });
        assert_eq!(table.nearly_empty(&names), [("a".to_string(), 9), ("c".to_string(), 1)]);
    }
}
