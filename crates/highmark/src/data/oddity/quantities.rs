//! Whole numbers that are taken as quantities, though they may stand for something.

use arrow_array::{Array, ArrayRef};

use crate::data::factors::Factors;
use crate::data::warning::{Warning, WarningKind};
use crate::{DataConfig, Table};

/// Last words of the names of columns whose numbers are not counted with.
const CODES: [&str; 14] = [
    "id", "ids", "code", "zip", "zipcode", "postcode", "store", "shop", "customer", "user", "item",
    "product", "sku", "account",
];

/// Two numbers are as good as a quantity: a straight line goes through any two points.
const STRAIGHT: usize = 2;

impl Table {
    /// What to tell of the columns of whole numbers among `cont` that nobody has said to be continuous. Of one that is `told`
    /// something already, nothing.
    pub(in super::super) fn doubtful_quantities(
        &self,
        cont: &[String],
        config: &DataConfig,
        told: &[Warning],
    ) -> Vec<Warning> {
        if config.cat.is_some() {
            // All that are categories were named.
            return Vec::new();
        }
        let said = |name: &String| config.cont.as_ref().is_some_and(|cont| cont.contains(name));
        let known = |name: &String| told.iter().any(|warning| warning.column.as_ref() == Some(name));
        let open = cont.iter().filter(|name| !said(name) && !known(name));
        open.filter_map(|name| {
            doubtful_quantity(name, self.find(name)?, self.origin().has_gaps(name), config.max_card)
        })
        .collect()
    }
}

/// Of one column. `gaps` says whether it would be one of integers if none were missing.
fn doubtful_quantity(name: &str, array: &ArrayRef, gaps: bool, max_card: usize) -> Option<Warning> {
    let integer = gaps || array.data_type().is_integer();
    if !integer || !(gaps || is_code(name)) {
        return None;
    }
    let factors = Factors::of(name, array).ok()?;
    let distinct = factors.levels.len();
    if distinct <= max_card {
        return (distinct > STRAIGHT).then(|| {
            Warning::of(
                WarningKind::Gaps,
                name,
                format!(
                    "its {distinct} different whole numbers are taken as a quantity, and not as a category, because \
                     values are missing among them; if they stand for something, make it a category"
                ),
            )
        });
    }
    let present: usize = factors.counts().0.iter().sum();
    let advice = if distinct * 2 > present { "leave it out" } else { "make it a category" };
    (is_code(name) && distinct < present).then(|| {
        Warning::of(
            WarningKind::Codes,
            name,
            format!(
                "its {distinct} different whole numbers are taken as a quantity, though by its name they stand for \
                 something; if they do, {advice}"
            ),
        )
    })
}

/// Whether the last word of a name is one of [`CODES`]: of `user_id`, `userId` and `User ID`.
fn is_code(name: &str) -> bool {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (small && c.is_uppercase()) {
            words.push(String::new());
        }
        small = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.iter().rfind(|word| !word.is_empty()).is_some_and(|word| CODES.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::Int64Array;

    use super::*;
    use crate::{CsvOptions, TabularData, read_csv_from};

    #[test]
    fn the_last_word_of_a_name() {
        for name in [
            "Store",
            "user_id",
            "userId",
            "StoreID",
            "ZIP",
            "zip code",
            "item-id",
            "Postcode ",
            "PULocationID",
        ] {
            assert!(is_code(name), "{name}");
        }
        for name in
            ["", "paid", "humid", "id_count", "stores", "items", "store size", "codes", "valid", "userid2"]
        {
            assert!(!is_code(name), "{name}");
        }
    }

    /// With a target, and what a training says of it.
    #[track_caller]
    fn told(table: &Table, change: impl Fn(&mut DataConfig)) -> Vec<Warning> {
        let mut config = DataConfig { targets: vec!["y".into()], ..DataConfig::default() };
        change(&mut config);
        let warnings = table.warnings_with(&config);
        assert_eq!(TabularData::new(table, &config).unwrap().warnings, warnings);
        warnings
    }

    fn read(names: &str, row: impl Fn(usize) -> String) -> Table {
        let rows: String = (0..200).map(|number| format!("{},{}\n", row(number), number * 7 % 200)).collect();
        read_csv_from(Path::new("x.csv"), format!("{names},y\n{rows}").as_bytes(), &CsvOptions::default())
            .unwrap()
    }

    #[test]
    fn a_missing_value_that_makes_a_quantity_is_told() {
        let table = read("day,flag,rest", |row| {
            let gap = row == 30;
            let of = |n: usize| if gap { String::new() } else { (row % n).to_string() };
            format!("{},{},{}", of(7), of(2), of(23))
        });
        let [gaps] = told(&table, |_| {}).try_into().unwrap();
        assert_eq!((gaps.kind, gaps.column.as_deref()), (WarningKind::Gaps, Some("day")));
        assert!(gaps.message.contains("its 7 different whole numbers"), "{gaps}");
        // It was said what they are.
        assert_eq!(told(&table, |config| config.cont = Some(vec!["day".into(), "rest".into()])), []);
        assert_eq!(told(&table, |config| config.cat = Some(vec!["flag".into()])), []);
        assert_eq!(told(&table, |config| config.max_card = 6), []);
    }

    #[test]
    fn numbers_that_stand_for_something_are_told_by_their_name() {
        let table = read("Store,size,user_id,own_id,few_id", |row| {
            format!("{},{},{},{},{}", row * 7 % 50, row * 7 % 50, row * 31 % 190, row * row, row % 5)
        });
        let warnings = told(&table, |_| {});
        let columns: Vec<&str> = warnings.iter().filter_map(|warning| warning.column.as_deref()).collect();
        assert_eq!(columns, ["Store", "user_id"], "{warnings:?}");
        assert!(warnings.iter().all(|warning| warning.kind == WarningKind::Codes));
        assert!(warnings[0].message.ends_with("if they do, make it a category"), "{warnings:?}");
        // Levels of a row or two teach nothing.
        assert!(warnings[1].message.ends_with("if they do, leave it out"), "{warnings:?}");
        let typed: ArrayRef =
            Arc::new((0..200).map(|row| Some(row % 50).filter(|_| row != 5)).collect::<Int64Array>());
        let y: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200).map(|row| row * 7 % 200)));
        let table = Table::new(vec![("zip".into(), typed), ("y".into(), y)]).unwrap();
        assert_eq!(told(&table, |_| {}).len(), 1);
    }
}
