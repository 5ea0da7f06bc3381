//! Targets that are no good as classes.

use arrow_array::ArrayRef;

use super::{MANY, place, spelt_otherwise, words_among_numbers};
use crate::data::factors::Factors;
use crate::data::origin::Origin;
use crate::data::warning::{Warning, WarningKind};
use crate::{Result, Table};

impl Table {
    /// What to doubt of a target whose classes are more than half as many as its values: a number that was taken for classes,
    /// an identifier or free text. [`TabularData::new`](crate::TabularData::new) trains on it all the same, with this among its
    /// warnings. Where the classes are texts because of words among numbers, or of numbers written for people, the kind is that of
    /// this cause.
    ///
    /// ```
    /// use std::path::Path;
    /// use highmark::{CsvOptions, WarningKind, read_csv_from};
    ///
    /// let rows: String = (0..50).map(|row| format!("{},{}\n", row * 7, row % 2)).collect();
    /// let table = read_csv_from(Path::new("x.csv"), format!("price,sold\n{rows}").as_bytes(), &CsvOptions::default())?;
    /// let doubt = table.many_classes("price")?.unwrap();
    /// assert_eq!(doubt.kind, WarningKind::ManyClasses);
    /// assert!(doubt.message.starts_with("column `price`: has 50 classes in 50 rows"));
    /// assert_eq!(table.many_classes("sold")?, None);
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn many_classes(&self, target: &str) -> Result<Option<Warning>> {
        let array = self.column(target)?;
        let factors = Factors::of(target, array)?;
        Ok(many_classes(target, array, &factors, &factors.counts().0, self.origin()))
    }
}

/// The same of a target taken apart. `counts` has the rows of each level.
fn many_classes(
    name: &str,
    array: &ArrayRef,
    factors: &Factors,
    counts: &[usize],
    origin: &Origin,
) -> Option<Warning> {
    let (distinct, present) = (counts.len(), counts.iter().sum::<usize>());
    if distinct <= MANY || distinct * 2 <= present {
        return None;
    }
    if let Some(words) = words_among_numbers(name, factors, counts, origin) {
        let message = format!(
            "{}. As classes, its {distinct} different texts in {present} rows are too few of each to learn from",
            words.message
        );
        return Some(Warning { message, ..words });
    }
    let advice = if array.data_type().is_numeric() {
        "make it a regression, which predicts it as a number"
    } else {
        "put classes together, or predict another column"
    };
    Some(Warning::of(
        WarningKind::ManyClasses,
        name,
        format!("has {distinct} classes in {present} rows, too few of each to learn from; {advice}"),
    ))
}

/// What to tell of a target that is taken for classes.
pub(super) fn of_classes(
    name: &str,
    array: &ArrayRef,
    factors: &Factors,
    origin: &Origin,
) -> Option<Warning> {
    let counts = factors.counts().0;
    many_classes(name, array, factors, &counts, origin)
        .or_else(|| words_among_numbers(name, factors, &counts, origin))
        .or_else(|| two_spellings(name, factors, origin))
        .or_else(|| single_rows(name, factors, &counts, origin))
}

/// Says of two classes that they may be one.
fn two_spellings(name: &str, factors: &Factors, origin: &Origin) -> Option<Warning> {
    let (one, other) = spelt_otherwise(factors, origin)?;
    let message = format!("{one} and {other} are two classes; write them alike if they are one");
    Some(Warning::of_target(WarningKind::Spellings, name, message))
}

/// Says which classes have one row only.
fn single_rows(name: &str, factors: &Factors, counts: &[usize], origin: &Origin) -> Option<Warning> {
    let single: Vec<usize> = (0..counts.len()).filter(|level| counts[*level] == 1).collect();
    let first = place(factors, *single.first()?, origin);
    let which = match single.len() {
        1 => format!("the class {first} has"),
        n => format!("{n} classes, such as {first}, have"),
    };
    Some(Warning::of_target(
        WarningKind::SingleRows,
        name,
        format!(
            "{which} a single row, which can be trained on or validated on, not both; collect more such rows, put \
         rare classes together, or leave them out"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{CsvOptions, read_csv_from};

    fn table(text: &str) -> Table {
        read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap()
    }

    #[test]
    fn classes_nearly_as_many_as_rows() {
        let of = |value: fn(usize) -> String| {
            let rows: String = (0..100).map(|row| format!("{},{row}.5\n", value(row))).collect();
            table(&format!("y,a\n{rows}")).many_classes("y").unwrap()
        };
        let doubt = of(|row| (row * 37 % 1000).to_string()).unwrap().message;
        assert!(doubt.contains("100 classes in 100 rows") && doubt.contains("a regression"), "{doubt}");
        let doubt = of(|row| format!("c-{}", row % 51)).unwrap().message;
        assert!(doubt.contains("51 classes in 100 rows") && doubt.contains("another column"), "{doubt}");
        let doubt = of(|row| if row == 4 { "?".into() } else { row.to_string() }).unwrap().message;
        assert!(doubt.contains("`?` in line 6 of x.csv") && doubt.contains("As classes"), "{doubt}");
        assert_eq!(of(|row| format!("c-{}", row % 50)), None);
        assert_eq!(table("y\na\nb\nc\n").many_classes("y").unwrap(), None);
    }
}
