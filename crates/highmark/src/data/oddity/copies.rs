//! Columns that are there twice, and columns that are hardly there.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;

use crate::Table;
use crate::data::FastHasher;
use crate::data::factors::Factors;

/// Rows by which columns are told apart before all of their rows are compared.
const GLANCE: usize = 64;

impl Table {
    /// Which of these columns have the same values in every row as an earlier one of them: the copy, and what it is a copy of.
    /// Values are compared as [`Level::matches`](crate::Level::matches) does, so that the types may differ: 3, 3.0 and the text
    /// `3` are the same, and missing is missing. Columns of one value are not compared. Names that the table does not have are
    /// passed over.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let text = "a,b,c\n1,1.0,1\n2,2.0,2\n3,3.0,4\n";
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// let names: Vec<String> = table.names().map(String::from).collect();
    /// assert_eq!(table.copies(&names), [("b".to_string(), "a".to_string())]);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn copies(&self, columns: &[String]) -> Vec<(String, String)> {
        let factors = |name: &str, rows: usize| {
            let array = self.find(name)?;
            Factors::of(name, &array.slice(0, array.len().min(rows))).ok()
        };
        let glances: Vec<Option<u64>> =
            columns.iter().map(|name| factors(name, GLANCE).map(|glance| digest(&glance))).collect();
        let mut alike: BTreeMap<u64, usize> = BTreeMap::new();
        glances.iter().flatten().for_each(|glance| *alike.entry(*glance).or_default() += 1);
        let (mut known, mut copies) = (BTreeMap::<u64, Vec<&String>>::new(), Vec::new());
        for (name, glance) in columns.iter().zip(glances) {
            // Most columns are like no other in the first rows already.
            if glance.is_none_or(|glance| alike[&glance] < 2) {
                continue;
            }
            // That a column is constant is what there is to say of it.
            let Some(own) = factors(name, self.rows()).filter(|own| own.levels.len() > 1) else { continue };
            let earlier = known.entry(digest(&own)).or_default();
            let same =
                |other: &&&String| factors(other, self.rows()).is_some_and(|other| is_same(&own, &other));
            match earlier.iter().find(same) {
                Some(other) => copies.push((name.clone(), (*other).clone())),
                None => earlier.push(name),
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

/// A number that is the same of columns that are.
fn digest(factors: &Factors) -> u64 {
    let mut hasher = FastHasher::default();
    factors.codes.hash(&mut hasher);
    factors.levels.iter().for_each(|level| level.hash_meaning(&mut hasher));
    hasher.finish()
}

/// Whether two columns have the same values in every row.
fn is_same(a: &Factors, b: &Factors) -> bool {
    let levels = || a.levels.iter().zip(&b.levels);
    a.codes == b.codes && a.levels.len() == b.levels.len() && levels().all(|(a, b)| a.matches(b))
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
    fn copies_may_be_of_another_type() {
        use std::sync::Arc;

        use arrow_array::types::Int32Type;
        use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array};

        let rows = || (0..200).map(|row| (row % 7 != 3).then_some(row % 5));
        let texts: Vec<Option<String>> = rows().map(|x| x.map(|x| x.to_string())).collect();
        let arrays: [(&str, ArrayRef); 7] = [
            ("int", Arc::new(rows().collect::<Int64Array>())),
            ("float", Arc::new(rows().map(|x| x.map(|x| x as f64)).collect::<Float64Array>())),
            (
                "nan",
                Arc::new(Float64Array::from_iter_values(rows().map(|x| x.map_or(f64::NAN, |x| x as f64)))),
            ),
            ("coded", Arc::new(texts.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>())),
            // Present where the others are missing.
            ("filled", Arc::new(Int64Array::from_iter_values(rows().map(Option::unwrap_or_default)))),
            ("bit", Arc::new(Int64Array::from_iter_values((0..200).map(|row| row % 2)))),
            ("flag", Arc::new((0..200).map(|row| Some(row % 2 == 1)).collect::<BooleanArray>())),
        ];
        let table = Table::new(arrays.map(|(name, array)| (name.to_string(), array)).into()).unwrap();
        let names: Vec<String> = table.names().map(String::from).collect();
        let of = |copy: &str, other: &str| (copy.to_string(), other.to_string());
        let expected = [of("float", "int"), of("nan", "int"), of("coded", "int"), of("flag", "bit")];
        assert_eq!(table.copies(&names), expected);
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
