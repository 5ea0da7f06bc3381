//! What somebody who knows the trade would doubt before a training.

use std::cmp::Ordering;
use std::fs;

use highmark::{Table, TabularData};

use crate::config::Config;
use crate::text_table::{COLUMNS, shortened, thousands};

/// Of columns to predict from: those that add nothing.
pub(crate) fn of_columns(table: &Table, columns: &[String]) -> Vec<String> {
    let copies = table.copies(columns);
    let copies = copies.iter().map(|(copy, other)| {
        format!("column `{copy}`: is the same as `{other}` in every row, so nothing is learned from it; leave it out")
    });
    let empty = table.nearly_empty(columns);
    let rows = thousands(table.rows());
    let empty = match &*empty {
        [] => None,
        [(column, present)] => Some(format!(
            "column `{column}`: has a value in {} of {rows} rows only; leave it out, unless that it is missing says something",
            thousands(*present)
        )),
        several => {
            let named: Vec<String> = several
                .iter()
                .map(|(column, present)| format!("`{column}` ({})", thousands(*present)))
                .collect();
            Some(format!(
                "{} columns have a value in hardly any of {rows} rows; leave them out, unless that they are missing says something: {}",
                several.len(),
                shortened(&named, COLUMNS)
            ))
        }
    };
    copies.chain(empty).collect()
}

/// Of the rows: seen already, or drawn where time should part them.
pub(crate) fn of_rows(config: &Config, table: &Table, data: &TabularData) -> Vec<String> {
    let valid = data.valid.rows();
    let mut doubts = Vec::new();
    if let Some(file) = config.valid_file.as_ref().filter(|file| is_same(file, &config.data)) {
        doubts.push(format!(
            "{file} is trained on and validated on, so what validation says does not hold for other rows; leave --valid-file out to hold some back"
        ));
    }
    if config.valid_frac.is_some()
        && valid > 0
        && let Some((column, order)) = table.in_order_of_time()
    {
        let latest = latest(config, table, valid, order);
        doubts.push(format!(
            "the rows are in order of `{column}`, but those to validate on are drawn from all times; if the model is to predict what comes later, validate on the latest: --valid-rows {latest}"
        ));
    }
    doubts
}

/// The range of rows in which the `valid` latest are that have a target.
fn latest(config: &Config, table: &Table, valid: usize, order: Ordering) -> String {
    let kept = if config.drop_missing_target { table.rows_with(&config.target.0).ok() } else { None };
    let rows = kept.as_ref().map_or(table.rows(), |(_, kept)| kept.len());
    let of_table = |row: usize| kept.as_ref().map_or(row, |(_, kept)| kept[row] as usize);
    let valid = valid.clamp(1, rows);
    match order {
        Ordering::Greater => format!("{}..{}", of_table(0), of_table(valid - 1) + 1),
        _ => format!("{}..{}", of_table(rows - valid), of_table(rows - 1) + 1),
    }
}

/// Whether two names are of the same data.
fn is_same(a: &str, b: &str) -> bool {
    a == b || fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
}
