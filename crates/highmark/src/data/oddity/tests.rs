use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};

use super::*;
use crate::{CsvOptions, TabularData, read_csv_from};

fn lines(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

fn of(text: &str, targets: &[&str]) -> Vec<String> {
    let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
    lines(&table.warnings(&targets.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

/// Of a column `c` of these values.
fn with_values(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let rows: String =
        values.into_iter().enumerate().map(|(row, value)| format!("{value},{row}.5\n")).collect();
    of(&format!("c,d\n{rows}"), &["d"])
}

#[track_caller]
fn only(lines: &[String], parts: &[&str]) {
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in parts {
        assert!(lines[0].contains(part), "`{part}` is not in: {}", lines[0]);
    }
}

#[test]
fn words_among_numbers_are_named() {
    let ages = |row: usize| match row {
        13 | 50 => "?".to_string(),
        77 => "-".to_string(),
        _ => (20 + row % 40).to_string(),
    };
    let parts = [
        "column `c`: is text because of `?` in line 15 of x.csv and 1 more, `-` in line 79",
        "Declare missing what means that",
    ];
    only(&with_values((0..100).map(ages)), &parts);
    // A blank line: the rows can be counted, but not the lines.
    let text =
        format!("c,d\n\n{}", (0..100).map(|row| format!("{},{row}.5\n", ages(row))).collect::<String>());
    only(&of(&text, &["d"]), &["`?` in data row 14 of x.csv"]);
    // As a target it would make a class of every number.
    only(&of(&text, &["c"]), &["column `c`: is text because of"]);
    // Categories that are partly numbers.
    assert_eq!(with_values((0..100).map(|row| ["1", "2", "none", "many"][row % 4].into())), [""; 0]);
}

#[test]
fn numbers_written_for_people_are_named() {
    only(
        &with_values((0..100).map(|row| format!("\"{},000.50\"", row % 30))),
        &["numbers such as `0,000.50` in line 2 of x.csv", "without signs of thousands"],
    );
    only(
        &with_values((0..100).map(|row| if row < 90 { format!("{}", row % 50) } else { "12 %".into() })),
        &["`12 %`"],
    );
}

#[test]
fn identifiers_dates_and_spellings_are_named() {
    only(
        &with_values((0..100).map(|row| format!("cust-{row}"))),
        &["100 different texts in 100 values", "leave it out"],
    );
    only(
        &with_values((0..100).map(|row| format!("2020-01-{:02}", 1 + row % 28))),
        &["looks like dates", "line 2"],
    );
    only(
        &with_values((0..100).map(|row| ["Oslo", "Bergen", "OSLO "][row % 3].into())),
        &["`Oslo` in line 2 of x.csv and `OSLO ` in line 4 of x.csv are two categories"],
    );
    assert_eq!(with_values((0..100).map(|row| format!("city-{}", row % 40))), [""; 0]);
}

#[test]
fn what_is_the_same_in_every_row_or_counts_them_is_named() {
    only(&with_values((0..100).map(|_| "x".into())), &["column `c`: is `x` in every row"]);
    only(&with_values((0..100).map(|_| "3.5".into())), &["column `c`: is `3.5` in every row"]);
    only(&with_values((0..100).map(|row| (row + 7).to_string())), &["counts the rows from 7"]);
    // Whether a value is there may tell something.
    assert_eq!(
        with_values((0..100).map(|row| if row % 2 == 0 { "x".into() } else { String::new() })),
        [""; 0]
    );
}

#[test]
fn numbers_that_lose_digits_are_named() {
    let column = |values: ArrayRef| lines(&Table::new(vec![("c".into(), values)]).unwrap().warnings(&[]));
    let large = 9_007_199_254_740_992_i64;
    let ints = (0..100).map(|row| if row == 3 { large + 1 } else { large + 2 * (row * 7 % 100) });
    only(
        &column(Arc::new(Int64Array::from_iter_values(ints))),
        &["9007199254740992 in data row 1 and 9007199254740993 in data row 4 are the same"],
    );
    let tweets =
        |row: i64| if row == 5 { String::new() } else { (1_200_000_000_000_000_001 + row * row).to_string() };
    only(&with_values((0..100).map(tweets)), &["as large as that in line 14 of x.csv keep 16 digits"]);
    let noise = (0..100).map(|row| 1e6 + f64::from(row * 7 % 100) * 1e-9);
    only(&column(Arc::new(Float64Array::from_iter_values(noise))), &["100 different numbers are 1 when"]);
    let tiny = (0..100).map(|row| f64::from(row * 7 % 100) * 1e-10);
    only(&column(Arc::new(Float64Array::from_iter_values(tiny))), &["smaller unit"]);
    let huge = (0..100).map(|row| if row == 50 { 1e308 } else { f64::from(row) * 1.5 });
    only(&column(Arc::new(Float64Array::from_iter_values(huge))), &["1e+308 in data row 51 is so far"]);
    let measured = (0..100).map(|row| f64::from(row * 7 % 100) * 1.234_567e20);
    assert_eq!(column(Arc::new(Float64Array::from_iter_values(measured))), [""; 0]);
}

/// Of targets: times in seconds, whole or not. That a regression was asked for does not give the digits back.
#[test]
fn targets_that_lose_digits_are_named() {
    let second = |row: i64| 1_600_000_000 + row * 7 % 100;
    let whole: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100).map(second)));
    let floats: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..100).map(|row| second(row) as f64 + 0.25)));
    let near: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..100).map(|row| f64::from(row * 7 % 100) * 1e5)));
    for task in [None, Some(TaskKind::Regression)] {
        let config = DataConfig { targets: vec!["y".into()], task, ..DataConfig::default() };
        let of = |values: &ArrayRef| {
            let feature: ArrayRef =
                Arc::new(Float64Array::from_iter_values((0..100).map(|row| f64::from(row * 3 % 50) + 0.5)));
            let table = Table::new(vec![("x".into(), feature), ("y".into(), Arc::clone(values))]).unwrap();
            let told = table.warnings_with(&config);
            assert_eq!(TabularData::new(&table, &config).unwrap().warnings, told);
            assert!(told.iter().all(|warning| warning.kind == WarningKind::LostDigits), "{told:?}");
            lines(&told)
        };
        let parts =
            ["target `y`: 100 different numbers are", "measured against; subtract a number near all of them"];
        only(&of(&whole), &parts);
        only(&of(&floats), &parts);
        assert_eq!(of(&near), [""; 0]);
    }
}

#[test]
fn whole_numbers_as_a_target_may_be_classes() {
    let text = (0..60).map(|row| format!("{}.5,{}\n", row * 7 % 60, row % 3)).collect::<String>();
    only(
        &of(&format!("a,c\n{text}"), &["c"]),
        &["target `c`: its 3 different whole numbers", "make it a classification"],
    );
}

#[test]
fn numbers_of_rows_are_named_and_years_are_not() {
    // 37 and 100 have no common divisor, so this is a shuffle.
    only(
        &with_values((0..100).map(|row| (5000 + row * 37 % 100).to_string())),
        &["column `c`: its 100 whole numbers from 5000 to 5099 are all different", "leave it out"],
    );
    assert_eq!(with_values((0..100).map(|row| (1900 + row).to_string())), [""; 0]);
    assert_eq!(with_values((0..100).map(|row| (1990 + row % 31).to_string())), [""; 0]);
    // One twice, and numbers far apart.
    assert_eq!(with_values((0..100).map(|row| (row * 37 % 100).max(1).to_string())), [""; 0]);
    assert_eq!(with_values((0..100).map(|row| (row * 37 % 100 * 1000).to_string())), [""; 0]);
}

#[test]
fn features_that_tell_the_target_are_named() {
    let text = |value: fn(usize) -> (String, String)| {
        let rows = (0..300).map(value).map(|(c, y)| format!("{c},{y}\n"));
        of(&format!("c,y\n{}", rows.collect::<String>()), &["y"])
    };
    only(
        &text(|row| (["n", "j"][row % 2].into(), ["no", "yes"][row % 2].into())),
        &["column `c`: gives target `y` away", "such as `n` with `no`"],
    );
    // Gaps in the target do not hide it.
    only(
        &text(|row| {
            ((row % 2).to_string(), if row % 7 == 0 { String::new() } else { (row % 2).to_string() })
        }),
        &["column `c`: is the same as target `y` in every row"],
    );
    only(
        &text(|row| (format!("{}.5", row * 7 % 300), format!("{}.5", row * 7 % 300))),
        &["column `c`: is the same as target `y`"],
    );
    // Different in the last row; two columns whose values all differ.
    assert_eq!(text(|row| ((row % 2).to_string(), ((row + row / 299) % 2).to_string())), [""; 0]);
    assert_eq!(text(|row| (format!("{row}.25"), format!("{}.5", row * 7 % 300))), [""; 0]);
}

#[test]
fn classes_of_one_row_are_named() {
    let class = |row: usize| ["a", "b"][row % 2].to_string();
    let text = |rare: &[&str]| {
        let rows = (0..60)
            .map(|row| format!("{}.5,{}\n", row * 7 % 60, rare.get(row).map_or(class(row), |c| (*c).into())));
        of(&format!("a,y\n{}", rows.collect::<String>()), &["y"])
    };
    only(&text(&["x"]), &["target `y`: the class `x` in line 2 of x.csv has a single row"]);
    only(&text(&["b", "x", "z"]), &["2 classes, such as `x` in line 3 of x.csv, have a single row"]);
    assert_eq!(text(&[]), [""; 0]);
    // Which is why it has one.
    let parts =
        ["target `y`: `B ` in line 2 of x.csv and `b` in line 3 of x.csv are two classes; write them alike"];
    only(&text(&["B "]), &parts);
}

#[test]
fn namibia_is_missed() {
    let code = |row: usize| ["DE", "NA", "FR", "US", "GB", "IT"][row % 6].to_string();
    only(
        &with_values((0..100).map(code)),
        &["codes of two letters, but 17 are missing, first in line 3 of x.csv; if NA is one"],
    );
    assert_eq!(with_values((0..100).map(|row| code(row).replace("DE", "Germany"))), [""; 0]);
}
